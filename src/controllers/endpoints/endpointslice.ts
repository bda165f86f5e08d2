import { EndpointSlice, type V1EndpointSlice } from '#kinds';
import { isApiError } from '#machinery';
import { isNamespaceTerminating, splitKey, type Controller } from '../controller.ts';
import { PendingWrites } from '../pending.ts';
import { indexByLabel } from '../pods.ts';
import { isSelecting, watchMembers } from './members.ts';
import { managedBy, managedByLabel, planSlices, serviceNameLabel } from './slices.ts';

/** Tells by EndpointSlices which pods stand behind a Service. On the data path: every change is told at once. */
export const endpointSliceController: Controller = {
  name: 'endpointslice',
  component: 'endpoint-slice-controller',
  setup(context) {
    const { services, podsOf, zoneOf } = watchMembers(context);
    const slices = context.watch(EndpointSlice, (object, old) => keysOf((object ?? old) as V1EndpointSlice));
    const byLabel = indexByLabel(slices);
    const pending = new PendingWrites(slices);

    return async (key) => {
      const { namespace = '', name } = splitKey(key);
      const service = services.get(namespace, name);
      if (!service || !isSelecting(service) || service.metadata?.deletionTimestamp) return pending.forget(key);
      const present = pending
        .merge(key, byLabel(namespace, { [serviceNameLabel]: name, [managedByLabel]: managedBy }))
        .filter((s) => s.metadata?.deletionTimestamp === undefined);
      const plan = planSlices({ service, pods: podsOf(service), zoneOf, slices: present });
      try {
        await Promise.all([
          ...plan.create.map(async (slice) => pending.wrote(key, await context.api.create(EndpointSlice, slice))),
          ...plan.update.map(async (slice) => pending.wrote(key, await context.api.update(EndpointSlice, slice))),
        ]);
        await Promise.all(plan.delete.map(remove));
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
      async function remove(slice: V1EndpointSlice): Promise<void> {
        await context.api.delete(
          EndpointSlice,
          { namespace, name: slice.metadata?.name ?? '' },
          slice.metadata?.uid ? { preconditions: { uid: slice.metadata.uid } } : {},
        );
        pending.removed(key, slice);
      }
    };
  },
};

function keysOf(slice: V1EndpointSlice): string[] {
  const labels = slice.metadata?.labels;
  const service = labels?.[serviceNameLabel];
  return service && labels[managedByLabel] === managedBy ? [`${slice.metadata?.namespace ?? ''}/${service}`] : [];
}
