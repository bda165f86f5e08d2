import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { FakeClock, seededRandom, silentLogger } from '#base';
import { createClient, createFakeApi, type FakeApi } from '#client';
import { Node, Pod } from '#kinds';
import { Chaos } from './chaos.ts';
import { together, type Machines } from './machines.ts';

let clock: FakeClock;
let api: FakeApi;
let chaos: Chaos;
let states: Map<string, string>;
let killed: string[];

/** Machines that are names only. */
function named(names: readonly string[]): Machines {
  for (const name of names) states.set(name, 'running');
  const set = (name: string, state: string): Promise<void> => Promise.resolve(void states.set(name, state));
  return {
    names: () => [...names],
    state: (name) => (names.includes(name) ? states.get(name) : undefined),
    kill: (name) => set(name, 'dead'),
    silence: (name) => set(name, 'silent'),
    heal: (name) => set(name, 'running'),
    killPod: async (_node, uid) => void killed.push(uid),
  };
}
const in_ = (state: string): string[] => [...states].filter(([, s]) => s === state).map(([name]) => name);

beforeEach(async () => {
  clock = new FakeClock();
  api = createFakeApi(clock);
  states = new Map();
  killed = [];
  const client = createClient(api, clock, silentLogger);
  ['a1', 'a2', 'b1'].forEach((name) => api.put(Node, { metadata: { name, labels: { 'topology.kubernetes.io/zone': name.slice(0, 1) } } }));
  for (let i = 0; i < 10; i++) {
    const node = i < 5 ? 'a1' : 'b1';
    const pod = {
      metadata: { name: `p${i}`, uid: `p${i}`, namespace: i < 8 ? 'x' : 'y', labels: { half: i % 2 === 0 ? 'even' : 'odd' } },
      spec: { nodeName: node, containers: [] },
    };
    api.put(Pod, { ...pod, status: { phase: 'Running' } });
  }
  await Promise.all([client.informer(Node).ready(), client.informer(Pod).ready()]);
  chaos = new Chaos({ client, clock, random: seededRandom(3), log: silentLogger, machines: together([named(['a1']), named(['a2', 'b1'])]) });
});

describe('chaos', () => {
  test('kills a node for good, and heals it when asked', async () => {
    assert.deepEqual(await chaos.start({ action: 'kill-node', target: 'a2' }), { experiment: 1, hit: ['a2'], running: false });
    assert.deepEqual(chaos.list(), { experiments: [], broken: [{ node: 'a2', state: 'dead' }] });
    await assert.rejects(chaos.start({ action: 'kill-node', target: 'a2' }), /node a2 is dead already/);
    assert.deepEqual(await chaos.heal('a2'), ['a2']);
    assert.deepEqual(in_('running'), ['a1', 'a2', 'b1']);
  });
  test('a zone for a while', async () => {
    assert.deepEqual((await chaos.start({ action: 'kill-zone', target: 'a', forMs: 60_000 })).hit, ['a1', 'a2']);
    await clock.advance(59_000);
    assert.deepEqual(in_('dead'), ['a1', 'a2']);
    await clock.advance(2000);
    assert.deepEqual([in_('dead'), chaos.list().experiments], [[], []]);
  });
  test('again and again: what was broken is healed first, and at the end', async () => {
    const { running } = await chaos.start({ action: 'network-loss', everyMs: 10_000, forMs: 35_000 });
    assert.equal(running, true);
    const seen = new Set<string>();
    for (let i = 0; i < 4; i++) {
      assert.equal(in_('silent').length, 1);
      seen.add(in_('silent')[0] ?? '');
      await clock.advance(i === 0 ? 8000 : 10_000);
    }
    assert.equal(chaos.list().experiments.length, 0);
    assert.deepEqual(in_('silent'), []);
    assert.ok(seen.size > 1);
  });
  test('a share of the pods that match, on nodes of this instance that run', async () => {
    assert.equal((await chaos.start({ action: 'pods', percent: 50, namespace: 'x' })).hit.length, 4);
    assert.equal(killed.length, 4);
    killed.length = 0;
    await chaos.start({ action: 'pods', selector: 'half=even' });
    assert.deepEqual(killed.toSorted(), ['p0', 'p2', 'p4', 'p6', 'p8']);
    killed.length = 0;
    await chaos.start({ action: 'kill-node', target: 'a1' });
    await chaos.start({ action: 'pods' });
    assert.deepEqual(killed.toSorted(), ['p5', 'p6', 'p7', 'p8', 'p9']);
  });
  test('deletes pods through the API when asked', async () => {
    await chaos.start({ action: 'pods', namespace: 'y', delete: true });
    assert.deepEqual(api.writes.map((w) => `${w.verb} ${w.name}`).toSorted(), ['delete p8', 'delete p9']);
    assert.deepEqual(killed, []);
  });
  test('heal without a name ends everything', async () => {
    await chaos.start({ action: 'kill-node', target: 'a1', everyMs: 1000 });
    await chaos.start({ action: 'network-loss', target: 'b1' });
    assert.deepEqual((await chaos.heal()).toSorted(), ['a1', 'b1']);
    await clock.advance(10_000);
    assert.deepEqual([in_('running').length, chaos.list().experiments.length], [3, 0]);
  });
  test('what cannot be done says why', async () => {
    const cases: [Parameters<Chaos['start']>[0], RegExp][] = [
      [{ action: 'kill-node', target: 'x' }, /no node x of this instance/],
      [{ action: 'kill-zone', target: 'z' }, /no node of this instance runs in zone z/],
      [{ action: 'kill-zone' }, /needs a zone/],
      [{ action: 'pods', selector: 'half=none' }, /no running pod matches/],
      [{ action: 'pods', percent: 0 }, /--percent 0/],
      [{ action: 'pods', percent: 101 }, /--percent 101/],
      [{ action: 'pods', everyMs: 1 }, /--every: at least/],
      [{ action: 'burn' as never }, /chaos burn: one of kill-node/],
    ];
    for (const [request, why] of cases) await assert.rejects(chaos.start(request), why);
    await assert.rejects(chaos.heal('x'), /no node x/);
    assert.deepEqual(chaos.list(), { experiments: [], broken: [] });
  });
});
