import { isIPv4 } from 'node:net';
import { Node, type V1Node } from '#kinds';
import { keyFor, type Controller } from '../controller.ts';

const nodeBits = 24;
/** Who makes nodes with this annotation live (kwok and its like) gives them addresses as well. */
const livesElsewhere = 'kwok.x-k8s.io/node';

/** Gives nodes that have no range of pod addresses one, out of the ranges that are set aside for them. */
export const nodeIpamController: Controller = {
  name: 'node-ipam',
  component: 'cidrAllocator',
  // Two nodes at a time would be given the same range.
  concurrency: 1,
  setup(context) {
    const candidates = (context.options.nodeCidrs ?? []).flatMap(subnets);
    const waiting = new Set<string>();
    /** Given, and not yet in the cache. */
    const given = new Map<string, string>();
    const nodes = context.watch(Node, (node) => {
      if (!node) return [...waiting];
      return needsRange(node) ? [keyFor(node)] : [];
    });
    nodes.addIndex('podCIDR', (node) => (node.spec?.podCIDR ? [node.spec.podCIDR] : []));

    return async (name) => {
      const node = nodes.get(undefined, name);
      if (!node || !needsRange(node) || candidates.length === 0) return void waiting.delete(name);
      for (const [cidr, owner] of given) if (isSettled(nodes.get(undefined, owner))) given.delete(cidr);
      const podCIDR = candidates.find((cidr) => !given.has(cidr) && nodes.byIndex('podCIDR', cidr).length === 0);
      if (podCIDR === undefined) {
        waiting.add(name);
        return context.recorder.event(node, 'Normal', 'CIDRNotAvailable', `Node ${name} status is now: CIDRNotAvailable`);
      }
      waiting.delete(name);
      given.set(podCIDR, name);
      try {
        await context.api.patch(Node, { name }, 'application/merge-patch+json', { spec: { podCIDR, podCIDRs: [podCIDR] } });
      } catch (error) {
        given.delete(podCIDR);
        throw error;
      }
    };
  },
};

const needsRange = ({ metadata, spec }: V1Node): boolean =>
  spec?.podCIDR === undefined && metadata?.deletionTimestamp === undefined && metadata?.annotations?.[livesElsewhere] === undefined;
const isSettled = (node: V1Node | undefined): boolean => node === undefined || node.spec?.podCIDR !== undefined;

/** The ranges of the size of a node that a range holds; IPv4 only. */
function subnets(range: string): string[] {
  const [base = '', bits = '32'] = range.split('/');
  if (!isIPv4(base) || Number(bits) > nodeBits) return [];
  const [a = 0, b = 0, c = 0] = base.split('.').map(Number);
  const first = (a << 16) | (b << 8) | c;
  return Array.from({ length: 2 ** (nodeBits - Number(bits)) }, (_, i) => {
    const net = first + i;
    return `${(net >> 16) & 255}.${(net >> 8) & 255}.${net & 255}.0/${nodeBits}`;
  });
}
