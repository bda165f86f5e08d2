import type { V1PodDisruptionBudget } from '#kinds';
import { labelSelectorMatcher } from '#machinery';
import type { PodInfo } from './pod-info.ts';

/** What preemption needs to know of a PodDisruptionBudget. */
export interface Budget {
  /** Disruptions that it allows now. */
  readonly allowed: number;
  /** Names of pods whose eviction is counted already. */
  readonly disrupted: ReadonlySet<string>;
  guards(pod: PodInfo): boolean;
}

/** An empty selector guards nothing here, and neither is a pod without labels guarded, as in kube-scheduler. */
export function budgetOf({ metadata, spec, status }: V1PodDisruptionBudget): Budget {
  const { selector } = spec ?? {};
  const empty = !Object.keys(selector?.matchLabels ?? {}).length && !selector?.matchExpressions?.length;
  const selects = labelSelectorMatcher(selector);
  return {
    allowed: status?.disruptionsAllowed ?? 0,
    disrupted: new Set(Object.keys(status?.disruptedPods ?? {})),
    guards: (pod) => !empty && pod.namespace === metadata?.namespace && Object.keys(pod.labels).length > 0 && selects(pod.labels),
  };
}
