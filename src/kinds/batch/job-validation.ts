/** Validation of job specs, which Jobs and CronJobs share (pkg/apis/batch/validation of Kubernetes 1.36). */
import type { FieldError } from '#machinery';
import type { V1JobSpec, V1PodFailurePolicyRule, V1SuccessPolicyRule } from '../generated/types.ts';
import { validatePodTemplate } from '../core/pod-spec-validation.ts';
import { duplicate, invalidHere, invalidValue, nonNegative, required, tooLong, tooMany, unsupportedOf } from '../support/errors.ts';
import { countIndexes, parseIndexes } from '../support/indexes.ts';
import { checked, domainPrefixedPath, qualifiedName } from '../support/names.ts';

const maxParallelism = 100_000;
const maxFailedIndexes = 100_000;
/** Above this many completions, what is tracked per index is bounded more narrowly. */
const manyCompletions = 100_000;
const narrowLimit = 10_000;
const indexListBytes = 64 * 1024;

const counters = [
  'parallelism',
  'completions',
  'activeDeadlineSeconds',
  'backoffLimit',
  'ttlSecondsAfterFinished',
  'backoffLimitPerIndex',
  'maxFailedIndexes',
] as const;

/** All but the selector, which a CronJob's template has not. */
export function validateJobSpec(spec: V1JobSpec, at: string): FieldError[] {
  return [
    ...counters.flatMap((name) => nonNegative(`${at}.${name}`, spec[name])),
    ...(spec.maxFailedIndexes !== undefined && spec.backoffLimitPerIndex === undefined
      ? [required(`${at}.backoffLimitPerIndex`, 'when maxFailedIndexes is specified')]
      : []),
    ...validateManagedBy(spec.managedBy, `${at}.managedBy`),
    ...validateMode(spec, at),
    ...validateFailurePolicy(spec, `${at}.podFailurePolicy`),
    ...validateSuccessPolicy(spec, `${at}.successPolicy`),
    ...validateReplacement(spec, `${at}.podReplacementPolicy`),
    ...validatePodTemplate(spec.template, `${at}.template`),
    ...validateRestartPolicy(spec, `${at}.template.spec.restartPolicy`),
  ];
}

function validateManagedBy(value: string | undefined, field: string): FieldError[] {
  if (value === undefined) return [];
  return [...checked(field, value, domainPrefixedPath), ...(value.length > 63 ? [tooLong(field, 63)] : [])];
}

function validateMode(spec: V1JobSpec, at: string): FieldError[] {
  const mode = spec.completionMode;
  if (mode === 'Indexed') return validateIndexed(spec, at);
  const errors = mode !== undefined && mode !== 'NonIndexed' ? [unsupportedOf(`${at}.completionMode`, mode, ['NonIndexed', 'Indexed'])] : [];
  if (mode !== undefined && mode !== 'NonIndexed') return errors;
  for (const name of ['backoffLimitPerIndex', 'maxFailedIndexes'] as const)
    if (spec[name] !== undefined) errors.push(invalidValue(`${at}.${name}`, spec[name], 'requires indexed completion mode'));
  return errors;
}

function validateIndexed({ completions, parallelism = 0, maxFailedIndexes: failed, backoffLimitPerIndex }: V1JobSpec, at: string): FieldError[] {
  const errors: FieldError[] = [];
  if (completions === undefined) errors.push(required(`${at}.completions`, 'when completion mode is Indexed'));
  if (parallelism > maxParallelism)
    errors.push(invalidValue(`${at}.parallelism`, parallelism, `must be less than or equal to ${maxParallelism} when completion mode is Indexed`));
  if (completions !== undefined && failed !== undefined && failed > completions)
    errors.push(invalidValue(`${at}.maxFailedIndexes`, failed, 'must be less than or equal to completions'));
  if (failed !== undefined && failed > maxFailedIndexes)
    errors.push(invalidValue(`${at}.maxFailedIndexes`, failed, `must be less than or equal to ${maxFailedIndexes}`));
  if (completions === undefined || completions <= manyCompletions || backoffLimitPerIndex === undefined) return errors;
  const many = `must be less than or equal to ${narrowLimit} when completions are above ${manyCompletions} and used with backoff limit per index`;
  if (failed === undefined) errors.push(required(`${at}.maxFailedIndexes`, `must be specified when completions is above ${manyCompletions}`));
  if (parallelism > narrowLimit) errors.push(invalidValue(`${at}.parallelism`, parallelism, many));
  if (failed !== undefined && failed > narrowLimit) errors.push(invalidValue(`${at}.maxFailedIndexes`, failed, many));
  return errors;
}

function validateRestartPolicy({ template, podFailurePolicy }: V1JobSpec, field: string): FieldError[] {
  const policy = template?.spec?.restartPolicy;
  if (!policy || policy === 'Always') return [required(field, 'valid values: "OnFailure", "Never"')];
  if (policy !== 'OnFailure' && policy !== 'Never') return [unsupportedOf(field, policy, ['OnFailure', 'Never'])];
  return podFailurePolicy && policy !== 'Never' ? [invalidValue(field, policy, 'only "Never" is supported when podFailurePolicy is specified')] : [];
}

function validateReplacement({ podReplacementPolicy: policy, podFailurePolicy }: V1JobSpec, field: string): FieldError[] {
  const allowed = podFailurePolicy ? ['Failed'] : ['Failed', 'TerminatingOrFailed'];
  return policy !== undefined && !allowed.includes(policy) ? [unsupportedOf(field, policy, allowed)] : [];
}

/** A required word out of a set; the texts name the set in order. */
function word(field: string, value: string | undefined, allowed: readonly string[]): FieldError[] {
  if (!value) return [required(field, `valid values: [${allowed.map((item) => `"${item}"`).join(' ')}]`)];
  return allowed.includes(value) ? [] : [unsupportedOf(field, value, allowed)];
}

function validateFailurePolicy(spec: V1JobSpec, at: string): FieldError[] {
  const rules = spec.podFailurePolicy?.rules ?? [];
  const podSpec = spec.template?.spec;
  const names = new Set([...(podSpec?.containers ?? []), ...(podSpec?.initContainers ?? [])].map((container) => container.name));
  return [
    ...(rules.length > 20 ? [tooMany(`${at}.rules`, rules.length, 20)] : []),
    ...rules.flatMap((rule, i) => validateFailureRule(spec, rule, `${at}.rules[${i}]`, names)),
  ];
}

function validateFailureRule(spec: V1JobSpec, rule: V1PodFailurePolicyRule, at: string, names: ReadonlySet<string>): FieldError[] {
  const errors: FieldError[] = [];
  if (rule.action !== 'FailIndex') errors.push(...word(`${at}.action`, rule.action, ['Count', 'FailIndex', 'FailJob', 'Ignore']));
  else if (spec.backoffLimitPerIndex === undefined) errors.push(invalidValue(`${at}.action`, rule.action, 'requires the backoffLimitPerIndex to be set'));
  const patterns = rule.onPodConditions ?? [];
  if (rule.onExitCodes) errors.push(...validateExitCodes(rule.onExitCodes, `${at}.onExitCodes`, names));
  if (patterns.length > 20) errors.push(tooMany(`${at}.onPodConditions`, patterns.length, 20));
  patterns.forEach((pattern, i) => {
    const here = `${at}.onPodConditions[${i}]`;
    errors.push(...checked(`${here}.type`, pattern.type ?? '', qualifiedName), ...word(`${here}.status`, pattern.status, ['False', 'True', 'Unknown']));
  });
  if (rule.onExitCodes && patterns.length > 0) errors.push(invalidHere(at, 'specifying both OnExitCodes and OnPodConditions is not supported'));
  if (!rule.onExitCodes && patterns.length === 0) errors.push(invalidHere(at, 'specifying one of OnExitCodes and OnPodConditions is required'));
  return errors;
}

function validateExitCodes(
  { operator, containerName, values: given }: NonNullable<V1PodFailurePolicyRule['onExitCodes']>,
  at: string,
  names: ReadonlySet<string>,
): FieldError[] {
  const values: readonly number[] = given ?? [];
  const errors = word(`${at}.operator`, operator, ['In', 'NotIn']);
  if (containerName !== undefined && !names.has(containerName))
    errors.push(invalidValue(`${at}.containerName`, containerName, 'must be one of the container or initContainer names in the pod template'));
  if (values.length === 0) errors.push(invalidValue(`${at}.values`, values, 'at least one value is required'));
  if (values.length > 255) errors.push(tooMany(`${at}.values`, values.length, 255));
  values.forEach((code, i) => {
    if (operator === 'In' && code === 0) errors.push(invalidValue(`${at}.values[${i}]`, code, 'must not be 0 for the In operator'));
    if (values.indexOf(code) < i) errors.push(duplicate(`${at}.values[${i}]`, code));
  });
  if (values.some((code, i) => i > 0 && values[i - 1]! > code)) errors.push(invalidValue(`${at}.values`, values, 'must be ordered'));
  return errors;
}

function validateSuccessPolicy(spec: V1JobSpec, at: string): FieldError[] {
  const policy = spec.successPolicy;
  if (!policy) return [];
  if (spec.completionMode !== 'Indexed') return [invalidValue(at, policy, 'requires indexed completion mode')];
  const rules = policy.rules ?? [];
  const errors: FieldError[] = [];
  if (rules.length === 0) errors.push(required(`${at}.rules`, 'at least one rules must be specified when the successPolicy is specified'));
  if (rules.length > 20) errors.push(tooMany(`${at}.rules`, rules.length, 20));
  return [...errors, ...rules.flatMap((rule, i) => validateSuccessRule(rule, spec.completions ?? 0, `${at}.rules[${i}]`))];
}

function validateSuccessRule({ succeededCount: count, succeededIndexes: indexes }: V1SuccessPolicyRule, completions: number, at: string): FieldError[] {
  const errors: FieldError[] = [];
  if (count === undefined && indexes === undefined) errors.push(required(at, 'at least one of succeededCount or succeededIndexes must be specified'));
  let total = 0;
  if (indexes !== undefined) {
    if (indexes.length > indexListBytes) errors.push(tooLong(`${at}.succeededIndexes`, indexListBytes));
    try {
      total = countIndexes(parseIndexes(indexes, completions));
    } catch (error) {
      errors.push(invalidValue(`${at}.succeededIndexes`, indexes, `error parsing succeededIndexes: ${(error as Error).message}`));
    }
  }
  if (count === undefined) return errors;
  errors.push(...nonNegative(`${at}.succeededCount`, count));
  const most = (limit: number, what: string): FieldError => invalidValue(`${at}.succeededCount`, count, `must be less than or equal to ${limit} (${what})`);
  if (count > completions) errors.push(most(completions, 'the number of specified completions'));
  if (indexes !== undefined && count > total) errors.push(most(total, 'the number of indexes in the specified succeededIndexes field'));
  return errors;
}
