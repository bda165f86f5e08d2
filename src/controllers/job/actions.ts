/** Writes to the pods of jobs. */
import { Job, Pod, type V1Job, type V1Pod } from '#kinds';
import { isApiError } from '#machinery';
import { isNamespaceTerminating, type ControllerContext } from '../controller.ts';
import { controllerReference, planClaims } from '../ownership.ts';
import type { PendingWrites } from '../pending.ts';
import { isPodReady } from '../pods.ts';
import { inBatches } from '../batches.ts';
import { isTracked, trackingFinalizer, uidOf } from './pods.ts';
import { buildPod } from './template.ts';

export interface Removed {
  pods: number;
  ready: number;
  error: unknown;
}
const attempts = 5;

export class PodActions {
  readonly #context: ControllerContext;
  readonly #pending: PendingWrites<V1Pod>;
  /** Pods that lost the finalizer by our hand, until the cache has seen it: they must not be counted again. */
  readonly #released = new Map<string, Set<string>>();
  constructor(context: ControllerContext, pending: PendingWrites<V1Pod>) {
    this.#context = context;
    this.#pending = pending;
  }

  /** Pods as they are once the cache has caught up with what was written here. */
  present(owner: string, cached: readonly V1Pod[]): V1Pod[] {
    const pods = this.#pending.merge(owner, cached);
    const released = this.#released.get(owner);
    if (!released) return pods;
    const stale = new Set(cached.filter(isTracked).map(uidOf));
    for (const uid of released) if (!stale.has(uid)) released.delete(uid);
    if (released.size === 0) this.#released.delete(owner);
    return pods.map((pod) => (released.has(uidOf(pod)) && isTracked(pod) ? untracked(pod) : pod));
  }
  forget(owner: string): void {
    this.#pending.forget(owner);
    this.#released.delete(owner);
  }

  /** The pods of the job. What is adopted gets the finalizer with the owner; what is let go loses both. */
  async claim(job: V1Job, candidates: readonly V1Pod[]): Promise<V1Pod[]> {
    const uid = job.metadata?.uid ?? '';
    const claims = planClaims(job, job.spec?.selector, candidates);
    const patch = (pod: V1Pod, ownerReferences: unknown[], finalizers: string[]): Promise<V1Pod> =>
      this.#patch(pod, { ownerReferences: ownerReferences.length > 0 ? ownerReferences : null, finalizers: finalizers.length > 0 ? finalizers : null });
    const owners = (pod: V1Pod): unknown[] => (pod.metadata?.ownerReferences ?? []).filter((ref) => ref.uid !== uid);
    await Promise.all(claims.release.map((pod) => patch(pod, owners(pod), otherFinalizers(pod))));
    if (claims.adopt.length === 0 || !(await this.#isStill(job))) return claims.owned;
    const adopted = await Promise.all(
      claims.adopt.map((pod) => patch(pod, [...owners(pod), controllerReference(Job, job)], [...otherFinalizers(pod), trackingFinalizer])),
    );
    for (const pod of adopted) this.#pending.wrote(uid, pod);
    return [...claims.owned, ...adopted];
  }
  async #isStill(job: V1Job): Promise<boolean> {
    const { namespace, name = '', uid } = job.metadata ?? {};
    const fresh = await this.#context.api.get(Job, { namespace, name });
    return fresh.metadata?.uid === uid && fresh.metadata?.deletionTimestamp === undefined;
  }

  /** Gives the pods made, and the first error. */
  async create(
    job: V1Job,
    indexes: readonly (number | undefined)[],
    replaced: (index: number) => V1Pod | undefined,
  ): Promise<{ pods: number; error: unknown }> {
    let pods = 0;
    const error = await inBatches(indexes.length, async (i) => {
      const index = indexes[i];
      const pod = await this.#context.api.create(Pod, buildPod(job, index, index === undefined ? undefined : replaced(index)));
      pods++;
      this.#pending.wrote(job.metadata?.uid ?? '', pod);
      this.#context.recorder.event(job, 'Normal', 'SuccessfulCreate', `Created pod: ${pod.metadata?.name ?? ''}`);
    });
    if (error === undefined || isNamespaceTerminating(error)) return { pods, error: undefined };
    this.#context.recorder.event(job, 'Warning', 'FailedCreate', `Error creating: ${(error as Error).message}`);
    return { pods, error };
  }

  /** Deletes pods. With `uncounted` they lose their finalizer first: what the job itself takes back is no failure. */
  async remove(job: V1Job, pods: readonly V1Pod[], { uncounted }: { uncounted: boolean }): Promise<Removed> {
    const done: Removed = { pods: 0, ready: 0, error: undefined };
    await Promise.all(
      pods.map(async (pod) => {
        try {
          if (uncounted) await this.release(job, pod);
          await this.#delete(job, pod);
          done.pods++;
          if (isPodReady(pod)) done.ready++;
        } catch (error) {
          this.#context.recorder.event(job, 'Warning', 'FailedDelete', `Error deleting: ${(error as Error).message}`);
          done.error ??= error;
        }
      }),
    );
    return done;
  }
  async #delete(job: V1Job, pod: V1Pod): Promise<void> {
    const { namespace, name = '', uid } = pod.metadata ?? {};
    const owner = job.metadata?.uid ?? '';
    try {
      const left = await this.#context.api.delete(Pod, { namespace, name }, uid ? { preconditions: { uid } } : {});
      if ('spec' in left && left.metadata?.deletionTimestamp) this.#pending.wrote(owner, left);
      else this.#pending.removed(owner, pod);
      this.#context.recorder.event(job, 'Normal', 'SuccessfulDelete', `Deleted pod: ${name}`);
    } catch (error) {
      // Gone already, or another pod has the name.
      if (!isApiError(error, 'NotFound') && !isApiError(error, 'Conflict')) throw error;
      this.#pending.removed(owner, pod);
    }
  }

  /** Takes the finalizer from a pod, and remembers it. */
  async release(job: V1Job, pod: V1Pod): Promise<void> {
    await this.untrack(pod);
    const owner = job.metadata?.uid ?? '';
    const released = this.#released.get(owner) ?? new Set<string>();
    this.#released.set(owner, released.add(uidOf(pod)));
  }
  /** However often somebody else writes to the pod meanwhile. */
  async untrack(pod: V1Pod): Promise<void> {
    let seen = pod;
    for (let attempt = 1; isTracked(seen); attempt++) {
      try {
        seen = await this.#patch(seen, { finalizers: otherFinalizers(seen).length > 0 ? otherFinalizers(seen) : null });
      } catch (error) {
        if (isApiError(error, 'NotFound')) break;
        if (!isApiError(error, 'Conflict') || attempt >= attempts) throw error;
        const fresh = await this.#read(pod);
        if (!fresh) break;
        seen = fresh;
      }
    }
  }
  async #read(pod: V1Pod): Promise<V1Pod | undefined> {
    const { namespace, name = '' } = pod.metadata ?? {};
    try {
      const fresh = await this.#context.api.get(Pod, { namespace, name });
      return uidOf(fresh) === uidOf(pod) ? fresh : undefined;
    } catch (error) {
      if (isApiError(error, 'NotFound')) return undefined;
      throw error;
    }
  }
  #patch(pod: V1Pod, metadata: { ownerReferences?: unknown; finalizers: string[] | null }): Promise<V1Pod> {
    const { namespace, name = '', resourceVersion } = pod.metadata ?? {};
    return this.#context.api.patch(Pod, { namespace, name }, 'application/merge-patch+json', {
      metadata: { ...(resourceVersion ? { resourceVersion } : {}), ...(metadata as object) },
    });
  }
}

const otherFinalizers = (pod: V1Pod): string[] => (pod.metadata?.finalizers ?? []).filter((f) => f !== trackingFinalizer);
const untracked = (pod: V1Pod): V1Pod => ({ ...pod, metadata: { ...pod.metadata, finalizers: otherFinalizers(pod) } });
