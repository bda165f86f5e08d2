import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '#base';
import { EndpointSlice, Node, Pod, Service, type V1Endpoint, type V1Node } from '#kinds';
import { createWorld, podOf, serviceOf, type World } from '../testing/world.ts';
import { endpointSliceController } from './endpointslice.ts';
import { endpointKey } from './packing.ts';
import { hintZones, zoneShares } from './topology.ts';

const node = (name: string, zone: string, cpu = '4', ready = true): V1Node => ({
  metadata: { name, labels: { 'topology.kubernetes.io/zone': zone } },
  status: { allocatable: { cpu }, conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
});
const endpoint = (zone: string, i: number, ready = true): V1Endpoint => ({ addresses: [`10.0.${i >> 8}.${i & 255}`], zone, conditions: { ready } });
const hinted = (endpoints: readonly V1Endpoint[]): string =>
  Object.entries(Object.groupBy(endpoints, (e) => e.hints?.forZones?.[0]?.name ?? '-'))
    .map(([zone, list]) => `${zone}${list?.length ?? 0}`)
    .sort()
    .join(' ');

test('zones by the CPU of their ready workers', () => {
  assert.deepEqual(
    zoneShares([node('1', 'a', '6'), node('2', 'b', '2'), node('3', 'b', '50', false)]),
    new Map([
      ['a', 0.75],
      ['b', 0.25],
    ]),
  );
  assert.equal(zoneShares([node('1', 'a')]), 'Nodes only ready in one zone');
  assert.match(zoneShares([node('1', 'a'), node('2', '')]) as string, /^Insufficient Node information/);
});

test('endpoints are shared out by the weight of the zones', () => {
  const shares = new Map([
    ['a', 0.5],
    ['b', 0.25],
    ['c', 0.25],
  ]);
  const even = [0, 1, 2, 3, 4, 5, 6, 7].map((i) => endpoint(['a', 'a', 'a', 'a', 'b', 'b', 'c', 'c'][i] ?? '', i));
  assert.equal(hintZones(even, shares, new Map()), undefined);
  assert.equal(hinted(even), 'a4 b2 c2');
  const lopsided = [0, 1, 2, 3, 4, 5, 6, 7].map((i) => endpoint('b', i));
  assert.equal(hintZones(lopsided, shares, new Map()), undefined);
  assert.equal(hinted(lopsided), 'a4 b2 c2');
  const few = [endpoint('a', 1), endpoint('b', 2), endpoint('c', 3, false)];
  assert.equal(hintZones(few, shares, new Map()), 'Insufficient number of endpoints (2), impossible to safely allocate proportionally');
  assert.equal(hinted(few), '-3');
  const uneven = new Map([
    ['a', 0.1],
    ['b', 0.1],
    ['c', 0.8],
  ]);
  assert.match(
    hintZones(
      [1, 2, 3].map((i) => endpoint('a', i)),
      uneven,
      new Map(),
    ) ?? '',
    /^Unable to allocate minimum required endpoints to each zone/,
  );
  assert.match(hintZones([endpoint('', 1), endpoint('a', 2), endpoint('b', 3), endpoint('c', 4)], shares, new Map()) ?? '', /do not have a zone/);
});

test('every ready endpoint has a hint, no zone less than it must, and a second look changes nothing', () => {
  const random = seededRandom(3);
  for (let round = 0; round < 300; round++) {
    const weights = Array.from({ length: 2 + Math.floor(random.next() * 4) }, () => 1 + random.next() * 3);
    const sum = weights.reduce((a, b) => a + b, 0);
    const shares = new Map(weights.map((w, i) => [`z${i}`, w / sum]));
    const make = (): V1Endpoint[] => Array.from({ length: count }, (_, i) => endpoint(`z${zones[i] ?? 0}`, i));
    const count = 3 + Math.floor(random.next() * 40);
    const zones = Array.from({ length: count }, () => Math.floor(random.next() * weights.length));
    const first = make();
    if (hintZones(first, shares, new Map()) !== undefined) continue;
    for (const [zone, share] of shares) {
      const given = first.filter((e) => e.hints?.forZones?.[0]?.name === zone).length;
      assert.ok(given >= Math.ceil((share * count) / 1.2), `round ${round}`);
    }
    assert.ok(first.every((e) => e.hints));
    const second = make();
    hintZones(second, shares, new Map(first.map((e) => [endpointKey(e), e.hints?.forZones?.[0]?.name ?? ''])));
    const moved = second.filter((e, i) => e.hints?.forZones?.[0]?.name !== first[i]?.hints?.forZones?.[0]?.name);
    assert.equal(moved.length, 0, `round ${round}`);
  }
});

async function world(spec: object, annotations: Record<string, string> = {}): Promise<World> {
  const w = createWorld([endpointSliceController]);
  for (const [i, zone] of ['a', 'b'].entries()) {
    w.api.put(Node, node(`n${i}`, zone));
    for (const j of [0, 1])
      w.api.put(
        Pod,
        podOf(`p${i}${j}`, {
          spec: { nodeName: `n${i}`, containers: [] },
          status: { phase: 'Running', podIP: `10.0.${i}.${j}`, conditions: [{ type: 'Ready', status: i + j < 2 ? 'True' : 'False' }] },
        }),
      );
  }
  const service = serviceOf(spec);
  await w.api.create(Service, { ...service, metadata: { ...service.metadata, annotations } });
  await w.run();
  return w;
}
const hints = (w: World): unknown[] => w.api.all(EndpointSlice).flatMap((s) => (s.endpoints ?? []).map((e) => e.hints));

test('trafficDistribution: ready endpoints are for their zone, or for their node first', async () => {
  const zones = (zone: string): object => ({ forZones: [{ name: zone }] });
  for (const how of ['PreferClose', 'PreferSameZone']) {
    const w = await world({ trafficDistribution: how });
    assert.deepEqual(hints(w), [zones('a'), zones('a'), zones('b'), undefined]);
    w.api.edit(Service, 'default', 'web', (s) => void delete s.spec?.trafficDistribution);
    await w.run();
    assert.deepEqual(hints(w), [undefined, undefined, undefined, undefined]);
    await w.stop();
  }
  const w = await world({ trafficDistribution: 'PreferSameNode' });
  assert.deepEqual(hints(w)[2], { ...zones('b'), forNodes: [{ name: 'n1' }] });
  await w.stop();
});

test('topology-mode Auto follows the nodes, and tells whether it can', async () => {
  const w = await world({}, { 'service.kubernetes.io/topology-mode': 'Auto' });
  assert.match(w.events().join(), /^TopologyAwareHintsDisabled: Unable to allocate minimum required endpoints/);
  w.api.edit(Pod, 'default', 'p11', (p) => void (p.status!.conditions![0]!.status = 'True'));
  await w.run();
  assert.equal(hints(w).filter(Boolean).length, 4);
  assert.equal(w.events().at(-1), 'TopologyAwareHintsEnabled: Topology Aware Hints has been enabled, addressType: IPv4');
  w.api.edit(Node, undefined, 'n1', (n) => void (n.status!.conditions![0]!.status = 'False'));
  await w.run();
  assert.equal(hints(w).filter(Boolean).length, 0);
  assert.equal(w.events().at(-1), 'TopologyAwareHintsDisabled: Nodes only ready in one zone, addressType: IPv4');
  w.api.writes.length = 0;
  await w.run(60_000);
  assert.deepEqual(w.api.writes, []);
  await w.stop();
});
