import { defineKind, type FieldError, type Kind } from '#machinery';
import type { V1beta1StorageVersionMigration } from '../generated/types.ts';
import { column, nameColumn } from '../support/columns.ts';
import { validateConditions } from '../support/conditions.ts';
import { invalidValue, nonNegative, required, unchanged } from '../support/errors.ts';

type Migration = V1beta1StorageVersionMigration;
type Outcome = 'Running' | 'Succeeded' | 'Failed';

/** Whether a condition of a migration holds. */
export function migrationIs(migration: Migration, type: Outcome): boolean {
  return migration.status?.conditions?.some((condition) => condition.type === type && condition.status === 'True') ?? false;
}

function validate({ spec }: Migration, old: Migration | undefined): FieldError[] {
  const { group, resource } = spec?.resource ?? {};
  const missing = resource ? [] : [required('spec.resource.resource', 'resource is required')];
  if (!old) return missing;
  const before = old.spec?.resource;
  // The paths are those of kube-apiserver: without what the fields are in.
  return [...missing, ...unchanged('group', group ?? '', before?.group ?? ''), ...unchanged('resource', resource ?? '', before?.resource ?? '')];
}

function validateStatus(migration: Migration, old: Migration): FieldError[] {
  const { resourceVersion = '', conditions } = migration.status ?? {};
  const before = old.status?.resourceVersion ?? '';
  const refuse = (detail: string): FieldError => invalidValue('status.conditions', conditions ?? [], detail);
  const is = (type: Outcome): boolean => migrationIs(migration, type);
  return [
    ...validateVersion('status.resourceVersion', resourceVersion),
    ...validateConditions('status.conditions', conditions),
    ...(before !== '' && before !== resourceVersion ? [invalidValue('status.resourceVersion', resourceVersion, 'cannot be updated')] : []),
    ...(is('Succeeded') && is('Failed') ? [refuse('Both success and failed conditions cannot be true at the same time')] : []),
    ...(is('Succeeded') && is('Running') ? [refuse('Running condition cannot be true when success condition is true')] : []),
    ...(is('Failed') && is('Running') ? [refuse('Running condition cannot be true when failed condition is true')] : []),
    ...(migrationIs(old, 'Succeeded') && !is('Succeeded') ? [refuse('Success condition cannot be set to false once it is true')] : []),
    ...(migrationIs(old, 'Failed') && !is('Failed') ? [refuse('Failed condition cannot be set to false once it is true')] : []),
  ];
}
function validateVersion(field: string, text: string): FieldError[] {
  if (text === '') return [];
  if (/^[+-]?\d{1,18}$/.test(text)) return nonNegative(field, Number(text));
  const quoted = JSON.stringify(text);
  return [invalidValue(field, text, `failed to parse resource version ${quoted}: strconv.ParseInt: parsing ${quoted}: invalid syntax`)];
}

/** Every object of a resource is to be written again, in the version that is stored now. */
export const StorageVersionMigration: Kind<Migration> = defineKind<Migration>({
  group: 'storagemigration.k8s.io',
  version: 'v1beta1',
  kind: 'StorageVersionMigration',
  plural: 'storageversionmigrations',
  namespaced: false,
  schema: 'V1beta1StorageVersionMigration',
  status: true,
  columns: [
    nameColumn,
    column('Resource', 'string', 'Fully qualified resource to migrate', ({ spec }) =>
      [spec?.resource?.resource, spec?.resource?.group].filter(Boolean).join('.'),
    ),
  ],
  prepareCreate(migration) {
    migration.status = {};
  },
  validate,
  validateStatus,
});
