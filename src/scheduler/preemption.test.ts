import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { seededRandom } from '#base';
import type { V1Pod } from '#kinds';
import { budgetOf, type Budget } from './budgets.ts';
import { ClusterState } from './cluster-state.ts';
import { findNode } from './find-node.ts';
import { podInfo, type PodInfo } from './pod-info.ts';
import { planPreemption, type PreemptionPlan } from './preemption.ts';
import { container, makeNode, makePod, testProfile } from './test-objects.ts';

const profile = testProfile();
const random = seededRandom(3);
interface Facts {
  cpu?: string;
  priority?: number;
  labels?: Record<string, string>;
  start?: string;
  spec?: Partial<V1Pod['spec'] & object>;
}
function pod(name: string, { cpu = '1', priority = 0, labels = {}, start, spec = {} }: Facts = {}): PodInfo {
  const made = makePod(name, { requests: { cpu }, priority, ...spec }, { labels });
  return podInfo(start ? { ...made, status: { startTime: start } } : made);
}
function cluster(on: Record<string, PodInfo[]>): ClusterState {
  const state = new ClusterState();
  for (const [node, pods] of Object.entries(on)) {
    state.setNode(makeNode(node, { labels: { 'kubernetes.io/hostname': node } }));
    for (const one of pods) state.addPod(one, node);
  }
  return state;
}
function plan(state: ClusterState, who: PodInfo, budgets: Budget[] = []): PreemptionPlan {
  const { node, rejections } = findNode(state, who, profile, 0, random);
  assert.equal(node, undefined, 'it fits without');
  return planPreemption({ state, pod: who, filters: profile.filters, rejections, budgets, random });
}
const told = (result: PreemptionPlan): unknown => (result.best ? [result.best.node.name, result.best.victims.map((victim) => victim.name)] : result.message);
const budget = (allowed: number, labels: Record<string, string>, disrupted: string[] = []): Budget =>
  budgetOf({
    metadata: { namespace: 'default' },
    spec: { selector: { matchLabels: labels } },
    status: { disruptionsAllowed: allowed, disruptedPods: Object.fromEntries(disrupted.map((name) => [name, ''])) },
  } as unknown as Parameters<typeof budgetOf>[0]);

test('the fewest pods of lower priority go, and the less important of them', () => {
  const state = cluster({ a: [pod('low', { cpu: '2' }), pod('mid', { cpu: '2', priority: 5 })] });
  assert.deepEqual(told(plan(state, pod('new', { cpu: '2', priority: 10 }))), ['a', ['low']]);
  assert.deepEqual(told(plan(state, pod('new', { cpu: '4', priority: 10 }))), ['a', ['mid', 'low']]);
  assert.deepEqual(state.node('a')?.pods.size, 2, 'nothing has changed');
});

test('nobody is driven out for nothing', () => {
  const state = cluster({ a: [pod('same', { cpu: '4', priority: 10 })], b: [pod('low', { cpu: '1' }), pod('high', { cpu: '3', priority: 20 })], c: [] });
  state.setNode(makeNode('c', { unschedulable: true }));
  assert.equal(
    told(plan(state, pod('new', { cpu: '4', priority: 10 }))),
    '0/3 nodes are available: 1 Insufficient cpu, 1 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling.',
  );
});

test('the criteria of kube-scheduler, in their order', () => {
  const budgets = [budget(0, { guarded: 'yes' })];
  const full = (facts: Facts, ...more: Facts[]): PodInfo[] => [facts, ...more].map((one) => pod(`p${(serial += 1)}`, one));
  let serial = 0;
  const best = (on: Record<string, PodInfo[]>): string | undefined => plan(cluster(on), pod('new', { cpu: '4', priority: 100 }), budgets).best?.node.name;
  assert.equal(best({ a: full({ cpu: '4', labels: { guarded: 'yes' } }), b: full({ cpu: '4', priority: 50 }) }), 'b', 'fewest violations');
  assert.equal(best({ a: full({ cpu: '4', priority: 50 }), b: full({ cpu: '2', priority: 40 }, { cpu: '2', priority: 40 }) }), 'b', 'least important victim');
  assert.equal(
    best({ a: full({ cpu: '2', priority: 5 }, { cpu: '2', priority: 5 }), b: full({ cpu: '2', priority: 5 }, { cpu: '2', priority: 1 }) }),
    'b',
    'least sum',
  );
  assert.equal(best({ a: full({ cpu: '2', priority: 5 }, { cpu: '2', priority: 5 }), b: full({ cpu: '4', priority: 5 }) }), 'b', 'fewest victims');
  const times = (start: string): PodInfo[] => full({ cpu: '4', priority: 5, start });
  assert.equal(best({ a: times('2026-01-01T00:00:00Z'), b: times('2026-01-02T00:00:00Z') }), 'b', 'the youngest');
});

test('budgets: pods that they guard come back first, and are counted when they cannot', () => {
  const guarded = { guarded: 'yes' };
  const state = cluster({ a: [pod('guarded', { cpu: '2', labels: guarded }), pod('free', { cpu: '2', priority: 5 })] });
  assert.deepEqual(told(plan(state, pod('new', { cpu: '2', priority: 10 }), [budget(0, guarded)])), ['a', ['free']]);
  assert.deepEqual(told(plan(state, pod('new', { cpu: '2', priority: 10 }), [budget(1, guarded)])), ['a', ['guarded']]);
  assert.deepEqual(told(plan(state, pod('new', { cpu: '2', priority: 10 }), [budget(0, guarded, ['guarded'])])), ['a', ['guarded']], 'counted already');
  assert.equal(plan(state, pod('new', { cpu: '4', priority: 10 }), [budget(0, guarded)]).best?.violations, 1);
});

test('host ports and anti-affinity are freed too', () => {
  const port = { containers: [container({}, { ports: [{ containerPort: 1, hostPort: 80 }] })] };
  const state = cluster({ a: [pod('low', { spec: port })] });
  assert.deepEqual(told(plan(state, pod('new', { priority: 1, spec: port }))), ['a', ['low']]);
  const apart = {
    affinity: {
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app: 'x' } } }],
      },
    },
  };
  const crowd = cluster({ a: [pod('low', { labels: { app: 'x' } }), pod('other')] });
  assert.deepEqual(told(plan(crowd, pod('new', { priority: 1, spec: apart }))), ['a', ['low']]);
});

test('room that is promised to a more important pod is not there', () => {
  const state = cluster({ a: [], b: [pod('low', { cpu: '4' })] });
  state.nominations.set(pod('first', { cpu: '4', priority: 10 }), 'a');
  const late = pod('late', { cpu: '1', priority: 5 });
  assert.equal(findNode(state, late, profile, 0, random).node, undefined);
  assert.deepEqual(told(plan(state, late)), ['b', ['low']]);
  assert.equal(findNode(state, pod('urgent', { priority: 20 }), profile, 0, random).node?.name, 'a', 'a more important one does not wait');
  assert.equal(findNode(state, pod('first', { cpu: '4', priority: 10 }), profile, 0, random).node?.name, 'a', 'it goes where it was promised');
});

test('property: after its victims are gone the pod fits, without any one of them fewer it does not', () => {
  const facts = fc.record({ cpu: fc.constantFrom('500m', '1', '2', '3'), priority: fc.nat(3) });
  fc.assert(
    fc.property(fc.array(fc.array(facts, { maxLength: 4 }), { minLength: 1, maxLength: 4 }), facts, fc.integer(), (nodes, wanted, seed) => {
      const state = new ClusterState();
      let serial = 0;
      for (const [i, pods] of nodes.entries()) {
        state.setNode(makeNode(`n${i}`));
        for (const one of pods) state.addPod(pod(`p${serial++}`, one), `n${i}`);
      }
      const before = state.nodes.map((node) => node.figures());
      const who = pod('new', wanted);
      const { node, rejections } = findNode(state, who, profile, 0, seededRandom(seed));
      if (node) return;
      const { best } = planPreemption({ state, pod: who, filters: profile.filters, rejections, budgets: [], random: seededRandom(seed) });
      assert.deepEqual(
        state.nodes.map((one) => one.figures()),
        before,
      );
      if (!best) return;
      for (const victim of best.victims) {
        assert.ok(victim.priority < who.priority);
        state.removePod(victim.uid);
      }
      const fits = (): boolean => findNode(state, pod('new', { ...wanted, spec: { nodeSelector: {} } }), profile, 0, seededRandom(seed)).node !== undefined;
      assert.ok(fits());
    }),
    { numRuns: 200 },
  );
});
