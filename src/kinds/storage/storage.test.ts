import assert from 'node:assert/strict';
import test from 'node:test';
import { renderTable } from '#machinery';
import { prepared, refused, refusedStatus, refusedUpdate } from '../fixtures/objects.ts';
import { CSIDriver } from './csidriver.ts';
import { CSINode } from './csinode.ts';
import { CSIStorageCapacity } from './csistoragecapacity.ts';
import { StorageClass } from './storageclass.ts';
import { VolumeAttachment } from './volumeattachment.ts';
import { VolumeAttributesClass } from './volumeattributesclass.ts';

const subdomain =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

test('classes of storage', () => {
  assert.deepEqual(
    refused(StorageClass, (object) =>
      Object.assign(object, {
        provisioner: '',
        reclaimPolicy: 'Recycle',
        volumeBindingMode: 'Never',
        allowedTopologies: [{ matchLabelExpressions: [{ key: 'a', values: [] }] }],
      }),
    ),
    [
      'provisioner: Required value',
      'reclaimPolicy: Unsupported value: "Recycle": supported values: "Delete", "Retain"',
      'volumeBindingMode: Unsupported value: "Never": supported values: "Immediate", "WaitForFirstConsumer"',
      'allowedTopologies[0].matchLabelExpressions[0].values: Required value',
    ],
  );
  assert.deepEqual(
    refusedUpdate(StorageClass, (object) =>
      Object.assign(object, { provisioner: 'other', parameters: {}, reclaimPolicy: 'Delete', volumeBindingMode: 'Immediate', allowVolumeExpansion: false }),
    ),
    [
      'parameters: Forbidden: updates to parameters are forbidden.',
      'provisioner: Forbidden: updates to provisioner are forbidden.',
      'reclaimPolicy: Forbidden: updates to reclaimPolicy are forbidden.',
      'volumeBindingMode: Invalid value: "Immediate": field is immutable',
    ],
  );
  const object = prepared(StorageClass, { metadata: { name: 's', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } }, provisioner: 'p' });
  assert.deepEqual(renderTable(StorageClass, [object], 0).rows[0]!.cells.slice(0, 5), ['s (default)', 'p', 'Delete', 'Immediate', false]);
});

test('attachments', () => {
  assert.deepEqual(
    refused(VolumeAttachment, (object) => (object.spec = { attacher: '', nodeName: '', source: {} })),
    [
      'spec.attacher: Required value',
      'spec.source: Required value: must specify exactly one of inlineVolumeSpec and persistentVolumeName',
      `spec.nodeName: Invalid value: "": ${subdomain}`,
    ],
  );
  assert.deepEqual(
    refused(
      VolumeAttachment,
      ({ spec }) => (spec.source = { inlineVolumeSpec: { accessModes: ['ReadWriteOnce'], capacity: { storage: '1' }, hostPath: { path: '/x' } } }),
    ),
    [
      'spec.source.inlineVolumeSpec.capacity: Forbidden: may not be specified in the context of inline volumes',
      'spec.source.inlineVolumeSpec.csi: Required value: may not be nil in the context of inline volumes',
    ],
  );
  assert.equal(refusedUpdate(VolumeAttachment, ({ spec }) => (spec.nodeName = 'n2')).length, 1);
  assert.deepEqual(
    refused(VolumeAttachment, ({ spec }) => (spec.source = { persistentVolumeName: '' })),
    [
      'spec.source.persistentVolumeName: Required value: must specify non empty persistentVolumeName',
      `spec.source.persistentVolumeName: Invalid value: "": ${subdomain}`,
    ],
  );
  assert.deepEqual(refusedStatus(VolumeAttachment, { attached: false, attachError: { errorCode: -1, message: 'x'.repeat(1025) } }), [
    'status.attachError.message: Too long: may not be more than 262144 bytes',
    'status.attachError.errorCode: Invalid value: -1: must be between 0 and 2147483647, inclusive',
  ]);
});

test('drivers', () => {
  const { spec } = prepared(CSIDriver, { metadata: { name: 'd.example.com' }, spec: {} });
  assert.deepEqual(spec, {
    attachRequired: true,
    podInfoOnMount: false,
    storageCapacity: false,
    fsGroupPolicy: 'ReadWriteOnceWithFSType',
    volumeLifecycleModes: ['Persistent'],
    requiresRepublish: false,
    seLinuxMount: false,
  });
  assert.deepEqual(
    refused(
      CSIDriver,
      (object) =>
        (object.spec = {
          fsGroupPolicy: 'Odd',
          volumeLifecycleModes: ['Brief'],
          nodeAllocatableUpdatePeriodSeconds: 1,
          tokenRequests: [{ audience: 'a', expirationSeconds: 1 }, { audience: 'a' }],
        }),
    ),
    [
      'spec.fsGroupPolicy: Unsupported value: "Odd": supported values: "File", "None", "ReadWriteOnceWithFSType"',
      'spec.volumeLifecycleModes: Unsupported value: "Brief": supported values: "Persistent", "Ephemeral"',
      'spec.nodeAllocatableUpdatePeriodSeconds: Invalid value: 1: must be greater than or equal to 10 seconds',
      'spec.tokenRequests[0].expirationSeconds: Invalid value: 1: may not specify a duration less than 10 minutes',
      'spec.tokenRequests[1].audience: Duplicate value: "a"',
    ],
  );
  assert.deepEqual(
    refusedUpdate(CSIDriver, (object) => Object.assign(object.spec, { attachRequired: true, podInfoOnMount: false })),
    ['spec.attachedRequired: Invalid value: true: field is immutable'],
  );
});

test('drivers of a node', () => {
  assert.deepEqual(
    refused(
      CSINode,
      ({ spec }) =>
        (spec.drivers = [
          { name: 'a', nodeID: '', topologyKeys: ['z', 'z'], allocatable: { count: -1 } },
          { name: 'a', nodeID: 'x'.repeat(193) },
        ]),
    ),
    [
      'spec.drivers[0].nodeID: Required value',
      'spec.drivers[0].allocatable.count: Invalid value: -1: must be greater than or equal to 0',
      'spec.drivers[0]: Duplicate value: "z"',
      'spec.drivers[1].name: Duplicate value: "a"',
      `spec.drivers[1].nodeID: Invalid value: "${'x'.repeat(193)}": must be 192 characters or less`,
    ],
  );
  assert.deepEqual(
    refusedUpdate(CSINode, ({ spec }) => (spec.drivers[0]!.allocatable = { count: 1 })),
    [],
  );
  assert.equal(refusedUpdate(CSINode, ({ spec }) => (spec.drivers[0]!.nodeID = 'other')).length, 1);
});

test('capacities and attributes classes', () => {
  assert.deepEqual(
    refusedUpdate(CSIStorageCapacity, (object) => Object.assign(object, { storageClassName: 'slow', capacity: '-1' })),
    ['capacity: Invalid value: "-1": must be greater than or equal to 0', 'storageClassName: Invalid value: "slow": field is immutable'],
  );
  assert.deepEqual(
    refused(VolumeAttributesClass, (object) => Object.assign(object, { driverName: '', parameters: {} })),
    ['driverName: Required value', 'parameters: Required value: must contain at least one key/value pair'],
  );
  assert.deepEqual(
    refusedUpdate(VolumeAttributesClass, (object) => (object.parameters = { iops: '1' })),
    ['parameters: Forbidden: updates to parameters are forbidden.'],
  );
});
