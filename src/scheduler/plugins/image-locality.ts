import { imageName, type NodeInfo } from '../node-info.ts';
import { pure, type ScorePlugin } from '../plugin.ts';
import type { PodInfo } from '../pod-info.ts';

const mib = 1024 * 1024;
/** What is smaller is no matter, what is larger counts as this, per container. */
const least = 23 * mib;
const mostPerContainer = 1000 * mib;

/** The images of the pod, and what share of the nodes has each: so that one node with an image does not draw all pods. */
type Facts = readonly { readonly name: string; readonly share: number }[];

function images({ pod }: PodInfo): string[] {
  return [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])].map(({ image }) => imageName(image ?? ''));
}

/** Nodes that have the (large) images of the pod already are better. */
export const imageLocalityScore: ScorePlugin = {
  name: 'ImageLocality',
  weight: 1,
  prepare(pod, state): Facts | undefined {
    if (state.images.size === 0) return undefined;
    return images(pod).map((name) => ({ name, share: state.images.nodesWith(name) / Math.max(1, state.nodes.length) }));
  },
  score: (_pod, node, facts) => points(facts as Facts, node),
};

function points(facts: Facts, node: NodeInfo): number {
  if (node.images.size === 0) return 0;
  let bytes = 0;
  for (const { name, share } of facts) bytes += Math.trunc((node.images.get(name) ?? 0) * share);
  const most = mostPerContainer * facts.length;
  return Math.trunc((100 * (Math.min(Math.max(bytes, least), most) - least)) / (most - least));
}

export const imageLocality = pure({ name: 'ImageLocality', score: imageLocalityScore });
