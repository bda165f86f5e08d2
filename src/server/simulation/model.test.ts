import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { Digest } from './digest.ts';
import { Model } from './model.ts';

function bench() {
  let now = Date.UTC(2026, 0, 1);
  const model = new Model(() => now);
  const commit = (key: string, object?: unknown): void =>
    model.commit(`/registry/${key}`, object === undefined ? undefined : Buffer.from(JSON.stringify(object)));
  const pod = (name: string, more: { owner?: string; node?: string; deletedAt?: number; labels?: object } = {}): void =>
    commit(`core/pods/a/${name}`, {
      metadata: {
        namespace: 'a',
        name,
        uid: name,
        labels: more.labels,
        ...(more.owner ? { ownerReferences: [{ controller: true, uid: more.owner }] } : {}),
        ...(more.deletedAt === undefined ? {} : { deletionTimestamp: new Date(more.deletedAt).toISOString(), deletionGracePeriodSeconds: 0 }),
      },
      spec: { containers: [{ resources: { requests: { cpu: '500m' } } }], ...(more.node ? { nodeName: more.node } : {}) },
      status: { phase: 'Pending' },
    });
  return {
    model,
    commit,
    pod,
    now: () => now,
    pass: (ms: number) => void (now += ms),
    wrong: () => model.violations.map((text) => text.replace(/^.*?: /, '')),
  };
}

test('a quota counts what is there, without what has ended and what ought to be gone', () => {
  const b = bench();
  b.commit('core/resourcequotas/a/quota', { metadata: { namespace: 'a', name: 'quota' }, spec: { hard: { pods: '2', 'requests.cpu': '1' } } });
  b.pod('p1');
  b.pod('p2');
  b.pod('p1', { deletedAt: b.now() + 1000 });
  b.pass(2000);
  b.pod('p3');
  b.commit('core/pods/a/p1');
  assert.deepEqual(b.wrong(), []);
  b.pod('p4');
  assert.deepEqual(b.wrong(), ['quota of a: 3 pods of 2', 'quota of a: 1500m CPU of 1']);
});

test('whose owner is gone must be told to go', () => {
  const b = bench();
  const set = { metadata: { namespace: 'a', name: 's', uid: 'owner' } };
  b.commit('apps/statefulsets/a/s', set);
  b.pod('s-0', { owner: 'owner' });
  b.pod('s-1', { owner: 'owner' });
  b.commit('apps/statefulsets/a/s');
  b.pod('s-0', { owner: 'owner', deletedAt: b.now() });
  b.pass(29_000);
  b.pod('other');
  assert.deepEqual(b.wrong(), []);
  b.pass(1000);
  b.commit('core/events/a/e', {});
  assert.deepEqual(b.wrong(), ['pod a/s-1 is an orphan of StatefulSet a/s']);
});

test('a pod keeps its node, and a node holds what it can', () => {
  const b = bench();
  b.commit('core/nodes/n', { metadata: { name: 'n' }, status: { allocatable: { cpu: '700m', memory: '1Gi', pods: '10' } } });
  b.pod('p1', { node: 'n' });
  assert.deepEqual(b.wrong(), []);
  b.pod('p2', { node: 'n' });
  b.pod('p1', { node: 'm' });
  assert.deepEqual(b.wrong(), ['pod a/p2 brought n over its cpu: 1000 of 700', 'pod a/p1 was bound to n and then to m']);
});

test('a CronJob that forbids it never has two jobs at once', () => {
  const b = bench();
  const job = (uid: string, done: boolean): void =>
    b.commit(`batch/jobs/a/${uid}`, {
      metadata: { namespace: 'a', name: uid, uid, ownerReferences: [{ controller: true, uid: 'cron' }] },
      status: done ? { conditions: [{ type: 'Complete', status: 'True' }] } : {},
    });
  job('one', false);
  job('one', true);
  job('two', false);
  assert.deepEqual(b.wrong(), []);
  job('three', false);
  assert.deepEqual(b.wrong(), ['job a/three began while two of the same CronJob went on']);
});

test('the digest is that of all commits in a row, however long they are', () => {
  const digest = new Digest();
  const expected = createHash('sha256');
  for (const size of [3, 70_000, 0, 40_000, 30_000]) {
    const value = Buffer.alloc(size, 'x');
    digest.add('/registry/a', size, value);
    expected.update(`/registry/a ${size} `).update(value);
  }
  digest.add('/registry/a', 9, undefined);
  assert.equal(digest.hex(), expected.update('/registry/a 9 ').digest('hex'));
});
