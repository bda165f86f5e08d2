import { formatTime } from '#base';
import type { V1Deployment, V1Pod, V1ReplicaSet } from '#kinds';
import { cloneObject } from '#machinery';
import { isTerminating } from '../../pods.ts';
import { templateHash, templateHashLabel } from '../hash.ts';
import { availableOf, revisionOf } from '../numbers.ts';
import { findCurrent, withAnnotationsOf } from '../revision.ts';
import { conditionOf, isComplete, progressing } from '../status.ts';
import { recordOf, rollbackAnnotation, type RollbackPolicy, type RollbackRecord } from './policy.ts';
import { crashingPods, describeTrouble } from './trouble.ts';

export interface RollbackState {
  readonly deployment: V1Deployment;
  readonly policy: RollbackPolicy;
  readonly replicaSets: readonly V1ReplicaSet[];
  podsOf(rs: V1ReplicaSet): readonly V1Pod[];
  readonly now: number;
}
export type RollbackAction =
  | { type: 'none'; requeueAfterMs?: number }
  /** The rollout is through: its ReplicaSet is a place to go back to. */
  | { type: 'prove'; replicaSet: V1ReplicaSet }
  /** The deployment to write, and what is told of it. */
  | { type: 'rollBack' | 'giveUp' | 'forget'; deployment: V1Deployment; event?: { reason: string; message: string } };

const nothing: RollbackAction = { type: 'none' };

/** What to do about a Deployment that wants to be rolled back when its rollout fails. */
export function planRollback(state: RollbackState): RollbackAction {
  const { deployment, replicaSets } = state;
  if (deployment.spec?.paused || isTerminating(deployment)) return nothing;
  if ((deployment.status?.observedGeneration ?? 0) < (deployment.metadata?.generation ?? 0)) return nothing;
  const current = findCurrent(deployment, replicaSets);
  if (!current) return nothing;
  const isProven = current.metadata?.annotations?.[rollbackAnnotation.proven] !== undefined;
  // What was proven, or gone back to, is not left again.
  const isSafe = isProven || recordOf(deployment)?.to === hashOf(deployment);
  const failure = isSafe ? undefined : failureOf(state, current);
  return failure === undefined ? settle(state, current, isProven) : fail(state, current, failure);
}

/** Why the rollout has failed; undefined as long as it has not. */
function failureOf({ deployment, policy, podsOf }: RollbackState, current: V1ReplicaSet): string | undefined {
  const name = current.metadata?.name ?? '';
  const progress = conditionOf(deployment.status, 'Progressing');
  // The condition stays when an older ReplicaSet becomes the current one again: it has to speak of this one.
  if (policy.progress && progress?.reason === progressing.deadline && progress.message?.startsWith(`ReplicaSet "${name}" `))
    return `ReplicaSet "${name}" has timed out progressing (${describeTrouble(podsOf(current))})`;
  if (!policy.crash) return undefined;
  const crashing = crashingPods(podsOf(current), policy.restarts);
  return crashing.length > 0 ? `pods of ReplicaSet "${name}" keep crashing (${describeTrouble(crashing)})` : undefined;
}

/** Nothing is wrong: a rollout that is through, and stayed so, is remembered. */
function settle(state: RollbackState, current: V1ReplicaSet, isProven: boolean): RollbackAction {
  const { deployment, policy, now } = state;
  if (!isComplete(deployment, deployment.status ?? {})) return nothing;
  const left = policy.crash && !isProven ? completedAt(deployment, current) + policy.windowMs - now : 0;
  if (left > 0) return { type: 'none', requeueAfterMs: left };
  if (!isProven) return { type: 'prove', replicaSet: current };
  const record = recordOf(deployment);
  const isAftermath = record === undefined || record.to === hashOf(deployment);
  return isAftermath ? nothing : { type: 'forget', deployment: withRecord(deployment, undefined) };
}
const completedAt = (d: V1Deployment, current: V1ReplicaSet): number =>
  Date.parse(conditionOf(d.status, 'Progressing')?.lastUpdateTime ?? current.metadata?.creationTimestamp ?? '') || 0;

function fail(state: RollbackState, current: V1ReplicaSet, failure: string): RollbackAction {
  const { deployment, now } = state;
  const failed = hashOf(deployment);
  const before = recordOf(deployment);
  if (before?.failed === failed) return failAgain(deployment, before, failure);
  const target = targetOf(state, current);
  const fromRevision = revisionOf(current);
  const record: RollbackRecord = { failed, fromRevision, reason: failure, time: formatTime(now) };
  if (!target) {
    const message = `Revision ${fromRevision} failed and there is no revision that was complete before: ${failure}`;
    return { type: 'giveUp', deployment: withRecord(deployment, record), event: { reason: 'AutoRollbackImpossible', message } };
  }
  const next = withTemplateOf(deployment, target);
  const toRevision = revisionOf(target);
  const message = `Rolled back to revision ${toRevision}, because revision ${fromRevision} failed: ${failure}`;
  return { type: 'rollBack', deployment: withRecord(next, { ...record, to: hashOf(next), toRevision }), event: { reason: 'AutoRollback', message } };
}
/** The template that was given up is back by someone's will: it is not fought over. */
function failAgain(deployment: V1Deployment, record: RollbackRecord, failure: string): RollbackAction {
  if (record.again || record.to === undefined) return nothing;
  const message = `Not rolled back, because this template was rolled back before and was applied again: ${failure}`;
  return { type: 'giveUp', deployment: withRecord(deployment, { ...record, again: true }), event: { reason: 'AutoRollbackSkipped', message } };
}

/** The newest revision before this one whose rollout was complete; when none is known to be, the newest that has available pods. */
function targetOf({ replicaSets }: RollbackState, current: V1ReplicaSet): V1ReplicaSet | undefined {
  const others = replicaSets.filter((rs) => rs !== current && !isTerminating(rs)).sort((a, b) => revisionOf(b) - revisionOf(a));
  return others.find((rs) => rs.metadata?.annotations?.[rollbackAnnotation.proven] !== undefined) ?? others.find((rs) => availableOf(rs) > 0);
}
const hashOf = (d: V1Deployment): string => (d.spec ? templateHash(d.spec.template, undefined) : '');

/** As `kubectl rollout undo` does it: the template and the annotations of that revision. */
function withTemplateOf(d: V1Deployment, rs: V1ReplicaSet): V1Deployment {
  const template = cloneObject(rs.spec?.template ?? {});
  delete template.metadata?.labels?.[templateHashLabel];
  const next = withAnnotationsOf(d, rs);
  return { ...next, spec: { ...(d.spec ?? { selector: {} }), template } };
}
function withRecord(d: V1Deployment, record: RollbackRecord | undefined): V1Deployment {
  const { [rollbackAnnotation.record]: _, ...annotations } = d.metadata?.annotations ?? {};
  if (record) annotations[rollbackAnnotation.record] = JSON.stringify(record);
  return { ...d, metadata: { ...d.metadata, annotations } };
}
