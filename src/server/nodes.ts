import { isReady, Node } from '#kinds';
import type { Client } from '#client';
import type { Status } from './commands.ts';

/** What `status` shows of the nodes. */
export function describeNodes(client: Client): Status['nodes'] {
  return client
    .informer(Node)
    .list()
    .map((node) => ({ name: node.metadata?.name ?? '', ready: isReady(node), runtime: node.status?.nodeInfo?.containerRuntimeVersion ?? '' }))
    .sort((a, b) => a.name.localeCompare(b.name));
}

/** Resolves when so many nodes are Ready. */
export function nodesReady(client: Client, wanted: number): Promise<void> {
  const ready = new Set<string>();
  return new Promise((resolve) => {
    if (wanted === 0) return resolve();
    const subscription = client.informer(Node).onChange((node, old) => {
      const name = (node ?? old)?.metadata?.name ?? '';
      if (node && isReady(node)) ready.add(name);
      else ready.delete(name);
      if (ready.size >= wanted) {
        resolve();
        queueMicrotask(() => subscription.close());
      }
    });
  });
}
