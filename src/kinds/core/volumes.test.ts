import assert from 'node:assert/strict';
import test from 'node:test';
import { renderTable } from '#machinery';
import { refused, refusedStatus, refusedUpdate } from '../fixtures/objects.ts';
import { PersistentVolume } from './persistentvolume.ts';
import { PersistentVolumeClaim } from './persistentvolumeclaim.ts';

test('a volume has a size, access modes and one source', () => {
  assert.deepEqual(
    refused(PersistentVolume, (volume) => (volume.spec = {})),
    ['spec.capacity: Required value', 'spec.accessModes: Required value', 'spec: Required value: must specify a volume type'],
  );
  assert.deepEqual(
    refused(PersistentVolume, (volume) => {
      volume.spec = {
        capacity: { storage: '0', cpu: '1' },
        accessModes: ['ReadWriteOncePod', 'Sometimes'],
        hostPath: { path: '/a/../b', type: 'Odd' },
        nfs: { server: '', path: 'x' },
        persistentVolumeReclaimPolicy: 'Keep',
        volumeMode: 'Tape',
        storageClassName: 'Bad',
      };
    }).map((text) => text.replace(/a lowercase RFC.*/, '…')),
    [
      'spec.capacity: Unsupported value: {"storage":"0","cpu":"1"}: supported values: "storage"',
      'spec.capacity[storage]: Invalid value: "0": must be greater than zero',
      'spec.accessModes: Unsupported value: "Sometimes": supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"',
      'spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes',
      'spec.persistentVolumeReclaimPolicy: Unsupported value: "Keep": supported values: "Delete", "Recycle", "Retain"',
      'spec.nfs: Forbidden: may not specify more than 1 volume type',
      `spec.hostPath.path: Invalid value: "/a/../b": must not contain '..'`,
      'spec.hostPath.type: Unsupported value: "Odd": supported values: "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"',
      'spec.nfs.server: Required value',
      'spec.nfs.path: Invalid value: "x": must be an absolute path',
      'spec.volumeMode: Unsupported value: "Tape": supported values: "Block", "Filesystem"',
      'spec.storageClassName: Invalid value: "Bad": …',
    ],
  );
  assert.deepEqual(
    refused(PersistentVolume, (volume) => {
      delete volume.spec!.hostPath;
      volume.spec!.local = { path: '/mnt/disk' };
      volume.spec!.nodeAffinity = { required: { nodeSelectorTerms: [{ matchFields: [{ key: 'spec.x', operator: 'Exists' }] }] } };
    }),
    [
      'spec.nodeAffinity.required.nodeSelectorTerms[0].matchFields[0].operator: Invalid value: "Exists": not a valid selector operator',
      'spec.nodeAffinity.required.nodeSelectorTerms[0].matchFields[0].key: Invalid value: "spec.x": not a valid field selector key',
    ],
  );
  assert.deepEqual(
    refused(PersistentVolume, (volume) => {
      volume.spec!.csi = { driver: '', volumeHandle: '', nodePublishSecretRef: { name: 'x' } };
      delete volume.spec!.hostPath;
    }),
    ['spec.csi.driver: Required value', 'spec.csi.volumeHandle: Required value', 'spec.csi.nodePublishSecretRef.namespace: Required value'],
  );
});

test('the source of a volume stays', () => {
  assert.deepEqual(
    refusedUpdate(PersistentVolume, (volume) => {
      volume.spec!.csi!.volumeHandle = 'other';
      volume.spec!.volumeMode = 'Block';
      volume.spec!.nodeAffinity = { required: { nodeSelectorTerms: [{}] } };
    }),
    [
      'spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation',
      'spec.volumeMode: Invalid value: "Block": field is immutable',
      'spec.nodeAffinity: Invalid value: {"required":{"nodeSelectorTerms":[{}]}}: field is immutable, except for updating from beta label to GA',
    ],
  );
});

test('a claim asks for a size and a way of access', () => {
  assert.deepEqual(
    refused(PersistentVolumeClaim, (claim) => (claim.spec = {})),
    ['spec.accessModes: Required value: at least 1 access mode is required', 'spec.resources[storage]: Required value'],
  );
  assert.deepEqual(
    refused(PersistentVolumeClaim, (claim) => {
      claim.spec!.resources = { requests: { storage: '-1' } };
      claim.spec!.dataSource = { kind: 'Pod', name: '' };
    }).map((text) => text.replace(/^spec.dataSourceRef.*/, 'and of dataSourceRef')),
    [
      'spec.resources[storage]: Invalid value: "-1": must be greater than or equal to 0',
      'spec.dataSource.name: Required value',
      `spec.dataSource: Invalid value: "Pod": must be 'PersistentVolumeClaim' when referencing the default apiGroup`,
      'and of dataSourceRef',
      'and of dataSourceRef',
    ],
  );
});

test('only a bound claim grows, and takes another attributes class', () => {
  const frozen = 'spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims';
  const bound = (claim: { status?: object }): void => void (claim.status = { phase: 'Bound', capacity: { storage: '5Gi' } });
  const resize = (size: string) => (claim: { spec?: { resources?: object } }) =>
    void (claim.spec!.resources = { requests: { storage: size }, limits: { storage: '10Gi' } });
  // The difference that follows is checked where it is made.
  const first = (found: string[]): string[] => found.map((text) => text.split('\n')[0]!);
  assert.deepEqual(first(refusedUpdate(PersistentVolumeClaim, resize('6Gi'))), [frozen]);
  const block = refusedUpdate(PersistentVolumeClaim, (claim) => (claim.spec!.volumeMode = 'Block'), 'minimal');
  assert.deepEqual(first(block), [frozen, 'volumeMode: Invalid value: "Block": field is immutable']);
  assert.match(block[0]!, /-\s*"volumeMode": "Filesystem"\n\+\s*"volumeMode": "Block"/);
  assert.deepEqual(refusedUpdate(PersistentVolumeClaim, resize('6Gi'), 'full', bound), []);
  assert.deepEqual(refusedUpdate(PersistentVolumeClaim, resize('4Gi'), 'full', bound), [
    'spec.resources.requests.storage: Forbidden: field can not be less than status.capacity',
  ]);
  const reclass = (claim: { spec?: { volumeAttributesClassName?: string } }): void => void (claim.spec!.volumeAttributesClassName = 'silver');
  assert.deepEqual(refusedUpdate(PersistentVolumeClaim, reclass, 'full', bound), []);
  assert.deepEqual(first(refusedUpdate(PersistentVolumeClaim, reclass)), [frozen]);
  const bind = (claim: { spec?: { volumeName?: string; storageClassName?: string } }): void =>
    void Object.assign(claim.spec!, { volumeName: 'pv', storageClassName: 'fast' });
  assert.deepEqual(refusedUpdate(PersistentVolumeClaim, bind, 'minimal'), []);
  assert.deepEqual(first(refusedUpdate(PersistentVolumeClaim, bind)), [frozen]);
  assert.deepEqual(refusedStatus(PersistentVolumeClaim, { capacity: { storage: '-1' }, allocatedResourceStatuses: { storage: 'Odd' } }), [
    'status.capacity[storage]: Invalid value: -1: must be a valid resource quantity',
    'status.allocatedResourceStatus: Unsupported value: "storage": supported values: "ControllerResizeInProgress", "ControllerResizeInfeasible", "NodeResizeInProgress", "NodeResizeInfeasible", "NodeResizePending"',
  ]);
});

test('rows of claims and volumes', () => {
  const at = Date.parse('2031-01-01T00:00:30Z');
  const metadata = { name: 'c', creationTimestamp: '2031-01-01T00:00:00Z' };
  const claim = {
    metadata,
    spec: { volumeName: 'pv', storageClassName: 'fast' },
    status: { phase: 'Bound', capacity: { storage: '5Gi' }, accessModes: ['ReadWriteMany', 'ReadWriteOnce'] },
  };
  assert.deepEqual(renderTable(PersistentVolumeClaim, [claim], at).rows[0]!.cells, ['c', 'Bound', 'pv', '5Gi', 'RWO,RWX', 'fast', '<unset>', '30s', '<unset>']);
  assert.deepEqual(
    renderTable(PersistentVolumeClaim, [{ metadata: { ...metadata, deletionTimestamp: '2031-01-01T00:00:01Z' } }], at).rows[0]!.cells.slice(1, 5),
    ['Terminating', '', '', ''],
  );
  const volume = {
    metadata,
    spec: {
      capacity: { storage: '5Gi' },
      accessModes: ['ReadWriteOnce'],
      persistentVolumeReclaimPolicy: 'Delete',
      claimRef: { namespace: 'n', name: 'c' },
      volumeMode: 'Block',
    },
    status: { phase: 'Bound' },
  };
  assert.deepEqual(renderTable(PersistentVolume, [volume], at).rows[0]!.cells, [
    'c',
    '5Gi',
    'RWO',
    'Delete',
    'Bound',
    'n/c',
    '',
    '<unset>',
    '',
    '30s',
    'Block',
  ]);
});

test('what is out of use is warned of', () => {
  const annotations = { 'volume.beta.kubernetes.io/storage-class': 'x' };
  const old = 'metadata.annotations[volume.beta.kubernetes.io/storage-class]: deprecated since v1.8; use "storageClassName" attribute instead';
  assert.deepEqual(
    PersistentVolume.warnings!(
      { metadata: { annotations }, spec: { capacity: { storage: '1500m' }, persistentVolumeReclaimPolicy: 'Recycle', rbd: { image: 'i', monitors: ['m'] } } },
      undefined,
    ),
    [
      old,
      'spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.',
      'spec.capacity[storage]: fractional byte value "1500m" is invalid, must be an integer',
      'spec.rbd: deprecated in v1.28, non-functional in v1.31+',
    ],
  );
  assert.deepEqual(PersistentVolumeClaim.warnings!({ metadata: { annotations }, spec: { resources: { requests: { storage: '1Gi' } } } }, undefined), [old]);
});
