import { defineKind, type FieldError, type Kind } from '#machinery';
import type {
  V2HorizontalPodAutoscaler,
  V2HorizontalPodAutoscalerSpec,
  V2HPAScalingRules,
  V2MetricSpec,
  V2MetricStatus,
  V2MetricTarget,
  V2MetricValueStatus,
} from '../generated/types.ts';
import { ageColumn, column, nameColumn } from '../support/columns.ts';
import { nonNegative, required } from '../support/errors.ts';
import { validateAutoscalerSpec } from './validation.ts';

const unknown = '<unknown>';
const averageText = (target: V2MetricTarget, current: V2MetricValueStatus | undefined): string =>
  target.averageValue === undefined
    ? `${current?.value ?? unknown}/${target.value ?? unknown}`
    : `${current?.averageValue ?? unknown}/${target.averageValue} (avg)`;
const percent = (value: number | undefined, none: string): string => (value === undefined ? none : `${value}%`);
function usageText(name: string, target: V2MetricTarget, current: V2MetricValueStatus | undefined): string {
  if (target.averageValue !== undefined) return `${name}: ${current?.averageValue ?? unknown}/${target.averageValue}`;
  return `${name}: ${percent(current?.averageUtilization, unknown)}/${percent(target.averageUtilization, '<auto>')}`;
}

function metricText(spec: V2MetricSpec, status: V2MetricStatus | undefined): string {
  switch (spec.type) {
    case 'External':
      return spec.external ? averageText(spec.external.target, status?.external?.current) : unknown;
    case 'Object':
      return spec.object ? averageText(spec.object.target, status?.object?.current) : unknown;
    case 'Pods':
      return `${status?.pods?.current.averageValue ?? unknown}/${spec.pods?.target.averageValue ?? unknown}`;
    case 'Resource':
      return spec.resource ? usageText(spec.resource.name, spec.resource.target, status?.resource?.current) : unknown;
    case 'ContainerResource':
      return spec.containerResource ? usageText(spec.containerResource.name, spec.containerResource.target, status?.containerResource?.current) : unknown;
    default:
      return '<unknown type>';
  }
}

/** Present and wanted values of the first two metrics. */
function targetsText({ spec, status }: V2HorizontalPodAutoscaler): string {
  const texts = (spec?.metrics ?? []).map((metric, i) => metricText(metric, status?.currentMetrics?.[i]));
  if (texts.length === 0) return '<none>';
  const shown = texts.slice(0, 2).join(', ');
  return texts.length > 2 ? `${shown} + ${texts.length - 2} more...` : shown;
}

/** The rules that hold where `behavior` is given and leaves them out. */
function defaultRules(rules: V2HPAScalingRules | undefined, own: V2HPAScalingRules): V2HPAScalingRules {
  return {
    ...own,
    ...rules,
    selectPolicy: rules?.selectPolicy ?? 'Max',
    policies: rules?.policies ?? own.policies ?? [],
  };
}
const everyPod = { type: 'Percent', value: 100, periodSeconds: 15 };
const up: V2HPAScalingRules = { stabilizationWindowSeconds: 0, policies: [{ type: 'Pods', value: 4, periodSeconds: 15 }, everyPod] };
const down: V2HPAScalingRules = { policies: [everyPod] };

export const defaultMetric = (): V2MetricSpec => ({ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } });

function defaultSpec(spec: V2HorizontalPodAutoscalerSpec): void {
  spec.minReplicas ??= 1;
  if (!spec.metrics?.length) spec.metrics = [defaultMetric()];
  const { behavior } = spec;
  if (!behavior) return;
  // Values are copied: the defaults are shared.
  behavior.scaleUp = defaultRules(behavior.scaleUp, structuredClone(up));
  behavior.scaleDown = defaultRules(behavior.scaleDown, structuredClone(down));
}

export function validateAutoscaler(autoscaler: V2HorizontalPodAutoscaler): FieldError[] {
  if (!autoscaler.spec) return [required('spec.scaleTargetRef')];
  return validateAutoscalerSpec(autoscaler.spec);
}
export const validateAutoscalerStatus = ({ status }: { status?: { currentReplicas?: number; desiredReplicas?: number } }): FieldError[] => [
  ...nonNegative('status.currentReplicas', status?.currentReplicas),
  ...nonNegative('status.desiredReplicas', status?.desiredReplicas),
];

export const HorizontalPodAutoscaler: Kind<V2HorizontalPodAutoscaler> = defineKind<V2HorizontalPodAutoscaler>({
  group: 'autoscaling',
  version: 'v2',
  kind: 'HorizontalPodAutoscaler',
  plural: 'horizontalpodautoscalers',
  shortNames: ['hpa'],
  categories: ['all'],
  namespaced: true,
  schema: 'V2HorizontalPodAutoscaler',
  status: true,
  generation: false,
  columns: [
    nameColumn,
    column(
      'Reference',
      'string',
      'scaleTargetRef points to the target resource to scale.',
      ({ spec }) => `${spec?.scaleTargetRef?.kind ?? ''}/${spec?.scaleTargetRef?.name ?? ''}`,
    ),
    column('Targets', 'string', 'metrics contains the specifications for which to use to calculate the desired replica count.', targetsText),
    column('MinPods', 'string', 'minReplicas is the lower limit for the number of replicas to which the autoscaler can scale down.', ({ spec }) =>
      spec?.minReplicas === undefined ? '<unset>' : String(spec.minReplicas),
    ),
    column(
      'MaxPods',
      'string',
      'maxReplicas is the upper limit for the number of replicas to which the autoscaler can scale up.',
      ({ spec }) => spec?.maxReplicas ?? 0,
    ),
    column(
      'Replicas',
      'string',
      'currentReplicas is current number of replicas of pods managed by this autoscaler.',
      ({ status }) => status?.currentReplicas ?? 0,
    ),
    ageColumn,
  ],
  defaults({ spec }) {
    if (spec) defaultSpec(spec);
  },
  prepareCreate(autoscaler) {
    autoscaler.status = { desiredReplicas: 0 };
  },
  validate: (autoscaler) => validateAutoscaler(autoscaler),
  validateStatus: validateAutoscalerStatus,
});
