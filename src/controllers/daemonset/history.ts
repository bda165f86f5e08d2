import { Pod, type V1ControllerRevision, type V1DaemonSet, type V1Pod } from '#kinds';
import type { Api } from '#machinery';
import { nextRevision, revisionLabel, sameData, type RevisionHistory } from '../revisions.ts';

export interface DaemonSetHistory {
  current: V1ControllerRevision;
  /** Oldest first. */
  old: V1ControllerRevision[];
  collisionCount: number;
}
export const hashOf = (revision: V1ControllerRevision): string => revision.metadata?.labels?.[revisionLabel] ?? revision.metadata?.name ?? '';

/** Finds the revision of the present template, or makes it. Several of them become one: the newest stays, and pods are told. */
export async function resolveHistory(
  api: Api,
  history: RevisionHistory<V1DaemonSet>,
  set: V1DaemonSet,
  pods: () => readonly V1Pod[],
): Promise<DaemonSetHistory> {
  const known = await history.list(set);
  const collisionCount = set.status?.collisionCount ?? 0;
  const wanted = history.build(set, 0, collisionCount);
  const equal = known.filter((revision) => sameData(revision, wanted));
  const old = known.filter((revision) => !equal.includes(revision));
  const next = nextRevision(old);
  const newest = equal.at(-1);
  if (!newest) {
    const made = await history.create(set, next);
    return { current: made.created, old, collisionCount: made.collisionCount };
  }
  if (equal.length > 1) await unite(api, history, set, equal, pods());
  const current = newest.revision < next ? await history.renumber(set, newest, next) : newest;
  return { current, old, collisionCount };
}
async function unite(
  api: Api,
  history: RevisionHistory<V1DaemonSet>,
  set: V1DaemonSet,
  equal: readonly V1ControllerRevision[],
  pods: readonly V1Pod[],
): Promise<void> {
  const kept = hashOf(equal.at(-1) as V1ControllerRevision);
  const others = equal.slice(0, -1);
  const hashes = new Set(others.map(hashOf));
  for (const pod of pods) {
    const { namespace, name = '', labels } = pod.metadata ?? {};
    if (!hashes.has(labels?.[revisionLabel] ?? '')) continue;
    await api.patch(Pod, { namespace, name }, 'application/merge-patch+json', { metadata: { labels: { [revisionLabel]: kept } } });
  }
  for (const revision of others) await history.delete(set, revision);
}

/** Deletes the oldest revisions that no pod has, beyond the limit. */
export async function truncateHistory(
  history: RevisionHistory<V1DaemonSet>,
  set: V1DaemonSet,
  old: readonly V1ControllerRevision[],
  pods: () => readonly V1Pod[],
): Promise<void> {
  let surplus = old.length - (set.spec?.revisionHistoryLimit ?? 10);
  if (surplus <= 0) return;
  const live = new Set(pods().map((pod) => pod.metadata?.labels?.[revisionLabel]));
  for (const revision of old) {
    if (surplus <= 0) return;
    if (live.has(hashOf(revision))) continue;
    await history.delete(set, revision);
    surplus--;
  }
}
