import type { Informer } from '#client';
import { Service, type V1Service, type V1TopologySpreadConstraint } from '#kinds';
import { reject, type ClusterEvent, type FilterPlugin, type Plugin, type PluginDefinition } from '../plugin.ts';
import type { PodInfo } from '../pod-info.ts';
import type { TopologyCounter } from '../topology-counter.ts';
import { checkArgs, choice, list, type Args } from './support/args.ts';
import { constraintsOf, nodesThatCount, requiresAll, systemConstraints, type Constraint, type Defaults } from './support/spread-constraints.ts';
import { podTopologySpreadScore } from './support/pod-topology-spread-score.ts';

const skewed = reject("node(s) didn't match pod topology spread constraints");
const unlabelled = reject("node(s) didn't match pod topology spread constraints (missing required label)", true);

type Facts = readonly { readonly constraint: Constraint; readonly counter: TopologyCounter; readonly fewest: number; readonly self: number }[];

/** topologySpreadConstraints with whenUnsatisfiable DoNotSchedule. */
export function podTopologySpreadFilter(defaults: Defaults): FilterPlugin {
  return {
    name: 'PodTopologySpread',
    applies: (pod) => pod.spread.length > 0 || (pod.preferredSpread === undefined && defaults.constraints.some((c) => c.whenUnsatisfiable === 'DoNotSchedule')),
    prepare(pod, state): Facts | undefined {
      const constraints = constraintsOf(pod, defaults, 'DoNotSchedule');
      if (constraints.length === 0) return undefined;
      return constraints.map((constraint) => {
        const counter = state.pods.counter({
          key: `spread\n${constraint.topologyKey}\n${constraint.key}\n${requiresAll(constraints)}\n${nodesThatCount.key(constraint, pod)}`,
          topologyKey: constraint.topologyKey,
          selects: constraint.counts,
          eligible: nodesThatCount.of(constraint, pod, constraints),
          withEmptyDomains: true,
        });
        const self = constraint.counts({ ...pod, terminating: false }) ? 1 : 0;
        return { constraint, counter, self, fewest: counter.domains < constraint.minDomains ? 0 : counter.fewest };
      });
    },
    filter(_pod, node, facts) {
      for (const { constraint, counter, fewest, self } of facts as Facts) {
        if (node.labels[constraint.topologyKey] === undefined) return unlabelled;
        if (counter.of(node) + self - fewest > constraint.maxSkew) return skewed;
      }
      return undefined;
    },
    unstuckBy,
    advice: (_pod, _node, rejection) =>
      rejection === unlabelled ? 'give the node the labels that the constraints name' : 'add nodes to the emptiest topology domain, or raise maxSkew',
  };
}

function unstuckBy(event: ClusterEvent, pod: PodInfo): boolean {
  switch (event.type) {
    case 'NodeAdded':
      return true;
    case 'NodeChanged':
      return event.change.labels || event.change.taints;
    case 'PodRemoved':
    case 'PodPlaced':
      return event.pod.namespace === pod.namespace && (pod.spread.length === 0 || pod.spread.some((c) => c.selects(event.pod.labels)));
    case 'ObjectChanged':
      return false;
  }
}

/** Arguments: defaultConstraints and defaultingType (System or List). */
export const podTopologySpread: PluginDefinition = {
  name: 'PodTopologySpread',
  create({ args: given, informer }): Plugin {
    const args = checkArgs(given, ['defaultConstraints', 'defaultingType']);
    const defaults = readDefaults(args, informer(Service));
    const filter = podTopologySpreadFilter(defaults);
    return { name: 'PodTopologySpread', filter, score: podTopologySpreadScore(defaults) };
  },
};

function readDefaults(args: Args, services: Informer<V1Service>): Defaults {
  const type = choice(args, 'defaultingType', ['System', 'List']) ?? 'System';
  const given = list(args, 'defaultConstraints') as readonly V1TopologySpreadConstraint[] | undefined;
  if (type === 'System') {
    if (given?.length) throw new Error('args.defaultingType: Invalid value: "System": when .defaultConstraints are not empty, use "List"');
    return { constraints: systemConstraints, system: true, services };
  }
  for (const [i, constraint] of (given ?? []).entries()) checkConstraint(constraint, `args.defaultConstraints[${i}]`);
  return { constraints: given ?? [], system: false, services };
}
function checkConstraint(constraint: V1TopologySpreadConstraint, path: string): void {
  if (!(constraint.maxSkew > 0)) throw new Error(`${path}.maxSkew: Invalid value: ${constraint.maxSkew}: not in valid range (0, inf)`);
  if (!constraint.topologyKey) throw new Error(`${path}.topologyKey: Required value: can not be empty`);
  if (constraint.whenUnsatisfiable !== 'DoNotSchedule' && constraint.whenUnsatisfiable !== 'ScheduleAnyway')
    throw new Error(`${path}.whenUnsatisfiable: Unsupported value: "${constraint.whenUnsatisfiable}": supported values: "DoNotSchedule", "ScheduleAnyway"`);
  if (constraint.labelSelector) throw new Error(`${path}.labelSelector: Forbidden: constraint must not define a selector, as they deduced for each pod`);
}
