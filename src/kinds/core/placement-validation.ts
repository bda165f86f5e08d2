/** Validation of where a pod may run: tolerations, affinity, spreading, gates. */
import type { FieldError, LabelSelector } from '#machinery';
import type { V1Affinity, V1PodAffinityTerm, V1PodSpec, V1Toleration, V1TopologySpreadConstraint } from '../generated/types.ts';
import { duplicate, forbidden, invalidValue, required, unsupportedOf } from '../support/errors.ts';
import { checked, dnsLabel, qualifiedName, validLabelValue } from '../support/names.ts';
import { validateNodeSelector, validateNodeTerm } from '../support/node-selector.ts';
import { validateLabelSelector } from '../support/selectors.ts';

const effects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

export function validateTolerations(field: string, tolerations: V1Toleration[] | undefined): FieldError[] {
  return (tolerations ?? []).flatMap((toleration, i) => {
    const at = `${field}[${i}]`;
    const { key, operator = '', value = '', effect = '', tolerationSeconds } = toleration;
    const errors: FieldError[] = key ? checked(`${at}.key`, key, qualifiedName) : [];
    if (!key && operator !== 'Exists')
      errors.push(invalidValue(`${at}.operator`, operator, 'operator must be Exists when `key` is empty, which means "match all values and all keys"'));
    if (tolerationSeconds !== undefined && effect !== 'NoExecute')
      errors.push(invalidValue(`${at}.effect`, effect, "effect must be 'NoExecute' when `tolerationSeconds` is set"));
    if (operator === '' || operator === 'Equal') {
      const problems = validLabelValue(value);
      if (problems.length > 0) errors.push(invalidValue(`${at}.operator`, value, problems.join(';')));
    } else if (operator === 'Exists') {
      if (value) errors.push(invalidValue(`${at}.operator`, value, "value must be empty when `operator` is 'Exists'"));
    } else errors.push(unsupportedOf(`${at}.operator`, operator, ['Equal', 'Exists']));
    if (effect && !effects.includes(effect)) errors.push(unsupportedOf(`${at}.effect`, effect, effects));
    return errors;
  });
}

const weight = (at: string, value: number): FieldError[] =>
  value < 1 || value > 100 ? [invalidValue(`${at}.weight`, value, 'must be in the range 1-100')] : [];

/** Keys that are looked up in the labels of the pod itself. */
function validateLabelKeys(at: string, keys: string[] | undefined, name: string, selector: LabelSelector | undefined): FieldError[] {
  if (!keys?.length) return [];
  if (!selector) return [forbidden(at, 'must not be specified when labelSelector is not set')];
  const taken = new Set([...Object.keys(selector.matchLabels ?? {}), ...(selector.matchExpressions ?? []).map((expression) => expression.key)]);
  return keys.flatMap((key, i) => [
    ...checked(`${at}[${i}]`, key, qualifiedName),
    ...(taken.has(key) && name !== 'mismatchLabelKeys' && !isMerged(key, selector)
      ? [invalidValue(`${at}[${i}]`, key, `exists in both ${name} and labelSelector`)]
      : []),
  ]);
}
/** The server itself puts these keys into the selector, as expressions. */
function isMerged(key: string, selector: LabelSelector): boolean {
  const expressions = selector.matchExpressions?.filter((expression) => expression.key === key) ?? [];
  return selector.matchLabels?.[key] === undefined && expressions.length === 1 && expressions[0]!.operator === 'In' && expressions[0]!.values?.length === 1;
}

function validatePodTerm(at: string, term: V1PodAffinityTerm | undefined): FieldError[] {
  const topology = term?.topologyKey ?? '';
  const mismatch = new Set(term?.mismatchLabelKeys);
  return [
    ...validateLabelSelector(`${at}.labelSelector`, term?.labelSelector),
    ...validateLabelSelector(`${at}.namespaceSelector`, term?.namespaceSelector),
    ...(term?.namespaces ?? []).flatMap((name) => checked(`${at}.namespace`, name, dnsLabel)),
    ...validateLabelKeys(`${at}.matchLabelKeys`, term?.matchLabelKeys, 'matchLabelKeys', term?.labelSelector),
    ...validateLabelKeys(`${at}.mismatchLabelKeys`, term?.mismatchLabelKeys, 'mismatchLabelKeys', term?.labelSelector),
    ...(term?.matchLabelKeys ?? []).flatMap((key, i) =>
      mismatch.has(key) ? [invalidValue(`${at}.matchLabelKeys[${i}]`, key, 'exists in both matchLabelKeys and mismatchLabelKeys')] : [],
    ),
    ...(topology ? [] : [required(`${at}.topologyKey`, 'can not be empty')]),
    ...checked(`${at}.topologyKey`, topology, qualifiedName),
  ];
}

export function validateAffinity(at: string, affinity: V1Affinity | undefined): FieldError[] {
  if (!affinity) return [];
  const errors: FieldError[] = [];
  const needed = affinity.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  if (needed) errors.push(...validateNodeSelector(`${at}.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution`, needed));
  affinity.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution?.forEach((preference, i) => {
    const here = `${at}.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[${i}]`;
    errors.push(...weight(here, preference.weight), ...validateNodeTerm(`${here}.preference`, preference.preference, false));
  });
  for (const kind of ['podAffinity', 'podAntiAffinity'] as const) {
    affinity[kind]?.requiredDuringSchedulingIgnoredDuringExecution?.forEach((term, i) =>
      errors.push(...validatePodTerm(`${at}.${kind}.requiredDuringSchedulingIgnoredDuringExecution[${i}]`, term)),
    );
    affinity[kind]?.preferredDuringSchedulingIgnoredDuringExecution?.forEach((preference, i) => {
      const here = `${at}.${kind}.preferredDuringSchedulingIgnoredDuringExecution[${i}]`;
      errors.push(...weight(here, preference.weight), ...validatePodTerm(`${here}.podAffinityTerm`, preference.podAffinityTerm));
    });
  }
  return errors;
}

const actions = ['DoNotSchedule', 'ScheduleAnyway'];
const inclusion = ['Honor', 'Ignore'];

export function validateSpread(field: string, constraints: V1TopologySpreadConstraint[] | undefined): FieldError[] {
  return (constraints ?? []).flatMap((constraint, i, all) => {
    const at = `${field}[${i}]`;
    const { maxSkew, topologyKey, whenUnsatisfiable: action, minDomains, labelSelector } = constraint;
    const errors: FieldError[] = [];
    if (!(maxSkew > 0)) errors.push(invalidValue(`${at}.maxSkew`, maxSkew ?? 0, 'must be greater than zero'));
    errors.push(...(topologyKey ? checked(`${at}.topologyKey`, topologyKey, qualifiedName) : [required(`${at}.topologyKey`, 'can not be empty')]));
    if (!actions.includes(action)) errors.push(unsupportedOf(`${at}.whenUnsatisfiable`, action ?? '', actions));
    if (all.slice(i + 1).some((other) => other.topologyKey === topologyKey && other.whenUnsatisfiable === action))
      errors.push(duplicate(`${at}.{topologyKey, whenUnsatisfiable}`, `{${topologyKey}, ${action}}`));
    if (minDomains !== undefined) {
      if (minDomains <= 0) errors.push(invalidValue(`${at}.minDomains`, minDomains, 'must be greater than zero'));
      if (action !== 'DoNotSchedule')
        errors.push(invalidValue(`${at}.minDomains`, minDomains, `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${action}`));
    }
    for (const policy of ['nodeAffinityPolicy', 'nodeTaintsPolicy'] as const) {
      const value = constraint[policy];
      if (value !== undefined && !inclusion.includes(value)) errors.push(unsupportedOf(`${at}.${policy}`, value, inclusion));
    }
    errors.push(...validateLabelKeys(`${at}.matchLabelKeys`, constraint.matchLabelKeys, 'matchLabelKeys', labelSelector));
    errors.push(...validateLabelSelector(`${at}.labelSelector`, labelSelector));
    return errors;
  });
}

export function validateGates(at: string, { readinessGates, schedulingGates }: V1PodSpec): FieldError[] {
  const errors = (readinessGates ?? []).flatMap((gate, i) => checked(`${at}.readinessGates[${i}].conditionType`, gate.conditionType ?? '', qualifiedName));
  const seen = new Set<string>();
  schedulingGates?.forEach(({ name }, i) => {
    const here = `${at}.schedulingGates[${i}]`;
    errors.push(...checked(here, name ?? '', qualifiedName));
    if (seen.has(name)) errors.push(duplicate(here, name));
    seen.add(name);
  });
  return errors;
}
