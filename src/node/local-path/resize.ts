import { compareQuantity } from '#base';
import type { V1PersistentVolume, V1PersistentVolumeClaim } from '#kinds';

/** Volume and claim as they are when the claim has what it asks for; undefined when it has. A directory has no size to be changed. */
export function resized(
  claim: V1PersistentVolumeClaim,
  volume: V1PersistentVolume,
): { volume: V1PersistentVolume; claim: V1PersistentVolumeClaim } | undefined {
  const wanted = claim.spec?.resources?.requests?.['storage'];
  const held = claim.status?.capacity?.['storage'];
  if (claim.status?.phase !== 'Bound' || wanted === undefined || held === undefined || compareQuantity(wanted, held) <= 0) return undefined;
  const small = compareQuantity(volume.spec?.capacity?.['storage'] ?? '0', wanted) < 0;
  const grown = small ? { ...volume, spec: { ...volume.spec, capacity: { ...volume.spec?.capacity, storage: wanted } } } : volume;
  const { conditions, allocatedResourceStatuses: _states, ...status } = claim.status;
  const others = (conditions ?? []).filter((c) => c.type !== 'Resizing' && c.type !== 'FileSystemResizePending');
  const capacity = { ...status.capacity, storage: wanted };
  const allocatedResources = { ...status.allocatedResources, storage: wanted };
  return { volume: grown, claim: { ...claim, status: { ...status, ...(others.length > 0 ? { conditions: others } : {}), capacity, allocatedResources } } };
}
