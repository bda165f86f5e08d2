import type { Clock } from '#base';
import { isBoundTo, isClaimBound, selectedNode, type V1PersistentVolumeClaim } from '#kinds';
import type { PodInfo } from '../pod-info.ts';
import type { PodClaims } from './pod-claims.ts';

/** kube-scheduler's bindTimeoutSeconds. */
const timeoutMs = 600_000;

type State = 'bound' | 'waiting' | Error;

/** Waits until others have bound claims. One subscription for all that wait. */
export class VolumeWaiter {
  readonly #clock: Clock;
  readonly #pods: PodClaims;
  readonly #waiting = new Map<string, Set<() => void>>();
  #following = false;

  constructor(clock: Clock, pods: PodClaims) {
    this.#clock = clock;
    this.#pods = pods;
  }
  /** Resolves when all claims are bound to volumes that are theirs. Rejects when one will not be. */
  bound(pod: PodInfo, claims: readonly V1PersistentVolumeClaim[], node: string, signal: AbortSignal): Promise<void> {
    this.#follow();
    const keys = claims.map(({ metadata }) => `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`);
    /** Names of claims that were seen with this node. */
    const seen = new Set<string>();
    return new Promise((resolve, reject) => {
      const settle = (outcome: () => void): void => {
        timer.cancel();
        signal.removeEventListener('abort', aborted);
        for (const key of keys) this.#forget(key, look);
        outcome();
      };
      const look = (): void => {
        const states = claims.map((claim) => this.#stateOf(pod, claim, node, seen));
        const failure = states.find((state) => state instanceof Error);
        if (failure) settle(() => reject(failure));
        else if (!states.includes('waiting')) settle(resolve);
      };
      const aborted = (): void => settle(() => reject(new Error('the pod is gone')));
      const timer = this.#clock.after(timeoutMs, () => settle(() => reject(new Error('binding volumes: context deadline exceeded'))));
      signal.addEventListener('abort', aborted);
      for (const key of keys) this.#waiting.set(key, (this.#waiting.get(key) ?? new Set()).add(look));
      if (signal.aborted) aborted();
      else look();
    });
  }
  #stateOf(pod: PodInfo, claim: V1PersistentVolumeClaim, node: string, seen: Set<string>): State {
    const { name = '', uid } = claim.metadata ?? {};
    const now = this.#pods.claims.get(pod.namespace, name);
    if (!now || now.metadata?.uid !== uid) return new Error(`binding volumes: persistentvolumeclaim "${name}" not found`);
    if (isClaimBound(now)) {
      const volume = this.#pods.volumes.get(undefined, now.spec?.volumeName ?? '');
      return volume && isBoundTo(volume, now) ? 'bound' : 'waiting';
    }
    const chosen = now.metadata?.annotations?.[selectedNode];
    if (chosen === node) seen.add(name);
    // The provisioner gives the node back where it cannot make the volume. Before the choice is seen the cache is behind.
    return seen.has(name) && chosen !== node ? new Error(`binding volumes: provisioning failed for PVC "${name}"`) : 'waiting';
  }
  #follow(): void {
    if (this.#following) return;
    this.#following = true;
    const tell = (namespace: string | undefined, name: string | undefined): void => {
      for (const look of this.#waiting.get(`${namespace ?? ''}/${name ?? ''}`) ?? []) look();
    };
    this.#pods.claims.onChange((claim, old) => tell((claim ?? old)?.metadata?.namespace, (claim ?? old)?.metadata?.name));
    this.#pods.volumes.onChange((volume) => tell(volume?.spec?.claimRef?.namespace, volume?.spec?.claimRef?.name));
  }
  #forget(key: string, look: () => void): void {
    const looks = this.#waiting.get(key);
    looks?.delete(look);
    if (looks?.size === 0) this.#waiting.delete(key);
  }
}
