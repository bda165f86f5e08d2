import type { Logger } from '#base';
import type { Client } from '#client';
import { Node, type V1Node } from '#kinds';
import { isApiError } from '#machinery';
import type { Fleet } from './fleet.ts';
import { firstAddress, type NodeRanges } from './ranges.ts';
import { configOfNode } from './template.ts';

/** kwok's mark of a Node that somebody made by hand and that is to live by itself. */
export const fakeAnnotation = 'kwok.x-k8s.io/node';

export interface AdoptedOptions {
  client: Client;
  log: Logger;
  fleet: Fleet;
  ranges: NodeRanges;
}

/** Gives a machine to every Node with kwok's annotation, and takes it away with the Node. */
export function startAdoptedNodes({ client, log, fleet, ranges }: AdoptedOptions): { stop(): void } {
  const adopted = new Map<string, string>();
  const adopt = (node: V1Node): void => {
    const name = node.metadata?.name ?? '';
    if (fleet.state(name) !== undefined) return;
    const own = node.spec?.podCIDR;
    const place = own && ranges.claim(own) ? { podCIDR: own, ip: firstAddress(own) } : ranges.take();
    if (!place) return log.warn('no range is left for a simulated node', { node: name });
    adopted.set(name, place.podCIDR);
    fleet.add(configOfNode(node, place));
    if (!own) void giveRange(client, name, place.podCIDR).catch((error: unknown) => log.warn('cannot tell the range of a node', { node: name, error }));
  };
  const subscription = client.informer(Node).onChange((node, old) => {
    const name = (node ?? old)?.metadata?.name ?? '';
    const range = adopted.get(name);
    if (node?.metadata?.annotations?.[fakeAnnotation] === 'fake') adopt(node);
    else if (range !== undefined) {
      adopted.delete(name);
      fleet.remove(name);
      ranges.release(range);
    }
  });
  return { stop: () => subscription.close() };
}

/** Written down, so that the node has it again after a restart. */
async function giveRange(client: Client, name: string, podCIDR: string): Promise<void> {
  try {
    await client.api.patch(Node, { name }, 'application/merge-patch+json', { spec: { podCIDR, podCIDRs: [podCIDR] } });
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error;
  }
}
