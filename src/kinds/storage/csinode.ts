import { defineKind, type FieldError, type Kind } from '#machinery';
import { validateDriverName } from '../core/persistentvolume-validation.ts';
import type { V1CSINode, V1CSINodeDriver } from '../generated/types.ts';
import { ageColumn, column, nameColumn } from '../support/columns.ts';
import { duplicate, immutable, invalidValue, nonNegative, required, sameJson } from '../support/errors.ts';
import { checked, qualifiedName } from '../support/names.ts';

function validateDriver(at: string, driver: V1CSINodeDriver): FieldError[] {
  const errors = validateDriverName(`${at}.name`, driver.name);
  if (!driver.nodeID) errors.push(required(`${at}.nodeID`));
  else if (driver.nodeID.length > 192) errors.push(invalidValue(`${at}.nodeID`, driver.nodeID, 'must be 192 characters or less'));
  errors.push(...nonNegative(`${at}.allocatable.count`, driver.allocatable?.count));
  // What is wrong with a key is said of its driver, as kube-apiserver does.
  driver.topologyKeys?.forEach((key, i) => {
    if (!key) errors.push(required(at));
    if (driver.topologyKeys!.indexOf(key) < i) errors.push(duplicate(at, key));
    errors.push(...checked(at, key, qualifiedName));
  });
  return errors;
}

/** How many volumes fit may be learned anew; all else of a registered driver stays while it is registered. */
function validateUpdate(node: V1CSINode, old: V1CSINode): FieldError[] {
  const rest = ({ name, nodeID, topologyKeys = [] }: V1CSINodeDriver): unknown => ({ name, nodeID, topologyKeys });
  return (old.spec?.drivers ?? []).flatMap((before) => {
    const now = node.spec?.drivers?.find((driver) => driver.name === before.name);
    return now && !sameJson(rest(now), rest(before)) ? [immutable('spec.drivers', now)] : [];
  });
}

export const CSINode: Kind<V1CSINode> = defineKind<V1CSINode>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSINode',
  plural: 'csinodes',
  namespaced: false,
  schema: 'V1CSINode',
  unconditionalUpdate: false,
  columns: [
    nameColumn,
    column('Drivers', 'integer', 'drivers is a list of information of all CSI Drivers existing on a node.', ({ spec }) => spec?.drivers?.length ?? 0),
    ageColumn,
  ],
  validate(node, old) {
    const seen = new Set<string>();
    const errors = (node.spec?.drivers ?? []).flatMap((driver, i) => {
      const at = `spec.drivers[${i}]`;
      const twice = seen.has(driver.name) ? [duplicate(`${at}.name`, driver.name)] : [];
      seen.add(driver.name);
      return [...twice, ...validateDriver(at, driver)];
    });
    return [...errors, ...(old ? validateUpdate(node, old) : [])];
  },
});
