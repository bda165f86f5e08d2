import type { Client } from '#client';
import { Node, Pod, type V1Pod } from '#kinds';
import { isApiError, type Kind, type KubeObject } from '#machinery';
import { podFeed } from '../feed.ts';

/** Cordons a node and asks its pods to go, as `kubectl drain` does. Gives how many are still there; budgets may keep them. */
export async function evictPods(client: Client, node: string): Promise<number> {
  const object = client.informer(Node).get(undefined, node);
  if (!object) return 0;
  if (!object.spec?.unschedulable) await client.api.patch(Node, { name: node }, 'application/merge-patch+json', { spec: { unschedulable: true } });
  const left = podFeed(client).pods(node).filter(mustGo);
  await Promise.all(left.filter((pod) => !pod.metadata?.deletionTimestamp).map((pod) => evict(client, pod)));
  return left.length;
}

/** DaemonSets would only make theirs again, and what has ended needs no leave. */
function mustGo(pod: V1Pod): boolean {
  const ended = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
  return !ended && !pod.metadata?.ownerReferences?.some((owner) => owner.controller && owner.kind === 'DaemonSet');
}
async function evict(client: Client, pod: V1Pod): Promise<void> {
  const { namespace, name = '' } = pod.metadata ?? {};
  const body: KubeObject = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { namespace, name } as NonNullable<KubeObject['metadata']> };
  try {
    await client.api.subresource(Pod as unknown as Kind, { namespace, name }, 'eviction', body);
  } catch (error) {
    if (!isApiError(error, 'TooManyRequests') && !isApiError(error, 'NotFound') && !isApiError(error, 'Conflict')) throw error;
  }
}
