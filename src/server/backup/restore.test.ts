import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createMemoryStore, type Change, type StoreEvent } from '#store';
import { planCommits, replaceState } from './restore.ts';

const object = (uid: string, extra: object = {}): Buffer => Buffer.from(JSON.stringify({ metadata: { uid, ...extra } }));
const key = (name: string): string => `/registry/core/configmaps/default/${name}`;
const lease = '/registry/coordination.k8s.io/leases/kube-node-lease/node-1';
const keysOf = (commits: readonly (readonly Change[])[]): string[][] =>
  commits.map((changes) => changes.map((c) => `${c.value ? '+' : '-'}${c.key.split('/').at(-1)}`));

describe('the commits of a restore', () => {
  test('one, when nobody is replaced: what differs, and what is not wanted', () => {
    const current = new Map([
      [key('same'), object('1')],
      [key('changed'), object('2', { labels: { a: 'b' } })],
      [key('new'), object('3')],
      [lease, object('9')],
    ]);
    const wanted = new Map([
      [key('same'), object('1')],
      [key('changed'), object('2')],
      [key('gone'), object('4')],
      [lease, object('8')],
    ]);
    assert.deepEqual(keysOf(planCommits(current, wanted)), [['+changed', '+gone', '-new']]);
    assert.deepEqual(planCommits(wanted, wanted), []);
  });
  test('an object of that name with another uid goes before the old one comes back', () => {
    assert.deepEqual(keysOf(planCommits(new Map([[key('a'), object('1')]]), new Map([[key('a'), object('2')]]))), [['-a'], ['+a']]);
  });
  test('large ones are several, owners first', () => {
    const big = 'x'.repeat(1 << 20);
    const wanted = new Map<string, Buffer>();
    for (let i = 0; i < 6; i++) wanted.set(key(`owned-${i}`), object(`o${i}`, { big, ownerReferences: [{ uid: 'p' }] }));
    wanted.set(key('owner'), object('p'));
    const commits = planCommits(new Map(), wanted);
    assert.equal(commits.length, 2);
    assert.equal(commits[0]?.[0]?.key, key('owner'));
  });
});

test('a restore is ordinary commits: revisions rise, a watcher sees every change, and a second one does nothing', async () => {
  const store = createMemoryStore();
  await store.commit([
    { key: key('a'), value: object('1') },
    { key: key('b'), value: object('2') },
    { key: lease, value: object('9') },
  ]);
  const before = (await store.get(key('a'))).revision;
  const seen: StoreEvent[] = [];
  store.watch('/registry/', before, { events: (events) => void seen.push(...events), end: () => {} });
  const wanted = new Map([
    [key('a'), object('7')],
    [key('c'), object('3')],
  ]);
  await replaceState(store, wanted);
  await replaceState(store, wanted);
  const { entries, revision } = await store.list('');
  assert.deepEqual(entries.map((e) => e.key).toSorted(), [lease, key('a'), key('c')].toSorted());
  assert.equal(revision, before + 2);
  assert.deepEqual(
    seen.map((e) => [e.key.split('/').at(-1), e.entry !== undefined, e.previous !== undefined]),
    [
      ['a', false, true],
      ['a', true, false],
      ['c', true, false],
      ['b', false, true],
    ],
  );
  await store.close();
});

test('somebody who deletes at the same time does not stop it', async () => {
  const inner = createMemoryStore();
  await inner.commit([
    { key: key('a'), value: object('1') },
    { key: key('b'), value: object('2') },
  ]);
  let meddle = true;
  const store = {
    ...inner,
    list: inner.list.bind(inner),
    commit: async (changes: readonly Change[]) => {
      if (meddle) {
        meddle = false;
        await inner.commit([{ key: key('a'), value: undefined }]);
      }
      return inner.commit(changes);
    },
  };
  await replaceState(store as never, new Map([[key('c'), object('3')]]));
  assert.deepEqual(
    (await inner.list('')).entries.map((e) => e.key),
    [key('c')],
  );
  await inner.close();
});
