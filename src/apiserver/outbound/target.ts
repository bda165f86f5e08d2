import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import type { Random } from '#base';
import type { KubeObject } from '#machinery';
import type { ObjectReader } from '../types.ts';

export interface ServiceReference {
  readonly namespace: string;
  readonly name: string;
  /** Default 443. */
  readonly port?: number;
  readonly path?: string;
}
/** How a server that clients of the API bring along is reached: admission and conversion webhooks say it this way. */
export interface ClientConfig {
  readonly url?: string;
  readonly service?: ServiceReference;
  /** Base64 of PEM. Without it the roots that Node carries are trusted. */
  readonly caBundle?: string;
}

/** What trust and which proof a connection needs. */
export interface TlsIdentity {
  /** PEM */
  readonly ca?: string | undefined;
  /** The server's certificate is not looked at. */
  readonly insecure?: boolean;
  /** PEM of the client's certificate and key. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** A server to talk to. A Service gets its address only when it is called, and a new one each time. */
export interface Target {
  /** `https://host:port`, as error texts show it. */
  readonly origin: string;
  /** Path and query of a webhook; empty where the caller brings one. */
  readonly path: string;
  /** What the certificate must be made for. */
  readonly servername: string;
  readonly tls: TlsIdentity;
  address(): Address;
}
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** How Node's TLS is told all that. */
export function tlsOptions({ tls, servername }: Target): ConnectionOptions {
  return {
    ...(isIP(servername) ? {} : { servername }),
    ...(tls.ca === undefined ? {} : { ca: tls.ca }),
    ...(tls.cert !== undefined && tls.key !== undefined ? { cert: tls.cert, key: tls.key } : {}),
    ...(tls.insecure ? { rejectUnauthorized: false } : {}),
  };
}

/** A failure before any byte was sent; the texts are those of kube-apiserver's service resolver. */
export class Unreachable extends Error {}

interface Service extends KubeObject {
  spec?: { type?: string; externalName?: string; ports?: { name?: string; port: number; protocol?: string }[] };
}
interface Ports {
  name?: string;
  port?: number;
}
interface EndpointSlice extends KubeObject {
  endpoints?: { addresses?: string[]; conditions?: { ready?: boolean } }[];
  ports?: Ports[];
}
interface Endpoints extends KubeObject {
  subsets?: { addresses?: { ip: string }[]; ports?: Ports[] }[];
}

/** The target of a clientConfig. Throws Unreachable when it names none. */
export function targetOf(config: ClientConfig, reader: ObjectReader, random: Random): Target {
  const tls: TlsIdentity = config.caBundle ? { ca: Buffer.from(config.caBundle, 'base64').toString() } : {};
  if (config.service) return serviceTarget(config.service, tls, reader, random);
  if (!config.url || !URL.canParse(config.url)) throw new Unreachable('webhook configuration must have either service or URL');
  return urlTarget(new URL(config.url), tls);
}
function urlTarget(url: URL, tls: TlsIdentity): Target {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port === '' ? 443 : Number(url.port);
  return { origin: url.origin, path: url.pathname + url.search, servername: host, tls, address: () => ({ host, port }) };
}

/** A Service of the cluster: its certificate is for NAME.NAMESPACE.svc, its address one of its endpoints. */
export function serviceTarget(service: ServiceReference, tls: TlsIdentity, reader: ObjectReader, random: Random): Target {
  const { namespace, name, port = 443, path = '' } = service;
  const servername = `${name}.${namespace}.svc`;
  return {
    origin: `https://${servername}:${port}`,
    path: path.startsWith('/') ? path : `/${path}`,
    servername,
    tls,
    address: () => resolveService({ namespace, name, port }, reader, random),
  };
}

/** The address of one ready endpoint. Throws Unreachable. */
export function resolveService(
  { namespace, name, port }: Required<Pick<ServiceReference, 'namespace' | 'name' | 'port'>>,
  reader: ObjectReader,
  random: Random,
): Address {
  const service = reader.get('', 'services', namespace, name) as Service | undefined;
  if (!service) throw new Unreachable(`service ${JSON.stringify(name)} not found`);
  if (service.spec?.type === 'ExternalName') return { host: service.spec.externalName ?? '', port };
  const wanted = service.spec?.ports?.find((p) => p.port === port && (p.protocol ?? 'TCP') === 'TCP');
  if (!wanted) throw new Unreachable(`no service port ${port} found for service ${JSON.stringify(name)}`);
  const found = endpointsOf(namespace, name, wanted.name ?? '', reader);
  const chosen = found[Math.floor(random.next() * found.length)];
  if (!chosen) throw new Unreachable(`no endpoints available for service ${JSON.stringify(name)}`);
  return chosen;
}

/** Ready addresses by EndpointSlices; by Endpoints where someone wrote only those. */
export function endpointsOf(namespace: string, name: string, portName: string, reader: ObjectReader): Address[] {
  const slices = reader
    .list('discovery.k8s.io', 'endpointslices', namespace)
    .filter((slice) => slice.metadata?.labels?.['kubernetes.io/service-name'] === name) as EndpointSlice[];
  if (slices.length > 0) return slices.flatMap((slice) => sliceAddresses(slice, portName));
  const { subsets = [] } = (reader.get('', 'endpoints', namespace, name) as Endpoints | undefined) ?? {};
  return subsets.flatMap(({ addresses = [], ports }) =>
    join(
      addresses.map((address) => address.ip),
      ports,
      portName,
    ),
  );
}
function sliceAddresses({ endpoints = [], ports }: EndpointSlice, portName: string): Address[] {
  const ready = endpoints.filter((endpoint) => endpoint.conditions?.ready !== false);
  return join(
    ready.flatMap((endpoint) => endpoint.addresses?.slice(0, 1) ?? []),
    ports,
    portName,
  );
}
function join(hosts: readonly string[], ports: readonly Ports[] | undefined, portName: string): Address[] {
  const port = ports?.find((candidate) => (candidate.name ?? '') === portName)?.port;
  return port === undefined ? [] : hosts.map((host) => ({ host, port }));
}

/** host:port as Go writes it. */
export function formatAddress({ host, port }: Address): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}
