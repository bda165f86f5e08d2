import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Node } from '#kinds';
import { ApiError } from '#machinery';
import { createWorld, type World } from '../testing/world.ts';
import { nodeIpamController } from './ipam.ts';

const ranges = (w: World): (string | undefined)[] => w.api.all(Node).map((n) => n.spec?.podCIDR);

test('nodes without a range of addresses are given one that no other has', async () => {
  const w = createWorld([nodeIpamController], { nodeCidrs: ['10.64.200.0/23', '100.127.0.0/24'] });
  w.api.put(Node, { metadata: { name: 'a' }, spec: { podCIDR: '10.64.200.0/24', podCIDRs: ['10.64.200.0/24'] } });
  for (const name of ['b', 'c', 'd']) w.api.put(Node, { metadata: { name } });
  await w.run();
  assert.deepEqual(ranges(w), ['10.64.200.0/24', '10.64.201.0/24', '100.127.0.0/24', undefined]);
  assert.deepEqual(w.api.all(Node)[1]?.spec?.podCIDRs, ['10.64.201.0/24']);
  assert.deepEqual(w.events(), ['CIDRNotAvailable: Node d status is now: CIDRNotAvailable']);
  w.api.drop(Node, undefined, 'b');
  await w.run();
  assert.deepEqual(ranges(w), ['10.64.200.0/24', '100.127.0.0/24', '10.64.201.0/24'], 'what is free again goes to who waits');
  await w.stop();
});

test('a lagging cache gives no range twice, a refused write gives its range back', async () => {
  const w = createWorld([nodeIpamController], { nodeCidrs: ['10.64.200.0/22'] });
  await w.run();
  let refusals = 1;
  w.api.refuse = (write) => (write.kind === 'Node' && refusals-- > 0 ? new ApiError('InternalError', 'no luck') : undefined);
  for (const name of ['a', 'b', 'c', 'd']) w.api.put(Node, { metadata: { name } });
  w.api.pause(Node);
  await w.run(5_000);
  w.api.resume();
  await w.run(5_000);
  assert.equal(new Set(ranges(w)).size, 4);
  assert.equal(ranges(w).includes(undefined), false);
  await w.stop();
});

test('nothing is given when nothing is set aside, and nothing to nodes that others address', async () => {
  const other = createWorld([nodeIpamController], { nodeCidrs: ['10.64.200.0/22'] });
  other.api.put(Node, { metadata: { name: 'fake', annotations: { 'kwok.x-k8s.io/node': 'fake' } } });
  await other.run();
  assert.deepEqual(ranges(other), [undefined]);
  await other.stop();
  const w = createWorld([nodeIpamController]);
  w.api.put(Node, { metadata: { name: 'a' } });
  await w.run();
  assert.deepEqual([ranges(w), w.api.writes], [[undefined], []]);
  await w.stop();
});
