/** The rules by which a job judges failed pods and its own success. */
import { countIndexes, type V1ContainerStatus, type V1Job, type V1Pod, type V1PodFailurePolicyRule } from '#kinds';
import { joinIndexes, readIndexes, type IndexSet } from './indexes.ts';

export interface FailureVerdict {
  action?: 'Ignore' | 'FailIndex' | 'FailJob' | 'Count';
  /** Whether the failure counts towards the limits. */
  counts: boolean;
  /** Why the job fails, when it does. */
  message?: string;
}

/** The first rule that fits decides; what no rule fits is counted. */
export function judgeFailure(job: V1Job, pod: V1Pod): FailureVerdict {
  const rules = job.spec?.podFailurePolicy?.rules ?? [];
  for (const [i, rule] of rules.entries()) {
    const what = rule.onExitCodes ? byExitCode(rule.onExitCodes, pod) : byCondition(rule, pod);
    if (what === undefined) continue;
    const action = rule.action as NonNullable<FailureVerdict['action']>;
    return { action, counts: action !== 'Ignore', ...(action === 'FailJob' ? { message: `${what} matching ${action} rule at index ${i}` } : {}) };
  }
  return { counts: true };
}

const nameOf = (pod: V1Pod): string => `${pod.metadata?.namespace ?? ''}/${pod.metadata?.name ?? ''}`;

function byExitCode({ containerName, operator, values }: NonNullable<V1PodFailurePolicyRule['onExitCodes']>, pod: V1Pod): string | undefined {
  const code = (s: V1ContainerStatus): number => s.state?.terminated?.exitCode ?? 0;
  const fits = (s: V1ContainerStatus): boolean =>
    (containerName === undefined || containerName === s.name) && code(s) !== 0 && values.includes(code(s)) === (operator === 'In');
  const found = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])].find(fits);
  return found && `Container ${found.name} for pod ${nameOf(pod)} failed with exit code ${code(found)}`;
}
function byCondition({ onPodConditions = [] }: V1PodFailurePolicyRule, pod: V1Pod): string | undefined {
  const found = (pod.status?.conditions ?? []).find((c) => onPodConditions.some((p) => p.type === c.type && (p.status || 'True') === c.status));
  return found && `Pod ${nameOf(pod)} has condition ${found.type}`;
}

/** Why the job has succeeded, if its success policy says that it has. */
export function judgeSuccess(job: V1Job, succeeded: IndexSet): string | undefined {
  const completions = job.spec?.completions ?? 0;
  const rules = job.spec?.successPolicy?.rules ?? [];
  const at = rules.findIndex(({ succeededIndexes, succeededCount }) => {
    if (succeededIndexes === undefined) return succeededCount !== undefined && countIndexes(succeeded) >= succeededCount;
    const named = readIndexes(succeededIndexes, completions);
    return countBoth(succeeded, named) >= (succeededCount ?? countIndexes(named));
  });
  return at < 0 || succeeded.length === 0 ? undefined : `Matched rules at index ${at}`;
}
/** How many indexes are in both sets. */
const countBoth = (a: IndexSet, b: IndexSet): number => countIndexes(a) + countIndexes(b) - countIndexes(joinIndexes(a, b));
