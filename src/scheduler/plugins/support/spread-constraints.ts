import type { Informer } from '#client';
import { tolerated, type V1Service, type V1TopologySpreadConstraint } from '#kinds';
import type { NodeInfo } from '../../node-info.ts';
import type { PodFacts } from '../../pod-class.ts';
import type { PodInfo } from '../../pod-info.ts';
import type { SpreadConstraint } from '../../pod-terms.ts';

/** What spreads pods that say nothing of it themselves. */
export interface Defaults {
  readonly constraints: readonly V1TopologySpreadConstraint[];
  /** The defaults of kube-scheduler: they tell nothing of nodes without the labels. */
  readonly system: boolean;
  readonly services: Pick<Informer<V1Service>, 'list'>;
}

/** kube-scheduler's own: over hosts first, then over zones. */
export const systemConstraints: readonly V1TopologySpreadConstraint[] = [
  { topologyKey: 'kubernetes.io/hostname', maxSkew: 3, whenUnsatisfiable: 'ScheduleAnyway' },
  { topologyKey: 'topology.kubernetes.io/zone', maxSkew: 5, whenUnsatisfiable: 'ScheduleAnyway' },
];

/** A constraint of a certain pod. */
export interface Constraint {
  /** Tells the pods that count. */
  readonly key: string;
  readonly topologyKey: string;
  readonly maxSkew: number;
  readonly minDomains: number;
  readonly honorAffinity: boolean;
  readonly honorTaints: boolean;
  counts(other: PodFacts): boolean;
}

/** The constraints that a pod has, or else the default ones. Empty: none. */
export function constraintsOf(pod: PodInfo, defaults: Defaults, when: 'DoNotSchedule' | 'ScheduleAnyway'): readonly Constraint[] {
  if (pod.preferredSpread !== undefined) return (when === 'DoNotSchedule' ? pod.spread : pod.preferredSpread).map((constraint) => own(constraint, pod));
  const wanted = defaults.constraints.filter((c) => c.whenUnsatisfiable === when);
  const group = wanted.length > 0 ? groupOf(pod, defaults) : undefined;
  if (!group) return [];
  return wanted.map(({ topologyKey, maxSkew, minDomains = 1 }) => ({ topologyKey, maxSkew, minDomains, honorAffinity: true, honorTaints: false, ...group }));
}

function own(constraint: SpreadConstraint, { namespace }: PodInfo): Constraint {
  return {
    ...constraint,
    key: `${namespace}\n${constraint.selectorKey}`,
    counts: (other) => !other.terminating && other.namespace === namespace && constraint.selects(other.labels),
  };
}

/** Which pods are of one sort with this one: those of its controller, or else those of its Services. */
function groupOf({ namespace, owner, ownerKind, labels }: PodInfo, { services }: Defaults): Pick<Constraint, 'key' | 'counts'> | undefined {
  if (spreading.has(ownerKind)) return { key: `owner\n${owner}`, counts: (other) => !other.terminating && other.owner === owner };
  const selectors = services.list(namespace).flatMap(({ spec }) => (spec?.selector && selects(spec.selector, labels) ? [spec.selector] : []));
  if (selectors.length === 0) return undefined;
  const merged: { readonly [key: string]: string } = Object.assign({}, ...selectors);
  return {
    key: `${namespace}\nservices\n${JSON.stringify(Object.entries(merged).sort())}`,
    counts: (other) => !other.terminating && other.namespace === namespace && selects(merged, other.labels),
  };
}
const spreading = new Set(['ReplicaSet', 'ReplicationController', 'StatefulSet']);
function selects(selector: { readonly [key: string]: string }, labels: { readonly [key: string]: string }): boolean {
  let any = false;
  for (const key in selector) {
    if (labels[key] !== selector[key]) return false;
    any = true;
  }
  return any;
}

/** Nodes that the pod could not go to anyway do not hold the others back. */
export const nodesThatCount = {
  /** Equal when the same nodes count. */
  key: (constraint: Constraint, pod: PodInfo): string =>
    (constraint.honorAffinity ? pod.requiredKey : '') + (constraint.honorTaints ? `\n${JSON.stringify(pod.tolerations)}` : ''),
  /** Undefined: all. `labelled`: constraints whose labels a node must have. */
  of(constraint: Constraint, pod: PodInfo, labelled: readonly Constraint[]): ((node: NodeInfo) => boolean) | undefined {
    const required = constraint.honorAffinity ? pod.required : undefined;
    const { honorTaints } = constraint;
    if (!required && !honorTaints && labelled.length < 2) return undefined;
    return (node) => {
      if (labelled.some((one) => node.labels[one.topologyKey] === undefined)) return false;
      if (required && !required(node)) return false;
      return !honorTaints || node.hardTaints.every((taint) => tolerated(pod.tolerations, taint));
    };
  },
};
/** The labels that a node must have for its pods to count. */
export const requiresAll = (constraints: readonly Constraint[]): string => (constraints.length < 2 ? '' : constraints.map((one) => one.topologyKey).join());
