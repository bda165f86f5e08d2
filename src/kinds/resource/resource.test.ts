import assert from 'node:assert/strict';
import test from 'node:test';
import { renderTable } from '#machinery';
import { prepared, refused, refusedStatus, refusedUpdate } from '../fixtures/objects.ts';
import { DeviceClass } from './deviceclass.ts';
import { ResourceClaim } from './resourceclaim.ts';
import { ResourceSlice } from './resourceslice.ts';

test('requests are completed', () => {
  const claim = prepared(ResourceClaim, {
    metadata: { name: 'c', namespace: 'default' },
    spec: {
      devices: {
        requests: [
          { name: 'a', exactly: { deviceClassName: 'x' } },
          { name: 'b', firstAvailable: [{ name: 'c', deviceClassName: 'x', allocationMode: 'All' }] },
        ],
      },
    },
  });
  assert.deepEqual(claim.spec.devices!.requests, [
    { name: 'a', exactly: { deviceClassName: 'x', allocationMode: 'ExactCount', count: 1 } },
    { name: 'b', firstAvailable: [{ name: 'c', deviceClassName: 'x', allocationMode: 'All' }] },
  ]);
});

test('claims ask for devices by class', () => {
  const devices = (wanted: object): string[] => refused(ResourceClaim, (object) => (object.spec = { devices: wanted as never }));
  const at = 'spec.devices';
  assert.deepEqual(
    devices({
      requests: [
        { name: 'a' },
        { name: 'a', exactly: { deviceClassName: '', allocationMode: 'All', count: 2, selectors: [{}] } },
        { name: 'b', exactly: { deviceClassName: 'x', allocationMode: 'Some', tolerations: [{ operator: 'Like' }] } },
      ],
      constraints: [{ requests: ['z'], matchAttribute: 'plain' }],
      config: [{ opaque: { driver: 'd', parameters: 7 } }],
    }),
    [
      `${at}.requests[0]: Required value: exactly one of \`exactly\` or \`firstAvailable\` is required`,
      `${at}.requests[1].name: Duplicate value: "a"`,
      `${at}.requests[1].exactly.deviceClassName: Required value`,
      `${at}.requests[1].exactly.selectors[0].cel: Required value`,
      `${at}.requests[1].exactly.count: Invalid value: 2: must not be specified when allocationMode is 'All'`,
      `${at}.requests[2].exactly.allocationMode: Unsupported value: "Some": supported values: "All", "ExactCount"`,
      `${at}.requests[2].exactly.tolerations[0].operator: Unsupported value: "Like": supported values: "Equal", "Exists"`,
      `${at}.constraints[0].requests[0]: Invalid value: "z": must be the name of a request in the claim or the name of a request and a subrequest separated by '/'`,
      `${at}.constraints[0].matchAttribute: Invalid value: "plain": must include a domain`,
      `${at}.config[0].opaque.parameters: Invalid value: "<value omitted>": error parsing data as JSON: must be an object`,
    ],
  );
  assert.equal(refusedUpdate(ResourceClaim, (object) => (object.spec = {})).length, 1);
});

test('reservations need an allocation', () => {
  assert.deepEqual(
    refusedStatus(ResourceClaim, {
      reservedFor: [
        { resource: 'pods', name: 'a', uid: 'u' },
        { resource: '', name: 'b', uid: 'u' },
      ],
    }),
    [
      'status.reservedFor[1].resource: Required value',
      'status.reservedFor[1].uid: Duplicate value: "u"',
      'status.reservedFor: Forbidden: may not be specified when `allocated` is not set',
    ],
  );
  const row = (object: object): unknown => renderTable(ResourceClaim, [{ metadata: {}, spec: {}, ...object }], 0).rows[0]!.cells[1];
  assert.equal(row({}), 'pending');
  assert.equal(row({ status: { allocation: {}, reservedFor: [{}] } }), 'allocated,reserved');
  assert.equal(row({ metadata: { deletionTimestamp: 'x' }, status: { allocation: {} } }), 'deleted,allocated');
});

test('slices say where their devices are', () => {
  const slice = (change: object): string[] => refused(ResourceSlice, ({ spec }) => Object.assign(spec, change));
  const text = 'exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required';
  assert.deepEqual(slice({ allNodes: undefined }), [`spec: Required value: ${text}`]);
  assert.deepEqual(slice({ nodeName: 'n' }), [`spec: Invalid value: "{\`nodeName\`, \`allNodes\`}": ${text}`]);
  assert.deepEqual(
    slice({
      driver: '',
      pool: { name: 'p', generation: -1, resourceSliceCount: 0 },
      devices: [{ name: 'a', attributes: { '1': {}, ok: { int: 1, bool: true } } }, { name: 'a' }],
    }).map((found) => found.replace(/a valid C identifier.*/, '…')),
    [
      'spec.driver: Required value',
      'spec.pool.resourceSliceCount: Invalid value: 0: must be greater than zero',
      'spec.pool.generation: Invalid value: -1: must be greater than or equal to zero',
      'spec.devices[0].attributes[1]: Invalid value: "1": …',
      'spec.devices[0].attributes[1]: Required value: exactly one value must be specified',
      'spec.devices[0].attributes[ok]: Invalid value: {"int":1,"bool":true}: exactly one value must be specified',
      'spec.devices[1].name: Duplicate value: "a"',
    ],
  );
  assert.deepEqual(
    refused(DeviceClass, (object) => (object.spec = { extendedResourceName: 'cpu' })),
    ['spec.extendedResourceName: Invalid value: "cpu": must be a valid extended resource name'],
  );
});
