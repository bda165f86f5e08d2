import type { V1DaemonSet, V1Node, V1Pod } from '#kinds';
import type { LabelSelector } from '#machinery';
import { isPodTerminal, isTerminating } from '../pods.ts';
import { compareText } from '../revisions.ts';
import { nodeOf, placementOf, type Placement } from './placement.ts';
import type { DaemonSetState, NodeView } from './state.ts';

export interface NodeViews {
  readonly views: readonly NodeView[];
  /** Pods that wait for a node that is gone: nobody else removes them. */
  readonly homeless: readonly V1Pod[];
}

/** What the set has on each node. The result holds until the next look with the same memory. */
export function viewNodes({ set, pods, nodes, memory = new Memory() }: Pick<DaemonSetState, 'set' | 'pods' | 'nodes' | 'memory'>): NodeViews {
  return memory.look(set, pods, nodes);
}

/** Instead of a list: what there was at the last look, with the changes that were told since. */
export type Followed = 'followed';

/** What was seen of a set: a step looks at thousands of nodes of which a few have changed. */
export class Memory {
  /** The selector by which the pods were claimed; undefined while changes of pods are not told. */
  claimedBy: LabelSelector | undefined;
  /** Pods that came since they were claimed. */
  readonly unclaimed = new Set<V1Pod>();
  #placement: ((node: V1Node) => Placement) | undefined;
  #nodes: readonly V1Node[] = [];
  #nodesChanged = true;
  /** Where each pod counts; undefined for those that count nowhere. */
  readonly #pods = new Map<V1Pod, string | undefined>();
  readonly #byNode = new Map<string, V1Pod[]>();
  readonly #indexes = new Map<string, number>();
  readonly #views: NodeView[] = [];
  /** Names with pods and without a node. */
  readonly #strays = new Set<string>();
  /** Names of the nodes whose pods are others than at the last look. */
  readonly #changed = new Set<string>();

  look(set: V1DaemonSet, pods: readonly V1Pod[] | Followed, nodes: readonly V1Node[] | Followed): NodeViews {
    if (pods !== 'followed') this.#comparePods(pods);
    const placement = placementOf(set);
    if (nodes !== 'followed') this.#compareNodes(placement, nodes);
    else if (placement !== this.#placement) this.#begin(placement, this.#nodes);
    for (const name of this.#changed) this.#refresh(name);
    this.#changed.clear();
    const homeless = [...this.#strays].flatMap((name) => this.#byNode.get(name) ?? []).filter((pod) => !pod.spec?.nodeName && !isTerminating(pod));
    return { views: this.#views, homeless };
  }
  /** One of the set's pods changed, came or went. */
  podChanged(pod: V1Pod | undefined, old: V1Pod | undefined): void {
    if (this.claimedBy === undefined) return;
    if (old) {
      this.unclaimed.delete(old);
      this.#remove(old, this.#pods.get(old));
    }
    if (!pod || this.#pods.has(pod)) return;
    this.unclaimed.add(pod);
    this.#add(pod);
  }
  /** These are all pods; from now on changes are told. */
  follow(pods: readonly V1Pod[], selector: LabelSelector | undefined): void {
    this.#comparePods(pods);
    this.unclaimed.clear();
    this.claimedBy = selector;
  }
  /** A node came, went, or means something else than before. */
  nodesChanged(): void {
    this.#nodesChanged = true;
  }
  /** Whether all nodes are as at the last look. */
  get knowsNodes(): boolean {
    return !this.#nodesChanged;
  }
  #comparePods(pods: readonly V1Pod[]): void {
    for (const pod of pods) if (!this.#pods.has(pod)) this.#add(pod);
    if (this.#pods.size === pods.length) return;
    const present = new Set(pods);
    for (const [pod, node] of this.#pods) if (!present.has(pod)) this.#remove(pod, node);
  }
  #add(pod: V1Pod): void {
    // Pods that have ended and are being deleted are as good as gone.
    const node = isTerminating(pod) && isPodTerminal(pod) ? undefined : nodeOf(pod);
    this.#pods.set(pod, node);
    if (node === undefined) return;
    this.#changed.add(node);
    this.#byNode.set(node, [...(this.#byNode.get(node) ?? []), pod]);
  }
  #remove(pod: V1Pod, node: string | undefined): void {
    this.#pods.delete(pod);
    if (node === undefined) return;
    this.#changed.add(node);
    const rest = (this.#byNode.get(node) ?? []).filter((other) => other !== pod);
    if (rest.length > 0) this.#byNode.set(node, rest);
    else this.#byNode.delete(node);
  }
  #compareNodes(placement: (node: V1Node) => Placement, nodes: readonly V1Node[]): void {
    this.#nodesChanged = false;
    const isSame = this.#placement === placement && nodes.length === this.#nodes.length && nodes.every((node, i) => nameOf(node) === this.#views[i]?.name);
    if (!isSame) return this.#begin(placement, nodes);
    for (let i = 0; i < nodes.length; i++) {
      const node = nodes[i] as V1Node;
      if (node === this.#nodes[i]) continue;
      const before = (this.#views[i] as NodeView).placement;
      const now = placement(node);
      if (before.run !== now.run || before.stay !== now.stay) this.#changed.add(nameOf(node));
    }
    this.#nodes = nodes;
  }
  #begin(placement: (node: V1Node) => Placement, nodes: readonly V1Node[]): void {
    this.#placement = placement;
    this.#nodes = nodes;
    this.#indexes.clear();
    nodes.forEach((node, i) => this.#indexes.set(nameOf(node), i));
    this.#views.length = 0;
    for (const node of nodes) this.#views.push(this.#viewOf(node));
    this.#strays.clear();
    for (const name of this.#byNode.keys()) if (!this.#indexes.has(name)) this.#strays.add(name);
  }
  #refresh(name: string): void {
    const index = this.#indexes.get(name);
    if (index !== undefined) this.#views[index] = this.#viewOf(this.#nodes[index] as V1Node);
    else if (this.#byNode.has(name)) this.#strays.add(name);
    else this.#strays.delete(name);
  }
  #viewOf(node: V1Node): NodeView {
    const name = nameOf(node);
    const pods = this.#byNode.get(name) ?? none;
    return { name, placement: (this.#placement ?? nowhere)(node), pods: pods.length > 1 ? pods.toSorted(oldestFirst) : pods };
  }
}
const none: readonly V1Pod[] = [];
const nowhere = (): Placement => ({ run: false, stay: false });
const nameOf = (node: V1Node): string => node.metadata?.name ?? '';

/** Those that have a node come first; of equals the older. */
function oldestFirst(a: V1Pod, b: V1Pod): number {
  return (
    Number(Boolean(b.spec?.nodeName)) - Number(Boolean(a.spec?.nodeName)) ||
    compareText(created(a), created(b)) ||
    compareText(a.metadata?.name, b.metadata?.name)
  );
}
const created = (pod: V1Pod): string => pod.metadata?.creationTimestamp ?? '';
