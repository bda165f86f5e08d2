import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatTime } from '#base';
import { Event, Pod, ResourceClaim, ResourceSlice, type V1DeviceTaint, type V1DeviceToleration, type V1Pod } from '#kinds';
import { createWorld, type World } from '../testing/world.ts';
import { deviceTaintEvictionController } from './device-taints.ts';

const taint = (w: World, taints: V1DeviceTaint[]): void => {
  const spec = { driver: 'd', nodeName: 'n', pool: { name: 'p', generation: 1, resourceSliceCount: 1 }, devices: [{ name: 'gpu-0', taints }] };
  if (w.api.all(ResourceSlice).length === 0) w.api.put(ResourceSlice, { metadata: { name: 's' }, spec });
  else w.api.edit(ResourceSlice, undefined, 's', (slice) => (slice.spec = spec));
};
async function world(...tolerations: V1DeviceToleration[]): Promise<{ w: World; pod: () => V1Pod | undefined }> {
  const w = createWorld([deviceTaintEvictionController]);
  taint(w, []);
  const made = w.api.put(Pod, { metadata: { name: 'a', namespace: 'default' }, spec: { nodeName: 'n', containers: [{ name: 'c', image: 'x' }] } });
  w.api.put(ResourceClaim, {
    metadata: { name: 'c', namespace: 'default' },
    spec: {},
    status: {
      allocation: { devices: { results: [{ request: 'r', driver: 'd', pool: 'p', device: 'gpu-0', tolerations }] } },
      reservedFor: [{ resource: 'pods', name: 'a', uid: made.metadata?.uid ?? '' }],
    },
  });
  await w.run();
  return { w, pod: () => w.api.all(Pod, 'default').find((one) => !one.metadata?.deletionTimestamp) };
}

test('a pod goes when its device gets a taint that its claim does not tolerate', async () => {
  const { w, pod } = await world({ key: 'other', operator: 'Exists' });
  for (const effect of ['None', 'NoSchedule']) {
    taint(w, [{ key: 'broken', effect }]);
    await w.run();
    assert.ok(pod(), effect);
  }
  taint(w, [{ key: 'broken', effect: 'NoExecute' }]);
  await w.run();
  assert.equal(pod(), undefined);
  assert.deepEqual(
    w.api.all(Event, 'default').map(({ reason, message }) => [reason, message]),
    [['DeviceTaintManagerEviction', 'Marking for deletion']],
  );
  await w.stop();
});

test('it stays as long as the claim tolerates the taint', async () => {
  const { w, pod } = await world({ key: 'broken', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 30 });
  const since = formatTime(w.clock.now());
  taint(w, [{ key: 'broken', effect: 'NoExecute', timeAdded: since }]);
  await w.run();
  await w.clock.advance(20_000);
  await w.run();
  assert.ok(pod());
  taint(w, []);
  await w.run();
  await w.clock.advance(20_000);
  await w.run();
  assert.ok(pod(), 'cancelled');
  taint(w, [{ key: 'broken', effect: 'NoExecute', timeAdded: formatTime(w.clock.now()) }]);
  await w.run();
  await w.clock.advance(31_000);
  await w.run();
  assert.equal(pod(), undefined);
  await w.stop();
});

test('a toleration without an end is for ever', async () => {
  const { w, pod } = await world({ operator: 'Exists' });
  taint(w, [{ key: 'broken', effect: 'NoExecute' }]);
  await w.run();
  await w.clock.advance(3_600_000);
  await w.run();
  assert.ok(pod());
  await w.stop();
});
