import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settle } from '#base';
import { ResourceClaim, ResourceSlice, type ResourceV1ResourceClaim, type V1Device } from '#kinds';
import { ApiError } from '#machinery';
import { info } from '../test-objects.ts';
import { bench, cel, claim, driver, exactly, gpu, slice, user } from './support/device-bench.ts';

test('a claim is allocated where a device is that the class and the request select, and the pod stands in reservedFor', async () => {
  const w = await bench((api) => {
    api.put(ResourceSlice, slice('a', [gpu('gpu-0', 'small', '8Gi')]));
    api.put(ResourceSlice, slice('b', [gpu('gpu-0', 'small', '8Gi'), gpu('gpu-1', 'large', '80Gi')]));
    const big = `device.attributes["${driver}"].model == "large" && device.capacity["${driver}"].memory.compareTo(quantity("40Gi")) >= 0 && device.attributes["${driver}"].version.isGreaterThan(semver("1.0.0"))`;
    api.put(ResourceClaim, claim('one', [exactly('it', cel(big))]));
    api.put(ResourceClaim, claim('two', [exactly('it', cel(big))]));
  });
  const first = user('first', 'one');
  assert.equal(w.place(first), 'b');
  assert.deepEqual(await w.bind(first), ['it=b/gpu-1']);
  const { status, metadata } = w.api.all(ResourceClaim).find((one) => one.metadata?.name === 'one') as ResourceV1ResourceClaim;
  assert.deepEqual(metadata?.finalizers, ['resource.kubernetes.io/delete-protection']);
  assert.deepEqual(status?.allocation?.nodeSelector?.nodeSelectorTerms, [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['b'] }] }]);
  assert.deepEqual(status?.reservedFor, [{ resource: 'pods', name: 'first', uid: first.uid }]);
  assert.match(w.place(user('second', 'two')), /2 cannot allocate all claims/, 'the device is held');
  const sharing = user('sharing', 'one');
  assert.equal(w.place(sharing), 'b', 'a claim that is allocated can be shared, on its node');
  await w.bind(sharing);
  assert.deepEqual([w.held(first), w.held(sharing)], [['it=b/gpu-1'], ['it=b/gpu-1']]);
});

test('what is missing is named', async () => {
  const w = await bench((api) => {
    api.put(ResourceClaim, claim('no-class', [exactly('it', { deviceClassName: 'none' })]));
    api.put(ResourceClaim, claim('broken', [exactly('it', cel('device.attributes["x"].none == 1'))]));
    api.put(ResourceSlice, slice('a', [gpu('gpu-0', 'm', '1Gi')]));
  });
  assert.match(w.place(user('p', 'absent')), /resourceclaim "absent" not found/);
  assert.match(w.place(user('p', 'no-class')), /request it: device class none does not exist/);
  assert.match(w.place(user('p', 'broken')), /no such key: none/);
  const waits = info('p', { resourceClaims: [{ name: 'x', resourceClaimTemplateName: 't' }] });
  assert.match(w.place(waits), /waiting for dynamic resource controller to create the resourceclaim for pod "default\/p"/);
});

test('counts, all of a node, alternatives, constraints, administrators', async () => {
  const w = await bench((api) => {
    api.put(ResourceSlice, slice('a', [gpu('gpu-0', 'm', '1Gi'), gpu('gpu-1', 'm', '1Gi'), gpu('gpu-2', 'n', '1Gi')]));
    api.put(ResourceSlice, slice('b', [gpu('gpu-0', 'm', '1Gi'), gpu('gpu-1', 'n', '1Gi')]));
    api.put(ResourceClaim, claim('three', [exactly('it', { count: 3 })]));
    api.put(ResourceClaim, claim('alike', [exactly('x'), exactly('y')], { constraints: [{ requests: ['x', 'y'], matchAttribute: `${driver}/model` }] }));
    api.put(ResourceClaim, claim('apart', [exactly('it', { count: 2 })], { constraints: [{ distinctAttribute: `${driver}/model` }] }));
    api.put(ResourceClaim, claim('all', [exactly('it', { allocationMode: 'All', ...cel(`device.attributes["${driver}"].model == "n"`) })]));
    api.put(ResourceClaim, claim('admin', [exactly('it', { allocationMode: 'All', adminAccess: true })]));
    const alternatives = [
      { name: 'best', deviceClassName: 'gpu', allocationMode: 'ExactCount', count: 4 },
      { name: 'next', deviceClassName: 'gpu', allocationMode: 'ExactCount', count: 2 },
    ];
    api.put(ResourceClaim, claim('either', [{ name: 'it', firstAvailable: alternatives }]));
  });
  const fits = (name: string): string => {
    const pod = user(name, name);
    const on = w.place(pod);
    assert.equal(w.plugin.reserve?.(pod, w.node(on)), undefined);
    w.plugin.unreserve?.(pod, w.node(on));
    return on;
  };
  assert.equal(fits('three'), 'a');
  assert.equal(fits('alike'), 'a');
  assert.deepEqual(await w.bind(user('apart', 'apart')).then((all) => all.length), 2);
  assert.ok(await w.bind(user('admin', 'admin')).then((all) => all.length > 0 && all.every((one) => one.endsWith(' admin'))), 'held devices too');
  const either = user('either', 'either');
  const got = await w.bind(either);
  assert.deepEqual(
    got.map((one) => one.split('=')[0]),
    ['it/next', 'it/next'],
  );
});

test('taints, counters that parts share, incomplete pools', async () => {
  const part = (name: string): V1Device => gpu(name, 'm', '1Gi', { consumesCounters: [{ counterSet: 'card', counters: { memory: { value: '6Gi' } } }] });
  const w = await bench((api) => {
    api.put(ResourceSlice, slice('a', [part('gpu-0'), part('gpu-1')], { sharedCounters: [{ name: 'card', counters: { memory: { value: '10Gi' } } }] }));
    api.put(ResourceSlice, slice('b', [gpu('gpu-0', 'm', '1Gi', { taints: [{ key: 'k', effect: 'NoSchedule' }] })]));
    api.put(ResourceSlice, {
      ...slice('a', [gpu('gpu-8', 'm', '1Gi'), gpu('gpu-9', 'm', '1Gi')], { pool: { name: 'half', generation: 1, resourceSliceCount: 2 } }),
      metadata: { name: 'half' },
    });
    api.put(ResourceClaim, claim('two', [exactly('it', { count: 2 })]));
    api.put(
      ResourceClaim,
      claim('tolerant', [exactly('it', { count: 1, tolerations: [{ key: 'k', operator: 'Exists' }], ...cel(`!("x" in device.attributes)`) })]),
    );
    api.put(ResourceClaim, claim('one', [exactly('it')]));
  });
  assert.match(w.place(user('two', 'two')), /cannot allocate all claims/);
  assert.deepEqual(await w.bind(user('one', 'one')), ['it=a/gpu-0']);
  assert.deepEqual(await w.bind(user('tolerant', 'tolerant')), ['it=b/gpu-0']);
});

test('a binding that fails gives back what was allocated for it', async () => {
  const w = await bench((api) => {
    api.put(ResourceSlice, slice('a', [gpu('gpu-0', 'm', '1Gi')]));
    api.put(ResourceClaim, claim('one', [exactly('it')]));
    api.put(ResourceClaim, claim('two', [exactly('it')]));
  });
  const pod = user('p', 'one', 'two');
  assert.match(w.place(pod), /cannot allocate all claims/, 'both or none');
  const first = user('first', 'one');
  w.plugin.reserve?.(first, w.node('a'));
  assert.match(w.place(user('second', 'two')), /cannot allocate all claims/, 'assumed counts');
  w.api.refuse = ({ kind, subresource }) => (kind === 'ResourceClaim' && subresource === 'status' ? new ApiError('InternalError', 'no') : undefined);
  await assert.rejects(async () => w.plugin.preBind?.(first, w.node('a'), new AbortController().signal));
  w.api.refuse = undefined;
  w.plugin.unreserve?.(first, w.node('a'));
  await settle();
  assert.equal(w.place(user('second', 'two')), 'a');
});
