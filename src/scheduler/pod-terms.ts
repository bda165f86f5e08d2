import type { V1LabelSelector, V1Pod, V1PodAffinity, V1PodAffinityTerm, V1PodAntiAffinity } from '#kinds';
import { labelSelectorMatcher, type LabelMatcher } from '#machinery';

type Labels = { readonly [key: string]: string };
/** The parts of a pod that other pods' terms look at. */
export interface SelectedPod {
  readonly namespace: string;
  readonly labels: Labels;
}

/** A term of pod affinity or anti-affinity. */
export interface PodTerm {
  readonly topologyKey: string;
  matches(pod: SelectedPod, namespaceLabels: (name: string) => Labels): boolean;
}

export function affinityTerms(pod: V1Pod, affinity: V1PodAffinity | V1PodAntiAffinity | undefined): PodTerm[] {
  return (affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map((term) => podTerm(pod, term));
}

/** A preferred term: what a pod that matches adds to the nodes of its domain, below 0 for anti-affinity. */
export interface WeightedTerm extends PodTerm {
  readonly weight: number;
}
export function preferredTerms(pod: V1Pod): WeightedTerm[] {
  const { podAffinity, podAntiAffinity } = pod.spec?.affinity ?? {};
  const weighted = (affinity: V1PodAffinity | V1PodAntiAffinity | undefined, sign: 1 | -1): WeightedTerm[] =>
    (affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((t) => ({ ...podTerm(pod, t.podAffinityTerm), weight: sign * t.weight }));
  return [...weighted(podAffinity, 1), ...weighted(podAntiAffinity, -1)];
}

function podTerm(pod: V1Pod, term: V1PodAffinityTerm): PodTerm {
  const own = pod.metadata?.namespace ?? '';
  const selects = withLabelKeys(term.labelSelector, pod, term.matchLabelKeys, term.mismatchLabelKeys);
  // Neither namespaces nor a selector of them: the pod's own. An empty selector: all.
  const names = new Set(term.namespaces?.length || term.namespaceSelector ? term.namespaces : [own]);
  const selectsNamespace = labelSelectorMatcher(term.namespaceSelector);
  return {
    topologyKey: term.topologyKey,
    matches: (other, namespaceLabels) => (names.has(other.namespace) || selectsNamespace(namespaceLabels(other.namespace))) && selects(other.labels),
  };
}

/** A topologySpreadConstraint. */
export interface SpreadConstraint {
  readonly topologyKey: string;
  readonly maxSkew: number;
  readonly minDomains: number;
  readonly honorAffinity: boolean;
  readonly honorTaints: boolean;
  /** Pods of the pod's own namespace that count. */
  readonly selects: LabelMatcher;
}

export function spreadConstraints(pod: V1Pod, whenUnsatisfiable: 'DoNotSchedule' | 'ScheduleAnyway'): SpreadConstraint[] {
  const wanted = (pod.spec?.topologySpreadConstraints ?? []).filter((c) => c.whenUnsatisfiable === whenUnsatisfiable);
  return wanted.map((c) => ({
    topologyKey: c.topologyKey,
    maxSkew: c.maxSkew,
    minDomains: c.minDomains ?? 1,
    honorAffinity: c.nodeAffinityPolicy !== 'Ignore',
    honorTaints: c.nodeTaintsPolicy === 'Honor',
    selects: withLabelKeys(c.labelSelector, pod, c.matchLabelKeys),
  }));
}

/** KEP-3633 and KEP-3243: the incoming pod's own values of these labels narrow the selector. */
function withLabelKeys(selector: V1LabelSelector | undefined, pod: V1Pod, same: readonly string[] = [], different: readonly string[] = []): LabelMatcher {
  if (!selector) return () => false;
  const labels = pod.metadata?.labels ?? {};
  const extra = (keys: readonly string[], operator: string): { key: string; operator: string; values: string[] }[] =>
    keys.flatMap((key) => (labels[key] === undefined ? [] : [{ key, operator, values: [labels[key]] }]));
  const matchExpressions = [...(selector.matchExpressions ?? []), ...extra(same, 'In'), ...extra(different, 'NotIn')];
  return labelSelectorMatcher({ ...(selector.matchLabels ? { matchLabels: selector.matchLabels } : {}), matchExpressions });
}
