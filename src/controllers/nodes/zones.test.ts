import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Node } from '#kinds';
import { Zones } from './zones.ts';

const node = (zone: string, ready: boolean): V1Node => ({
  metadata: { labels: { 'topology.kubernetes.io/zone': zone } },
  status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
});
function zonesOf(counts: { [zone: string]: [ready: number, lost: number] }): Zones {
  const zones = new Zones();
  for (const [zone, [ready, lost]] of Object.entries(counts)) for (let i = 0; i < ready + lost; i++) zones.observe(`${zone}-${i}`, node(zone, i < ready));
  return zones;
}

test('a zone is disrupted when most of it is lost, wholly when nothing is left', () => {
  const states = (ready: number, lost: number): string => zonesOf({ a: [ready, lost] }).state(node('a', true));
  assert.deepEqual(
    [states(3, 0), states(1, 2), states(5, 4), states(3, 4), states(0, 1)],
    ['Normal', 'Normal', 'Normal', 'PartialDisruption', 'FullDisruption'],
  );
  assert.equal(zonesOf({ a: [0, 3], b: [0, 1] }).allDisrupted, true);
  assert.equal(zonesOf({ a: [0, 3], b: [1, 0] }).allDisrupted, false);
});

test('one node each ten seconds; none in a small zone that is disrupted; one each hundred in a large one', () => {
  const turns = (zones: Zones, zone: string): (number | undefined)[] => [0, 0, 10_000, 100_000].map((at) => zones.take(node(zone, false), 1_000_000 + at));
  assert.deepEqual(turns(zonesOf({ a: [9, 2] }), 'a'), [0, 10_000, 0, 0]);
  assert.deepEqual(turns(zonesOf({ a: [3, 7] }), 'a'), [undefined, undefined, undefined, undefined]);
  assert.deepEqual(turns(zonesOf({ a: [20, 40] }), 'a'), [0, 100_000, 90_000, 0]);
  assert.deepEqual(turns(zonesOf({ a: [0, 4], b: [4, 0] }), 'a'), [0, 10_000, 0, 0], 'a zone that is lost whole is emptied at the normal rate');
});

test('counts follow the nodes', () => {
  const zones = zonesOf({ a: [2, 0] });
  assert.equal(zones.observe('a-0', node('a', false)), false);
  assert.equal(zones.observe('a-1', node('a', false)), true);
  assert.equal(zones.observe('a-1', node('b', true)), true);
  assert.equal(zones.allDisrupted, false);
  assert.equal(zones.observe('a-1', undefined), true);
  assert.equal(zones.allDisrupted, true);
});
