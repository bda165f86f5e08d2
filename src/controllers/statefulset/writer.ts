import { PersistentVolumeClaim, Pod, type V1PersistentVolumeClaim, type V1Pod, type V1StatefulSet } from '#kinds';
import { isApiError } from '#machinery';
import { inBatches } from '../batches.ts';
import { isNamespaceTerminating, type ControllerContext } from '../controller.ts';
import { patchOwners } from '../ownership.ts';
import type { PendingWrites } from '../pending.ts';
import { repaired } from './identity.ts';
import type { StatefulSetAction, StatefulSetPlan } from './plan.ts';

type Verb = 'create' | 'update' | 'delete';
const titles: Record<Verb, string> = { create: 'Create', update: 'Update', delete: 'Delete' };

/** Carries plans of one set out and tells of it. */
export class StatefulSetWriter {
  readonly #context: ControllerContext;
  readonly #set: V1StatefulSet;
  readonly #uid: string;
  readonly #pending: { pods: PendingWrites<V1Pod>; claims: PendingWrites<V1PersistentVolumeClaim> };

  constructor(context: ControllerContext, set: V1StatefulSet, pending: { pods: PendingWrites<V1Pod>; claims: PendingWrites<V1PersistentVolumeClaim> }) {
    this.#context = context;
    this.#set = set;
    this.#uid = set.metadata?.uid ?? '';
    this.#pending = pending;
  }
  /** Gives the first failure; what was to follow is left for the next time. */
  async apply({ phases, parallel }: StatefulSetPlan): Promise<unknown> {
    for (const actions of phases) {
      const error = parallel
        ? await inBatches(actions.length, (i) => this.#act(actions[i] as StatefulSetAction))
        : await inOrder(actions, (action) => this.#act(action));
      if (error !== undefined) return isNamespaceTerminating(error) ? undefined : error;
    }
    return undefined;
  }
  async #act(action: StatefulSetAction): Promise<void> {
    switch (action.type) {
      case 'create':
        return this.#create(action);
      case 'claims':
        return this.#makeClaims(action);
      case 'own':
        return this.#own(action);
      case 'conflict':
        return this.#tellConflict(action.claim);
      case 'repair':
        return this.#repair(action.pod);
      case 'delete':
        return this.#delete(action.pod);
    }
  }

  async #create({ pod, claims, blockedBy }: { pod: V1Pod; claims: V1PersistentVolumeClaim[]; blockedBy?: string }): Promise<void> {
    try {
      await this.#makeClaims({ pod, claims, ...(blockedBy === undefined ? {} : { blockedBy }) });
      this.#pending.pods.wrote(this.#uid, await this.#context.api.create(Pod, pod));
    } catch (error) {
      // The name is taken, by the pod before it or by another's: nothing to tell, it is tried again.
      if (!isApiError(error, 'AlreadyExists')) this.#tell('create', pod, error);
      throw error;
    }
    this.#tell('create', pod);
  }
  async #makeClaims({ pod, claims, blockedBy }: { pod: V1Pod; claims: V1PersistentVolumeClaim[]; blockedBy?: string }): Promise<void> {
    for (const claim of claims) {
      try {
        this.#pending.claims.wrote(this.#uid, await this.#context.api.create(PersistentVolumeClaim, claim));
      } catch (error) {
        if (isApiError(error, 'AlreadyExists')) continue;
        this.#tellClaim(pod, claim, error);
        throw error;
      }
      this.#tellClaim(pod, claim);
    }
    if (blockedBy !== undefined) throw new Error(`pvc ${blockedBy} is being deleted`);
  }
  async #own({ claim, ownerReferences }: Extract<StatefulSetAction, { type: 'own' }>): Promise<void> {
    this.#pending.claims.wrote(this.#uid, await patchOwners(this.#context.api, PersistentVolumeClaim, claim, ownerReferences));
  }
  async #repair(pod: V1Pod): Promise<void> {
    try {
      this.#pending.pods.wrote(this.#uid, await this.#context.api.update(Pod, repaired(this.#set, pod)));
    } catch (error) {
      this.#tell('update', pod, error);
      throw error;
    }
    this.#tell('update', pod);
  }
  async #delete(pod: V1Pod): Promise<void> {
    const { namespace, name = '', uid } = pod.metadata ?? {};
    try {
      const answer = await this.#context.api.delete(Pod, { namespace, name }, uid ? { preconditions: { uid } } : {});
      // Its name is not free yet, nor is it another's turn.
      this.#pending.pods.ending(this.#uid, pod, answer, this.#context.clock.now());
    } catch (error) {
      // Gone already, or another pod has the name: either way this one is deleted.
      if (isApiError(error, 'NotFound') || isApiError(error, 'Conflict')) return;
      this.#tell('delete', pod, error);
      throw error;
    }
    this.#tell('delete', pod);
  }

  #tell(verb: Verb, pod: V1Pod, error?: unknown): void {
    const what = `${verb} Pod ${pod.metadata?.name ?? ''} in StatefulSet ${this.#set.metadata?.name ?? ''}`;
    this.#event(verb, error === undefined ? `${what} successful` : `${what} failed error: ${(error as Error).message}`, error !== undefined);
  }
  #tellClaim(pod: V1Pod, claim: V1PersistentVolumeClaim, error?: unknown): void {
    const [name, podName, set] = [claim.metadata?.name ?? '', pod.metadata?.name ?? '', this.#set.metadata?.name ?? ''];
    if (error === undefined) this.#event('create', `create Claim ${name} Pod ${podName} in StatefulSet ${set} success`, false);
    else this.#event('create', `create Claim ${name} for Pod ${podName} in StatefulSet ${set} failed error: ${(error as Error).message}`, true);
  }
  #tellConflict(claim: V1PersistentVolumeClaim): void {
    const text = `PersistentVolumeClaim ${claim.metadata?.name ?? ''} has a conflicting OwnerReference that acts as a managing controller, the retention policy is ignored for this claim`;
    this.#context.recorder.event(this.#set, 'Warning', 'ConflictingController', text);
  }
  #event(verb: Verb, message: string, failed: boolean): void {
    this.#context.recorder.event(this.#set, failed ? 'Warning' : 'Normal', `${failed ? 'Failed' : 'Successful'}${titles[verb]}`, message);
  }
}

async function inOrder<T>(items: readonly T[], action: (item: T) => Promise<void>): Promise<unknown> {
  try {
    for (const item of items) await action(item);
    return undefined;
  } catch (error) {
    return error ?? new Error('failed without a reason');
  }
}
