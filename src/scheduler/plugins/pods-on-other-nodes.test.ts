import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '#base';
import type { V1PodAffinityTerm, V1TopologySpreadConstraint } from '#kinds';
import { ClusterState } from '../cluster-state.ts';
import { findNode } from '../find-node.ts';
import { podInfo, type PodInfo } from '../pod-info.ts';
import { makeNode, makePod, testProfile } from '../test-objects.ts';

const profile = testProfile();
const host = 'kubernetes.io/hostname';
const zone = 'topology.kubernetes.io/zone';
/** Four nodes: a1 and a2 in zone a, b1 in zone b, x1 without labels. */
function cluster(): ClusterState {
  const state = new ClusterState();
  for (const [name, z] of [
    ['a1', 'a'],
    ['a2', 'a'],
    ['b1', 'b'],
  ] as const)
    state.setNode(makeNode(name, { labels: { [host]: name, [zone]: z } }));
  state.setNode(makeNode('x1'));
  return state;
}
const labelled = (name: string, app: string, spec: Parameters<typeof makePod>[1] = {}, namespace = 'default'): PodInfo =>
  podInfo(makePod(name, spec, { labels: { app }, namespace }));
const term = (app: string, topologyKey: string, more: Partial<V1PodAffinityTerm> = {}): V1PodAffinityTerm => ({
  labelSelector: { matchLabels: { app } },
  topologyKey,
  ...more,
});
const near = (...terms: V1PodAffinityTerm[]): Parameters<typeof makePod>[1] => ({
  affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: terms } },
});
const apart = (...terms: V1PodAffinityTerm[]): Parameters<typeof makePod>[1] => ({
  affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: terms } },
});
const spread = (topologyKey: string, more: Partial<V1TopologySpreadConstraint> = {}): Parameters<typeof makePod>[1] => ({
  topologySpreadConstraints: [{ topologyKey, maxSkew: 1, whenUnsatisfiable: 'DoNotSchedule', labelSelector: { matchLabels: { app: 'web' } }, ...more }],
});
const place = (state: ClusterState, pod: PodInfo): string => {
  const decision = findNode(state, pod, profile, 0, seededRandom(7));
  if (!decision.node) return decision.message.split('.')[0] ?? '';
  state.addPod(pod, decision.node.name);
  return decision.node.name;
};

test('anti-affinity by host: one per node, nodes without the label do not bar', () => {
  const state = cluster();
  state.removeNode('x1');
  const nodes = [1, 2, 3].map((i) => place(state, labelled(`p${i}`, 'web', apart(term('web', host)))));
  assert.deepEqual(nodes.sort(), ['a1', 'a2', 'b1']);
  assert.equal(place(state, labelled('p4', 'web', apart(term('web', host)))), "0/3 nodes are available: 3 node(s) didn't match pod anti-affinity rules");
});

test('pods that are there keep others away', () => {
  const state = cluster();
  state.removeNode('x1');
  state.addPod(labelled('lonely', 'db', apart(term('web', zone))), 'a1');
  assert.equal(place(state, labelled('p1', 'web')), 'b1');
  state.removeNode('b1');
  assert.equal(place(state, labelled('p2', 'web')), "0/2 nodes are available: 2 node(s) didn't satisfy existing pods anti-affinity rules");
  state.removePod('uid-lonely');
  assert.match(place(state, labelled('p2', 'web')), /^a/);
});

test('affinity: with the others, and the first of a group anywhere with the label', () => {
  const state = cluster();
  state.addPod(labelled('db', 'db'), 'b1');
  assert.equal(place(state, labelled('p1', 'web', near(term('db', zone)))), 'b1');
  assert.equal(place(state, labelled('p2', 'web', near(term('none', zone)))), "0/4 nodes are available: 4 node(s) didn't match pod affinity rules");
  assert.notEqual(place(state, labelled('p3', 'own', near(term('own', zone)))), 'x1');
});

test('terms look at their own namespace, at named ones, or at those that a selector finds', () => {
  const state = cluster();
  state.setNamespace('prod', { env: 'prod' });
  state.addPod(labelled('db', 'db', {}, 'prod'), 'b1');
  assert.match(place(state, labelled('p1', 'web', near(term('db', zone)))), /didn't match pod affinity rules/);
  for (const more of [{ namespaces: ['prod'] }, { namespaceSelector: {} }, { namespaceSelector: { matchLabels: { env: 'prod' } } }]) {
    assert.equal(place(state, labelled('p2', 'web', near(term('db', zone, more)))), 'b1');
    state.removePod('uid-p2');
  }
});

test('topology spread: domains fill evenly, nodes without the label are out', () => {
  const state = cluster();
  const zones = [1, 2, 3, 4].map((i) => place(state, labelled(`p${i}`, 'web', spread(zone)))[0]);
  assert.deepEqual([...zones].sort(), ['a', 'a', 'b', 'b']);
  state.addPod(labelled('more', 'web'), 'a1');
  state.setNode(makeNode('b1', { labels: { [host]: 'b1', [zone]: 'b' }, unschedulable: true }));
  assert.equal(
    place(state, labelled('p5', 'web', spread(zone))),
    "0/4 nodes are available: 1 node(s) didn't match pod topology spread constraints (missing required label), 1 node(s) were unschedulable, 2 node(s) didn't match pod topology spread constraints",
  );
});

test('topology spread: only pods that the selector finds count, minDomains lowers the floor', () => {
  const state = cluster();
  for (let i = 0; i < 3; i++) state.addPod(labelled(`other${i}`, 'other'), 'a1');
  assert.notEqual(place(state, labelled('p1', 'web', spread(host))), 'x1');
  const strict = cluster();
  for (const [i, node] of ['a1', 'b1'].entries()) strict.addPod(labelled(`q${i}`, 'web'), node);
  assert.match(place(strict, labelled('p2', 'web', spread(zone, { minDomains: 3 }))), /didn't match pod topology spread constraints/);
});

test('topology spread: nodes that the selector of the pod leaves out do not hold the others back', () => {
  const state = cluster();
  const only = { nodeSelector: { [zone]: 'a' } };
  for (let i = 0; i < 3; i++) assert.match(place(state, labelled(`p${i}`, 'web', { ...spread(zone), ...only })), /^a/);
});

const chosen = (state: ClusterState, pod: PodInfo, seed = 1): string => findNode(state, pod, profile, 0, seededRandom(seed)).node?.name ?? '';

test('pods of one controller spread over the nodes without being told to', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const state = cluster();
    state.removeNode('x1');
    const of = (name: string, uid: string): PodInfo =>
      podInfo(makePod(name, {}, { ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'rs', uid, controller: true }] }));
    for (const i of [1, 2, 3, 4, 5, 6]) state.addPod(of(`p${i}`, 'rs-1'), chosen(state, of(`p${i}`, 'rs-1'), seed * 100 + i));
    assert.deepEqual(
      state.nodes.map((n) => n.pods.size),
      [2, 2, 2],
    );
  }
});

test('ScheduleAnyway prefers the emptier domain, and gives way', () => {
  const state = cluster();
  const soft = spread(zone, { whenUnsatisfiable: 'ScheduleAnyway' });
  state.addPod(labelled('one', 'web'), 'a1');
  state.addPod(labelled('two', 'web'), 'a2');
  for (let seed = 1; seed <= 10; seed++) assert.equal(chosen(state, labelled('new', 'web', soft), seed), 'b1');
  assert.notEqual(chosen(state, labelled('new', 'web', { ...soft, nodeSelector: { [zone]: 'a' } })), '', 'only crowded nodes: still placed');
});

test('preferred pod affinity and anti-affinity weigh domains against each other', () => {
  const state = cluster();
  state.addPod(labelled('db', 'db'), 'b1');
  state.addPod(labelled('cache', 'cache'), 'a1');
  const prefer = (affine: V1PodAffinityTerm[], averse: V1PodAffinityTerm[]): Parameters<typeof makePod>[1] => ({
    affinity: {
      podAffinity: { preferredDuringSchedulingIgnoredDuringExecution: affine.map((podAffinityTerm) => ({ weight: 50, podAffinityTerm })) },
      podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: averse.map((podAffinityTerm) => ({ weight: 100, podAffinityTerm })) },
    },
  });
  for (let seed = 1; seed <= 10; seed++) {
    assert.equal(chosen(state, labelled('x', 'x', prefer([term('db', host)], [])), seed), 'b1');
    assert.equal(chosen(state, labelled('x', 'x', prefer([term('cache', zone)], [term('cache', host)])), seed), 'a2');
    assert.equal(chosen(state, labelled('x', 'x', prefer([], [term('cache', zone), term('db', zone)])), seed), 'x1');
  }
});
