import type { NodeInfo } from './node-info.ts';
import type { PodFacts } from './pod-class.ts';

/** Which pods are counted, by the values of which label of their nodes. */
export interface CounterSpec {
  /** Tells counters apart: two of one key count the same. */
  readonly key: string;
  readonly topologyKey: string;
  selects(pod: PodFacts): boolean;
  /** Nodes whose pods count; undefined: all that have the label. May look at labels, name and taints of the node. */
  readonly eligible?: ((node: NodeInfo) => boolean) | undefined;
  /** Whether labels of namespaces decide. */
  readonly byNamespaceLabels?: boolean;
  /** Whether domains count that have no pod: needed for `fewest` and `domains`. */
  readonly withEmptyDomains?: boolean;
}

/** Pods per topology value, kept by every pod that is placed or removed. */
export class TopologyCounter {
  readonly spec: CounterSpec;
  readonly counts = new Map<string, number>();
  lastUsed = 0;
  dropped = false;
  readonly #nodesOf = new Map<string, number>();
  /** How many domains have this many pods. */
  readonly #domainsWith = new Map<number, number>();
  #fewest = 0;

  constructor(spec: CounterSpec) {
    this.spec = spec;
  }
  /** How many domains there are. */
  get domains(): number {
    return this.#nodesOf.size;
  }
  /** Pods in the domain that has the fewest; 0 without domains. */
  get fewest(): number {
    if (this.#nodesOf.size === 0) return 0;
    while (!this.#domainsWith.has(this.#fewest)) this.#fewest++;
    return this.#fewest;
  }
  of(node: NodeInfo): number {
    const value = node.labels[this.spec.topologyKey];
    return value === undefined ? 0 : this.in(value);
  }
  in(domain: string): number {
    return this.counts.get(domain) ?? 0;
  }
  /** `change` more pods on a node. */
  add(node: NodeInfo, change: number): void {
    const value = this.#domainOf(node);
    if (value === undefined) return;
    const before = this.counts.get(value) ?? 0;
    const after = before + change;
    if (after === 0) this.counts.delete(value);
    else this.counts.set(value, after);
    if (this.#nodesOf.has(value)) this.#move(before, after);
  }
  /** A node appeared, before its pods are counted. */
  addNode(node: NodeInfo): void {
    const value = this.#domainOf(node);
    if (value === undefined) return;
    const nodes = this.#nodesOf.get(value) ?? 0;
    this.#nodesOf.set(value, nodes + 1);
    if (nodes === 0) this.#move(undefined, this.counts.get(value) ?? 0);
  }
  /** A node goes, after its pods were taken off. */
  removeNode(node: NodeInfo): void {
    const value = this.#domainOf(node);
    const nodes = value === undefined ? undefined : this.#nodesOf.get(value);
    if (value === undefined || nodes === undefined) return;
    if (nodes > 1) return void this.#nodesOf.set(value, nodes - 1);
    this.#nodesOf.delete(value);
    this.#move(this.counts.get(value) ?? 0, undefined);
  }
  #domainOf(node: NodeInfo): string | undefined {
    const value = node.labels[this.spec.topologyKey];
    return value === undefined || this.spec.eligible?.(node) === false ? undefined : value;
  }
  #move(before: number | undefined, after: number | undefined): void {
    if (before !== undefined) {
      const left = (this.#domainsWith.get(before) ?? 0) - 1;
      if (left > 0) this.#domainsWith.set(before, left);
      else this.#domainsWith.delete(before);
    }
    if (after === undefined) return;
    this.#domainsWith.set(after, (this.#domainsWith.get(after) ?? 0) + 1);
    if (after < this.#fewest) this.#fewest = after;
  }
}
