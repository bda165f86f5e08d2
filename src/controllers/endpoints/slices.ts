import { Service, type V1Endpoint, type V1EndpointSlice, type V1Pod, type V1Service } from '#kinds';
import { controllerReference } from '../ownership.ts';
import { isPodReady, isTerminating } from '../pods.ts';
import { hostnameOf, ipsOf, isHeadless, portsOf, targetRefOf, type ResolvedPort } from './members.ts';

export const serviceNameLabel = 'kubernetes.io/service-name';
export const managedByLabel = 'endpointslice.kubernetes.io/managed-by';
export const managedBy = 'endpointslice-controller.k8s.io';
const headlessLabel = 'service.kubernetes.io/headless';
const maxEndpoints = 100;

export interface SliceState {
  service: V1Service;
  pods: readonly V1Pod[];
  zoneOf: (pod: V1Pod) => string | undefined;
  /** The slices that this controller made for the service. */
  slices: readonly V1EndpointSlice[];
}
export interface SlicePlan {
  create: V1EndpointSlice[];
  update: V1EndpointSlice[];
  delete: V1EndpointSlice[];
}

interface Group {
  addressType: 'IPv4' | 'IPv6';
  ports: ResolvedPort[];
  endpoints: Map<string, V1Endpoint>;
}

/**
 * The slices that a service should have, as the fewest changes to those it has: endpoints stay in their
 * slice, slices are filled before new ones are made, and one is left when there is nothing to tell.
 */
export function planSlices(state: SliceState): SlicePlan {
  const groups = groupEndpoints(state);
  const drafts = new Map<V1EndpointSlice, V1Endpoint[]>();
  const spare: V1EndpointSlice[] = [];
  const groupOf = new Map<V1EndpointSlice, Group>();
  for (const slice of [...state.slices].sort(byAge)) {
    const group = groups.get(groupKey(slice.addressType, slice.ports ?? []));
    if (!group) {
      spare.push(slice);
      continue;
    }
    groupOf.set(slice, group);
    drafts.set(slice, keep(slice, group));
  }
  const plan: SlicePlan = { create: [], update: [], delete: [] };
  for (const group of groups.values())
    place(
      state.service,
      group,
      [...drafts].filter(([slice]) => groupOf.get(slice) === group),
      spare,
      plan,
    );
  plan.delete.push(...spare);
  return plan;
}

/** What the slice keeps; kept endpoints are taken out of the group, the rest has still to be placed. */
function keep(slice: V1EndpointSlice, group: Group): V1Endpoint[] {
  return (slice.endpoints ?? []).flatMap((endpoint) => {
    const key = endpointKey(endpoint);
    const wanted = group.endpoints.get(key);
    group.endpoints.delete(key);
    return wanted ? [wanted] : [];
  });
}
function place(service: V1Service, group: Group, present: [V1EndpointSlice, V1Endpoint[]][], spare: V1EndpointSlice[], plan: SlicePlan): void {
  const rest = [...group.endpoints.values()];
  // Fullest first: what has room for little is filled up, what is nearly empty may become empty.
  for (const [, endpoints] of [...present].sort((a, b) => b[1].length - a[1].length))
    endpoints.push(...rest.splice(0, Math.max(0, maxEndpoints - endpoints.length)));
  const filled = present.filter(([, endpoints]) => endpoints.length > 0);
  const empty = present.filter(([, endpoints]) => endpoints.length === 0);
  if (filled.length === 0 && rest.length === 0) {
    const placeholder = empty.shift();
    if (placeholder) filled.push(placeholder);
    else plan.create.push(build(service, group, []));
  }
  spare.push(...empty.map(([slice]) => slice));
  for (const [slice, endpoints] of filled) updateIfChanged(slice, build(service, group, endpoints), plan);
  while (rest.length > 0) {
    const next = build(service, group, rest.splice(0, maxEndpoints));
    const index = spare.findIndex((slice) => slice.addressType === group.addressType);
    const reused = index >= 0 ? spare.splice(index, 1)[0] : undefined;
    if (reused) updateIfChanged(reused, next, plan);
    else plan.create.push(next);
  }
}
function updateIfChanged(old: V1EndpointSlice, wanted: V1EndpointSlice, plan: SlicePlan): void {
  if (content(old) !== content(wanted)) plan.update.push({ ...wanted, metadata: { ...old.metadata, labels: wanted.metadata?.labels ?? {} } });
}
const content = (slice: V1EndpointSlice): string =>
  JSON.stringify([
    (slice.endpoints ?? []).map(fieldsOf),
    (slice.ports ?? []).map(portFields),
    Object.entries(slice.metadata?.labels ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)),
  ]);
const fieldsOf = (e: V1Endpoint): unknown[] => [
  e.addresses,
  e.conditions?.ready,
  e.conditions?.serving,
  e.conditions?.terminating,
  e.hostname ?? null,
  e.nodeName ?? null,
  e.zone ?? null,
  e.targetRef?.uid,
  e.targetRef?.name,
];
const portFields = (p: { name?: string; port?: number; protocol?: string; appProtocol?: string }): unknown[] => [
  p.name ?? '',
  p.port,
  p.protocol ?? 'TCP',
  p.appProtocol ?? null,
];

function groupEndpoints(state: SliceState): Map<string, Group> {
  const groups = new Map<string, Group>();
  const families = (state.service.spec?.ipFamilies ?? ['IPv4']) as Group['addressType'][];
  for (const pod of [...state.pods].sort((a, b) => ((a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1))) {
    const ports = portsOf(state.service, pod);
    for (const addressType of families) {
      const address = ipsOf(pod).find((ip) => (ip.includes(':') ? 'IPv6' : 'IPv4') === addressType);
      if (address === undefined) continue;
      const endpoint = toEndpoint(state, pod, address);
      groupFor(groups, addressType, ports).endpoints.set(endpointKey(endpoint), endpoint);
    }
  }
  for (const family of families) if (![...groups.values()].some((g) => g.addressType === family)) groupFor(groups, family, lastPorts(state, family));
  return groups;
}
/** An empty service keeps the ports of the slice that it has. */
function lastPorts(state: SliceState, family: string): ResolvedPort[] {
  const last = [...state.slices].sort(byAge).find((slice) => slice.addressType === family);
  return (last?.ports ?? []) as ResolvedPort[];
}
function groupFor(groups: Map<string, Group>, addressType: Group['addressType'], ports: ResolvedPort[]): Group {
  const key = groupKey(addressType, ports);
  let group = groups.get(key);
  if (!group) groups.set(key, (group = { addressType, ports, endpoints: new Map() }));
  return group;
}
const groupKey = (addressType: string, ports: readonly { name?: string; port?: number; protocol?: string; appProtocol?: string }[]): string =>
  `${addressType} ${JSON.stringify(ports.map(portFields))}`;
const endpointKey = (endpoint: V1Endpoint): string => `${endpoint.targetRef?.uid ?? ''} ${endpoint.addresses.join()}`;
const byAge = (a: V1EndpointSlice, b: V1EndpointSlice): number => {
  const key = (s: V1EndpointSlice): string => `${s.metadata?.creationTimestamp ?? ''} ${s.metadata?.name ?? ''}`;
  return key(a) < key(b) ? -1 : 1;
};

function toEndpoint(state: SliceState, pod: V1Pod, address: string): V1Endpoint {
  const serving = isPodReady(pod);
  const terminating = isTerminating(pod);
  const zone = state.zoneOf(pod);
  return {
    addresses: [address],
    conditions: { ready: state.service.spec?.publishNotReadyAddresses === true || (serving && !terminating), serving, terminating },
    ...hostnameOf(pod, state.service),
    ...(pod.spec?.nodeName ? { nodeName: pod.spec.nodeName } : {}),
    targetRef: targetRefOf(pod),
    ...(zone ? { zone } : {}),
  };
}
function build(service: V1Service, group: Group, endpoints: V1Endpoint[]): V1EndpointSlice {
  const name = service.metadata?.name ?? '';
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      generateName: `${name}-`,
      namespace: service.metadata?.namespace ?? '',
      labels: { ...service.metadata?.labels, [serviceNameLabel]: name, [managedByLabel]: managedBy, ...(isHeadless(service) ? { [headlessLabel]: '' } : {}) },
      ownerReferences: [controllerReference(Service, service)],
    },
    addressType: group.addressType,
    endpoints,
    ports: group.ports.map((port) => ({ ...port })),
  };
}
