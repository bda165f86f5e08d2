import type { V1Pod } from '#kinds';
import { limits, standingOn, type DaemonSetState, type NodeView } from './state.ts';

interface Update {
  create: string[];
  delete: V1Pod[];
}

/** Which pods of an old template are replaced now. */
export function planUpdate(state: DaemonSetState, views: readonly NodeView[]): Update {
  const concerned = views.filter((view) => view.placement.run || view.pods.length > 0);
  const wanted = views.filter((view) => view.placement.run).length;
  const { unavailable, surge } = limits(state.set, wanted);
  return surge === 0 ? deleteFirst(state, concerned, unavailable) : createFirst(state, concerned, surge, wanted);
}

/** Old pods go, as many as may be down; the next step puts new ones in their place. Old ones that are down anyway do not count. */
function deleteFirst(state: DaemonSetState, views: readonly NodeView[], limit: number): Update {
  const broken: V1Pod[] = [];
  const candidates: V1Pod[] = [];
  let down = 0;
  for (const view of views) {
    const { pair, freshAvailable, oldAvailable } = standingOn(state, view);
    if (!pair || Boolean(pair.old) === Boolean(pair.fresh)) down++;
    else if (pair.fresh) down += freshAvailable ? 0 : 1;
    else if (pair.old) (oldAvailable ? candidates : broken).push(pair.old);
  }
  return { create: [], delete: [...broken, ...candidates.slice(0, Math.max(0, limit - down))] };
}

/** A new pod comes beside the old one, on as many nodes at a time as may be doubled; an old one goes when the new one is available. */
function createFirst(state: DaemonSetState, views: readonly NodeView[], limit: number, wanted: number): Update {
  const update: Update = { create: [], delete: [] };
  const candidates: string[] = [];
  const strays: V1Pod[] = [];
  let surging = 0;
  let available = 0;
  for (const view of views) {
    const { pair, freshAvailable, oldAvailable } = standingOn(state, view);
    if (!pair) {
      surging++;
      continue;
    }
    const { fresh, old } = pair;
    if (old ? oldAvailable : freshAvailable) available++;
    if (!old) continue;
    if (fresh) {
      if (freshAvailable) update.delete.push(old);
      else surging++;
    } else if (!oldAvailable) {
      if (view.placement.run) update.create.push(view.name);
      else update.delete.push(old);
    } else if (view.placement.run) candidates.push(view.name);
    else strays.push(old);
  }
  // A node that is no longer meant keeps its pod until another one has taken its place.
  update.delete.push(...strays.slice(0, Math.max(0, available - wanted)));
  update.create.push(...candidates.slice(0, Math.max(0, limit - surging)));
  return update;
}
