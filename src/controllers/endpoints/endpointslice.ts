import { EndpointSlice, Node, type V1EndpointSlice, type V1Node } from '#kinds';
import { isApiError } from '#machinery';
import { isNamespaceTerminating, keyFor, splitKey, type Controller } from '../controller.ts';
import { PendingWrites } from '../pending.ts';
import { indexByLabel } from '../pods.ts';
import { applySlices } from './apply.ts';
import { isSelecting, watchMembers } from './members.ts';
import { managedBy, managedByLabel, planSlices, serviceNameLabel, type ServicePlan } from './slices.ts';
import { isCounted, isTopologyAware, zoneShares } from './topology.ts';

/** Tells by EndpointSlices which pods stand behind a Service. On the data path: every change is told at once. */
export const endpointSliceController: Controller = {
  name: 'endpointslice',
  component: 'endpoint-slice-controller',
  setup(context) {
    const { services, podsOf, zoneOf } = watchMembers(context);
    const slices = context.watch(EndpointSlice, (object, old) => keysOf((object ?? old) as V1EndpointSlice));
    const byLabel = indexByLabel(slices);
    const pending = new PendingWrites(slices);
    services.addIndex('topologyAware', (service) => (isTopologyAware(service) ? ['yes'] : []));
    // What a zone can bear is of interest only to services that are spread by it.
    const nodes = context.watch(Node, (node, old) => (weight(node) === weight(old) ? [] : services.byIndex('topologyAware', 'yes').map(keyFor)));
    const told = new Map<string, string>();

    return async (key) => {
      const { namespace = '', name } = splitKey(key);
      const service = services.get(namespace, name);
      if (!service) told.delete(key);
      if (!service || !isSelecting(service) || service.metadata?.deletionTimestamp) return pending.forget(key);
      const present = pending
        .merge(key, byLabel(namespace, { [serviceNameLabel]: name, [managedByLabel]: managedBy }))
        .filter((s) => s.metadata?.deletionTimestamp === undefined);
      const plan = planSlices({ service, pods: podsOf(service), zoneOf, slices: present, shares: () => zoneShares(nodes.list()) });
      try {
        await applySlices(context.api, plan, { owner: key, pending });
      } catch (error) {
        if (isNamespaceTerminating(error)) return;
        if (!isApiError(error, 'Conflict'))
          context.recorder.event(
            service,
            'Warning',
            'FailedToUpdateEndpointSlices',
            `Error updating Endpoint Slices for Service ${key}: ${(error as Error).message}`,
          );
        throw error;
      }
      tellHints(key, plan.hints);

      function tellHints(of: string, hints: ServicePlan['hints']): void {
        const state = JSON.stringify(hints);
        if ((told.get(of) ?? '[]') === state) return;
        told.set(of, state);
        for (const { addressType, refused } of hints) {
          const text = `${refused ?? 'Topology Aware Hints has been enabled'}, addressType: ${addressType}`;
          if (refused) context.recorder.event(service as object, 'Warning', 'TopologyAwareHintsDisabled', text);
          else context.recorder.event(service as object, 'Normal', 'TopologyAwareHintsEnabled', text);
        }
      }
    };
  },
};

const weight = (node: V1Node | undefined): string =>
  node && isCounted(node) ? `${node.metadata?.labels?.['topology.kubernetes.io/zone'] ?? ''} ${node.status?.allocatable?.['cpu'] ?? ''}` : '';

function keysOf(slice: V1EndpointSlice): string[] {
  const labels = slice.metadata?.labels;
  const service = labels?.[serviceNameLabel];
  return service && labels[managedByLabel] === managedBy ? [`${slice.metadata?.namespace ?? ''}/${service}`] : [];
}
