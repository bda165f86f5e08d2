import { ControllerRevision, PersistentVolumeClaim, Pod, StatefulSet, type V1Pod, type V1StatefulSet } from '#kinds';
import { keyFor, ownKey, splitKey, type Controller, type ControllerContext, type Reconcile } from '../controller.ts';
import { Failures } from '../failures.ts';
import { applyClaims, controllerOf, ownerKeys, planClaims } from '../ownership.ts';
import { PendingWrites } from '../pending.ts';
import { concernsOwner, indexByController, indexOrphans, isPodTerminal, isTerminating } from '../pods.ts';
import { RevisionHistory } from '../revisions.ts';
import { writeStatus } from '../status.ts';
import { truncateHistory, resolveRevisions } from './history.ts';
import { isMember } from './identity.ts';
import { planStatefulSet } from './plan.ts';
import { sameStatus } from './status.ts';
import { StatefulSetWriter } from './writer.ts';

/** Keeps pods with names, claims and an order of their own. */
export const statefulSetController: Controller = { name: 'statefulset', component: 'statefulset-controller', setup };

function setup(context: ControllerContext): Reconcile {
  const sets = context.watch(StatefulSet, ownKey);
  const ownersOf = ownerKeys(sets, (set) => set.spec?.selector, isMember);
  const pods = context.watch(Pod, (pod, old) => (pod && old && !concernsOwner(pod, old) ? [] : [...new Set([...ownersOf(pod), ...ownersOf(old)])]));
  // A claim that goes makes room for the one that replaces it.
  const claims = context.watch(PersistentVolumeClaim, (claim, old) => (claim === undefined && old ? setsWithClaim(old) : []));
  const revisions = context.watch(ControllerRevision, (object, old) => {
    const ref = controllerOf(object ?? old ?? {});
    return object === undefined && ref?.kind === 'StatefulSet' ? [`${old?.metadata?.namespace ?? ''}/${ref.name}`] : [];
  });
  const history = new RevisionHistory(context, revisions, StatefulSet, 'controller.kubernetes.io/hash');
  const ownedPods = indexByController(pods);
  const orphanPods = indexOrphans(pods);
  const pending = new PendingWrites(pods);
  const pendingClaims = new PendingWrites(claims);
  const pendingSelf = new PendingWrites(sets);
  const failures = new Failures();

  function setsWithClaim(claim: { metadata?: { namespace?: string; name?: string } }): string[] {
    const names = (set: V1StatefulSet): string[] => (set.spec?.volumeClaimTemplates ?? []).map((t) => `${t.metadata?.name ?? ''}-${set.metadata?.name ?? ''}-`);
    const uses = (set: V1StatefulSet): boolean => names(set).some((prefix) => claim.metadata?.name?.startsWith(prefix));
    return sets.list(claim.metadata?.namespace).filter(uses).map(keyFor);
  }
  /** The pods that are the set's; those that only look like it are adopted, those that no longer do are released. */
  async function claimPods(set: V1StatefulSet): Promise<V1Pod[]> {
    const uid = set.metadata?.uid ?? '';
    const orphans = orphanPods(set.metadata?.namespace ?? '').filter((pod) => isMember(set, pod));
    const found = planClaims(set, set.spec?.selector, [...ownedPods(uid), ...orphans]);
    if (!isTerminating(set)) found.release.push(...found.owned.filter((pod) => !isMember(set, pod)));
    found.owned = found.owned.filter((pod) => isMember(set, pod));
    const owned = await applyClaims(context.api, StatefulSet, set, Pod, found);
    for (const pod of owned) if (!found.owned.includes(pod)) pending.wrote(uid, pod);
    return pending.merge(uid, owned);
  }

  return async (key) => {
    const { namespace, name } = splitKey(key);
    const cached = sets.get(namespace, name);
    if (!cached) return;
    const uid = cached.metadata?.uid ?? '';
    const set = pendingSelf.merge(uid, [cached])[0] ?? cached;
    const owned = await claimPods(set);
    const known = await history.list(set);
    if (isTerminating(set) && known.length === 0) return;
    const resolved = await resolveRevisions(history, set, known);
    const unseen = new Map(pendingClaims.merge(uid, []).map((claim) => [claim.metadata?.name, claim]));
    const plan = planStatefulSet({
      set,
      pods: owned,
      revisions: resolved,
      failureWait: (pod) => failures.wait(`${uid}/${pod.metadata?.name ?? ''}`, context.clock.now()),
      claim: (claim) => unseen.get(claim) ?? claims.get(namespace, claim),
      now: context.clock.now(),
    });
    for (const { type, pod } of plan.phases.flat())
      if (type === 'delete' && isPodTerminal(pod)) failures.count(`${uid}/${pod.metadata?.name ?? ''}`, context.clock.now());
    const writer = new StatefulSetWriter(context, set, { pods: pending, claims: pendingClaims });
    const error = await writer.apply(plan);
    const written = sameStatus(set.status, plan.status) ? set : await writeStatus(context.api, StatefulSet, set, plan.status);
    if (!written) return;
    pendingSelf.wrote(uid, written);
    if (error !== undefined) throw error;
    if (!isTerminating(set)) await truncateHistory(history, set, known, resolved, owned);
    return plan.requeueAfterMs;
  };
}
