import type { NodeInfo } from './node-info.ts';
import type { PodFacts } from './pod-class.ts';
import type { PodInfo } from './pod-info.ts';
import { TopologyCounter, type CounterSpec } from './topology-counter.ts';

/** Counters that are kept; the least used half is dropped when there are more. */
const mostCounters = 2000;

interface PodClass {
  readonly facts: PodFacts;
  readonly nodes: Map<NodeInfo, number>;
  /** Those that select pods of this sort. */
  counters: TopologyCounter[];
}

/**
 * Placed pods by their sort, and counters over them. A counter is made when a pod first asks for it, and kept up to
 * date from then on, so that a decision costs what there are of topology values and not what there are of pods.
 */
export class TopologyIndex {
  readonly #classes = new Map<string, PodClass>();
  readonly #counters = new Map<string, TopologyCounter>();
  readonly #nodes: () => readonly NodeInfo[];
  #uses = 0;

  constructor(nodes: () => readonly NodeInfo[]) {
    this.#nodes = nodes;
  }
  add(pod: PodInfo, node: NodeInfo): void {
    let sort = this.#classes.get(pod.classKey);
    if (!sort) this.#classes.set(pod.classKey, (sort = this.#newClass(pod)));
    sort.nodes.set(node, (sort.nodes.get(node) ?? 0) + 1);
    this.#count(sort, node, 1);
  }
  remove(pod: PodInfo, node: NodeInfo): void {
    const sort = this.#classes.get(pod.classKey);
    const there = sort?.nodes.get(node);
    if (!sort || there === undefined) return;
    if (there > 1) sort.nodes.set(node, there - 1);
    else sort.nodes.delete(node);
    this.#count(sort, node, -1);
    if (sort.nodes.size === 0) this.#classes.delete(pod.classKey);
  }
  /** The counter of that key, made when there is none. */
  counter(spec: CounterSpec): TopologyCounter {
    const found = this.#counters.get(spec.key) ?? this.#newCounter(spec);
    found.lastUsed = ++this.#uses;
    return found;
  }
  /** A node appeared, or is as it is from now on; its pods are not counted yet. */
  addNode(node: NodeInfo): void {
    for (const counter of this.#counters.values()) if (counter.spec.withEmptyDomains) counter.addNode(node);
  }
  /** A node goes, or will change; its pods are not counted any more. */
  removeNode(node: NodeInfo): void {
    for (const counter of this.#counters.values()) if (counter.spec.withEmptyDomains) counter.removeNode(node);
  }
  /** Labels of some namespace changed: what depends on them is counted anew when it is next asked for. */
  namespacesChanged(): void {
    for (const counter of this.#counters.values()) if (counter.spec.byNamespaceLabels) this.#drop(counter);
  }

  #count(sort: PodClass, node: NodeInfo, change: 1 | -1): void {
    let dropped = false;
    for (const counter of sort.counters) {
      if (counter.dropped) dropped = true;
      else counter.add(node, change);
    }
    if (dropped) sort.counters = sort.counters.filter((counter) => !counter.dropped);
  }
  #newClass({ namespace, labels, terminating, owner }: PodInfo): PodClass {
    const facts = { namespace, labels, terminating, owner };
    return { facts, nodes: new Map(), counters: [...this.#counters.values()].filter((counter) => counter.spec.selects(facts)) };
  }
  #newCounter(spec: CounterSpec): TopologyCounter {
    if (this.#counters.size >= mostCounters) this.#dropHalf();
    const counter = new TopologyCounter(spec);
    this.#counters.set(spec.key, counter);
    if (spec.withEmptyDomains) for (const node of this.#nodes()) counter.addNode(node);
    for (const sort of this.#classes.values()) {
      if (!spec.selects(sort.facts)) continue;
      sort.counters.push(counter);
      for (const [node, pods] of sort.nodes) counter.add(node, pods);
    }
    return counter;
  }
  #dropHalf(): void {
    const byUse = [...this.#counters.values()].sort((a, b) => a.lastUsed - b.lastUsed);
    for (const counter of byUse.slice(0, mostCounters / 2)) this.#drop(counter);
  }
  #drop(counter: TopologyCounter): void {
    counter.dropped = true;
    this.#counters.delete(counter.spec.key);
  }
}
