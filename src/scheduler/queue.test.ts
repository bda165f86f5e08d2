import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { FakeClock, Heap } from '#base';
import { nodeAffinityFilter } from './plugins/node-affinity.ts';
import { nodeResourcesFitFilter as nodeResourcesFit } from './plugins/node-resources-fit.ts';
import { SchedulingQueue } from './queue.ts';
import { info, nodeInfo } from './test-objects.ts';

function setUp(): { clock: FakeClock; queue: SchedulingQueue; wakes: () => number } {
  const clock = new FakeClock();
  let wakes = 0;
  return { clock, queue: new SchedulingQueue(clock, () => wakes++), wakes: () => wakes };
}
const drain = (queue: SchedulingQueue): string[] => {
  const out: string[] = [];
  for (let pod = queue.take(); pod; pod = queue.take()) out.push(pod.name);
  return out;
};

test('priority first, then first come', () => {
  const { queue } = setUp();
  for (const [name, priority] of [
    ['a', 0],
    ['b', 10],
    ['c', 0],
    ['d', 10],
  ] as const)
    queue.add(info(name, { priority }));
  queue.remove('uid-c');
  assert.deepEqual(drain(queue), ['b', 'd', 'a']);
});

test('failed pods come back after 1 s, 2 s, … 10 s', async () => {
  const { clock, queue } = setUp();
  queue.add(info('a'));
  const waits: number[] = [];
  for (let i = 0; i < 6; i++) {
    assert.deepEqual(drain(queue), ['a']);
    queue.retry('uid-a');
    const from = clock.now();
    while (!queue.take()) await clock.advance(500);
    waits.push(clock.now() - from);
    queue.add(info('a'));
  }
  // Every round takes twice: once to see when it is ready, once to try.
  assert.deepEqual(waits, [1000, 4000, 10_000, 10_000, 10_000, 10_000]);
});

test('an unschedulable pod waits for an event that its plugins call helpful', async () => {
  const { clock, queue } = setUp();
  queue.add(info('a', { nodeSelector: { x: '1' } }));
  drain(queue);
  queue.park('uid-a', [nodeAffinityFilter()]);
  queue.notify([
    { type: 'PodRemoved', pod: info('gone') },
    { type: 'NodeAdded', node: nodeInfo('n') },
  ]);
  await clock.advance(20_000);
  assert.deepEqual(drain(queue), []);
  queue.notify([{ type: 'NodeAdded', node: nodeInfo('n', { labels: { x: '1' } }) }]);
  assert.deepEqual(drain(queue), ['a']);
});

test('many unschedulable pods back off even when an event helps', async () => {
  const { clock, queue } = setUp();
  for (let i = 0; i < 100; i++) queue.add(info(`p${i}`, { requests: { cpu: '1' } }));
  for (const name of drain(queue)) queue.park(`uid-${name}`, [nodeResourcesFit]);
  queue.notify([{ type: 'PodRemoved', pod: info('gone', { requests: { cpu: '1' } }) }]);
  assert.equal(drain(queue).length, 0);
  await clock.advance(1000);
  assert.equal(drain(queue).length, 100);
});

test('leftovers are tried again after five minutes', async () => {
  const { clock, queue, wakes } = setUp();
  queue.add(info('a'));
  drain(queue);
  queue.park('uid-a', []);
  await clock.advance(4 * 60_000);
  assert.deepEqual(drain(queue), []);
  const before = wakes();
  await clock.advance(61_000);
  assert.ok(wakes() > before);
  assert.deepEqual(drain(queue), ['a']);
});

test('a change of the pod itself brings it back at once', () => {
  const { queue } = setUp();
  queue.add(info('a'));
  drain(queue);
  queue.park('uid-a', [nodeResourcesFit]);
  queue.add(info('a', { requests: { cpu: '1m' } }));
  assert.deepEqual(drain(queue), ['a']);
  assert.equal(queue.size, 1);
});

test('property: a heap gives its items in order', () => {
  fc.assert(
    fc.property(fc.array(fc.integer()), (numbers) => {
      const heap = new Heap<number>((a, b) => a < b);
      for (const n of numbers) heap.push(n);
      assert.deepEqual(
        numbers.map(() => heap.pop()),
        [...numbers].sort((a, b) => a - b),
      );
      assert.equal(heap.pop(), undefined);
    }),
  );
});
