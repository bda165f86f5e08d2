import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kindSource } from '#client';
import { allKinds, ConfigMap, Node, Pod, ReplicaSet, type V1ConfigMap } from '#kinds';
import { defineKind, type Kind, type KubeObject, type OwnerReference } from '#machinery';
import { createWorld, podOf, replicaSetOf, type World } from '../testing/world.ts';
import { garbageCollector } from './garbage-collector.ts';

const start = (): World => createWorld([garbageCollector]);
const ref = (owner: KubeObject, extra: Partial<OwnerReference> = {}): OwnerReference => ({
  apiVersion: owner.apiVersion ?? '',
  kind: owner.kind ?? '',
  name: owner.metadata?.name ?? '',
  uid: owner.metadata?.uid ?? '',
  ...extra,
});
const map = (name: string, owners: OwnerReference[] = [], namespace = 'default'): V1ConfigMap => ({
  metadata: { name, namespace, ...(owners.length > 0 ? { ownerReferences: owners } : {}) },
});
const names = (w: World): string[] => w.api.all(ConfigMap).map((m) => m.metadata?.name ?? '');
const pods = (w: World): string[] => w.api.all(Pod).map((p) => p.metadata?.name ?? '');

test('background: dependents go when their last owner is gone, down the whole chain', async () => {
  const w = start();
  const rs = w.api.put(ReplicaSet, replicaSetOf(1));
  const pod = w.api.put(Pod, podOf('p', { metadata: { ownerReferences: [ref(rs)] } }));
  w.api.put(ConfigMap, map('of-pod', [ref(pod)]));
  w.api.put(ConfigMap, map('free'));
  await w.run();
  assert.deepEqual(names(w), ['free', 'of-pod']);
  await w.api.delete(ReplicaSet, { namespace: 'default', name: 'web' });
  await w.run();
  assert.deepEqual([pods(w), names(w)], [[], ['free']]);
  const write = w.api.writes.find((x) => x.verb === 'delete' && x.kind === 'Pod');
  assert.deepEqual(write?.body, { preconditions: { uid: pod.metadata?.uid }, propagationPolicy: 'Background' });
  await w.stop();
});

test('two owners: the reference to the one that is gone is dropped, the object stays', async () => {
  const w = start();
  const a = w.api.put(ConfigMap, map('a'));
  const b = w.api.put(ConfigMap, map('b'));
  w.api.put(ConfigMap, map('c', [ref(a), ref(b)]));
  await w.run();
  await w.api.delete(ConfigMap, { namespace: 'default', name: 'a' });
  await w.run();
  assert.deepEqual(
    w.api
      .all(ConfigMap)
      .find((m) => m.metadata?.name === 'c')
      ?.metadata?.ownerReferences?.map((r) => r.name),
    ['b'],
  );
  await w.api.delete(ConfigMap, { namespace: 'default', name: 'b' });
  await w.run();
  assert.deepEqual(names(w), []);
  await w.stop();
});

test('an owner of the same name and another uid does not count; one that exists only in the API does', async () => {
  const w = start();
  const a = w.api.put(ConfigMap, map('a'));
  w.api.put(ConfigMap, map('stale', [ref(a, { uid: 'another' })]));
  await w.run();
  assert.deepEqual(names(w), ['a']);
  w.api.pause();
  const late = w.api.put(ReplicaSet, replicaSetOf(1));
  w.api.put(ConfigMap, map('of-late', [ref(late)]));
  await w.run();
  w.api.resume();
  await w.run();
  assert.deepEqual(names(w), ['a', 'of-late']);
  await w.stop();
});

test('owners must be in the same namespace; owners of unknown kinds are left alone', async () => {
  const w = start();
  const a = w.api.put(ConfigMap, map('a', [], 'other'));
  w.api.put(ConfigMap, map('b', [ref(a)]));
  w.api.put(ConfigMap, map('c', [{ apiVersion: 'example.com/v1', kind: 'Thing', name: 'x', uid: 'x' }]));
  w.api.put(Node, { metadata: { name: 'n', ownerReferences: [ref(a)] } });
  await w.run();
  assert.deepEqual(names(w), ['a', 'c']);
  assert.equal(w.api.all(Node).length, 1);
  assert.ok(w.events().some((e) => e.startsWith('OwnerRefInvalidNamespace: ')));
  await w.stop();
});

test('foreground: the owner stays until the dependents that block it are gone', async () => {
  const w = start();
  const rs = w.api.put(ReplicaSet, replicaSetOf(1));
  w.api.put(Pod, podOf('p', { metadata: { ownerReferences: [ref(rs, { blockOwnerDeletion: true })], finalizers: ['example.com/hold'] } }));
  w.api.put(Pod, podOf('q', { metadata: { ownerReferences: [ref(rs)], finalizers: ['example.com/hold'] } }));
  await w.run();
  await w.api.delete(ReplicaSet, { namespace: 'default', name: 'web' }, { propagationPolicy: 'Foreground' });
  await w.run();
  assert.ok(w.api.all(Pod).every((p) => p.metadata?.deletionTimestamp));
  assert.deepEqual(w.api.all(ReplicaSet)[0]?.metadata?.finalizers, ['foregroundDeletion']);
  w.api.drop(Pod, 'default', 'p');
  await w.run();
  assert.equal(w.api.all(ReplicaSet).length, 0);
  await w.stop();
});

test('foreground works down a chain, and a circle does not hold it up', async () => {
  const w = start();
  const a = w.api.put(ConfigMap, {
    metadata: {
      name: 'a',
      namespace: 'default',
      uid: 'uid-a',
      ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'b', uid: 'uid-b', blockOwnerDeletion: true }],
    },
  });
  const b = w.api.put(ConfigMap, { metadata: { name: 'b', namespace: 'default', uid: 'uid-b', ownerReferences: [ref(a, { blockOwnerDeletion: true })] } });
  w.api.put(ConfigMap, map('c', [ref(b, { blockOwnerDeletion: true })]));
  await w.run();
  await w.api.delete(ConfigMap, { namespace: 'default', name: 'a' }, { propagationPolicy: 'Foreground' });
  await w.run(2000);
  assert.deepEqual(names(w), []);
  await w.stop();
});

test('a circle of three is no obstacle to foreground deletion', async () => {
  const w = start();
  const owned = (name: string, owner: string): void => {
    const reference = { apiVersion: 'v1', kind: 'ConfigMap', name: owner, uid: `uid-${owner}`, controller: true, blockOwnerDeletion: true };
    w.api.put(ConfigMap, { metadata: { name, namespace: 'default', uid: `uid-${name}`, ownerReferences: [reference] } });
  };
  owned('a', 'c');
  owned('b', 'a');
  owned('c', 'b');
  await w.run();
  await w.api.delete(ConfigMap, { namespace: 'default', name: 'a' }, { propagationPolicy: 'Foreground' });
  await w.run(2000);
  assert.deepEqual(names(w), []);
  await w.stop();
});

test('orphan: dependents stay and lose the reference', async () => {
  const w = start();
  const rs = w.api.put(ReplicaSet, replicaSetOf(1));
  w.api.put(Pod, podOf('p', { metadata: { ownerReferences: [ref(rs)] } }));
  await w.run();
  await w.api.delete(ReplicaSet, { namespace: 'default', name: 'web' }, { propagationPolicy: 'Orphan' });
  await w.run();
  assert.equal(w.api.all(ReplicaSet).length, 0);
  assert.deepEqual(pods(w), ['p']);
  assert.equal(w.api.all(Pod)[0]?.metadata?.ownerReferences, undefined);
  await w.stop();
});

test('what was orphaned while nobody watched is found at start', async () => {
  const w = start();
  w.api.put(ConfigMap, map('lost', [{ apiVersion: 'v1', kind: 'Pod', name: 'gone', uid: 'gone' }]));
  await w.run();
  assert.deepEqual(names(w), []);
  await w.stop();
});

test('custom resources own and are owned, from the moment they are served', async () => {
  const Widget = defineKind<KubeObject>({ group: 'test.batuta.dev', version: 'v1', kind: 'Widget', plural: 'widgets', namespaced: true, schema: '' });
  let kinds: readonly Kind[] = allKinds;
  let changed = (): void => {};
  const source = kindSource(
    () => kinds,
    (follower) => void (changed = follower),
  );
  const w = createWorld([garbageCollector], {}, source);
  await w.run();
  kinds = [...allKinds, Widget];
  changed();
  const owner = w.api.put(Widget, { apiVersion: 'test.batuta.dev/v1', kind: 'Widget', metadata: { name: 'owner', namespace: 'default' } });
  w.api.put(ConfigMap, map('of-widget', [{ ...ref(owner), apiVersion: 'test.batuta.dev/v1', kind: 'Widget' }]));
  const owned = {
    ...owner,
    metadata: { name: 'owned', namespace: 'default', ownerReferences: [{ ...ref(owner), apiVersion: 'test.batuta.dev/v1', kind: 'Widget' }] },
  };
  w.api.put(Widget, owned);
  await w.run();
  assert.deepEqual([names(w), w.api.all(Widget).length], [['of-widget'], 2]);
  await w.api.delete(Widget, { namespace: 'default', name: 'owner' });
  await w.run();
  assert.deepEqual([names(w), w.api.all(Widget).length], [[], 0]);
  kinds = allKinds;
  changed();
  await w.stop();
});
