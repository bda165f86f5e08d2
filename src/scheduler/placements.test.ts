import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock, seededRandom, settle, silentLogger } from '#base';
import { createClient, createFakeApi } from '#client';
import { Node, Pod, type V1Node, type V1Pod } from '#kinds';
import type { PlacementSource, PodPlacement } from './placements.ts';
import { startScheduler } from './runner.ts';
import { makeNode, makePod } from './test-objects.ts';

async function placementsOf(t: { after(fn: () => Promise<void>): void }, nodes: V1Node[], pods: V1Pod[]): Promise<PlacementSource> {
  const clock = new FakeClock();
  const api = createFakeApi(clock);
  for (const node of nodes) api.put(Node, node);
  for (const pod of pods) api.put(Pod, pod);
  const client = createClient(api, clock, silentLogger);
  const scheduler = startScheduler({ client, log: silentLogger, random: seededRandom(1) });
  await settle();
  await clock.advance(10);
  t.after(async () => {
    await scheduler.stop();
    client.close();
  });
  return scheduler.placements;
}
test('of every node: which plugins object, why, and what helps', async (t) => {
  const nodes = [
    makeNode('a', { unschedulable: true, taints: [{ key: 'k', value: 'v', effect: 'NoSchedule' }] }),
    makeNode('b'),
    makeNode('c', { allocatable: { cpu: '8' } }),
  ];
  const source = await placementsOf(t, nodes, [makePod('web', { requests: { cpu: '6' } }), makePod('full', { requests: { cpu: '5' }, nodeName: 'c' })]);
  const { status } = source.placement('default', 'web') as PodPlacement;
  assert.equal(status.state, 'Waiting');
  assert.equal(status.attempts, 1);
  assert.deepEqual(
    status.nodes.map(({ name, fits, objections }) => [name, fits, objections.map((one) => `${one.plugin} ${one.preemptible} ${one.advice}`)]),
    [
      [
        'a',
        false,
        [
          'NodeUnschedulable false kubectl uncordon a',
          'TaintToleration false tolerate or remove the taint k=v:NoSchedule',
          'NodeResourcesFit false a larger node: the pod asks for 6000m cpu',
        ],
      ],
      ['b', false, ['NodeResourcesFit false a larger node: the pod asks for 6000m cpu']],
      ['c', false, ['NodeResourcesFit true free 3000m cpu on this node, or add a node']],
    ],
  );
});

test('gated, foreign and placed pods; the list has those that wait', async (t) => {
  const pods = [
    makePod('gated', { schedulingGates: [{ name: 'x.io/wait' }] }),
    makePod('foreign', { schedulerName: 'mine' }),
    makePod('placed', { nodeName: 'a' }),
    { ...makePod('over'), status: { phase: 'Failed' } },
  ];
  for (const pod of pods.slice(0, 1)) pod.status = { conditions: [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated', message: 'gated' }] };
  const source = await placementsOf(t, [makeNode('a')], pods);
  const states = ['gated', 'foreign', 'placed'].map((name) => source.placement('default', name)?.status.state);
  assert.deepEqual(states, ['Gated', 'Foreign', 'Placed']);
  assert.deepEqual(
    source
      .placements(undefined)
      .map((item) => item.metadata?.name)
      .sort(),
    ['foreign', 'gated'],
  );
  assert.equal(source.placement('default', 'nobody'), undefined);
});
