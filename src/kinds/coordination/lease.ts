import { defineKind, type Kind } from '#machinery';
import type { V1Lease } from '../generated/types.ts';
import { ageColumn, column, nameColumn } from '../support/columns.ts';
import { forbidden, invalidValue } from '../support/errors.ts';
import { checked, qualifiedName } from '../support/names.ts';

export const Lease: Kind<V1Lease> = defineKind<V1Lease>({
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  namespaced: true,
  schema: 'V1Lease',
  createOnUpdate: true,
  unconditionalUpdate: false,
  columns: [
    nameColumn,
    column('Holder', 'string', 'holderIdentity contains the identity of the holder of a current lease.', (lease) => lease.spec?.holderIdentity ?? ''),
    ageColumn,
  ],
  validate(lease) {
    const { leaseDurationSeconds, leaseTransitions, holderIdentity, preferredHolder, strategy } = lease.spec ?? {};
    return [
      ...(leaseDurationSeconds !== undefined && leaseDurationSeconds <= 0
        ? [invalidValue('spec.leaseDurationSeconds', leaseDurationSeconds, 'must be greater than 0')]
        : []),
      ...(leaseTransitions !== undefined && leaseTransitions < 0
        ? [invalidValue('spec.leaseTransitions', leaseTransitions, 'must be greater than or equal to 0')]
        : []),
      ...(strategy ? checked('spec.strategy', strategy, qualifiedName) : []),
      ...(preferredHolder && !strategy ? [forbidden('spec.preferredHolder', 'may only be specified if `strategy` is defined')] : []),
      ...(holderIdentity === '' ? [invalidValue('spec.holderIdentity', holderIdentity, 'must not be empty')] : []),
    ];
  },
});
