/** Validation of autoscalers (pkg/apis/autoscaling/validation of Kubernetes 1.36). */
import { parseQuantity } from '#base';
import { pathSegmentProblems, type FieldError } from '#machinery';
import type { V2HorizontalPodAutoscalerSpec, V2HPAScalingRules, V2MetricIdentifier, V2MetricSpec, V2MetricTarget } from '../generated/types.ts';
import { validateResourceName } from '../core/resources-validation.ts';
import { forbidden, invalidValue, required, unsupportedOf } from '../support/errors.ts';
import { checked, dnsLabel } from '../support/names.ts';

const longestWindow = 3600;
const longestPeriod = 1800;

function validateReference(at: string, reference: { kind?: string; name?: string } | undefined): FieldError[] {
  return (['kind', 'name'] as const).flatMap((field) => {
    const value = reference?.[field];
    return value ? checked(`${at}.${field}`, value, pathSegmentProblems) : [required(`${at}.${field}`)];
  });
}

function validateTarget(at: string, target: V2MetricTarget | undefined): FieldError[] {
  const errors: FieldError[] = [];
  const { type, averageUtilization } = target ?? {};
  if (!type) errors.push(required(`${at}.type`, 'must specify a metric target type'));
  if (!['Utilization', 'Value', 'AverageValue'].includes(type ?? ''))
    errors.push(invalidValue(`${at}.type`, type ?? '', 'must be either Utilization, Value, or AverageValue'));
  for (const field of ['value', 'averageValue'] as const) {
    const value = target?.[field];
    if (value !== undefined && (parseQuantity(value) ?? 0) <= 0) errors.push(invalidValue(`${at}.${field}`, value, 'must be positive'));
  }
  if (averageUtilization !== undefined && averageUtilization < 1)
    errors.push(invalidValue(`${at}.averageUtilization`, averageUtilization, 'must be greater than 0'));
  return errors;
}

function validateIdentifier(at: string, metric: V2MetricIdentifier | undefined): FieldError[] {
  return metric?.name ? checked(`${at}.name`, metric.name, pathSegmentProblems) : [required(`${at}.name`, 'must specify a metric name')];
}

/** Exactly one of the two ways to say how much. */
function validateUsage(at: string, target: V2MetricTarget | undefined): FieldError[] {
  const errors = validateTarget(at, target);
  const [raw, share] = [target?.averageValue, target?.averageUtilization];
  if (raw === undefined && share === undefined) errors.push(required(`${at}.averageUtilization`, 'must set either a target raw value or a target utilization'));
  if (raw !== undefined && share !== undefined) errors.push(forbidden(`${at}.averageValue`, 'may not set both a target raw value and a target utilization'));
  return errors;
}

const validators: { readonly [source: string]: (at: string, spec: V2MetricSpec) => FieldError[] } = {
  object(at, { object }) {
    const { target } = object!;
    const errors = [
      ...validateReference(`${at}.describedObject`, object!.describedObject),
      ...validateIdentifier(`${at}.metric`, object!.metric),
      ...validateTarget(`${at}.target`, target),
    ];
    if (target?.value === undefined && target?.averageValue === undefined)
      errors.push(required(`${at}.target.averageValue`, 'must set either a target value or averageValue'));
    return errors;
  },
  external(at, { external }) {
    const { target } = external!;
    const errors = [...validateIdentifier(`${at}.metric`, external!.metric), ...validateTarget(`${at}.target`, target)];
    if (target?.value === undefined && target?.averageValue === undefined)
      errors.push(required(`${at}.target.averageValue`, 'must set either a target value for metric or a per-pod target'));
    if (target?.value !== undefined && target.averageValue !== undefined)
      errors.push(forbidden(`${at}.target.value`, 'may not set both a target value for metric and a per-pod target'));
    return errors;
  },
  pods(at, { pods }) {
    const errors = [...validateIdentifier(`${at}.metric`, pods!.metric), ...validateTarget(`${at}.target`, pods!.target)];
    if (pods!.target?.averageValue === undefined) errors.push(required(`${at}.target.averageValue`, 'must specify a positive target averageValue'));
    return errors;
  },
  resource: (at, { resource }) => [
    ...(resource!.name ? [] : [required(`${at}.name`, 'must specify a resource name')]),
    ...validateUsage(`${at}.target`, resource!.target),
  ],
  containerResource: (at, { containerResource: source }) => [
    ...(source!.name ? validateResourceName(`${at}.name`, source!.name) : [required(`${at}.name`, 'must specify a resource name')]),
    ...(source!.container ? checked(`${at}.container`, source!.container, dnsLabel) : [required(`${at}.container`, 'must specify a container')]),
    ...validateUsage(`${at}.target`, source!.target),
  ],
};
const sourceOf: { readonly [type: string]: string } = {
  ContainerResource: 'containerResource',
  External: 'external',
  Object: 'object',
  Pods: 'pods',
  Resource: 'resource',
};

function validateMetric(at: string, metric: V2MetricSpec): FieldError[] {
  const errors: FieldError[] = [];
  const expected = sourceOf[metric.type ?? ''];
  if (!metric.type) errors.push(required(`${at}.type`, 'must specify a metric source type'));
  if (!expected) errors.push(unsupportedOf(`${at}.type`, metric.type ?? '', Object.keys(sourceOf)));
  const given = Object.keys(validators).filter((source) => metric[source as keyof V2MetricSpec] !== undefined);
  if (given[0]) errors.push(...validators[given[0]]!(`${at}.${given[0]}`, metric));
  if (expected && !given.includes(expected)) errors.push(required(`${at}.${expected}`, 'must populate information for the given metric source'));
  if (given.length !== 1)
    for (const source of given) if (source !== expected) errors.push(forbidden(`${at}.${source}`, 'must populate the given metric source only'));
  return errors;
}

function validateRules(at: string, rules: V2HPAScalingRules | undefined): FieldError[] {
  if (!rules) return [];
  const errors: FieldError[] = [];
  const { stabilizationWindowSeconds: window, selectPolicy, policies = [] } = rules;
  if (window !== undefined && window < 0) errors.push(invalidValue(`${at}.stabilizationWindowSeconds`, window, 'must be greater than or equal to zero'));
  if (window !== undefined && window > longestWindow)
    errors.push(invalidValue(`${at}.stabilizationWindowSeconds`, window, `must be less than or equal to ${longestWindow}`));
  const choices = ['Disabled', 'Max', 'Min'];
  if (selectPolicy !== undefined && !choices.includes(selectPolicy)) errors.push(unsupportedOf(`${at}.selectPolicy`, selectPolicy, choices));
  const { tolerance } = rules as { tolerance?: string };
  if (tolerance !== undefined && (parseQuantity(tolerance) ?? 0) < 0)
    errors.push(invalidValue(`${at}.tolerance`, tolerance, 'must be greater than or equal to 0'));
  if (policies.length === 0) errors.push(required(`${at}.policies`, 'must specify at least one Policy'));
  policies.forEach(({ type, value, periodSeconds: period }, i) => {
    const here = `${at}.policies[${i}]`;
    if (type !== 'Pods' && type !== 'Percent') errors.push(unsupportedOf(`${here}.type`, type ?? '', ['Percent', 'Pods']));
    if (!(value > 0)) errors.push(invalidValue(`${here}.value`, value ?? 0, 'must be greater than zero'));
    if (!(period > 0)) errors.push(invalidValue(`${here}.periodSeconds`, period ?? 0, 'must be greater than zero'));
    if (period > longestPeriod) errors.push(invalidValue(`${here}.periodSeconds`, period, `must be less than or equal to ${longestPeriod}`));
  });
  return errors;
}

/** Scaling to zero is on: it takes a metric that is there without pods. */
export function validateAutoscalerSpec(spec: V2HorizontalPodAutoscalerSpec): FieldError[] {
  const errors: FieldError[] = [];
  const { minReplicas: min, maxReplicas: max, metrics = [] } = spec;
  if (min !== undefined && min < 0) errors.push(invalidValue('spec.minReplicas', min, 'must be greater than or equal to 0'));
  if (!(max >= 1)) errors.push(invalidValue('spec.maxReplicas', max ?? 0, 'must be greater than 0'));
  if (min !== undefined && max < min) errors.push(invalidValue('spec.maxReplicas', max, 'must be greater than or equal to `minReplicas`'));
  errors.push(...validateReference('spec.scaleTargetRef', spec.scaleTargetRef));
  metrics.forEach((metric, i) => errors.push(...validateMetric(`spec.metrics[${i}]`, metric)));
  if (min === 0 && !metrics.some(({ type }) => type === 'Object' || type === 'External'))
    errors.push(forbidden('spec.metrics', 'must specify at least one Object or External metric to support scaling to zero replicas'));
  errors.push(...validateRules('spec.behavior.scaleUp', spec.behavior?.scaleUp), ...validateRules('spec.behavior.scaleDown', spec.behavior?.scaleDown));
  return errors;
}
