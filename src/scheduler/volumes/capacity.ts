import { compareQuantity } from '#base';
import { noProvisioner, type V1CSIDriver, type V1CSIStorageCapacity, type V1StorageClass } from '#kinds';
import { labelSelectorMatcher } from '#machinery';

type Labels = { readonly [key: string]: string };

/** Whether a volume of the class can be made for pods on a node with these labels (allowedTopologies). */
export function canProvision(cls: V1StorageClass | undefined, labels: Labels): boolean {
  if (!cls?.provisioner || cls.provisioner === noProvisioner) return false;
  const terms = cls.allowedTopologies ?? [];
  return terms.length === 0 || terms.some((term) => (term.matchLabelExpressions ?? []).every(({ key, values }) => values.includes(labels[key] ?? '')));
}

/** Whether the driver has told of enough room near the node, where it tells at all (KEP-1472). */
export function hasRoom(
  cls: V1StorageClass,
  driver: V1CSIDriver | undefined,
  capacities: readonly V1CSIStorageCapacity[],
  labels: Labels,
  size: string,
): boolean {
  if (driver?.spec?.storageCapacity !== true) return true;
  return capacities.some((capacity) => {
    const most = capacity.maximumVolumeSize ?? capacity.capacity;
    return (
      capacity.storageClassName === cls.metadata?.name &&
      most !== undefined &&
      compareQuantity(most, size) >= 0 &&
      labelSelectorMatcher(capacity.nodeTopology)(labels)
    );
  });
}
