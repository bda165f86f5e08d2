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

test('capacity that is shared says how much of it one may ask for', () => {
  const capacity = (requestPolicy: object, isShared = true): string[] =>
    refused(ResourceSlice, ({ spec }) =>
      Object.assign(spec, { devices: [{ name: 'a', allowMultipleAllocations: isShared, capacity: { memory: { value: '10Gi', requestPolicy } } }] }),
    );
  const at = 'spec.devices[0].capacity[memory].requestPolicy';
  assert.deepEqual(capacity({ default: '1Gi' }, false), [`${at}: Forbidden: allowMultipleAllocations must be true`]);
  assert.deepEqual(capacity({ validValues: ['1Gi'] }), [`${at}.default: Required value: required when validValues is defined`]);
  assert.deepEqual(capacity({ default: '2Gi', validValues: ['1Gi', '1024Mi', '11Gi', '3Gi'] }), [
    `${at}.validValues[1]: Duplicate value: "1Gi"`,
    `${at}.validValues[2]: Invalid value: "11Gi": option is larger than capacity value: 10Gi`,
    `${at}.validValues[3]: Invalid value: "3Gi": values must be sorted in ascending order`,
    `${at}.validValues: Invalid value: "2Gi": default value is not valid according to the requestPolicy`,
  ]);
  assert.deepEqual(capacity({ default: '1Gi', validRange: { min: '2Gi', max: '11Gi', step: '3Gi' } }), [
    `${at}.validRange.default: Invalid value: "1Gi": default is less than min: 2Gi`,
    `${at}.validRange.max: Invalid value: "11Gi": max is larger than capacity value: 10Gi`,
    `${at}.validRange.step: Invalid value: "1Gi": value is not a multiple of a given step (3Gi) from (2Gi)`,
  ]);
  assert.deepEqual(capacity({ default: '2Gi', validRange: { min: '2Gi', step: '9Gi' } }), [
    `${at}.validRange.step: Invalid value: "9Gi": one step 11Gi is larger than capacity value: 10Gi`,
  ]);
  assert.deepEqual(capacity({ default: '3Gi', validRange: { min: '1Gi', max: '9Gi', step: '2Gi' } }), []);
});

test('counters are in slices of their own; conditions of a binding come with those that end it', () => {
  const slice = (change: object): string[] => refused(ResourceSlice, ({ spec }) => Object.assign(spec, change));
  assert.deepEqual(
    slice({
      devices: [],
      sharedCounters: [
        { name: 'a', counters: {} },
        { name: 'a', counters: { m: { value: '1' } } },
      ],
    }),
    [
      'spec: Invalid value: "": only one of `sharedCounters` or `devices` is allowed',
      'spec.sharedCounters[0].counters: Required value',
      'spec.sharedCounters[1]: Duplicate value: "a"',
    ],
  );
  assert.deepEqual(slice({ devices: undefined, sharedCounters: [{ name: 'a', counters: { m: { value: '1' } } }] }), []);
  assert.deepEqual(
    slice({
      devices: [
        { name: 'a', bindingConditions: ['x'] },
        { name: 'b', bindingConditions: ['x', 'y'], bindingFailureConditions: ['x'] },
      ],
    }),
    [
      'spec.devices[0].bindingFailureConditions: Invalid value: []: bindingFailureConditions are required to use bindingConditions',
      'spec.devices[1].bindingFailureConditions[0]: Invalid value: "x": bindingFailureConditions must not overlap with bindingConditions',
    ],
  );
  const many = Array.from({ length: 65 }, (_, i) => ({ name: `d${i}`, ...(i === 0 ? { taints: [{ key: 'k', effect: 'NoSchedule' }] } : {}) }));
  assert.deepEqual(slice({ devices: many }), ['spec.devices: Too many: 65: must have at most 64 items']);
});
