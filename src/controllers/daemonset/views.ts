import type { V1DaemonSet, V1Node, V1Pod } from '#kinds';
import { isPodTerminal, isTerminating } from '../pods.ts';
import { compareText } from '../revisions.ts';
import { nodeOf, placementOf, type Placement } from './placement.ts';
import type { DaemonSetState, NodeView } from './state.ts';

export interface NodeViews {
  readonly views: readonly NodeView[];
  /** Pods that wait for a node that is gone: nobody else removes them. */
  readonly homeless: readonly V1Pod[];
}

/** What was seen of each set, by its uid: a step looks at thousands of nodes of which a few have changed. */
const memories = new Map<string, Memory>();
const mostSets = 200;

/** What the set has on each node. The result holds until the next look at the set. */
export function viewNodes({ set, pods, nodes }: Pick<DaemonSetState, 'set' | 'pods' | 'nodes'>): NodeViews {
  const uid = set.metadata?.uid ?? '';
  let memory = memories.get(uid);
  if (!memory) {
    if (memories.size >= mostSets) memories.clear();
    memories.set(uid, (memory = new Memory()));
  }
  return memory.look(set, pods, nodes);
}

/** The set is gone. */
export function forgetViews(set: V1DaemonSet): void {
  memories.delete(set.metadata?.uid ?? '');
}

class Memory {
  #placement: ((node: V1Node) => Placement) | undefined;
  #nodes: readonly V1Node[] = [];
  /** Where each pod counts; undefined for those that count nowhere. */
  readonly #pods = new Map<V1Pod, string | undefined>();
  readonly #byNode = new Map<string, V1Pod[]>();
  readonly #indexes = new Map<string, number>();
  readonly #views: NodeView[] = [];
  /** Names with pods and without a node. */
  readonly #strays = new Set<string>();

  look(set: V1DaemonSet, pods: readonly V1Pod[], nodes: readonly V1Node[]): NodeViews {
    const changed = this.#comparePods(pods);
    this.#compareNodes(placementOf(set), nodes, changed);
    for (const name of changed) this.#refresh(name);
    const homeless = [...this.#strays].flatMap((name) => this.#byNode.get(name) ?? []).filter((pod) => !pod.spec?.nodeName && !isTerminating(pod));
    return { views: this.#views, homeless };
  }
  /** Names of the nodes whose pods are others now. */
  #comparePods(pods: readonly V1Pod[]): Set<string> {
    const changed = new Set<string>();
    for (const pod of pods) if (!this.#pods.has(pod)) this.#add(pod, changed);
    if (this.#pods.size === pods.length) return changed;
    const present = new Set(pods);
    for (const [pod, node] of this.#pods) if (!present.has(pod)) this.#remove(pod, node, changed);
    return changed;
  }
  #add(pod: V1Pod, changed: Set<string>): void {
    // Pods that have ended and are being deleted are as good as gone.
    const node = isTerminating(pod) && isPodTerminal(pod) ? undefined : nodeOf(pod);
    this.#pods.set(pod, node);
    if (node === undefined) return;
    changed.add(node);
    this.#byNode.set(node, [...(this.#byNode.get(node) ?? []), pod]);
  }
  #remove(pod: V1Pod, node: string | undefined, changed: Set<string>): void {
    this.#pods.delete(pod);
    if (node === undefined) return;
    changed.add(node);
    const rest = (this.#byNode.get(node) ?? []).filter((other) => other !== pod);
    if (rest.length > 0) this.#byNode.set(node, rest);
    else this.#byNode.delete(node);
  }
  #compareNodes(placement: (node: V1Node) => Placement, nodes: readonly V1Node[], changed: Set<string>): void {
    const isSame = this.#placement === placement && nodes.length === this.#nodes.length && nodes.every((node, i) => nameOf(node) === this.#views[i]?.name);
    if (!isSame) return this.#begin(placement, nodes);
    for (let i = 0; i < nodes.length; i++) {
      const node = nodes[i] as V1Node;
      if (node === this.#nodes[i]) continue;
      const before = (this.#views[i] as NodeView).placement;
      const now = placement(node);
      if (before.run !== now.run || before.stay !== now.stay) changed.add(nameOf(node));
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
