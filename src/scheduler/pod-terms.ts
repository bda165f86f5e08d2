import type { V1LabelSelector, V1Pod, V1PodAffinity, V1PodAffinityTerm, V1PodAntiAffinity, V1TopologySpreadConstraint } from '#kinds';
import { labelSelectorMatcher, type LabelMatcher } from '#machinery';

type Labels = { readonly [key: string]: string };
/** The parts of a pod that other pods' terms look at. */
export interface SelectedPod {
  readonly namespace: string;
  readonly labels: Labels;
}

/** A term of pod affinity or anti-affinity. */
export interface PodTerm {
  /** Equal for terms that mean the same. */
  readonly key: string;
  readonly topologyKey: string;
  /** Namespaces by name, beside those that a selector finds. */
  readonly namespaces: ReadonlySet<string>;
  readonly selectsNamespaces: boolean;
  matches(pod: SelectedPod, namespaceLabels: (name: string) => Labels): boolean;
}

export function affinityTerms(pod: V1Pod, affinity: V1PodAffinity | V1PodAntiAffinity | undefined): readonly PodTerm[] {
  const terms = affinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return terms?.length ? terms.map((term) => podTerm(pod, term)) : none;
}
const none: readonly never[] = [];

/** A preferred term: what a pod that matches adds to the nodes of its domain, below 0 for anti-affinity. */
export interface WeightedTerm extends PodTerm {
  readonly weight: number;
}
export function preferredTerms(pod: V1Pod): readonly WeightedTerm[] {
  const { podAffinity, podAntiAffinity } = pod.spec?.affinity ?? {};
  if (!podAffinity && !podAntiAffinity) return none;
  return [...weighted(pod, podAffinity, 1), ...weighted(pod, podAntiAffinity, -1)];
}
function weighted(pod: V1Pod, affinity: V1PodAffinity | V1PodAntiAffinity | undefined, sign: 1 | -1): WeightedTerm[] {
  return (affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((preferred) => {
    const term = podTerm(pod, preferred.podAffinityTerm);
    const weight = sign * preferred.weight;
    return { ...term, weight, key: `${weight}\n${term.key}` };
  });
}

function podTerm(pod: V1Pod, term: V1PodAffinityTerm): PodTerm {
  const own = pod.metadata?.namespace ?? '';
  const selector = withLabelKeys(term.labelSelector, pod, term.matchLabelKeys, term.mismatchLabelKeys);
  const selects = labelSelectorMatcher(selector);
  // Neither namespaces nor a selector of them: the pod's own. An empty selector: all.
  const namespaces = new Set(term.namespaces?.length || term.namespaceSelector ? term.namespaces : [own]);
  const selectsNamespace = labelSelectorMatcher(term.namespaceSelector);
  const { namespaceSelector, topologyKey } = term;
  return {
    key: JSON.stringify([topologyKey, [...namespaces].sort(), namespaceSelector, selector]),
    topologyKey,
    namespaces,
    selectsNamespaces: namespaceSelector !== undefined,
    matches: (other, namespaceLabels) =>
      (namespaces.has(other.namespace) || (namespaceSelector !== undefined && selectsNamespace(namespaceLabels(other.namespace)))) && selects(other.labels),
  };
}

/** A topologySpreadConstraint. */
export interface SpreadConstraint {
  /** Equal for constraints that select the same pods. */
  readonly selectorKey: string;
  readonly topologyKey: string;
  readonly maxSkew: number;
  readonly minDomains: number;
  readonly honorAffinity: boolean;
  readonly honorTaints: boolean;
  /** Pods of the pod's own namespace that count. */
  readonly selects: LabelMatcher;
}

export function spreadConstraints(pod: V1Pod, whenUnsatisfiable: 'DoNotSchedule' | 'ScheduleAnyway'): readonly SpreadConstraint[] {
  const constraints = pod.spec?.topologySpreadConstraints;
  if (!constraints?.length) return none;
  return constraints.filter((c) => c.whenUnsatisfiable === whenUnsatisfiable).map((constraint) => spreadConstraint(constraint, pod));
}
export function spreadConstraint(c: V1TopologySpreadConstraint, pod: V1Pod): SpreadConstraint {
  const selector = withLabelKeys(c.labelSelector, pod, c.matchLabelKeys);
  return {
    selectorKey: JSON.stringify(selector) ?? '',
    topologyKey: c.topologyKey,
    maxSkew: c.maxSkew,
    minDomains: c.minDomains ?? 1,
    honorAffinity: c.nodeAffinityPolicy !== 'Ignore',
    honorTaints: c.nodeTaintsPolicy === 'Honor',
    selects: labelSelectorMatcher(selector),
  };
}

/** KEP-3633 and KEP-3243: the incoming pod's own values of these labels narrow the selector. */
function withLabelKeys(
  selector: V1LabelSelector | undefined,
  pod: V1Pod,
  same: readonly string[] | undefined,
  different?: readonly string[],
): V1LabelSelector | undefined {
  if (!selector || (!same?.length && !different?.length)) return selector;
  const labels = pod.metadata?.labels ?? {};
  const extra = (keys: readonly string[] = [], operator: string): { key: string; operator: string; values: string[] }[] =>
    keys.flatMap((key) => (labels[key] === undefined ? [] : [{ key, operator, values: [labels[key]] }]));
  return { ...selector, matchExpressions: [...(selector.matchExpressions ?? []), ...extra(same, 'In'), ...extra(different, 'NotIn')] };
}
