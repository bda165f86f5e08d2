import { EndpointSlice, type V1EndpointSlice } from '#kinds';
import { isApiError, type Api } from '#machinery';
import type { PendingWrites } from '../pending.ts';
import type { SlicePlan } from './packing.ts';

/** Carries a plan out. What is new is told before anything is taken away. */
export async function applySlices(api: Api, plan: SlicePlan, { owner, pending }: { owner: string; pending: PendingWrites<V1EndpointSlice> }): Promise<void> {
  await Promise.all([
    ...plan.create.map(async (slice) => pending.wrote(owner, await api.create(EndpointSlice, slice))),
    ...plan.update.map(async (slice) => pending.wrote(owner, await api.update(EndpointSlice, slice))),
  ]);
  await Promise.all(plan.delete.map(remove));

  async function remove(slice: V1EndpointSlice): Promise<void> {
    const { namespace, name = '', uid } = slice.metadata ?? {};
    try {
      await api.delete(EndpointSlice, { namespace, name }, uid ? { preconditions: { uid } } : {});
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
    }
    pending.removed(owner, slice);
  }
}
