import type { Informer } from '#client';
import type { V1Pod, V1PodCondition } from '#kinds';
import type { KubeObject } from '#machinery';
import { controllerOf } from './ownership.ts';

export const podCondition = (pod: V1Pod, type: string): V1PodCondition | undefined => pod.status?.conditions?.find((c) => c.type === type);
export const isPodReady = (pod: V1Pod): boolean => podCondition(pod, 'Ready')?.status === 'True';
export const isPodTerminal = (pod: V1Pod): boolean => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
export const isTerminating = (object: KubeObject): boolean => object.metadata?.deletionTimestamp !== undefined;
/** Neither ended nor being deleted. */
export const isPodActive = (pod: V1Pod): boolean => !isPodTerminal(pod) && !isTerminating(pod);

/** Ready for at least `minReadySeconds`. */
export function isPodAvailable(pod: V1Pod, minReadySeconds: number, now: number): boolean {
  const ready = podCondition(pod, 'Ready');
  if (ready?.status !== 'True') return false;
  return minReadySeconds === 0 || (ready.lastTransitionTime !== undefined && Date.parse(ready.lastTransitionTime) + minReadySeconds * 1000 <= now);
}

/** Objects by the uid of their controller. The name is shared: all controllers use one index per informer. */
export function indexByController<T extends KubeObject>(informer: Informer<T>): (uid: string) => T[] {
  informer.addIndex('controllerUid', (object) => {
    const ref = controllerOf(object);
    return ref ? [ref.uid] : [];
  });
  return (uid) => informer.byIndex('controllerUid', uid);
}

/** Objects without a controller, by namespace: the ones that may be adopted. */
export function indexOrphans<T extends KubeObject>(informer: Informer<T>): (namespace: string) => T[] {
  informer.addIndex('orphans', (object) => (controllerOf(object) ? [] : [object.metadata?.namespace ?? '']));
  return (namespace) => informer.byIndex('orphans', namespace);
}

/** Objects that carry all of `labels`. */
export function indexByLabel<T extends KubeObject>(informer: Informer<T>): (namespace: string, labels: { readonly [key: string]: string }) => T[] {
  informer.addIndex('labels', (object) => Object.entries(object.metadata?.labels ?? {}).map(([k, v]) => `${object.metadata?.namespace ?? ''}/${k}=${v}`));
  return (namespace, labels) => {
    const terms = Object.entries(labels);
    const first = terms[0];
    if (!first) return informer.list(namespace);
    const found = informer.byIndex('labels', `${namespace}/${first[0]}=${first[1]}`);
    return terms.length === 1 ? found : found.filter((o) => terms.every(([k, v]) => o.metadata?.labels?.[k] === v));
  };
}

/** Whether a change of a pod can change what its owner does or says; scheduling and heartbeats cannot. */
export function concernsOwner(pod: V1Pod, old: V1Pod): boolean {
  return (
    pod.status?.phase !== old.status?.phase ||
    isPodReady(pod) !== isPodReady(old) ||
    podCondition(pod, 'Ready')?.lastTransitionTime !== podCondition(old, 'Ready')?.lastTransitionTime ||
    isTerminating(pod) !== isTerminating(old) ||
    (pod.metadata?.labels !== old.metadata?.labels && JSON.stringify(pod.metadata?.labels) !== JSON.stringify(old.metadata?.labels)) ||
    JSON.stringify(pod.metadata?.ownerReferences) !== JSON.stringify(old.metadata?.ownerReferences)
  );
}

/** How long until the next ready pod becomes available, ms. */
export function nextAvailable(pods: readonly V1Pod[], minReadySeconds: number, now: number): number | undefined {
  if (minReadySeconds === 0) return undefined;
  let soonest: number | undefined;
  for (const pod of pods) {
    const ready = podCondition(pod, 'Ready');
    if (ready?.status !== 'True' || !isPodActive(pod)) continue;
    const left = Date.parse(ready.lastTransitionTime ?? '') + minReadySeconds * 1000 - now;
    if (left > 0 && (soonest === undefined || left < soonest)) soonest = left;
  }
  return soonest;
}
