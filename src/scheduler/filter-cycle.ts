import type { ClusterState } from './cluster-state.ts';
import type { NodeInfo } from './node-info.ts';
import { Refusal, type FilterPlugin, type Rejection } from './plugin.ts';
import type { PodInfo } from './pod-info.ts';

/** A plugin that said no, and why. */
export interface Failure {
  readonly plugin: FilterPlugin;
  readonly rejection: Rejection;
}
interface ActiveFilter {
  readonly plugin: FilterPlugin;
  facts: unknown;
}

/** The filters that matter for one pod, prepared. One per decision. */
export class FilterCycle {
  /** Set when no node can take the pod, whatever it is like. */
  refused: Failure | undefined;
  readonly #state: ClusterState;
  readonly #pod: PodInfo;
  readonly #applying: readonly FilterPlugin[];
  #active: ActiveFilter[] = [];

  constructor(state: ClusterState, pod: PodInfo, filters: readonly FilterPlugin[]) {
    this.#state = state;
    this.#pod = pod;
    this.#applying = filters.filter((plugin) => plugin.applies?.(pod) !== false);
    this.prepare();
  }
  /** Looks at the state anew: after pods were added or removed. */
  prepare(): void {
    this.refused = undefined;
    this.#active = [];
    for (const plugin of this.#applying) {
      const facts = plugin.prepare?.(this.#pod, this.#state);
      if (facts instanceof Refusal) this.refused ??= { plugin, rejection: facts.rejection };
      if (!plugin.prepare || facts !== undefined) this.#active.push({ plugin, facts });
    }
  }
  /** Nodes that alone can pass, and which plugins say so; undefined: any. */
  only(): { names: readonly string[]; plugins: readonly FilterPlugin[] } | undefined {
    let found: { names: readonly string[]; plugins: FilterPlugin[] } | undefined;
    for (const plugin of this.#applying) {
      const names = plugin.only?.(this.#pod);
      if (!names) continue;
      found = { names: found ? found.names.filter((name) => names.includes(name)) : names, plugins: [...(found?.plugins ?? []), plugin] };
    }
    return found;
  }
  /** The first failure; undefined: the node passes. */
  check(node: NodeInfo): Failure | undefined {
    for (const { plugin, facts } of this.#active) {
      const rejection = plugin.filter(this.#pod, node, facts);
      if (rejection) return { plugin, rejection };
    }
    return undefined;
  }
  /** What every plugin has against a node. */
  checkAll(node: NodeInfo): Failure[] {
    return this.#active.flatMap(({ plugin, facts }) => {
      const rejection = facts instanceof Refusal ? facts.rejection : plugin.filter(this.#pod, node, facts);
      return rejection ? [{ plugin, rejection }] : [];
    });
  }
}
