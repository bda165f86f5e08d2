import { quantityToNumber } from '#base';
import type { V1Container, V1EnvVarSource, V1ObjectFieldSelector, V1Pod, V1ResourceFieldSelector, V1Service } from '#kinds';
import type { ObjectSource } from './objects.ts';
import { allContainers, findContainer, namespaceOf, nameOf, uidOf } from './pod.ts';

/** The container cannot be made from its spec (CreateContainerConfigError). */
export class ConfigError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ConfigError';
  }
}

/** What the downward API tells that is not in the pod. */
export interface PodFacts {
  podIPs: readonly string[];
  hostIPs: readonly string[];
  nodeName: string;
  /** What a container without limits may use. */
  allocatable: { cpu: number; memory: number; 'ephemeral-storage': number };
}

/** $(VAR) with $$ as the escape; unknown names stay as they are (third_party/forked/golang/expansion). */
export function expand(text: string, value: (name: string) => string | undefined): string {
  return text.replace(/\$(\$|\(([^)]*)\))/g, (all, rest: string, name: string | undefined) => (rest === '$' ? '$' : (value(name ?? '') ?? all)));
}

/** The whole environment of a container: services, envFrom, env; later names win. Rejects with ConfigError. */
export async function buildEnv(
  pod: V1Pod,
  container: V1Container,
  objects: ObjectSource,
  facts: PodFacts,
  kubernetes?: { host: string; port: number },
): Promise<Map<string, string>> {
  const env = new Map<string, string>();
  const service = serviceEnv(pod.spec?.enableServiceLinks === false ? [] : await objects.services(namespaceOf(pod)), kubernetes);
  for (const [name, value] of await fromSources(pod, container, objects)) env.set(name, value);
  for (const entry of container.env ?? []) {
    if (entry.valueFrom) {
      const value = await valueFrom(pod, container, entry.valueFrom, objects, facts);
      if (value !== undefined) env.set(entry.name, value);
    } else
      env.set(
        entry.name,
        expand(entry.value ?? '', (name) => env.get(name) ?? service.get(name)),
      );
  }
  for (const [name, value] of service) if (!env.has(name)) env.set(name, value);
  return env;
}

/** ConfigMaps and Secrets that the environment of any container comes from, as `ConfigMap/name`. */
export function envReferences(pod: V1Pod): string[] {
  return allContainers(pod).flatMap((container) => [
    ...(container.envFrom ?? []).map((from) => (from.configMapRef ? `ConfigMap/${from.configMapRef.name}` : `Secret/${from.secretRef?.name}`)),
    ...(container.env ?? []).flatMap(({ valueFrom: from }) =>
      from?.configMapKeyRef ? [`ConfigMap/${from.configMapKeyRef.name}`] : from?.secretKeyRef ? [`Secret/${from.secretKeyRef.name}`] : [],
    ),
  ]);
}

async function fromSources(pod: V1Pod, container: V1Container, objects: ObjectSource): Promise<Map<string, string>> {
  const env = new Map<string, string>();
  for (const source of container.envFrom ?? []) {
    const data = source.configMapRef
      ? await configMapData(pod, source.configMapRef, objects)
      : source.secretRef
        ? await secretData(pod, source.secretRef, objects)
        : {};
    for (const [key, value] of Object.entries(data)) env.set((source.prefix ?? '') + key, value);
  }
  return env;
}
async function configMapData(pod: V1Pod, ref: { name?: string; optional?: boolean }, objects: ObjectSource): Promise<Record<string, string>> {
  const found = await objects.configMap(namespaceOf(pod), ref.name ?? '');
  if (!found && !ref.optional) throw new ConfigError(`configmap "${ref.name}" not found`);
  return found?.data ?? {};
}
async function secretData(pod: V1Pod, ref: { name?: string; optional?: boolean }, objects: ObjectSource): Promise<Record<string, string>> {
  const found = await objects.secret(namespaceOf(pod), ref.name ?? '');
  if (!found && !ref.optional) throw new ConfigError(`secret "${ref.name}" not found`);
  return Object.fromEntries(Object.entries(found?.data ?? {}).map(([k, v]) => [k, Buffer.from(v, 'base64').toString()]));
}

async function valueFrom(pod: V1Pod, container: V1Container, from: V1EnvVarSource, objects: ObjectSource, facts: PodFacts): Promise<string | undefined> {
  if (from.fieldRef) return fieldValue(pod, from.fieldRef, facts);
  if (from.resourceFieldRef) return resourceValue(pod, from.resourceFieldRef, facts, container);
  const ref = from.configMapKeyRef ?? from.secretKeyRef;
  if (!ref) throw new ConfigError(`valueFrom of an environment variable names no source that this node knows`);
  const data = from.configMapKeyRef ? await configMapData(pod, ref, objects) : await secretData(pod, ref, objects);
  if (ref.key in data) return data[ref.key];
  if (ref.optional) return undefined;
  throw new ConfigError(`couldn't find key ${ref.key} in ${from.configMapKeyRef ? 'ConfigMap' : 'Secret'} ${namespaceOf(pod)}/${ref.name}`);
}

/** A field of the downward API (fieldref.ExtractFieldPathAsString plus the fields of the node). */
export function fieldValue(pod: V1Pod, ref: V1ObjectFieldSelector, facts: PodFacts): string {
  const path = ref.fieldPath;
  const subscript = /^metadata\.(annotations|labels)\['(.*)'\]$/.exec(path);
  if (subscript) return pod.metadata?.[subscript[1] as 'labels' | 'annotations']?.[subscript[2] as string] ?? '';
  switch (path) {
    case 'metadata.name':
      return nameOf(pod);
    case 'metadata.namespace':
      return namespaceOf(pod);
    case 'metadata.uid':
      return uidOf(pod);
    case 'metadata.labels':
      return formatMap(pod.metadata?.labels);
    case 'metadata.annotations':
      return formatMap(pod.metadata?.annotations);
    case 'spec.nodeName':
      return facts.nodeName;
    case 'spec.serviceAccountName':
      return pod.spec?.serviceAccountName ?? '';
    case 'status.podIP':
      return facts.podIPs[0] ?? '';
    case 'status.podIPs':
      return facts.podIPs.join(',');
    case 'status.hostIP':
      return facts.hostIPs[0] ?? '';
    case 'status.hostIPs':
      return facts.hostIPs.join(',');
    default:
      throw new ConfigError(`unsupported fieldPath: ${path}`);
  }
}
const formatMap = (map: Record<string, string> | undefined): string =>
  Object.entries(map ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([k, v]) => `${k}=${JSON.stringify(v)}`)
    .join('\n');

/** requests.* and limits.* in units of the divisor, rounded up; a missing limit is the node's allocatable. */
export function resourceValue(pod: V1Pod, ref: V1ResourceFieldSelector, facts: PodFacts, self?: V1Container): string {
  const container = ref.containerName ? findContainer(pod, ref.containerName)?.container : self;
  if (!container) throw new ConfigError(`container ${ref.containerName} not found`);
  const [side, ...rest] = ref.resource.split('.');
  const resource = rest.join('.');
  if (side !== 'limits' && side !== 'requests') throw new ConfigError(`unsupported container resource : ${ref.resource}`);
  const own = container.resources?.[side]?.[resource];
  const fallback = side === 'limits' ? facts.allocatable[resource as keyof PodFacts['allocatable']] : container.resources?.limits?.[resource];
  const value = own === undefined ? (typeof fallback === 'number' ? fallback : quantityToNumber(fallback)) : quantityToNumber(own);
  const divisor = quantityToNumber(ref.divisor) || 1;
  return String(Math.ceil(Number((value / divisor).toFixed(6))));
}

/** Docker-style variables of every service of the namespace with a cluster IP, and KUBERNETES_*. */
export function serviceEnv(services: readonly V1Service[], kubernetes?: { host: string; port: number }): Map<string, string> {
  const env = new Map<string, string>();
  if (kubernetes) addService(env, 'kubernetes', kubernetes.host, [{ name: 'https', port: kubernetes.port, protocol: 'TCP' }]);
  for (const service of services) {
    const ip = service.spec?.clusterIP;
    if (!ip || ip === 'None' || (kubernetes && service.metadata?.name === 'kubernetes' && service.metadata.namespace === 'default')) continue;
    addService(env, service.metadata?.name ?? '', ip, service.spec?.ports ?? []);
  }
  return env;
}
function addService(env: Map<string, string>, name: string, ip: string, ports: readonly { name?: string; port: number; protocol?: string }[]): void {
  const prefix = name.toUpperCase().replaceAll('-', '_');
  const first = ports[0];
  if (!first) return;
  env.set(`${prefix}_SERVICE_HOST`, ip);
  env.set(`${prefix}_SERVICE_PORT`, String(first.port));
  for (const port of ports) if (port.name) env.set(`${prefix}_SERVICE_PORT_${port.name.toUpperCase().replaceAll('-', '_')}`, String(port.port));
  const url = (port: { port: number; protocol?: string }): string =>
    `${(port.protocol ?? 'TCP').toLowerCase()}://${ip.includes(':') ? `[${ip}]` : ip}:${port.port}`;
  env.set(`${prefix}_PORT`, url(first));
  for (const port of ports) {
    const protocol = port.protocol ?? 'TCP';
    const base = `${prefix}_PORT_${port.port}_${protocol}`;
    env.set(base, url(port));
    env.set(`${base}_PROTO`, protocol.toLowerCase());
    env.set(`${base}_PORT`, String(port.port));
    env.set(`${base}_ADDR`, ip);
  }
}
