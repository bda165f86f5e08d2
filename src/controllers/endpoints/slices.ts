import { Service, type V1Endpoint, type V1EndpointSlice, type V1Pod, type V1Service } from '#kinds';
import { controllerReference } from '../ownership.ts';
import { isPodReady, isTerminating } from '../pods.ts';
import { hostnameOf, ipsOf, isHeadless, portsOf, targetRefOf, type ResolvedPort } from './members.ts';
import { byAge, endpointKey, familyOf, groupFor, pack, type Group, type SlicePlan } from './packing.ts';
import { hintZones, isTopologyAware, type ZoneShares } from './topology.ts';

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
  /** What share of the CPU each zone has; asked for only where the service wants its traffic spread by it. */
  shares: () => ZoneShares;
}
export interface ServicePlan extends SlicePlan {
  /** Families of addresses whose endpoints are bound to zones, or why they are not. */
  hints: { addressType: string; refused: string | undefined }[];
}

/** The slices that a service should have, as changes to those it has. One is left when there is nothing to tell. */
export function planSlices(state: SliceState): ServicePlan {
  const groups = groupEndpoints(state);
  const hints = isTopologyAware(state.service) ? hintGroups(state, [...groups.values()]) : [];
  const build = (group: Group, endpoints: V1Endpoint[]): V1EndpointSlice => buildSlice(state.service, group, endpoints);
  return { ...pack({ groups, slices: state.slices, max: maxEndpoints, keepsEmpty: true, build }), hints };
}
function hintGroups(state: SliceState, groups: readonly Group[]): ServicePlan['hints'] {
  const shares = state.shares();
  return [...new Set(groups.map((group) => group.addressType))].map((addressType) => {
    const endpoints = groups.filter((group) => group.addressType === addressType).flatMap((group) => [...group.endpoints.values()]);
    return { addressType, refused: hintZones(endpoints, shares, hintsOf(state.slices)) };
  });
}
const hintsOf = (slices: readonly V1EndpointSlice[]): Map<string, string> =>
  new Map(
    slices
      .flatMap((slice) => slice.endpoints ?? [])
      .flatMap((e): [string, string][] => (e.hints?.forZones?.[0] ? [[endpointKey(e), e.hints.forZones[0].name]] : [])),
  );

function groupEndpoints(state: SliceState): Map<string, Group> {
  const groups = new Map<string, Group>();
  const families = (state.service.spec?.ipFamilies ?? ['IPv4']) as Group['addressType'][];
  for (const pod of [...state.pods].sort((a, b) => ((a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1))) {
    const ports = portsOf(state.service, pod);
    for (const addressType of families) {
      const address = ipsOf(pod).find((ip) => familyOf(ip) === addressType);
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

function toEndpoint(state: SliceState, pod: V1Pod, address: string): V1Endpoint {
  const serving = isPodReady(pod);
  const terminating = isTerminating(pod);
  const ready = state.service.spec?.publishNotReadyAddresses === true || (serving && !terminating);
  const zone = state.zoneOf(pod);
  return {
    addresses: [address],
    conditions: { ready, serving, terminating },
    ...hostnameOf(pod, state.service),
    ...(pod.spec?.nodeName ? { nodeName: pod.spec.nodeName } : {}),
    targetRef: targetRefOf(pod),
    ...(zone ? { zone } : {}),
    ...(ready ? distribution(state.service, zone, pod.spec?.nodeName) : {}),
  };
}
/** Which clients an endpoint is for, where the service asks that traffic stays near (KEP-4444, KEP-3015). */
function distribution({ spec, metadata }: V1Service, zone: string | undefined, node: string | undefined): Pick<V1Endpoint, 'hints'> {
  const how = spec?.trafficDistribution;
  if (!how || !zone || isTopologyAware({ metadata: metadata ?? {} })) return {};
  const forZones = [{ name: zone }];
  if (how === 'PreferClose' || how === 'PreferSameZone') return { hints: { forZones } };
  return how === 'PreferSameNode' ? { hints: { forZones, ...(node ? { forNodes: [{ name: node }] } : {}) } } : {};
}

function buildSlice(service: V1Service, group: Group, endpoints: V1Endpoint[]): V1EndpointSlice {
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
