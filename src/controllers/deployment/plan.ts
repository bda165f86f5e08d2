import type { V1Deployment, V1DeploymentCondition, V1DeploymentStatus, V1ReplicaSet } from '#kinds';
import {
  annotation,
  availableOf,
  desiredReplicas,
  intAnnotation,
  isRolling,
  maxInt32,
  maxSurge,
  maxUnavailable,
  oldestFirst,
  progressDeadlineMs,
  replicasOf,
  revisionOf,
  sum,
} from './numbers.ts';
import { proportionalSizes } from './proportional.ts';
import { buildReplicaSet, describe, findCurrent, nextRevision, scaledTo } from './revision.ts';
import { condition, conditionOf, deriveStatus, isComplete, pausedCondition, progressing, rolloutStatus, setCondition, untilDeadline } from './status.ts';

export interface DeploymentState {
  deployment: V1Deployment;
  /** All that the deployment owns. */
  replicaSets: readonly V1ReplicaSet[];
  /** Whether pods of other ReplicaSets than `current` are still there. Recreate waits for them. */
  oldPodsRunning(current: V1ReplicaSet | undefined): boolean;
  now: number;
}

export interface ReplicaSetWrite {
  type: 'create' | 'update' | 'delete';
  replicaSet: V1ReplicaSet;
  /** Recorded once the write is done. */
  scaling?: string;
}

export interface DeploymentPlan {
  /** In order. */
  writes: ReplicaSetWrite[];
  /** To be set on the deployment. */
  revision?: string;
  /** The status to write; undefined when it is as it should be. */
  status?: V1DeploymentStatus;
  /** When to look again although nothing happened: the progress deadline. */
  requeueAfterMs?: number;
}

/**
 * One step of a Deployment, from its present state: what to create, scale and delete, and the status that
 * follows. Takes small steps; the changes it makes bring on the next one. (Kubernetes: pkg/controller/deployment.)
 */
export function planDeployment(state: DeploymentState): DeploymentPlan {
  const draft = new Draft(state);
  const { deployment } = draft;
  if (deployment.metadata?.deletionTimestamp) return draft.finish(deriveStatus(deployment, draft.sets, draft.sync(false), state.now));
  draft.notePause();
  if (deployment.spec?.paused || draft.isScaling()) return draft.scaleOnly();
  return isRolling(deployment) ? draft.rollingUpdate() : draft.recreate();
}

class Draft {
  deployment: V1Deployment;
  sets: V1ReplicaSet[];
  readonly #state: DeploymentState;
  readonly #writes = new Map<string, ReplicaSetWrite>();
  #revision: string | undefined;

  constructor(state: DeploymentState) {
    this.#state = state;
    this.deployment = state.deployment;
    this.sets = [...state.replicaSets].sort(oldestFirst);
  }
  get #current(): V1ReplicaSet | undefined {
    return findCurrent(this.deployment, this.sets);
  }
  get #old(): V1ReplicaSet[] {
    const current = this.#current;
    return this.sets.filter((rs) => rs !== current);
  }

  notePause(): void {
    const next = pausedCondition(this.deployment, this.#state.now);
    if (next) this.#setCondition(next);
  }
  isScaling(): boolean {
    this.sync(false);
    const wanted = desiredReplicas(this.deployment);
    return this.sets.some((rs) => replicasOf(rs) > 0 && (intAnnotation(rs, annotation.desired) ?? wanted) !== wanted);
  }

  /** Finds the current ReplicaSet, or makes it, and brings revisions in order. */
  sync(create: boolean): V1ReplicaSet | undefined {
    const current = this.#current;
    const revision = nextRevision(this.#old);
    if (current) {
      const described = this.#put(current, describe(this.deployment, current, revision, false));
      this.#noteRevision(described);
      if (!conditionOf(this.deployment.status, 'Progressing')) this.#progress(progressing.found, `Found new replica set "${current.metadata?.name ?? ''}"`);
      return described;
    }
    return create ? this.#create(revision) : undefined;
  }
  #create(revision: number): V1ReplicaSet {
    const empty = buildReplicaSet(this.deployment, revision);
    const replicas = this.#roomFor(empty);
    const built = { ...empty, spec: { ...empty.spec, selector: empty.spec?.selector ?? {}, replicas } };
    const name = built.metadata?.name ?? '';
    this.sets.push(built);
    this.#writes.set(name, { type: 'create', replicaSet: built, ...(replicas > 0 ? { scaling: `Scaled up replica set ${name} from 0 to ${replicas}` } : {}) });
    this.#noteRevision(built);
    this.#progress(progressing.created, `Created new replica set "${name}"`);
    return built;
  }
  /** How many replicas the current ReplicaSet may have now. */
  #roomFor(current: V1ReplicaSet): number {
    const wanted = desiredReplicas(this.deployment);
    if (!isRolling(this.deployment)) return wanted;
    const others = this.sets.filter((rs) => rs !== current);
    const room = wanted + maxSurge(this.deployment) - sum(others, replicasOf) - replicasOf(current);
    return room <= 0 ? replicasOf(current) : replicasOf(current) + Math.min(room, wanted - replicasOf(current));
  }

  scaleOnly(): DeploymentPlan {
    this.sync(false);
    this.#scaleAll();
    if (this.deployment.spec?.paused) this.#cleanUp();
    return this.finish(deriveStatus(this.deployment, this.sets, this.#current, this.#state.now));
  }
  #scaleAll(): void {
    const wanted = desiredReplicas(this.deployment);
    const current = this.#current;
    const active = this.sets.filter((rs) => replicasOf(rs) > 0);
    if (active.length <= 1) {
      const only = active[0] ?? current ?? this.#old.at(-1);
      if (only && replicasOf(only) !== wanted) this.#scale(only, wanted);
      else if (only) this.#put(only, scaledTo(this.deployment, only, wanted));
      return;
    }
    if (current && this.#isSaturated(current)) return active.filter((rs) => rs !== current).forEach((rs) => this.#scale(rs, 0));
    if (isRolling(this.deployment)) for (const { replicaSet, replicas } of proportionalSizes(this.deployment, active)) this.#scale(replicaSet, replicas);
  }
  #isSaturated(current: V1ReplicaSet): boolean {
    const wanted = desiredReplicas(this.deployment);
    return replicasOf(current) === wanted && intAnnotation(current, annotation.desired) === wanted && availableOf(current) === wanted;
  }

  rollingUpdate(): DeploymentPlan {
    this.sync(true);
    if (!this.#growNew() && !this.#shrinkOld()) this.#cleanUpWhenComplete();
    return this.#finishRollout();
  }
  #growNew(): boolean {
    const current = this.#current;
    const wanted = desiredReplicas(this.deployment);
    if (!current || replicasOf(current) === wanted) return false;
    return this.#scale(current, replicasOf(current) > wanted ? wanted : this.#roomFor(current));
  }
  #shrinkOld(): boolean {
    const current = this.#current;
    const old = this.#old;
    if (!current || sum(old, replicasOf) === 0) return false;
    const minAvailable = desiredReplicas(this.deployment) - maxUnavailable(this.deployment);
    const room = sum(this.sets, replicasOf) - minAvailable - (replicasOf(current) - keptAvailable(current));
    if (room <= 0) return false;
    const sizes = new Map(old.map((rs) => [rs, replicasOf(rs)]));
    takeUnhealthy(sizes, room);
    takeAvailable(sizes, sum(this.sets, keptAvailable) - minAvailable);
    return [...sizes].map(([rs, replicas]) => replicas !== replicasOf(rs) && this.#scale(rs, replicas)).includes(true);
  }

  recreate(): DeploymentPlan {
    this.sync(false);
    const active = this.#old.filter((rs) => replicasOf(rs) > 0);
    for (const rs of active) this.#scale(rs, 0);
    const waiting = active.length > 0 || sum(this.#old, (rs) => rs.status?.replicas ?? 0) > 0 || this.#state.oldPodsRunning(this.#current);
    if (!waiting) {
      const current = this.sync(true);
      if (current) this.#scale(current, desiredReplicas(this.deployment));
      this.#cleanUpWhenComplete();
    }
    return this.#finishRollout();
  }

  #cleanUpWhenComplete(): void {
    if (isComplete(this.deployment, this.deployment.status ?? {})) this.#cleanUp();
  }
  /** Deletes the oldest revisions beyond the limit, never one that has or expects pods. */
  #cleanUp(): void {
    const limit = this.deployment.spec?.revisionHistoryLimit;
    if (limit === undefined || limit === maxInt32) return;
    const old = this.#old.filter((rs) => rs.metadata?.deletionTimestamp === undefined).sort((a, b) => revisionOf(a) - revisionOf(b));
    for (const rs of old.slice(0, Math.max(0, old.length - limit))) {
      const settled = (rs.metadata?.generation ?? 0) <= (rs.status?.observedGeneration ?? 0);
      if (replicasOf(rs) === 0 && (rs.status?.replicas ?? 0) === 0 && settled) this.#writes.set(rs.metadata?.name ?? '', { type: 'delete', replicaSet: rs });
    }
  }

  #scale(rs: V1ReplicaSet, replicas: number): boolean {
    const before = replicasOf(rs);
    const next = scaledTo(this.deployment, rs, replicas);
    const name = rs.metadata?.name ?? '';
    this.#put(rs, next, before === replicas ? undefined : `Scaled ${replicas > before ? 'up' : 'down'} replica set ${name} from ${before} to ${replicas}`);
    return next !== rs;
  }
  #put(rs: V1ReplicaSet, next: V1ReplicaSet, scaling?: string): V1ReplicaSet {
    if (next === rs) return rs;
    this.sets = this.sets.map((other) => (other === rs ? next : other));
    const name = next.metadata?.name ?? '';
    const before = this.#writes.get(name);
    const text = scaling ?? before?.scaling;
    this.#writes.set(name, { type: before?.type ?? 'update', replicaSet: next, ...(text === undefined ? {} : { scaling: text }) });
    return next;
  }
  #noteRevision(current: V1ReplicaSet): void {
    const revision = current.metadata?.annotations?.[annotation.revision];
    if (revision !== undefined && this.deployment.metadata?.annotations?.[annotation.revision] !== revision) this.#revision = revision;
  }
  #progress(reason: string, message: string): void {
    if (progressDeadlineMs(this.deployment) !== undefined) this.#setCondition(condition('Progressing', 'True', reason, message, this.#state.now));
  }
  #setCondition(next: V1DeploymentCondition): void {
    const status: V1DeploymentStatus = { ...this.deployment.status };
    setCondition(status, next);
    this.deployment = { ...this.deployment, status };
  }

  #finishRollout(): DeploymentPlan {
    return this.finish(rolloutStatus(this.deployment, this.sets, this.#current, this.#state.now), true);
  }
  finish(status: V1DeploymentStatus, timed = false): DeploymentPlan {
    const changed = !sameStatus(this.#state.deployment.status, status);
    const wait = timed ? untilDeadline(this.deployment, status, this.#state.now) : undefined;
    return {
      writes: [...this.#writes.values()],
      ...(this.#revision === undefined ? {} : { revision: this.#revision }),
      ...(changed ? { status } : {}),
      ...(wait === undefined ? {} : { requeueAfterMs: wait }),
    };
  }
}

/** What is available beyond what the set asks for is on its way out, though the status still counts it. */
const keptAvailable = (rs: V1ReplicaSet): number => Math.min(replicasOf(rs), availableOf(rs));

/** Unavailable old replicas go first: losing them costs nothing. */
function takeUnhealthy(sizes: Map<V1ReplicaSet, number>, limit: number): void {
  let left = limit;
  for (const [rs, replicas] of sizes) {
    const count = Math.min(left, Math.max(0, replicas - availableOf(rs)));
    sizes.set(rs, replicas - count);
    left -= count;
  }
}
function takeAvailable(sizes: Map<V1ReplicaSet, number>, limit: number): void {
  let left = Math.max(0, limit);
  for (const [rs, replicas] of sizes) {
    const count = Math.min(left, replicas);
    sizes.set(rs, replicas - count);
    left -= count;
  }
}

/** Zero and absent are the same number. */
function sameStatus(a: V1DeploymentStatus | undefined, b: V1DeploymentStatus): boolean {
  const form = (s: V1DeploymentStatus | undefined): string =>
    JSON.stringify(
      Object.entries(s ?? {})
        .filter(([, v]) => v !== 0 && !(Array.isArray(v) && v.length === 0))
        .sort(([x], [y]) => (x < y ? -1 : 1))
        .map(([k, v]) => [
          k,
          k === 'conditions' ? (v as V1DeploymentCondition[]).map((c) => [c.type, c.status, c.reason, c.message, c.lastUpdateTime, c.lastTransitionTime]) : v,
        ]),
    );
  return form(a) === form(b);
}
