import { defineKind, type FieldError, type Kind } from '#machinery';
import type { V1PriorityClass } from '../generated/types.ts';
import { ageColumn, column, nameColumn } from '../support/columns.ts';
import { forbidden, oneOf, unchanged } from '../support/errors.ts';

const highestUserPriority = 1_000_000_000;
/** The classes that every cluster has. */
export const systemPriorityClasses: readonly V1PriorityClass[] = [
  {
    metadata: { name: 'system-node-critical' },
    value: 2_000_001_000,
    description: 'Used for system critical pods that must not be moved from their current node.',
    preemptionPolicy: 'PreemptLowerPriority',
  },
  {
    metadata: { name: 'system-cluster-critical' },
    value: 2_000_000_000,
    description: 'Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.',
    preemptionPolicy: 'PreemptLowerPriority',
  },
];

function systemProblem({ metadata, value, globalDefault }: V1PriorityClass): string | undefined {
  const name = metadata?.name ?? '';
  const known = systemPriorityClasses.find((system) => system.metadata!.name === name);
  if (!known) return `${name} is not a known system priority class`;
  if (value !== known.value) return `value of ${name} PriorityClass must be ${known.value}`;
  return globalDefault ? `globalDefault of ${name} PriorityClass must be false` : undefined;
}

function validateName(priority: V1PriorityClass): FieldError[] {
  if (priority.metadata?.name?.startsWith('system-')) {
    const problem = systemProblem(priority);
    return problem ? [forbidden('metadata.name', `priority class names with 'system-' prefix are reserved for system use only. error: ${problem}`)] : [];
  }
  return (priority.value ?? 0) > highestUserPriority ? [forbidden('value', `maximum allowed value of a user defined priority is ${highestUserPriority}`)] : [];
}

export const PriorityClass: Kind<V1PriorityClass> = defineKind<V1PriorityClass>({
  group: 'scheduling.k8s.io',
  version: 'v1',
  kind: 'PriorityClass',
  plural: 'priorityclasses',
  shortNames: ['pc'],
  namespaced: false,
  schema: 'V1PriorityClass',
  columns: [
    nameColumn,
    column('Value', 'integer', 'value represents the integer value of this priority class.', (priority) => priority.value ?? 0),
    column(
      'Global-Default',
      'boolean',
      'globalDefault specifies whether this PriorityClass should be considered as the default priority for pods that do not have any priority class.',
      (priority) => priority.globalDefault ?? false,
    ),
    ageColumn,
    column(
      'PreemptionPolicy',
      'string',
      'preemptionPolicy is the Policy for preempting pods with lower priority.',
      (priority) => priority.preemptionPolicy ?? '',
    ),
  ],
  defaults(priority) {
    priority.value ??= 0;
    priority.preemptionPolicy ??= 'PreemptLowerPriority';
  },
  prepareCreate(priority) {
    // Set once and never raised.
    (priority.metadata ??= {}).generation = 1;
  },
  validate(priority, old) {
    const errors = oneOf('preemptionPolicy', priority.preemptionPolicy, ['PreemptLowerPriority', 'Never']);
    if (!old) return [...validateName(priority), ...errors];
    if (old.value !== priority.value) errors.push(forbidden('value', 'may not be changed in an update.'));
    return [...errors, ...unchanged('preemptionPolicy', priority.preemptionPolicy, old.preemptionPolicy)];
  },
});
