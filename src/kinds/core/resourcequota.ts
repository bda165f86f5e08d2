import { defineKind, type Kind } from '#machinery';
import type { V1ResourceQuota } from '../generated/types.ts';
import { ageColumn, column, nameColumn } from '../support/columns.ts';
import { validateAmounts, validateQuota } from './resourcequota-validation.ts';

/** `pods: 1/10, requests.cpu: 1/2`; limits have a column of their own. */
function usage(quota: V1ResourceQuota, limits: boolean): string {
  const { hard = {}, used = {} } = quota.status ?? {};
  return Object.keys(hard)
    .filter((name) => name.startsWith('limits.') === limits)
    .toSorted()
    .map((name) => `${name}: ${used[name] ?? '0'}/${hard[name]!}`)
    .join(', ');
}

export const ResourceQuota: Kind<V1ResourceQuota> = defineKind<V1ResourceQuota>({
  group: '',
  version: 'v1',
  kind: 'ResourceQuota',
  plural: 'resourcequotas',
  shortNames: ['quota'],
  namespaced: true,
  schema: 'V1ResourceQuota',
  status: true,
  generation: false,
  columns: [
    nameColumn,
    column('Request', 'string', 'Request represents a minimum amount of cpu/memory that a container may consume.', (quota) => usage(quota, false)),
    column('Limit', 'string', 'Limits control the maximum amount of cpu/memory that a container may use independent of contention on the node.', (quota) =>
      usage(quota, true),
    ),
    ageColumn,
  ],
  prepareCreate(quota) {
    quota.status = {};
  },
  validate: validateQuota,
  validateStatus: (quota) => [...validateAmounts('status.hard', quota.status?.hard), ...validateAmounts('status.used', quota.status?.used)],
});
