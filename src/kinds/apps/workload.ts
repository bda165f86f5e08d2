/** What kinds with a pod template share: selector and template, template columns, counters of the status, warnings. */
import { dnsLabelProblems, type Column, type FieldError, type KubeObject, type LabelSelector } from '#machinery';
import type { V1PodTemplateSpec } from '../generated/types.ts';
import { column } from '../support/columns.ts';
import { forbidden, invalidValue, nonNegative, required, unsupportedOf } from '../support/errors.ts';
import { formatSelector, isEmptySelector, selectorMatches, validateLabelSelector } from '../support/selectors.ts';
import { validatePodTemplate } from '../core/pod-spec-validation.ts';
import { templateWarnings } from '../core/pod-warnings.ts';

interface Workload {
  spec?: { selector: LabelSelector; template?: V1PodTemplateSpec };
}

/** The selector: there, well formed, not empty. */
export function validateSelector(selector: LabelSelector | undefined, kind: string): FieldError[] {
  if (!selector) return [required('spec.selector')];
  const errors = validateLabelSelector('spec.selector', selector);
  if (isEmptySelector(selector)) errors.push(invalidValue('spec.selector', selector, `empty selector is invalid for ${kind}`));
  return errors;
}

/** The labels of the template are what the selector selects. */
export function validateSelected(selector: LabelSelector | undefined, template: V1PodTemplateSpec | undefined): FieldError[] {
  const labels = template?.metadata?.labels ?? {};
  if (!selector || isEmptySelector(selector) || selectorMatches(selector, labels)) return [];
  return [invalidValue('spec.template.metadata.labels', labels, '`selector` does not match template `labels`')];
}

/** A template whose pods run for ever. `kind` is for the text. */
export function validateServiceTemplate(template: V1PodTemplateSpec | undefined, kind: string): FieldError[] {
  const errors = validatePodTemplate(template, 'spec.template');
  const spec = template?.spec;
  if (spec?.restartPolicy && spec.restartPolicy !== 'Always') errors.push(unsupportedOf('spec.template.spec.restartPolicy', spec.restartPolicy, ['Always']));
  if (spec?.activeDeadlineSeconds !== undefined)
    errors.push(forbidden('spec.template.spec.activeDeadlineSeconds', `activeDeadlineSeconds in ${kind} is not Supported`));
  return errors;
}

/** Selector and template of a Deployment or ReplicaSet, which share their texts. */
export function validateWorkload(object: Workload): FieldError[] {
  const { selector, template } = object.spec ?? {};
  return [...validateSelector(selector, 'deployment'), ...validateSelected(selector, template), ...validateServiceTemplate(template, 'ReplicaSet')];
}

/** Each of `names` in the status is not negative, and not more than `total` (where that is given). */
export function validateCounters(status: object | undefined, names: readonly string[], total?: string): FieldError[] {
  const counts = (status ?? {}) as { readonly [name: string]: number | undefined };
  const errors = names.flatMap((name) => nonNegative(`status.${name}`, counts[name]));
  if (total === undefined) return errors;
  const most = counts[total] ?? 0;
  for (const name of names)
    if (name.endsWith('Replicas') && (counts[name] ?? 0) > most)
      errors.push(invalidValue(`status.${name}`, counts[name], `cannot be greater than status.${total}`));
  return errors;
}

/** Available pods are ready pods. */
export function validateAvailable(status: { availableReplicas?: number; readyReplicas?: number } | undefined, ready = 'readyReplicas'): FieldError[] {
  const available = status?.availableReplicas ?? 0;
  return available > (status?.readyReplicas ?? 0) ? [invalidValue('status.availableReplicas', available, `cannot be greater than ${ready}`)] : [];
}

export function validateCollisions(status: { collisionCount?: number } | undefined, old: { collisionCount?: number } | undefined): FieldError[] {
  const [now, before] = [status?.collisionCount, old?.collisionCount];
  if (before === undefined || (now !== undefined && now >= before)) return [];
  return [invalidValue('status.collisionCount', now ?? 0, 'cannot be decremented')];
}

/** `metadata.name: this is used in …` of kinds whose name becomes the name of pods. */
export function nameWarnings(object: KubeObject): string[] {
  const problems = dnsLabelProblems(object.metadata?.name ?? '');
  if (problems.length === 0 || !object.metadata?.name) return [];
  return [
    `metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: [${problems.join(' ')}]`,
  ];
}

/** Warnings on create, and on updates that change more than metadata and status. */
export function workloadWarnings<T extends Workload & KubeObject>(object: T, old: T | undefined, named: boolean): string[] {
  if (old && object.metadata?.generation === old.metadata?.generation) return [];
  return [...(old || !named ? [] : nameWarnings(object)), ...templateWarnings(object.spec?.template, 'spec.template', old?.spec?.template)];
}

type TemplateOf<T> = (object: T) => V1PodTemplateSpec | undefined;
/** Containers and Images of -o wide. */
export const containerColumns = <T>(template: TemplateOf<T>): Column<T>[] => [
  column(
    'Containers',
    'string',
    'Names of each container in the template.',
    (o) =>
      template(o)
        ?.spec?.containers?.map((c) => c.name)
        .join(','),
    1,
  ),
  column(
    'Images',
    'string',
    'Images referenced by each container in the template.',
    (o) =>
      template(o)
        ?.spec?.containers?.map((c) => c.image ?? '')
        .join(','),
    1,
  ),
];
export const templateColumns = <T extends Workload>(): Column<T>[] => [
  ...containerColumns<T>((object) => object.spec?.template),
  column('Selector', 'string', 'Label selector for pods.', (object) => formatSelector(object.spec?.selector) || '<none>', 1),
];
