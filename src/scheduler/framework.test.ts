import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '#base';
import { ClusterState } from './cluster-state.ts';
import { findNode } from './find-node.ts';
import { Refusal, reject, type FilterPlugin } from './plugin.ts';
import { makeProfile } from './profile.ts';
import { info, makeNode, testProfile } from './test-objects.ts';

const cluster = (...names: string[]): ClusterState => {
  const state = new ClusterState();
  for (const name of names) state.setNode(makeNode(name));
  return state;
};
const filter = (name: string, part: Partial<FilterPlugin>): FilterPlugin => ({ name, filter: () => undefined, unstuckBy: () => true, ...part });

test('a refusal of all nodes is said once, and names its plugin', () => {
  const profile = makeProfile('x', [{ name: 'A', filter: filter('A', { prepare: () => new Refusal('nothing to be had') }) }]);
  const { node, message, rejectedBy, rejections } = findNode(cluster('a', 'b'), info('p'), profile, 0, seededRandom(1));
  assert.equal(node, undefined);
  assert.equal(message, '0/2 nodes are available: nothing to be had.');
  assert.deepEqual(
    rejectedBy.map((plugin) => plugin.name),
    ['A'],
  );
  assert.equal(rejections.size, 2);
});

test('a pod that can only go to named nodes: the others are not asked', () => {
  const asked: string[] = [];
  const profile = makeProfile('x', [
    { name: 'A', filter: filter('A', { only: () => ['b', 'gone'] }) },
    { name: 'B', filter: filter('B', { filter: (_pod, node) => (asked.push(node.name), reject('full')) }) },
  ]);
  const { message } = findNode(cluster('a', 'b', 'c'), info('p'), profile, 0, seededRandom(1));
  assert.deepEqual(asked, ['b']);
  assert.equal(message, "0/3 nodes are available: 1 full, 2 node(s) didn't satisfy plugin(s) [A].");
});

test('a pod with resource claims waits and is told why', () => {
  const { message } = findNode(cluster('a'), info('p', { resourceClaims: [{ name: 'gpu', resourceClaimName: 'c' }] }), testProfile(), 0, seededRandom(1));
  assert.equal(message, '0/1 nodes are available: resourceclaim "c" not found.');
});
