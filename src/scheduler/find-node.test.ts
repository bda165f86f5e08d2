import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { seededRandom } from '#base';
import type { V1Node } from '#kinds';
import { ClusterState } from './cluster-state.ts';
import { feasibleNodesToFind, findNode } from './find-node.ts';
import { planPreemption } from './preemption.ts';
import { container, info, makeNode, testProfile } from './test-objects.ts';

const stateOf = (...nodes: V1Node[]): ClusterState => {
  const state = new ClusterState();
  for (const node of nodes) state.setNode(node);
  return state;
};
const profile = testProfile();
const find = (state: ClusterState, pod: ReturnType<typeof info>, start = 0): ReturnType<typeof findNode> =>
  findNode(state, pod, profile, start, seededRandom(1));

test('the texts of kube-scheduler', () => {
  const taints = [{ key: 'k', effect: 'NoSchedule' }];
  const state = stateOf(makeNode('a', { taints }), makeNode('b'), makeNode('c'), makeNode('d'), makeNode('e', { allocatable: { cpu: '16' } }));
  state.addPod(info('big', { requests: { cpu: '16' } }), 'e');
  const pod = info('p', { requests: { cpu: '8' } });
  const { node, message, rejections } = find(state, pod);
  assert.equal(node, undefined);
  assert.equal(message, '0/5 nodes are available: 1 node(s) had untolerated taint(s), 4 Insufficient cpu.');
  const plan = planPreemption({ state, pod, filters: profile.filters, rejections, budgets: [], random: seededRandom(1) });
  assert.equal(
    plan.best ?? plan.message,
    '0/5 nodes are available: 1 No preemption victims found for incoming pod, 4 Preemption is not helpful for scheduling.',
  );
  assert.equal(find(stateOf(), info('p')).message, 'no nodes available to schedule pods');
  assert.equal(find(stateOf(makeNode('a', { unschedulable: true })), info('p')).message, '0/1 nodes are available: 1 node(s) were unschedulable.');
});

test('the emptier node, the liked node, the untainted node', () => {
  const state = stateOf(makeNode('a'), makeNode('b'));
  state.addPod(info('x', { requests: { cpu: '1', memory: '1Gi' } }), 'a');
  assert.equal(find(state, info('p', { requests: { cpu: '1', memory: '1Gi' } })).node?.name, 'b');
  const preferA = {
    nodeAffinity: {
      preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, preference: { matchFields: [{ key: 'metadata.name', operator: 'In', values: ['a'] }] } }],
    },
  };
  assert.equal(find(state, info('p', { affinity: preferA })).node?.name, 'a');
  const soft = stateOf(makeNode('a', { taints: [{ key: 'k', effect: 'PreferNoSchedule' }] }), makeNode('b'));
  soft.addPod(info('x', { requests: { cpu: '1', memory: '1Gi' } }), 'b');
  assert.equal(find(soft, info('p')).node?.name, 'b');
});

test('only enough nodes are looked at, and the next look starts behind them', () => {
  assert.deepEqual(
    [1, 100, 101, 200, 1000, 5000, 10_000].map((all) => feasibleNodesToFind(all)),
    [1, 100, 100, 100, 420, 500, 500],
  );
  const state = stateOf(...Array.from({ length: 300 }, (_, i) => makeNode(`n${i}`)));
  const first = find(state, info('p'));
  assert.equal(first.examined, 144);
  assert.ok(Number(first.node?.name.slice(1)) < 144);
  assert.ok(Number(find(state, info('q'), 144).node?.name.slice(1)) >= 144);
});

// ---- the incremental state against one built from scratch ----

type Op = { do: 'place' | 'remove' | 'node' | 'dropNode' | 'evict'; a: number; b: number; cpu: number; port: number };
const op: fc.Arbitrary<Op> = fc.record({
  do: fc.constantFrom('place', 'place', 'place', 'remove', 'node', 'dropNode', 'evict'),
  a: fc.nat(14),
  b: fc.nat(4),
  cpu: fc.nat(2500),
  port: fc.nat(3),
});
const specOf = ({ cpu, port, a }: Op): Parameters<typeof info>[1] => ({
  containers: [
    container(
      { cpu: `${cpu}m`, memory: `${cpu}Mi`, ...(a % 5 === 0 ? { 'x.io/gpu': '1' } : {}) },
      port > 0 ? { ports: [{ containerPort: 1, hostPort: port }] } : {},
    ),
  ],
});

test('property: placing, removing and changing in any order counts like building from scratch, and never over-commits', () => {
  fc.assert(
    fc.property(fc.array(op, { maxLength: 80 }), fc.integer(), (ops, seed) => {
      const random = seededRandom(seed);
      const state = new ClusterState();
      const nodes = new Map<string, V1Node>();
      const pods = new Map<string, { node: string; info: ReturnType<typeof info> }>();
      let start = 0;
      for (const step of ops) {
        const podName = `p${step.a}`;
        const nodeName = `n${step.b}`;
        if (step.do === 'node') {
          const node = makeNode(nodeName, {
            allocatable: { cpu: '4', memory: '4Gi', pods: '4', 'x.io/gpu': '1' },
            ...(step.port === 1 ? { unschedulable: true } : {}),
          });
          nodes.set(nodeName, node);
          state.setNode(node);
        } else if (step.do === 'dropNode') {
          nodes.delete(nodeName);
          state.removeNode(nodeName);
        } else if (step.do === 'remove' || step.do === 'evict') {
          pods.delete(podName);
          state.removePod(`uid-${podName}`);
        } else if (!pods.has(podName)) {
          const pod = info(podName, specOf(step));
          const decision = findNode(state, pod, profile, start, random);
          start = (start + decision.examined) % Math.max(1, state.nodes.length);
          if (!decision.node) continue;
          state.addPod(pod, decision.node.name);
          pods.set(podName, { node: decision.node.name, info: pod });
        }
        for (const node of state.nodes) {
          assert.ok(
            node.used.milliCpu <= node.allocatable.milliCpu && node.used.memory <= node.allocatable.memory && node.pods.size <= node.allowedPods,
            `${node.name} is over-committed`,
          );
        }
      }
      const fresh = new ClusterState();
      for (const node of nodes.values()) fresh.setNode(node);
      for (const { node, info: pod } of pods.values()) fresh.addPod(pod, node);
      const names = (s: ClusterState): string[] => s.nodes.map((n) => n.name).sort();
      assert.deepEqual(names(state), names(fresh));
      assert.equal(state.podCount, fresh.podCount);
      for (let i = 0; i < 5; i++) assert.deepEqual(state.node(`n${i}`)?.figures(), fresh.node(`n${i}`)?.figures());
    }),
    { numRuns: 300 },
  );
});

test('among equals every node has the same chance, and only among equals', () => {
  const state = stateOf(makeNode('a'), makeNode('b'), makeNode('c'), makeNode('full'));
  state.addPod(info('x', { requests: { cpu: '1', memory: '1Gi' } }), 'full');
  const random = seededRandom(7);
  const found = new Map<string, number>();
  for (let i = 0; i < 600; i++) {
    const name = findNode(state, info('p'), profile, i, random).node?.name ?? '';
    found.set(name, (found.get(name) ?? 0) + 1);
  }
  assert.deepEqual([...found.keys()].sort(), ['a', 'b', 'c']);
  for (const times of found.values()) assert.ok(times > 140 && times < 260, `${times} of 600`);
});
