import type { NodeInfo } from './node-info.ts';
import type { PodInfo } from './pod-info.ts';
import type { PodTerm, SelectedPod } from './pod-terms.ts';

/** A term, and how many placed pods hold it per topology value. */
export interface HeldTerm<T extends PodTerm = PodTerm> {
  readonly term: T;
  readonly counts: Map<string, number>;
  holders: number;
}

/** Terms of placed pods that speak of pods to come: what keeps them away, or draws them. Equal terms are kept once. */
export class HeldTerms<T extends PodTerm = PodTerm> {
  readonly #terms = new Map<string, HeldTerm<T>>();
  /** By namespace they look at; those that select namespaces are apart. */
  readonly #byNamespace = new Map<string, Set<HeldTerm<T>>>();
  readonly #anyNamespace = new Set<HeldTerm<T>>();
  readonly #of: (pod: PodInfo) => readonly T[];

  constructor(of: (pod: PodInfo) => readonly T[]) {
    this.#of = of;
  }
  get size(): number {
    return this.#terms.size;
  }
  add(pod: PodInfo, node: NodeInfo): void {
    for (const term of this.#of(pod)) {
      const held = this.#terms.get(term.key) ?? this.#hold(term);
      held.holders++;
      tally(held.counts, node.labels[term.topologyKey], 1);
    }
  }
  remove(pod: PodInfo, node: NodeInfo): void {
    for (const term of this.#of(pod)) {
      const held = this.#terms.get(term.key);
      if (!held) continue;
      tally(held.counts, node.labels[term.topologyKey], -1);
      if (--held.holders === 0) this.#letGo(held);
    }
  }
  /** Those that mean this pod. */
  matching(pod: SelectedPod, namespaceLabels: (name: string) => { readonly [key: string]: string }): HeldTerm<T>[] {
    if (this.#terms.size === 0) return [];
    const out: HeldTerm<T>[] = [];
    for (const held of this.#byNamespace.get(pod.namespace) ?? []) if (held.term.matches(pod, namespaceLabels)) out.push(held);
    for (const held of this.#anyNamespace) if (held.term.matches(pod, namespaceLabels)) out.push(held);
    return out;
  }
  #hold(term: T): HeldTerm<T> {
    const held: HeldTerm<T> = { term, counts: new Map(), holders: 0 };
    this.#terms.set(term.key, held);
    if (term.selectsNamespaces) this.#anyNamespace.add(held);
    else for (const name of term.namespaces) this.#byNamespace.set(name, (this.#byNamespace.get(name) ?? new Set()).add(held));
    return held;
  }
  #letGo(held: HeldTerm<T>): void {
    const { term } = held;
    this.#terms.delete(term.key);
    this.#anyNamespace.delete(held);
    for (const name of term.namespaces) {
      const there = this.#byNamespace.get(name);
      there?.delete(held);
      if (there?.size === 0) this.#byNamespace.delete(name);
    }
  }
}

function tally(counts: Map<string, number>, value: string | undefined, change: 1 | -1): void {
  if (value === undefined) return;
  const count = (counts.get(value) ?? 0) + change;
  if (count > 0) counts.set(value, count);
  else counts.delete(value);
}
