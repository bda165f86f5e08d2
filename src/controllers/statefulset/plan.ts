import type { V1PersistentVolumeClaim, V1Pod, V1StatefulSet, V1StatefulSetStatus } from '#kinds';
import type { OwnerReference } from '#machinery';
import { isPodAvailable, isPodReady, isPodTerminal, isTerminating, nextAvailable } from '../pods.ts';
import { templateOf } from '../revisions.ts';
import { hasConflictingController, isStale, ownersToSet } from './claims.ts';
import { buildPod, claimNames, claimsOf, identityMatches, isInRange, ordinalOf, replicasOf, revisionOf, startOrdinal, storageMatches } from './identity.ts';
import { deriveStatus, type Revisions } from './status.ts';
import { maxUnavailable, partitionOf, isParallel } from './strategy.ts';

export interface StatefulSetState {
  readonly set: V1StatefulSet;
  /** All that the set owns and whose names are its own. */
  readonly pods: readonly V1Pod[];
  readonly revisions: Revisions;
  claim(name: string): V1PersistentVolumeClaim | undefined;
  /** Pods that ended are replaced more and more slowly. How long this one has to wait, ms; 0 when it need not. */
  failureWait(pod: V1Pod): number;
  readonly now: number;
}

export type StatefulSetAction =
  /** The claims come first; a claim that is being deleted keeps the pod from being made. */
  | { type: 'create'; pod: V1Pod; claims: V1PersistentVolumeClaim[]; blockedBy?: string }
  | { type: 'claims'; pod: V1Pod; claims: V1PersistentVolumeClaim[]; blockedBy?: string }
  | { type: 'own'; pod: V1Pod; claim: V1PersistentVolumeClaim; ownerReferences: OwnerReference[] }
  | { type: 'conflict'; pod: V1Pod; claim: V1PersistentVolumeClaim }
  | { type: 'repair'; pod: V1Pod }
  | { type: 'delete'; pod: V1Pod };

export interface StatefulSetPlan {
  /** In order; what follows a failure is not done. A phase of a Parallel set may be done all at once. */
  phases: StatefulSetAction[][];
  parallel: boolean;
  status: V1StatefulSetStatus;
  requeueAfterMs?: number;
}

/**
 * One step of a StatefulSet, from its present state. One at a time and in order, unless it is Parallel:
 * missing pods are made from the lowest ordinal up, each when all before it are available; then what is
 * beyond the range goes, from the highest down; then what is out of date. (Kubernetes: pkg/controller/statefulset.)
 */
export function planStatefulSet(state: StatefulSetState): StatefulSetPlan {
  const { set, now } = state;
  const draft = new Draft(state);
  if (!isTerminating(set)) draft.work();
  const status = deriveStatus(set, state.pods, state.revisions, now, draft.outdated);
  const waits = [...draft.waits, nextAvailable(state.pods, set.spec?.minReadySeconds ?? 0, now) ?? Infinity];
  const wait = Math.min(...waits);
  return { phases: draft.phases, parallel: isParallel(set), status, ...(wait === Infinity ? {} : { requeueAfterMs: wait }) };
}

/** A place for a pod: the one that is there, or the one to be made. */
interface Slot {
  readonly pod: V1Pod;
  readonly exists: boolean;
}

class Draft {
  readonly phases: StatefulSetAction[][] = [];
  /** What is deleted because it is out of date. */
  outdated: V1Pod[] = [];
  /** When to look again, ms. */
  readonly waits: number[] = [];
  readonly #state: StatefulSetState;
  readonly #ordered: boolean;
  readonly #slots: Slot[];
  readonly #condemned: V1Pod[];

  constructor(state: StatefulSetState) {
    const { set, pods } = state;
    this.#state = state;
    this.#ordered = !isParallel(set);
    const present = new Map(pods.map((pod) => [ordinalOf(pod), pod]));
    this.#slots = Array.from({ length: replicasOf(set) }, (_, i) => {
      const ordinal = startOrdinal(set) + i;
      const pod = present.get(ordinal);
      return { pod: pod ?? this.#build(ordinal), exists: pod !== undefined };
    });
    const beyond = pods.filter((pod) => ordinalOf(pod) >= 0 && !isInRange(set, ordinalOf(pod)));
    this.#condemned = beyond.sort((a, b) => ordinalOf(b) - ordinalOf(a));
  }
  /** What lies below the partition stays at the current revision. */
  #build(ordinal: number): V1Pod {
    const { set, revisions } = this.#state;
    const revision = ordinal < startOrdinal(set) + partitionOf(set) ? revisions.current : revisions.update;
    return buildPod(set, templateOf(revision), revision.metadata?.name ?? '', ordinal);
  }

  work(): void {
    if (!this.#phase(this.#slots, (slot, actions) => this.#keep(slot, actions))) return;
    this.#phase(this.#condemned, (pod, actions) => this.#settleClaims(pod, actions));
    if (!this.#phase(this.#condemned, (pod, actions) => this.#condemn(pod, actions))) return;
    if (this.#state.set.spec?.updateStrategy?.type !== 'OnDelete') this.#update();
  }
  /** Whether all of it is done, so that the next phase may begin. */
  #phase<T>(items: readonly T[], step: (item: T, actions: StatefulSetAction[]) => boolean): boolean {
    const actions: StatefulSetAction[] = [];
    this.phases.push(actions);
    for (const item of items) if (!step(item, actions) && this.#ordered) return false;
    return true;
  }

  /** Whether the slot is as it should be, for those after it to be looked at. */
  #keep({ pod, exists }: Slot, actions: StatefulSetAction[]): boolean {
    if (!exists) {
      if (!this.#isClaimStale(pod)) actions.push({ type: 'create', pod, ...this.#missingClaims(pod) });
      return false;
    }
    if (isPodTerminal(pod)) {
      const wait = isTerminating(pod) ? 0 : this.#state.failureWait(pod);
      if (wait > 0) this.waits.push(wait);
      else if (!isTerminating(pod)) actions.push({ type: 'delete', pod });
      return false;
    }
    if (pod.status?.phase === 'Pending' && !isTerminating(pod)) {
      const { claims, blockedBy } = this.#missingClaims(pod);
      if (claims.length > 0 || blockedBy !== undefined) actions.push({ type: 'claims', pod, claims, ...(blockedBy === undefined ? {} : { blockedBy }) });
    }
    if (this.#ordered && (isTerminating(pod) || !this.#isAvailable(pod))) return false;
    const { set } = this.#state;
    if (!identityMatches(set, pod) || !storageMatches(set, pod)) actions.push({ type: 'repair', pod });
    this.#settleClaims(pod, actions);
    return true;
  }
  #condemn(pod: V1Pod, actions: StatefulSetAction[]): boolean {
    if (isTerminating(pod)) return false;
    if (this.#ordered && !this.#isAvailable(pod) && pod !== this.#firstUnavailable()) return false;
    actions.push({ type: 'delete', pod });
    return false;
  }
  /** In order, all that is kept is available by now: the lowest of the others that is not. */
  #firstUnavailable(): V1Pod | undefined {
    return this.#condemned.findLast((pod) => this.#isUnavailable(pod));
  }

  /** From the highest ordinal down, no more at a time than may be unavailable. */
  #update(): void {
    const { set, revisions } = this.#state;
    const update = revisions.update.metadata?.name ?? '';
    const isOutdated = ({ pod, exists }: Slot): boolean => exists && revisionOf(pod) !== update && !isTerminating(pod) && !isPodTerminal(pod);
    // Old pods that are broken do not count: replacing them is what heals the set.
    const down = this.#slots.filter((slot) => !isOutdated(slot) && (!slot.exists || this.#isUnavailable(slot.pod))).length;
    const room = maxUnavailable(set) - down;
    const candidates = this.#slots.slice(Math.min(partitionOf(set), this.#slots.length)).filter(isOutdated);
    this.outdated = candidates
      .slice(room > 0 ? -room : candidates.length)
      .map((slot) => slot.pod)
      .reverse();
    this.phases.push(this.outdated.map((pod) => ({ type: 'delete', pod })));
  }

  #isAvailable(pod: V1Pod): boolean {
    return pod.status?.phase === 'Running' && isPodReady(pod) && isPodAvailable(pod, this.#state.set.spec?.minReadySeconds ?? 0, this.#state.now);
  }
  #isUnavailable = (pod: V1Pod): boolean => isTerminating(pod) || !this.#isAvailable(pod);

  #present(pod: V1Pod): V1PersistentVolumeClaim[] {
    return claimNames(this.#state.set, ordinalOf(pod)).flatMap((name) => this.#state.claim(name) ?? []);
  }
  #isClaimStale(pod: V1Pod): boolean {
    return this.#present(pod).some((claim) => isStale(claim, pod));
  }
  #missingClaims(pod: V1Pod): { claims: V1PersistentVolumeClaim[]; blockedBy?: string } {
    const claims: V1PersistentVolumeClaim[] = [];
    let blockedBy: string | undefined;
    for (const wanted of claimsOf(this.#state.set, ordinalOf(pod))) {
      const name = wanted.metadata?.name ?? '';
      const present = this.#state.claim(name);
      if (present && isTerminating(present)) blockedBy ??= name;
      if (present) continue;
      const owners = ownersToSet(wanted, this.#state.set, pod);
      if (owners) wanted.metadata = { ...wanted.metadata, ownerReferences: owners };
      claims.push(wanted);
    }
    return { claims, ...(blockedBy === undefined ? {} : { blockedBy }) };
  }
  /** Owners of the pod's claims as the retention policy wants them. */
  #settleClaims(pod: V1Pod, actions: StatefulSetAction[]): boolean {
    for (const claim of this.#present(pod)) {
      const ownerReferences = ownersToSet(claim, this.#state.set, pod);
      if (ownerReferences && hasConflictingController(claim, this.#state.set, pod)) actions.push({ type: 'conflict', pod, claim });
      if (ownerReferences) actions.push({ type: 'own', pod, claim, ownerReferences });
    }
    return true;
  }
}
