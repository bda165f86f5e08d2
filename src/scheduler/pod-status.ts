import { formatTime, type Clock, type Logger } from '#base';
import { Pod, type V1Pod } from '#kinds';
import { isApiError, type Api, type Json } from '#machinery';

const inFlight = 16;

interface Wish {
  readonly pod: V1Pod;
  readonly reason: string;
  readonly message: string;
  /** The node that is promised; '' takes a promise back, undefined leaves it. */
  readonly nominate: string | undefined;
}

/** Writes the PodScheduled condition of pods that wait, in the background; the newest wish of a pod wins. */
export class PodStatusWriter {
  readonly #api: Api;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #wishes = new Map<string, Wish>();
  readonly #running = new Set<Promise<void>>();

  constructor(api: Api, clock: Clock, log: Logger) {
    this.#api = api;
    this.#clock = clock;
    this.#log = log;
  }
  /** PodScheduled=False with this reason and message, unless the pod says so already. */
  waiting(pod: V1Pod, reason: string, message: string, nominate?: string): void {
    const now = pod.status?.conditions?.find((c) => c.type === 'PodScheduled');
    const key = `${pod.metadata?.namespace}/${pod.metadata?.name}`;
    const promised = nominate === undefined || nominate === (pod.status?.nominatedNodeName ?? '');
    if (promised && now?.status === 'False' && now.reason === reason && now.message === message) return void this.#wishes.delete(key);
    this.#wishes.set(key, { pod, reason, message, nominate: promised ? undefined : nominate });
    this.#pump();
  }
  async close(): Promise<void> {
    this.#wishes.clear();
    await Promise.all(this.#running);
  }
  #pump(): void {
    for (const [key, wish] of this.#wishes) {
      if (this.#running.size >= inFlight) return;
      this.#wishes.delete(key);
      const run = this.#write(wish).finally(() => {
        this.#running.delete(run);
        this.#pump();
      });
      this.#running.add(run);
    }
  }
  async #write({ pod, reason, message, nominate }: Wish): Promise<void> {
    const old = pod.status?.conditions?.find((c) => c.type === 'PodScheduled');
    const since = old?.status === 'False' && old.lastTransitionTime ? old.lastTransitionTime : formatTime(this.#clock.now());
    const condition = { type: 'PodScheduled', status: 'False', reason, message, lastTransitionTime: since, ...generation(pod) };
    const promise = nominate === undefined ? {} : { nominatedNodeName: nominate === '' ? null : nominate };
    const uid = pod.metadata?.uid;
    const patch: Json = { ...(uid ? { metadata: { uid } } : {}), status: { conditions: [condition], ...promise } };
    try {
      await this.#api.patch(Pod, { namespace: pod.metadata?.namespace, name: pod.metadata?.name ?? '' }, 'application/strategic-merge-patch+json', patch, {
        subresource: 'status',
      });
    } catch (error) {
      // Gone, or replaced by another pod of that name: nothing to say any more.
      if (!isApiError(error, 'NotFound') && !isApiError(error, 'Conflict'))
        this.#log.warn('cannot write the PodScheduled condition', { pod: `${pod.metadata?.namespace}/${pod.metadata?.name}`, error });
    }
  }
}
const generation = (pod: V1Pod): { observedGeneration?: number } =>
  pod.metadata?.generation === undefined ? {} : { observedGeneration: pod.metadata.generation };
