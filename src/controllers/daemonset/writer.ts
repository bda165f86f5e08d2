import { Pod, type V1DaemonSet, type V1Pod } from '#kinds';
import { isApiError } from '#machinery';
import { inBatches } from '../batches.ts';
import { isNamespaceTerminating, type ControllerContext } from '../controller.ts';
import type { PendingWrites } from '../pending.ts';
import { podBuilder } from './identity.ts';
import type { DaemonSetPlan } from './plan.ts';

/** Pods created or deleted in one go; the rest follows at once, after the status was written. */
const burst = 500;

/** Carries plans of one set out and tells of it. */
export class DaemonPodWriter {
  readonly #context: ControllerContext;
  readonly #set: V1DaemonSet;
  readonly #hash: string;
  readonly #pending: PendingWrites<V1Pod>;
  constructor(context: ControllerContext, set: V1DaemonSet, hash: string, pending: PendingWrites<V1Pod>) {
    this.#context = context;
    this.#set = set;
    this.#hash = hash;
    this.#pending = pending;
  }
  /** `error` is the first failure; `more` says that the plan was longer than one go. */
  async apply(plan: DaemonSetPlan): Promise<{ error?: unknown; more: boolean }> {
    this.#tellEnded(plan);
    const creation = await this.#create(plan.create.slice(0, burst));
    const deletion = await this.#delete(plan.delete.slice(0, burst));
    const error = creation ?? deletion;
    return { more: Math.max(plan.create.length, plan.delete.length) > burst, ...(error === undefined ? {} : { error }) };
  }
  #tellEnded({ ended }: DaemonSetPlan): void {
    for (const { pod, node } of ended) {
      const name = `${pod.metadata?.namespace ?? ''}/${pod.metadata?.name ?? ''}`;
      if (pod.status?.phase === 'Failed')
        this.#context.recorder.event(this.#set, 'Warning', 'FailedDaemonPod', `Found failed daemon pod ${name} on node ${node}, will try to kill it`);
      else this.#context.recorder.event(this.#set, 'Normal', 'SucceededDaemonPod', `Found succeeded daemon pod ${name} on node ${node}, will try to delete it`);
    }
  }
  async #create(nodes: readonly string[]): Promise<unknown> {
    const build = podBuilder(this.#set, this.#hash);
    const error = await inBatches(nodes.length, async (i) => {
      const pod = await this.#context.api.create(Pod, build(nodes[i] as string));
      this.#pending.wrote(this.#set.metadata?.uid ?? '', pod);
      this.#context.recorder.event(this.#set, 'Normal', 'SuccessfulCreate', `Created pod: ${pod.metadata?.name ?? ''}`);
    });
    if (error === undefined || isNamespaceTerminating(error)) return undefined;
    this.#context.recorder.event(this.#set, 'Warning', 'FailedCreate', `Error creating: ${(error as Error).message}`);
    return error;
  }
  async #delete(pods: readonly V1Pod[]): Promise<unknown> {
    const error = await inBatches(pods.length, (i) => this.#deletePod(pods[i] as V1Pod));
    if (error !== undefined) this.#context.recorder.event(this.#set, 'Warning', 'FailedDelete', `Error deleting: ${(error as Error).message}`);
    return error;
  }
  async #deletePod(pod: V1Pod): Promise<void> {
    const { namespace, name = '', uid } = pod.metadata ?? {};
    try {
      const answer = await this.#context.api.delete(Pod, { namespace, name }, uid ? { preconditions: { uid } } : {});
      this.#pending.ending(this.#set.metadata?.uid ?? '', pod, answer, this.#context.clock.now());
    } catch (error) {
      // Gone already, or another pod has the name: either way this one is deleted.
      if (isApiError(error, 'NotFound') || isApiError(error, 'Conflict')) return;
      throw error;
    }
    this.#context.recorder.event(this.#set, 'Normal', 'SuccessfulDelete', `Deleted pod: ${name}`);
  }
}
