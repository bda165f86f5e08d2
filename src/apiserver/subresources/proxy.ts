import { ApiError, badRequest, notFound, type KubeObject } from '#machinery';
import type { Address, Backend, ObjectReader, StreamHandler, StreamRequest } from '../types.ts';

interface Pod extends KubeObject {
  spec?: { containers?: { ports?: { containerPort: number }[] }[] };
  status?: { podIP?: string };
}
interface Service extends KubeObject {
  spec?: { ports?: { name?: string; port: number }[] };
}
interface EndpointSlice extends KubeObject {
  endpoints?: { addresses?: string[]; conditions?: { ready?: boolean } }[];
  ports?: { name?: string; port?: number }[];
}
interface Target {
  scheme: '' | 'http' | 'https';
  name: string;
  port: string;
}
const serviceLabel = 'kubernetes.io/service-name';
const core =
  (plural: string) =>
  (kind: { group: string; plural: string }): boolean =>
    kind.group === '' && kind.plural === plural;

/** pods/proxy, services/proxy and nodes/proxy: every verb, every path below, upgrades too. */
export function proxies(): StreamHandler[] {
  return [
    { name: 'proxy', handles: core('pods'), locate: locatePod },
    { name: 'proxy', handles: core('services'), locate: locateService },
    { name: 'proxy', handles: core('nodes'), locate: locateNode },
  ];
}

/** `name`, `name:port` or `scheme:name:port`; an empty scheme is plain HTTP. Undefined when it is none of them. */
export function splitTarget(id: string): Target | undefined {
  const parts = id.split(':');
  if (parts.length === 1) return parts[0] ? { scheme: '', name: parts[0], port: '' } : undefined;
  const [scheme, name, port] = parts.length === 2 ? ['', parts[0] ?? '', parts[1] ?? ''] : (parts as [string, string, string]);
  if (parts.length > 3 || !name || (scheme !== '' && scheme !== 'http' && scheme !== 'https')) return undefined;
  return { scheme, name, port };
}
function target(what: string, { key }: StreamRequest): Target {
  const found = splitTarget(key.name);
  if (!found) throw badRequest(`invalid ${what} request ${JSON.stringify(key.name)}`);
  return found;
}
const portOf = (text: string): number => {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65535) throw badRequest(`invalid port ${JSON.stringify(text)}`);
  return port;
};
const defaultPort = (scheme: Address['scheme']): number => (scheme === 'https' ? 443 : 80);

function locatePod(request: StreamRequest): Backend {
  const { scheme: asked, name, port } = target('pod', request);
  const pod = request.reader.get('', 'pods', request.key.namespace, name) as Pod | undefined;
  if (!pod) throw notFound(request.kind, name);
  const scheme = asked || 'http';
  const first = pod.spec?.containers?.find((container) => (container.ports ?? []).length > 0)?.ports?.[0]?.containerPort;
  const host = pod.status?.podIP ?? '';
  if (!host) throw badRequest('address not allowed');
  return { address: { scheme, host, port: port ? portOf(port) : (first ?? defaultPort(scheme)) } };
}

function locateService(request: StreamRequest): Backend {
  const { scheme, name, port } = target('service', request);
  const { namespace } = request.key;
  const service = request.reader.get('', 'services', namespace, name) as Service | undefined;
  if (!service) throw notFound(request.kind, name);
  const portName = servicePort(service, name, port);
  const slices = slicesOf(request.reader, namespace, name);
  if (!slices.some((slice) => (slice.endpoints ?? []).length > 0)) throw unavailable(`no endpoints available for service ${JSON.stringify(name)}`);
  const addresses = slices.flatMap((slice) => ready(slice, portName, scheme || 'http'));
  if (addresses.length === 0) throw unavailable(`no endpoints available for service ${JSON.stringify(request.key.name)}`);
  return { address: addresses[Math.floor(request.random.next() * addresses.length)] as Address };
}
/** A port given by number is the service's; endpoints know it by its name. */
function servicePort({ spec }: Service, name: string, port: string): string {
  if (!/^\d+$/.test(port)) return port;
  const found = spec?.ports?.find((p) => p.port === Number(port));
  if (!found) throw unavailable(`no service port ${port} found for service ${JSON.stringify(name)}`);
  return found.name ?? '';
}
function slicesOf(reader: ObjectReader, namespace: string | undefined, name: string): EndpointSlice[] {
  return reader.list('discovery.k8s.io', 'endpointslices', namespace).filter((slice) => slice.metadata?.labels?.[serviceLabel] === name);
}
function ready(slice: EndpointSlice, portName: string, scheme: Address['scheme']): Address[] {
  const port = slice.ports?.find((p) => (p.name ?? '') === portName)?.port;
  if (port === undefined) return [];
  const up = (slice.endpoints ?? []).filter((endpoint) => endpoint.conditions?.ready !== false);
  return up.flatMap(({ addresses }) => (addresses?.[0] ? [{ scheme, host: addresses[0], port }] : []));
}

function locateNode(request: StreamRequest): Backend {
  const { name } = target('node', request);
  if (!request.reader.get('', 'nodes', undefined, name)) throw notFound(request.kind, name);
  const node = request.nodeStreams(name);
  if (!node?.http) throw unavailable(`error trying to reach service: no node agent of the name ${JSON.stringify(name)} is connected`);
  return { node };
}
const unavailable = (message: string): ApiError => new ApiError('ServiceUnavailable', message);
