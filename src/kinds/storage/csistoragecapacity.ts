import { quantityToNumber } from '#base';
import { defineKind, type FieldError, type Kind } from '#machinery';
import type { V1CSIStorageCapacity } from '../generated/types.ts';
import { column, nameColumn } from '../support/columns.ts';
import { invalidValue, unchanged } from '../support/errors.ts';
import { checked, dnsSubdomain } from '../support/names.ts';
import { validateLabelSelector } from '../support/selectors.ts';

const notNegative = (field: string, quantity: string | undefined): FieldError[] =>
  quantityToNumber(quantity) < 0 ? [invalidValue(field, quantity, 'must be greater than or equal to 0')] : [];

export const CSIStorageCapacity: Kind<V1CSIStorageCapacity> = defineKind<V1CSIStorageCapacity>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSIStorageCapacity',
  plural: 'csistoragecapacities',
  namespaced: true,
  schema: 'V1CSIStorageCapacity',
  unconditionalUpdate: false,
  columns: [
    nameColumn,
    column(
      'StorageClassName',
      'string',
      'storageClassName represents the name of the StorageClass that the reported capacity applies to.',
      (o) => o.storageClassName,
    ),
    column('Capacity', 'string', 'capacity is the value reported by the CSI driver in its GetCapacityResponse.', (o) => o.capacity ?? '<unset>'),
  ],
  validate: (object, old) => [
    ...checked('storageClassName', object.storageClassName ?? '', dnsSubdomain),
    ...validateLabelSelector('nodeTopology', object.nodeTopology),
    ...notNegative('capacity', object.capacity),
    ...(old
      ? [...unchanged('nodeTopology', object.nodeTopology, old.nodeTopology), ...unchanged('storageClassName', object.storageClassName, old.storageClassName)]
      : []),
  ],
});
