import { Endpoints, type V1EndpointAddress, type V1EndpointSubset, type V1Pod, type V1Service } from '#kinds';
import { isApiError } from '#machinery';
import { isNamespaceTerminating, ownKey, splitKey, type Controller } from '../controller.ts';
import { PendingWrites } from '../pending.ts';
import { isPodReady, isTerminating } from '../pods.ts';
import { hostnameOf, ipsOf, isHeadless, isSelecting, portsOf, targetRefOf, watchMembers, type ResolvedPort } from './members.ts';

const maxAddresses = 1000;
const overCapacity = 'endpoints.kubernetes.io/over-capacity';
const managedByLabel = 'endpoints.kubernetes.io/managed-by';
const managedBy = 'endpoint-controller';

/** Keeps the core/v1 Endpoints of Services, for clients that do not know EndpointSlices. */
export const endpointsController: Controller = {
  name: 'endpoints',
  component: 'endpoint-controller',
  setup(context) {
    const { services, podsOf } = watchMembers(context);
    const endpoints = context.watch(Endpoints, ownKey);
    const pending = new PendingWrites(endpoints);

    return async (key) => {
      const { namespace, name } = splitKey(key);
      const service = services.get(namespace, name);
      const cached = endpoints.get(namespace, name);
      const present = pending.merge(key, cached ? [cached] : [])[0];
      if (!service) return present?.metadata?.labels?.[managedByLabel] === managedBy ? remove() : undefined;
      if (!isSelecting(service) || service.metadata?.deletionTimestamp) return;
      const { subsets, truncated } = subsetsOf(service, podsOf(service));
      const labels = { ...service.metadata?.labels, [managedByLabel]: managedBy, ...(isHeadless(service) ? { 'service.kubernetes.io/headless': '' } : {}) };
      const annotations = { ...present?.metadata?.annotations };
      delete annotations[overCapacity];
      if (truncated) annotations[overCapacity] = 'truncated';
      if (present && same(present.subsets ?? [], subsets) && same(present.metadata?.labels, labels) && same(present.metadata?.annotations ?? {}, annotations))
        return;
      const wanted = {
        apiVersion: 'v1',
        kind: 'Endpoints',
        metadata: { ...(present?.metadata ?? { name, namespace: namespace ?? '' }), labels, ...(Object.keys(annotations).length > 0 ? { annotations } : {}) },
        subsets,
      };
      try {
        pending.wrote(key, await (present ? context.api.update(Endpoints, wanted) : context.api.create(Endpoints, wanted)));
      } catch (error) {
        if (isNamespaceTerminating(error)) return;
        if (!isApiError(error, 'Conflict') && !isApiError(error, 'AlreadyExists'))
          context.recorder.event(
            service,
            'Warning',
            present ? 'FailedToUpdateEndpoint' : 'FailedToCreateEndpoint',
            `Failed to ${present ? 'update' : 'create'} endpoint ${key}: ${(error as Error).message}`,
          );
        throw error;
      }
      async function remove(): Promise<void> {
        pending.forget(key);
        await context.api.delete(Endpoints, { namespace, name }).catch((error: unknown) => {
          if (!isApiError(error, 'NotFound')) throw error;
        });
      }
    };
  },
};

const same = (a: unknown, b: unknown): boolean => ordered(a) === ordered(b);
function ordered(value: unknown): string {
  return JSON.stringify(value, (_key, v: unknown) =>
    v !== null && typeof v === 'object' && !Array.isArray(v) ? Object.fromEntries(Object.entries(v).sort(([x], [y]) => (x < y ? -1 : 1))) : v,
  );
}

/** One subset per set of ports; addresses in order. At most 1000, ready ones first. */
export function subsetsOf(service: V1Service, pods: readonly V1Pod[]): { subsets: V1EndpointSubset[]; truncated: boolean } {
  const anyway = service.spec?.publishNotReadyAddresses === true;
  const groups = new Map<string, { ports: ResolvedPort[]; ready: V1EndpointAddress[]; notReady: V1EndpointAddress[] }>();
  const members = pods.filter((pod) => anyway || !isTerminating(pod)).map((pod) => ({ pod, ready: anyway || isPodReady(pod) }));
  members.sort((a, b) => Number(b.ready) - Number(a.ready));
  for (const { pod, ready } of members.slice(0, maxAddresses)) {
    const ports = portsOf(service, pod);
    if (ports.length === 0 && (service.spec?.ports ?? []).length > 0) continue;
    const key = JSON.stringify(ports);
    let group = groups.get(key);
    if (!group) groups.set(key, (group = { ports, ready: [], notReady: [] }));
    (ready ? group.ready : group.notReady).push(addressOf(pod, service));
  }
  const subsets = [...groups.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => toSubset(group));
  return { subsets, truncated: members.length > maxAddresses };
}
function toSubset({ ports, ready, notReady }: { ports: ResolvedPort[]; ready: V1EndpointAddress[]; notReady: V1EndpointAddress[] }): V1EndpointSubset {
  const byIp = (a: V1EndpointAddress, b: V1EndpointAddress): number => (a.ip < b.ip ? -1 : 1);
  const plain = ports.map(({ name, ...port }) => ({ ...(name ? { name } : {}), ...port }));
  return {
    ...(ready.length > 0 ? { addresses: ready.sort(byIp) } : {}),
    ...(notReady.length > 0 ? { notReadyAddresses: notReady.sort(byIp) } : {}),
    ...(plain.length > 0 ? { ports: plain } : {}),
  };
}
function addressOf(pod: V1Pod, service: V1Service): V1EndpointAddress {
  const family = service.spec?.ipFamilies?.[0] ?? 'IPv4';
  const ips = ipsOf(pod);
  return {
    ...hostnameOf(pod, service),
    ip: ips.find((ip) => (ip.includes(':') ? 'IPv6' : 'IPv4') === family) ?? ips[0] ?? '',
    ...(pod.spec?.nodeName ? { nodeName: pod.spec.nodeName } : {}),
    targetRef: targetRefOf(pod),
  };
}
