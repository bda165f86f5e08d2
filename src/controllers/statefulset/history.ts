import type { V1ControllerRevision, V1Pod, V1StatefulSet } from '#kinds';
import { nextRevision, sameData, type RevisionHistory } from '../revisions.ts';
import { isTerminating } from '../pods.ts';
import { revisionOf } from './identity.ts';
import type { Revisions } from './status.ts';

/** Finds the revision of the present template, or makes it; an old one that has it again gets a new number. `known` is oldest first. */
export async function resolveRevisions(
  history: RevisionHistory<V1StatefulSet>,
  set: V1StatefulSet,
  known: readonly V1ControllerRevision[],
): Promise<Revisions> {
  const { update, collisionCount } = await findUpdate(history, set, known);
  const current = known.find((r) => r.metadata?.name === set.status?.currentRevision);
  const isRenumbered = current !== undefined && current.metadata?.name === update.metadata?.name;
  return { current: current && !isRenumbered ? current : update, update, collisionCount };
}
async function findUpdate(
  history: RevisionHistory<V1StatefulSet>,
  set: V1StatefulSet,
  known: readonly V1ControllerRevision[],
): Promise<{ update: V1ControllerRevision; collisionCount: number }> {
  const collisionCount = set.status?.collisionCount ?? 0;
  const next = nextRevision(known);
  const wanted = history.build(set, next, collisionCount);
  const equal = known.findLast((r) => sameData(r, wanted));
  if (!equal) {
    const last = known.at(-1);
    if (last && isTerminating(set)) return { update: last, collisionCount };
    const made = await history.create(set, next);
    return { update: made.created, collisionCount: made.collisionCount };
  }
  const newest = known.at(-1);
  return { update: newest && sameData(newest, equal) ? newest : await history.renumber(set, equal, next), collisionCount };
}

/** Deletes the oldest revisions that no pod has, beyond the limit. */
export async function truncateHistory(
  history: RevisionHistory<V1StatefulSet>,
  set: V1StatefulSet,
  known: readonly V1ControllerRevision[],
  { current, update }: Revisions,
  pods: readonly V1Pod[],
): Promise<void> {
  const limit = set.spec?.revisionHistoryLimit ?? 10;
  if (limit < 0) return;
  const live = new Set([current.metadata?.name, update.metadata?.name, set.status?.currentRevision, ...pods.map(revisionOf)]);
  const dead = known.filter((r) => !live.has(r.metadata?.name));
  for (const revision of dead.slice(0, Math.max(0, dead.length - limit))) await history.delete(set, revision);
}
