import type { V1EndpointSlice, V1Service } from '#kinds';
import { endpointsOf, nearest, protocolOf, usable, validPort, type Endpoint, type Protocol } from '../endpoints.ts';
import { cidrContains, isIPv4, mustCidr, parseCidr } from '../ip.ts';
import { masqueradeMark } from './base.ts';
import { objectName } from './names.ts';
import { addElement, emptyUnit, type TableSettings, type Unit } from './unit.ts';

type ServicePort = NonNullable<NonNullable<V1Service['spec']>['ports']>[number];

interface Context {
  settings: TableSettings;
  zoneOf: ZoneOf;
  service: V1Service;
  unit: Unit;
  /** Seconds of ClientIP affinity, or undefined. */
  affinity: number | undefined;
  port: ServicePort;
  proto: Protocol;
  /** namespace, name, protocol, port: the tail of every name. */
  id: readonly (string | number)[];
}

/** The zone of a node, by its name. */
export type ZoneOf = (node: string) => string | undefined;

/**
 * The rules of one Service (API reference, Service v1). ExternalName and headless services have none. Endpoints
 * on nodes that this network does not know (simulated ones) have no route and do not count.
 */
export function serviceUnit(service: V1Service, slices: readonly V1EndpointSlice[], settings: TableSettings, zoneOf: ZoneOf = () => undefined): Unit {
  const unit = emptyUnit();
  const spec = service.spec;
  if (!spec || spec.type === 'ExternalName' || spec.clusterIP === 'None' || !spec.clusterIP) return unit;
  const nodes = new Set(settings.nodes.map((n) => n.name));
  const affinity = spec.sessionAffinity === 'ClientIP' ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 10_800) : undefined;
  for (const port of spec.ports ?? []) {
    const proto = protocolOf(port.protocol);
    if (!proto || !validPort(port.port)) continue;
    const id = [service.metadata?.namespace ?? '', service.metadata?.name ?? '', proto, port.port];
    const reachable = endpointsOf(service, port, slices).filter((e) => e.nodeName === undefined || nodes.has(e.nodeName));
    addPort({ settings, zoneOf, service, unit, affinity, port, proto, id }, reachable);
  }
  return unit;
}

function addPort(c: Context, all: readonly Endpoint[]): void {
  const cluster = usable(all);
  if (cluster.length === 0) return refuse(c);
  const clusterChain = addPick(c, 'svc', cluster);
  const inner = c.service.spec?.internalTrafficPolicy === 'Local' ? addInternal(c, all, clusterChain) : addNear(c, cluster, clusterChain);
  for (const ip of clusterIPs(c.service)) addElement(c.unit, 'service-ips', elementKey(c, ip), `goto ${inner}`);
  addExternal(c, all, clusterChain);
  note(c, cluster);
}

const elementKey = (c: Context, ip: string): string => `${ip} . ${c.proto} . ${c.port.port}`;

function clusterIPs(service: V1Service): string[] {
  return [...new Set([service.spec?.clusterIP ?? '', ...(service.spec?.clusterIPs ?? [])])].filter(isIPv4);
}
function balancerIPs(service: V1Service): string[] {
  if (service.spec?.type !== 'LoadBalancer') return [];
  return (service.status?.loadBalancer?.ingress ?? []).flatMap((i) => (i.ip && isIPv4(i.ip) && i.ipMode !== 'Proxy' ? [i.ip] : []));
}
function externalIPs(service: V1Service): string[] {
  return (service.spec?.externalIPs ?? []).filter(isIPv4);
}

/** No endpoints: every address of the service answers "connection refused". */
function refuse(c: Context): void {
  for (const ip of [...clusterIPs(c.service), ...externalIPs(c.service), ...balancerIPs(c.service)]) {
    addElement(c.unit, 'no-endpoint-services', elementKey(c, ip), 'goto refuse');
  }
  if (validPort(c.port.nodePort)) addElement(c.unit, 'no-endpoint-nodeports', `${c.proto} . ${c.port.nodePort}`, 'goto refuse');
}

/** internalTrafficPolicy Local: a pod reaches only endpoints of its own node; the host itself is every node. */
function addInternal(c: Context, all: readonly Endpoint[], clusterChain: string): string {
  const rules: string[] = [`ip saddr { ${c.settings.nodes.map((n) => n.ip).join(', ')} } goto ${clusterChain}`];
  for (const node of c.settings.nodes) rules.push(`ip saddr ${node.podCIDR} ${localVerdict(c, all, node.name)}`);
  rules.push(`goto ${clusterChain}`);
  return addChain(c, 'internal', rules);
}

/** Hints: a pod reaches the endpoints that are meant for its node or its zone; the host itself reaches all. */
function addNear(c: Context, cluster: readonly Endpoint[], clusterChain: string): string {
  const rules = c.settings.nodes.flatMap((node) => {
    const near = nearest(cluster, node.name, c.zoneOf(node.name));
    return near.length === cluster.length ? [] : [`ip saddr ${node.podCIDR} goto ${addPick(c, objectName('near', node.name), near)}`];
  });
  return rules.length === 0 ? clusterChain : addChain(c, 'hinted', [...rules, `goto ${clusterChain}`]);
}

function localVerdict(c: Context, all: readonly Endpoint[], nodeName: string): string {
  const local = usable(all.filter((e) => e.nodeName === nodeName));
  if (local.length === 0) return 'drop';
  return `goto ${addPick(c, objectName('local', nodeName), local)}`;
}

function addExternal(c: Context, all: readonly Endpoint[], clusterChain: string): void {
  for (const ip of externalIPs(c.service)) addElement(c.unit, 'service-ips', elementKey(c, ip), `goto ${clusterChain}`);
  const balancers = balancerIPs(c.service);
  const guarded = balancers.length > 0 ? addSourceRanges(c, clusterChain) : clusterChain;
  for (const ip of balancers) addElement(c.unit, 'service-ips', elementKey(c, ip), `goto ${guarded}`);
  if (!validPort(c.port.nodePort)) return;
  const target = c.service.spec?.externalTrafficPolicy === 'Local' ? addNodeLocal(c, all, clusterChain) : clusterChain;
  addElement(c.unit, 'service-nodeports', `${c.proto} . ${c.port.nodePort}`, `goto ${target}`);
}

/** loadBalancerSourceRanges: other clients are dropped. */
function addSourceRanges(c: Context, target: string): string {
  const ranges = (c.service.spec?.loadBalancerSourceRanges ?? []).map((r) => r.trim()).filter((r) => parseCidr(r));
  if (ranges.length === 0 || ranges.some((r) => r.endsWith('/0'))) return target;
  return addChain(c, 'ranges', [...ranges.map((r) => `ip saddr ${r} goto ${target}`), 'drop']);
}

/**
 * externalTrafficPolicy Local: the port of a node reaches that node's endpoints only. Pods inside the cluster
 * reach all, and so do the other addresses of the host, which stands for every node.
 */
function addNodeLocal(c: Context, all: readonly Endpoint[], clusterChain: string): string {
  const rules = [`ip saddr ${c.settings.podCIDR} fib saddr type != local goto ${clusterChain}`];
  for (const node of c.settings.nodes) rules.push(`ip daddr ${node.ip} ${localVerdict(c, all, node.name)}`);
  rules.push(`goto ${clusterChain}`);
  return addChain(c, 'external', rules);
}

function addChain(c: Context, prefix: string, rules: readonly string[]): string {
  const name = objectName(prefix, ...c.id);
  c.unit.chains.set(name, rules);
  return name;
}

/** A chain that sends to one of the endpoints, at random, or to the one this client used before. */
function addPick(c: Context, prefix: string, endpoints: readonly Endpoint[]): string {
  return addChain(c, prefix, c.affinity === undefined ? randomRules(c, endpoints) : stickyRules(c, endpoints, c.affinity));
}

function isPodNet(c: Context, ip: string): boolean {
  return cidrContains(mustCidr(c.settings.podCIDR), ip);
}

function randomRules(c: Context, endpoints: readonly Endpoint[]): string[] {
  // An endpoint outside this host must answer through us, so the client's address is replaced.
  const mark = endpoints.every((e) => isPodNet(c, e.ip)) ? [] : [`meta mark set meta mark or ${masqueradeMark}`];
  const only = endpoints[0];
  if (endpoints.length === 1 && only) return [...mark, `meta l4proto ${c.proto} dnat ip to ${only.ip}:${only.port}`];
  const map = endpoints.map((e, i) => `${i} : ${e.ip} . ${e.port}`).join(', ');
  return [...mark, `meta l4proto ${c.proto} dnat ip to numgen random mod ${endpoints.length} map { ${map} }`];
}

function stickyRules(c: Context, endpoints: readonly Endpoint[], timeout: number): string[] {
  const targets = endpoints.map((e) => {
    const set = objectName('affinity', ...c.id, e.ip, e.port, timeout);
    c.unit.sets.set(set, `set type ipv4_addr; flags dynamic,timeout; timeout ${timeout}s;`);
    const chain = objectName('endpoint', ...c.id, e.ip, e.port);
    const mark = isPodNet(c, e.ip) ? [] : [`meta mark set meta mark or ${masqueradeMark}`];
    c.unit.chains.set(chain, [`update @${set} { ip saddr }`, ...mark, `meta l4proto ${c.proto} dnat ip to ${e.ip}:${e.port}`]);
    return { set, chain };
  });
  return [
    ...targets.map((t) => `ip saddr @${t.set} goto ${t.chain}`),
    `numgen random mod ${targets.length} vmap { ${targets.map((t, i) => `${i} : goto ${t.chain}`).join(', ')} }`,
  ];
}

/** What the programmer must know besides the rules. */
function note(c: Context, endpoints: readonly Endpoint[]): void {
  const onLocalhost = validPort(c.port.nodePort) || [...externalIPs(c.service), ...balancerIPs(c.service)].some((ip) => ip.startsWith('127.'));
  for (const e of endpoints) {
    if (isPodNet(c, e.ip)) addElement(c.unit, 'hairpin', `${e.ip} . ${e.ip}`);
    if (!e.terminating) c.unit.live.add(e.ip).add(e.uid ?? e.ip);
    if (c.proto === 'udp') c.unit.udp.add(e.ip);
    if (onLocalhost && isPodNet(c, e.ip)) c.unit.localhost.add(e.ip);
  }
}
