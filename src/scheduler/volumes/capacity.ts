import { compareQuantity } from '#base';
import { noProvisioner, type V1CSIStorageCapacity, type V1StorageClass } from '#kinds';
import { labelSelectorMatcher } from '#machinery';

type Labels = { readonly [key: string]: string };

/** Whether a volume of the class can be made for pods on a node with these labels (allowedTopologies). */
export function canProvision(cls: V1StorageClass | undefined, labels: Labels): boolean {
  if (!cls?.provisioner || cls.provisioner === noProvisioner) return false;
  const terms = cls.allowedTopologies ?? [];
  return terms.length === 0 || terms.some((term) => (term.matchLabelExpressions ?? []).every(({ key, values }) => values.includes(labels[key] ?? '')));
}

/** Whether a driver that tells how much there is has told of enough near the node (KEP-1472). */
export function hasRoom(cls: V1StorageClass, capacities: readonly V1CSIStorageCapacity[], labels: Labels, size: string): boolean {
  return capacities.some(({ storageClassName, nodeTopology, maximumVolumeSize, capacity }) => {
    const most = maximumVolumeSize ?? capacity;
    return storageClassName === cls.metadata?.name && most !== undefined && compareQuantity(most, size) >= 0 && labelSelectorMatcher(nodeTopology)(labels);
  });
}
