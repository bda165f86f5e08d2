import type { ClusterState } from './cluster-state.ts';
import { FilterCycle, type Failure } from './filter-cycle.ts';
import type { NodeInfo } from './node-info.ts';
import type { PodInfo } from './pod-info.ts';
import type { Profile } from './profile.ts';

/** What one plugin has against one node. */
export interface NodeObjection {
  readonly plugin: string;
  readonly reasons: readonly string[];
  /** Whether less important pods could be driven from the node to make it fit. */
  readonly preemptible: boolean;
  /** What would help. */
  readonly advice?: string;
}
export interface NodeVerdict {
  readonly name: string;
  readonly fits: boolean;
  readonly objections: readonly NodeObjection[];
}

/** What every plugin has against every node as it is now, by name of the node. */
export function explainNodes(state: ClusterState, pod: PodInfo, profile: Profile): NodeVerdict[] {
  const cycle = new FilterCycle(state, pod, profile.filters);
  const verdicts = state.nodes.map((node) => verdict(node, pod, cycle.checkAll(node)));
  return verdicts.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function verdict(node: NodeInfo, pod: PodInfo, failures: readonly Failure[]): NodeVerdict {
  const objections = failures.map(({ plugin, rejection }): NodeObjection => {
    const advice = plugin.advice?.(pod, node, rejection);
    return { plugin: plugin.name, reasons: rejection.reasons, preemptible: !rejection.unresolvable, ...(advice ? { advice } : {}) };
  });
  return { name: node.name, fits: objections.length === 0, objections };
}
