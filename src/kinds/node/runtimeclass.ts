import { defineKind, type FieldError, type Kind } from '#machinery';
import type { V1RuntimeClass } from '../generated/types.ts';
import { validateTolerations } from '../core/placement-validation.ts';
import { validateResources } from '../core/resources-validation.ts';
import { ageColumn, column, nameColumn } from '../support/columns.ts';
import { duplicate, unchanged } from '../support/errors.ts';
import { checked, dnsLabel, validateLabels } from '../support/names.ts';

function validateScheduling({ scheduling }: V1RuntimeClass): FieldError[] {
  const errors = [
    ...validateLabels('scheduling.nodeSelector', scheduling?.nodeSelector),
    ...validateTolerations('scheduling.tolerations', scheduling?.tolerations),
  ];
  const seen = new Set<string>();
  scheduling?.tolerations?.forEach((toleration, i) => {
    const text = JSON.stringify(toleration);
    if (seen.has(text)) errors.push(duplicate(`scheduling.tolerations[${i}]`, toleration));
    seen.add(text);
  });
  return errors;
}

export const RuntimeClass: Kind<V1RuntimeClass> = defineKind<V1RuntimeClass>({
  group: 'node.k8s.io',
  version: 'v1',
  kind: 'RuntimeClass',
  plural: 'runtimeclasses',
  namespaced: false,
  schema: 'V1RuntimeClass',
  createOnUpdate: true,
  unconditionalUpdate: false,
  columns: [
    nameColumn,
    column(
      'Handler',
      'string',
      'handler specifies the underlying runtime and configuration that the CRI implementation will use to handle pods of this class.',
      (runtime) => runtime.handler,
    ),
    ageColumn,
  ],
  validate(runtime, old) {
    if (old) return unchanged('handler', runtime.handler, old.handler);
    const overhead = runtime.overhead?.podFixed;
    return [
      ...checked('handler', runtime.handler ?? '', dnsLabel),
      ...(overhead ? validateResources('overhead.podFixed', { limits: overhead }) : []),
      ...validateScheduling(runtime),
    ];
  },
});
