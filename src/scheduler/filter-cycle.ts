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
  readonly facts: unknown;
}

/** The filters that matter for one pod, prepared. One per decision. */
export class FilterCycle {
  /** Set when no node can take the pod, whatever it is like. */
  refused: Failure | undefined;
  /** The plugin that gave the last rejection. */
  rejecting: FilterPlugin | undefined;
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
  /** Whether all that decides about a node is on the node itself: pods elsewhere are no matter. */
  get local(): boolean {
    return !this.#active.some(({ facts }) => facts !== undefined);
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
  /**
   * Undefined: the node passes. Else what the first plugin that rejects it says. Pods that were promised the node and are
   * as important as this one count as if they were there already; the node must do without them too, as they may never come.
   */
  check(node: NodeInfo): Rejection | undefined {
    const promised = this.#state.nominations.on(node.name);
    return (promised && this.#checkAmong(promised, node)) ?? this.#run(node);
  }
  /** After pods were added or removed. */
  recheck(node: NodeInfo): Rejection | undefined {
    this.prepare();
    return this.refused?.rejection ?? this.check(node);
  }
  /** What every plugin has against a node. */
  checkAll(node: NodeInfo): Failure[] {
    return this.#active.flatMap(({ plugin, facts }) => {
      const rejection = facts instanceof Refusal ? facts.rejection : plugin.filter(this.#pod, node, facts);
      return rejection ? [{ plugin, rejection }] : [];
    });
  }
  #checkAmong(promised: ReadonlyMap<string, PodInfo>, node: NodeInfo): Rejection | undefined {
    const { uid, priority } = this.#pod;
    const guests = [...promised.values()].filter((other) => other.uid !== uid && other.priority >= priority && !this.#state.nodeOf(other.uid));
    if (guests.length === 0) return undefined;
    for (const guest of guests) this.#state.addPod(guest, node.name);
    this.prepare();
    const rejection = this.refused?.rejection ?? this.#run(node);
    for (const guest of guests) this.#state.removePod(guest.uid);
    this.prepare();
    return rejection;
  }
  #run(node: NodeInfo): Rejection | undefined {
    for (const { plugin, facts } of this.#active) {
      const rejection = plugin.filter(this.#pod, node, facts);
      if (!rejection) continue;
      this.rejecting = plugin;
      return rejection;
    }
    return undefined;
  }
}
