import type { V1EndpointSlice, V1Service } from '#kinds';
import { isIPv4 } from './ip.ts';

/** One backend of one service port. */
export interface Endpoint {
  ip: string;
  port: number;
  nodeName: string | undefined;
  /** UID of the pod behind it, when there is one. */
  uid: string | undefined;
  ready: boolean;
  serving: boolean;
  terminating: boolean;
  /** Zones and nodes whose clients it is meant for, when the slice says so. */
  forZones: readonly string[];
  forNodes: readonly string[];
}

export type Protocol = 'tcp' | 'udp' | 'sctp';

export function protocolOf(text: string | undefined): Protocol | undefined {
  const lower = (text ?? 'TCP').toLowerCase();
  return lower === 'tcp' || lower === 'udp' || lower === 'sctp' ? lower : undefined;
}

export function validPort(port: number | undefined): port is number {
  return port !== undefined && Number.isInteger(port) && port > 0 && port < 65536;
}

type ServicePort = NonNullable<NonNullable<V1Service['spec']>['ports']>[number];

/**
 * The endpoints of one port of a service, sorted by address, each once. Ports of slices belong to the service
 * port of the same name and protocol (API reference, EndpointSlice v1). An absent condition `ready` means true.
 */
export function endpointsOf(service: V1Service, port: ServicePort, slices: readonly V1EndpointSlice[]): Endpoint[] {
  const found = new Map<string, Endpoint>();
  for (const slice of slices) {
    if (slice.addressType !== 'IPv4') continue;
    const target = (slice.ports ?? []).find((p) => (p.name ?? '') === (port.name ?? '') && (p.protocol ?? 'TCP') === (port.protocol ?? 'TCP'));
    if (!target || !validPort(target.port)) continue;
    for (const endpoint of slice.endpoints ?? []) {
      const made = toEndpoint(endpoint, target.port, service.spec?.publishNotReadyAddresses === true);
      if (made) merge(found, made);
    }
  }
  return [...found.values()].sort((a, b) => (a.ip === b.ip ? a.port - b.port : a.ip < b.ip ? -1 : 1));
}

function toEndpoint(endpoint: NonNullable<V1EndpointSlice['endpoints']>[number], port: number, publishNotReady: boolean): Endpoint | undefined {
  const ip = endpoint.addresses[0];
  if (ip === undefined || !isIPv4(ip)) return undefined; // also keeps foreign text out of the rules
  const ready = publishNotReady || endpoint.conditions?.ready !== false;
  return {
    ip,
    port,
    nodeName: endpoint.nodeName ?? undefined,
    uid: endpoint.targetRef?.uid ?? undefined,
    ready,
    serving: endpoint.conditions?.serving ?? ready,
    terminating: endpoint.conditions?.terminating === true,
    forZones: (endpoint.hints?.forZones ?? []).map((zone) => zone.name),
    forNodes: (endpoint.hints?.forNodes ?? []).map((node) => node.name),
  };
}

/** While an endpoint moves between slices it may be in two of them: the better one counts. */
function merge(found: Map<string, Endpoint>, made: Endpoint): void {
  const key = `${made.ip}:${made.port}`;
  const old = found.get(key);
  if (!old || (made.ready && !old.ready)) found.set(key, made);
}

/** Those that get new connections: the ready ones, or, when there are none, those that terminate but still serve (KEP-1669). */
export function usable(endpoints: readonly Endpoint[]): Endpoint[] {
  const ready = endpoints.filter((e) => e.ready);
  return ready.length > 0 ? ready : endpoints.filter((e) => e.serving && e.terminating);
}

/**
 * Those that a client on this node should use: hints count when every endpoint has them and some are for the
 * client; for its node before its zone. (Kubernetes: kube-proxy, topology.go.)
 */
export function nearest(endpoints: readonly Endpoint[], node: string, zone: string | undefined): readonly Endpoint[] {
  const onNode = endpoints.filter((e) => e.forNodes.includes(node));
  if (onNode.length > 0 && endpoints.every((e) => e.forNodes.length > 0)) return onNode;
  const inZone = zone === undefined ? [] : endpoints.filter((e) => e.forZones.includes(zone));
  return inZone.length > 0 && endpoints.every((e) => e.forZones.length > 0) ? inZone : endpoints;
}
