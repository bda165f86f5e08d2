import { formatTime, type Clock, type Logger, type Random } from '#base';
import type { Client, Informer } from '#client';
import { Pod, PodDisruptionBudget, type V1PodDisruptionBudget } from '#kinds';
import { isApiError, type Json } from '#machinery';
import { budgetOf } from './budgets.ts';
import type { ClusterState } from './cluster-state.ts';
import type { Decision } from './find-node.ts';
import type { NodeInfo } from './node-info.ts';
import { planPreemption } from './preemption.ts';
import type { PodInfo } from './pod-info.ts';
import type { Profile } from './profile.ts';

export interface PreemptorDeps {
  readonly client: Client;
  readonly state: ClusterState;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** An event about a victim. */
  evicted(victim: PodInfo, message: string, preemptor: PodInfo): void;
  /** All victims were told to go, or (`failed`) not all could be. */
  done(pod: PodInfo, victims: readonly PodInfo[], failed: boolean): void;
}

export interface Outcome {
  /** What to add to the message of the pod; '' when victims go. */
  readonly message: string;
  /** The node that becomes free for the pod; '' when an older promise no longer holds, undefined when it stays as it is. */
  readonly nominate: string | undefined;
}

/** The extension point PostFilter: makes room for a pod by evicting pods of lower priority. */
export class Preemptor {
  readonly #deps: PreemptorDeps;
  readonly #budgets: Informer<V1PodDisruptionBudget>;
  readonly #running = new Map<string, Promise<void>>();
  /** Victims by their preemptor: the cache may show late that they are on their way out. */
  readonly #told = new Map<string, readonly PodInfo[]>();

  constructor(deps: PreemptorDeps) {
    this.#deps = deps;
    this.#budgets = deps.client.informer(PodDisruptionBudget);
  }
  ready(): Promise<void> {
    return this.#budgets.ready();
  }
  /** Whether victims of the pod are being told to go. */
  busy(uid: string): boolean {
    return this.#running.has(uid);
  }
  /** The pod has a node, or is gone. */
  forget(uid: string): void {
    this.#told.delete(uid);
  }
  /** Decides at once; evicts in the background and tells by `done`. */
  preempt(profile: Profile, pod: PodInfo, { rejections }: Decision, nominated: string | undefined): Outcome {
    const { state, random } = this.#deps;
    const refusal = this.#eligible(pod, rejections, nominated);
    if (refusal !== undefined) return { message: `preemption: ${refusal}`, nominate: undefined };
    const budgets = this.#budgets.list().map(budgetOf);
    const plan = planPreemption({
      state,
      pod,
      filters: profile.filters,
      rejections,
      budgets,
      random,
      ...(profile.preemption ? { enough: profile.preemption } : {}),
    });
    if (!plan.best) return { message: `preemption: ${plan.message}`, nominate: '' };
    const { node, victims } = plan.best;
    this.#start(pod, node, victims);
    return { message: '', nominate: node.name };
  }
  async close(): Promise<void> {
    await Promise.all(this.#running.values());
  }

  /** Undefined when the pod may preempt; else why not. */
  #eligible(pod: PodInfo, rejections: Decision['rejections'], nominated: string | undefined): string | undefined {
    if (pod.pod.spec?.preemptionPolicy === 'Never') return 'not eligible due to preemptionPolicy=Never.';
    const node = nominated ? this.#deps.state.present(nominated) : undefined;
    if (!node || rejections.get(node)?.unresolvable) return undefined;
    // Victims are on their way out already: wait for them rather than drive out more.
    const leaving = [...node.pods.values()].some((other) => other.priority < pod.priority && other.terminating && preempted(other));
    const told = this.#told.get(pod.uid)?.some((victim) => this.#deps.state.nodeOf(victim.uid) === node);
    return leaving || told ? 'not eligible due to a terminating pod on the nominated node.' : undefined;
  }
  #start(pod: PodInfo, node: NodeInfo, victims: readonly PodInfo[]): void {
    this.#told.set(pod.uid, victims);
    const run = Promise.all(victims.map((victim) => this.#evict(victim, pod, node))).then((went) => {
      this.#running.delete(pod.uid);
      const failed = went.includes(false);
      if (failed) this.#told.delete(pod.uid);
      this.#deps.done(pod, victims, failed);
    });
    this.#running.set(pod.uid, run);
  }
  /** False when the victim could not be told to go. */
  async #evict(victim: PodInfo, preemptor: PodInfo, node: NodeInfo): Promise<boolean> {
    const { client, clock, log } = this.#deps;
    const key = { namespace: victim.namespace, name: victim.name };
    const scheduler = preemptor.pod.spec?.schedulerName ?? '';
    const { generation, uid } = victim.pod.metadata ?? {};
    const condition = {
      type: 'DisruptionTarget',
      status: 'True',
      reason: 'PreemptionByScheduler',
      message: `${scheduler}: preempting to accommodate a higher priority pod`,
      lastTransitionTime: formatTime(clock.now()),
      ...(generation === undefined ? {} : { observedGeneration: generation }),
    };
    const patch: Json = { ...(uid ? { metadata: { uid } } : {}), status: { conditions: [condition] } };
    try {
      await client.api.patch(Pod, key, 'application/strategic-merge-patch+json', patch, { subresource: 'status' });
      await client.api.delete(Pod, key, uid ? { preconditions: { uid } } : {});
    } catch (error) {
      // Gone, or replaced by another pod of that name: its place is free.
      if (isApiError(error, 'NotFound') || isApiError(error, 'Conflict')) return true;
      log.warn('cannot preempt', { pod: `${victim.namespace}/${victim.name}`, error });
      return false;
    }
    this.#deps.evicted(victim, `Preempted by pod ${preemptor.uid} on node ${node.name}`, preemptor);
    return true;
  }
}

function preempted({ pod }: PodInfo): boolean {
  return pod.status?.conditions?.some((c) => c.type === 'DisruptionTarget' && c.status === 'True' && c.reason === 'PreemptionByScheduler') === true;
}
