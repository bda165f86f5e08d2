/** Endpoints into slices, as the fewest changes to the slices that there are. Pure. */
import { isDeepStrictEqual } from 'node:util';
import type { V1Endpoint, V1EndpointSlice } from '#kinds';
import type { ResolvedPort } from './members.ts';

/** Endpoints of one family with the same ports: what may stand in one slice. */
export interface Group {
  addressType: 'IPv4' | 'IPv6';
  ports: ResolvedPort[];
  endpoints: Map<string, V1Endpoint>;
}
export interface SlicePlan {
  create: V1EndpointSlice[];
  update: V1EndpointSlice[];
  delete: V1EndpointSlice[];
}
export interface Packing {
  groups: ReadonlyMap<string, Group>;
  /** The slices that this controller made. */
  slices: readonly V1EndpointSlice[];
  /** Endpoints that a slice holds at most. */
  max: number;
  /** Whether a group without endpoints has a slice all the same. */
  keepsEmpty: boolean;
  build: (group: Group, endpoints: V1Endpoint[]) => V1EndpointSlice;
}

/** Endpoints stay in their slice, slices are filled before new ones are made, and what is of no use any more is taken for something new. */
export function pack(packing: Packing): SlicePlan {
  const drafts = new Map<Group, [V1EndpointSlice, V1Endpoint[]][]>();
  const spare: V1EndpointSlice[] = [];
  const rest = new Map([...packing.groups.values()].map((group) => [group, new Map(group.endpoints)]));
  for (const slice of [...packing.slices].sort(byAge)) {
    const group = packing.groups.get(groupKey(slice.addressType, slice.ports ?? []));
    if (!group) spare.push(slice);
    else drafts.set(group, [...(drafts.get(group) ?? []), [slice, keep(slice, rest.get(group) as Map<string, V1Endpoint>)]]);
  }
  const plan: SlicePlan = { create: [], update: [], delete: [] };
  for (const [group, left] of rest) place(packing, group, [...left.values()], drafts.get(group) ?? [], spare, plan);
  plan.delete.push(...spare);
  return plan;
}

/** What the slice keeps is taken out of the rest. */
function keep(slice: V1EndpointSlice, rest: Map<string, V1Endpoint>): V1Endpoint[] {
  return (slice.endpoints ?? []).flatMap((endpoint) => {
    const key = endpointKey(endpoint);
    const wanted = rest.get(key);
    rest.delete(key);
    return wanted ? [wanted] : [];
  });
}
function place(
  packing: Packing,
  group: Group,
  rest: V1Endpoint[],
  present: [V1EndpointSlice, V1Endpoint[]][],
  spare: V1EndpointSlice[],
  plan: SlicePlan,
): void {
  const { max, build, keepsEmpty } = packing;
  // Fullest first: what has room for little is filled up, what is nearly empty may become empty.
  for (const [, endpoints] of [...present].sort((a, b) => b[1].length - a[1].length)) endpoints.push(...rest.splice(0, Math.max(0, max - endpoints.length)));
  const filled = present.filter(([, endpoints]) => endpoints.length > 0);
  const empty = present.filter(([, endpoints]) => endpoints.length === 0);
  if (keepsEmpty && filled.length === 0 && rest.length === 0) {
    const placeholder = empty.shift();
    if (placeholder) filled.push(placeholder);
    else plan.create.push(build(group, []));
  }
  spare.push(...empty.map(([slice]) => slice));
  for (const [slice, endpoints] of filled) updateIfChanged(slice, build(group, endpoints), plan);
  while (rest.length > 0) {
    const next = build(group, rest.splice(0, max));
    const index = spare.findIndex((slice) => slice.addressType === group.addressType);
    const reused = index >= 0 ? spare.splice(index, 1)[0] : undefined;
    if (reused) updateIfChanged(reused, next, plan);
    else plan.create.push(next);
  }
}
function updateIfChanged(old: V1EndpointSlice, wanted: V1EndpointSlice, plan: SlicePlan): void {
  const { labels = {}, annotations } = wanted.metadata ?? {};
  // Who says nothing of annotations leaves those of others alone.
  const isSame = isDeepStrictEqual(content(old), content(wanted)) && (!annotations || isDeepStrictEqual(old.metadata?.annotations ?? {}, annotations));
  if (isSame) return;
  plan.update.push({ ...wanted, metadata: { ...old.metadata, labels, ...(annotations ? { annotations } : {}) } });
}
const content = ({ metadata, endpoints, ports }: V1EndpointSlice): unknown[] => [
  (endpoints ?? []).map(fieldsOf),
  (ports ?? []).map(portFields),
  metadata?.labels ?? {},
];
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
  e.hints?.forZones ?? null,
  e.hints?.forNodes ?? null,
];
type Port = { name?: string; port?: number; protocol?: string; appProtocol?: string };
const portFields = (p: Port): unknown[] => [p.name ?? '', p.port, p.protocol ?? 'TCP', p.appProtocol ?? null];

export const groupKey = (addressType: string, ports: readonly Port[]): string => `${addressType} ${JSON.stringify(ports.map(portFields))}`;
export const endpointKey = (endpoint: V1Endpoint): string => `${endpoint.targetRef?.uid ?? ''} ${endpoint.addresses.join()}`;
export const byAge = (a: V1EndpointSlice, b: V1EndpointSlice): number => {
  const key = (s: V1EndpointSlice): string => `${s.metadata?.creationTimestamp ?? ''} ${s.metadata?.name ?? ''}`;
  return key(a) < key(b) ? -1 : 1;
};
/** The group that endpoints of this family and these ports belong to; made when it is new. */
export function groupFor(groups: Map<string, Group>, addressType: Group['addressType'], ports: ResolvedPort[]): Group {
  const key = groupKey(addressType, ports);
  let group = groups.get(key);
  if (!group) groups.set(key, (group = { addressType, ports, endpoints: new Map() }));
  return group;
}
export const familyOf = (ip: string): Group['addressType'] => (ip.includes(':') ? 'IPv6' : 'IPv4');
