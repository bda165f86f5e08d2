import {
  Endpoints,
  EndpointSlice,
  Service,
  type V1EndpointAddress,
  type V1Endpoints,
  type V1EndpointSlice,
  type V1EndpointSubset,
  type V1Service,
} from '#kinds';
import { isApiError } from '#machinery';
import { isNamespaceTerminating, ownKey, splitKey, type Controller, type ControllerContext } from '../controller.ts';
import { controllerReference } from '../ownership.ts';
import { PendingWrites } from '../pending.ts';
import { indexByLabel } from '../pods.ts';
import { applySlices } from './apply.ts';
import type { ResolvedPort } from './members.ts';
import { endpointKey, familyOf, groupFor, pack, type Group } from './packing.ts';
import { managedByLabel, serviceNameLabel } from './slices.ts';

const managedBy = 'endpointslicemirroring-controller.k8s.io';
const skipLabel = 'endpointslice.kubernetes.io/skip-mirror';
const leaderAnnotation = 'control-plane.alpha.kubernetes.io/leader';
/** Of each subset; the rest is left out, with an Event. */
const maxPerSubset = 1000;
const ownAnnotations = ['endpoints.kubernetes.io/last-change-trigger-time', 'kubectl.kubernetes.io/last-applied-configuration'];

/** Endpoints that users write for a Service without selector, as the EndpointSlices that everything reads. */
export const endpointSliceMirroringController: Controller = {
  name: 'endpointslice-mirroring',
  component: 'endpoint-slice-mirroring-controller',
  concurrency: 5,
  setup(context) {
    const endpoints = context.watch(Endpoints, ownKey);
    const services = context.watch(Service, (service, old) => (service && old && isBare(service) === isBare(old) ? [] : ownKey(service, old)));
    const slices = context.watch(EndpointSlice, (slice, old) => keysOf((slice ?? old) as V1EndpointSlice));
    const byLabel = indexByLabel(slices);
    const pending = new PendingWrites(slices);

    return async (key) => {
      const { namespace = '', name } = splitKey(key);
      const service = services.get(namespace, name);
      const source = endpoints.get(namespace, name);
      const mirrored = source && service && isBare(service) && isMirrored(source) ? source : undefined;
      const present = pending.merge(key, byLabel(namespace, { [serviceNameLabel]: name, [managedByLabel]: managedBy }));
      if (!mirrored && present.length === 0) return pending.forget(key);
      const groups = mirrored ? groupsOf(context, mirrored) : new Map<string, Group>();
      const build = (group: Group, members: NonNullable<V1EndpointSlice['endpoints']>): V1EndpointSlice => buildSlice(mirrored ?? {}, name, group, members);
      const plan = pack({ groups, slices: present.filter((s) => !s.metadata?.deletionTimestamp), max: maxPerSubset, keepsEmpty: false, build });
      try {
        await applySlices(context.api, plan, { owner: key, pending });
      } catch (error) {
        if (isNamespaceTerminating(error)) return;
        const text = `Error updating EndpointSlices for Endpoints ${key}: ${(error as Error).message}`;
        if (mirrored && !isApiError(error, 'Conflict')) context.recorder.event(mirrored, 'Warning', 'FailedToUpdateEndpointSlices', text);
        throw error;
      }
    };
  },
};

const isBare = ({ spec }: V1Service): boolean => Object.keys(spec?.selector ?? {}).length === 0 && spec?.type !== 'ExternalName';
const isMirrored = ({ metadata }: V1Endpoints): boolean =>
  metadata?.deletionTimestamp === undefined && metadata?.labels?.[skipLabel] !== 'true' && metadata?.annotations?.[leaderAnnotation] === undefined;
function keysOf({ metadata }: V1EndpointSlice): string[] {
  const service = metadata?.labels?.[serviceNameLabel];
  return service && metadata?.labels?.[managedByLabel] === managedBy ? [`${metadata.namespace ?? ''}/${service}`] : [];
}

/** Addresses of one family with the same ports, whatever subset they come from. */
function groupsOf(context: ControllerContext, source: V1Endpoints): Map<string, Group> {
  const groups = new Map<string, Group>();
  let skipped = 0;
  for (const subset of source.subsets ?? []) skipped += addSubset(groups, subset);
  if (skipped > 0) {
    const text = `A max of ${maxPerSubset} addresses can be mirrored to EndpointSlices per Endpoints subset. ${skipped} addresses were skipped`;
    context.recorder.event(source, 'Warning', 'TooManyAddressesToMirror', text);
  }
  return groups;
}
/** Gives how many addresses found no place. */
function addSubset(groups: Map<string, Group>, { addresses = [], notReadyAddresses = [], ports = [] }: V1EndpointSubset): number {
  const all = [...addresses.map((address) => ({ address, ready: true })), ...notReadyAddresses.map((address) => ({ address, ready: false }))];
  for (const { address, ready } of all.slice(0, maxPerSubset)) {
    const endpoint = { addresses: [address.ip], conditions: { ready }, ...placeOf(address) };
    groupFor(groups, familyOf(address.ip), ports.map(portOf)).endpoints.set(endpointKey(endpoint), endpoint);
  }
  return Math.max(0, all.length - maxPerSubset);
}
const portOf = ({ name = '', port, protocol = 'TCP', appProtocol }: NonNullable<V1EndpointSubset['ports']>[number]): ResolvedPort => ({
  name,
  port,
  protocol,
  ...(appProtocol ? { appProtocol } : {}),
});
const placeOf = ({ hostname, nodeName, targetRef }: V1EndpointAddress): object => ({
  ...(hostname ? { hostname } : {}),
  ...(nodeName ? { nodeName } : {}),
  ...(targetRef ? { targetRef } : {}),
});

function buildSlice(source: V1Endpoints, name: string, group: Group, endpoints: NonNullable<V1EndpointSlice['endpoints']>): V1EndpointSlice {
  const { namespace = '', labels, annotations: given = {} } = source.metadata ?? {};
  const annotations = Object.fromEntries(Object.entries(given).filter(([key]) => !ownAnnotations.includes(key)));
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      generateName: `${name}-`,
      namespace,
      labels: { ...labels, [serviceNameLabel]: name, [managedByLabel]: managedBy },
      annotations,
      ownerReferences: [controllerReference(Endpoints, source)],
    },
    addressType: group.addressType,
    endpoints,
    ports: group.ports.map((port) => ({ ...port })),
  };
}
