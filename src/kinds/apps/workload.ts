/** What Deployment and ReplicaSet share. */
import type { Column, FieldError, LabelSelector } from '#machinery';
import type { V1PodTemplateSpec } from '../generated/types.ts';
import { column } from '../support/columns.ts';
import { immutable, invalidValue, required, sameJson } from '../support/errors.ts';
import { formatSelector, isEmptySelector, selectorMatches, validateLabelSelector } from '../support/selectors.ts';
import { validatePodTemplate } from '../core/pod-spec-validation.ts';

interface Workload {
  spec?: { selector: LabelSelector; template?: V1PodTemplateSpec };
}

/** The selector, the template, and that the one selects the other. */
export function validateWorkload(object: Workload, old: Workload | undefined, emptyText: string): FieldError[] {
  const { selector, template } = object.spec ?? {};
  const errors: FieldError[] = [];
  if (!selector) errors.push(required('spec.selector'));
  else {
    errors.push(...validateLabelSelector('spec.selector', selector));
    if (isEmptySelector(selector)) errors.push(invalidValue('spec.selector', selector, emptyText));
  }
  const labels = template?.metadata?.labels ?? {};
  if (selector && !isEmptySelector(selector) && !selectorMatches(selector, labels)) {
    errors.push(invalidValue('spec.template.metadata.labels', labels, '`selector` does not match template `labels`'));
  }
  errors.push(...validatePodTemplate(template, 'spec.template', ['Always']));
  if (old && !sameJson(old.spec?.selector, selector)) errors.push(immutable('spec.selector', selector));
  return errors;
}

export const templateColumns = <T extends Workload>(): Column<T>[] => [
  column(
    'Containers',
    'string',
    'Names of each container in the template.',
    (object) => object.spec?.template?.spec?.containers?.map((c) => c.name).join(','),
    1,
  ),
  column(
    'Images',
    'string',
    'Images referenced by each container in the template.',
    (object) => object.spec?.template?.spec?.containers?.map((c) => c.image ?? '').join(','),
    1,
  ),
  column('Selector', 'string', 'Label selector for pods.', (object) => formatSelector(object.spec?.selector), 1),
];
