import type { V1PersistentVolume, V1PersistentVolumeClaim, V1StorageClass } from '#kinds';

/** Makers for tests. */
export const claimOf = (
  name: string,
  spec: V1PersistentVolumeClaim['spec'] = {},
  metadata: V1PersistentVolumeClaim['metadata'] = {},
): V1PersistentVolumeClaim => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name, namespace: 'default', ...metadata },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec },
  status: { phase: 'Pending' },
});
export const volumeOf = (name: string, spec: V1PersistentVolume['spec'] = {}, metadata: V1PersistentVolume['metadata'] = {}): V1PersistentVolume => ({
  apiVersion: 'v1',
  kind: 'PersistentVolume',
  metadata: { name, ...metadata },
  spec: { accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' }, hostPath: { path: '/data' }, ...spec },
  status: { phase: 'Pending' },
});
export const classOf = (name: string, more: Partial<V1StorageClass> = {}): V1StorageClass => ({
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name },
  provisioner: 'example.com/p',
  ...more,
});
