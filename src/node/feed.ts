import type { Client, Informer } from '#client';
import { Pod, type V1Pod } from '#kinds';
import { uidOf } from './pod.ts';

/** `undefined` = the pod is gone. */
export type PodHandler = (pod: V1Pod | undefined, last: V1Pod) => void;

/** One subscription to all pods, handed out by node name: a thousand agents cost one handler. */
export interface PodFeed {
  readonly informer: Informer<V1Pod>;
  /** Replays the node's pods, then follows them. */
  follow(node: string, handler: PodHandler): { close(): void };
  pods(node: string): V1Pod[];
}

/** By the cache: the agents of machines whose network can be cut have a client each, over one cache. */
const feeds = new WeakMap<Informer<V1Pod>, PodFeed>();
const index = 'spec.nodeName';

export function podFeed(client: Client): PodFeed {
  const informer = client.informer(Pod);
  let feed = feeds.get(informer);
  if (!feed) feeds.set(informer, (feed = createFeed(informer)));
  return feed;
}

function createFeed(informer: Informer<V1Pod>): PodFeed {
  const handlers = new Map<string, PodHandler>();
  informer.addIndex(index, (pod) => (pod.spec?.nodeName ? [pod.spec.nodeName] : []));
  informer.onChange((pod, old) => {
    const replaced = old && pod && uidOf(old) !== uidOf(pod);
    if (old?.spec?.nodeName && (!pod || replaced)) handlers.get(old.spec.nodeName)?.(undefined, old);
    if (pod?.spec?.nodeName) handlers.get(pod.spec.nodeName)?.(pod, pod);
  });
  return {
    informer,
    pods: (node) => informer.byIndex(index, node),
    follow(node, handler) {
      for (const pod of informer.byIndex(index, node)) handler(pod, pod);
      handlers.set(node, handler);
      return { close: () => void (handlers.get(node) === handler && handlers.delete(node)) };
    },
  };
}
