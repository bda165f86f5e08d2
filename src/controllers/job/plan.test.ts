import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatTime } from '#base';
import type { V1Job, V1JobSpec, V1JobStatus, V1Pod } from '#kinds';
import { backoffLeft, nextRecord, noFailures } from './backoff.ts';
import { addIndexes, firstMissing, formatIndexes, hasIndex, joinIndexes, readIndexes } from './indexes.ts';
import { judge } from './judge.ts';
import { observe } from './observe.ts';
import { planPods } from './plan.ts';
import { indexAnnotation, trackingFinalizer } from './pods.ts';
import { buildPod } from './template.ts';
import { jobOf } from './testing.ts';
import { finished, settle, track } from './track.ts';

const now = Date.parse('2026-01-01T01:00:00Z');
const job = (spec: Partial<V1JobSpec>, status: V1JobStatus = {}): V1Job => ({
  ...jobOf({ parallelism: 2, backoffLimit: 6, ...spec }),
  metadata: { name: 'work', namespace: 'default', uid: 'j' },
  status: { startTime: '2026-01-01T00:00:00Z', ...status },
});
/** `a` runs, `b!` failed, `c+` succeeded, `d~` is being deleted; `e:3` has index 3; `f*` has no finalizer any more. */
function pod(text: string): V1Pod {
  const [name = '', index] = text.replace(/[!+~*]/g, '').split(':');
  const is = (mark: string): boolean => text.includes(mark);
  const terminated = { exitCode: is('!') ? 1 : 0, finishedAt: '2026-01-01T00:59:55Z' };
  return {
    metadata: {
      name,
      uid: name,
      namespace: 'default',
      // `a` is the oldest.
      creationTimestamp: formatTime(now - 3_600_000 / 4 ** (name.charCodeAt(0) - 97)),
      ...(is('*') ? {} : { finalizers: [trackingFinalizer] }),
      ...(is('~') ? { deletionTimestamp: '2026-01-01T00:59:00Z' } : {}),
      ...(index === undefined ? {} : { annotations: { [indexAnnotation]: index } }),
    },
    status: {
      phase: is('!') ? 'Failed' : is('+') ? 'Succeeded' : 'Running',
      ...(is('!') || is('+') ? { containerStatuses: [{ name: 'app', image: '', imageID: '', ready: false, restartCount: 0, state: { terminated } }] } : {}),
    },
  };
}
const podsOf = (text: string): V1Pod[] => text.split(' ').filter(Boolean).map(pod);
const named = (pods: readonly V1Pod[]): string => pods.map((p) => p.metadata?.name).join(' ');

/** Given a job and its pods: removed, made (a number or an index each), and how long to wait. */
const plans: [what: string, spec: Partial<V1JobSpec>, pods: string, remove: string, create: (number | undefined)[], wait?: number][] = [
  ['as many as may run', { completions: 5 }, '', '', [undefined, undefined]],
  ['no more than are missing', { completions: 3, parallelism: 5 }, 'a+ b+', '', [undefined]],
  ['one that ends is not there', { completions: 3 }, 'a b~', '', [undefined]],
  ['unless its end is waited for', { completions: 3, podReplacementPolicy: 'Failed' }, 'a b~', '', []],
  ['a success without completions: nothing new', { parallelism: 3 }, 'a+ b', '', []],
  ['too many: the youngest go', { completions: 5, parallelism: 1 }, 'a b', 'b', []],
  ['suspended: all go', { completions: 5, suspend: true }, 'a b', 'b a', []],
  ['after a failure there is a pause', { completions: 5 }, 'a!', '', [], 5000],
  ['the lowest free indexes', { completions: 9, parallelism: 4, completionMode: 'Indexed' }, 'a:0 b:2+', '', [1, 3, 4]],
  ['a pod of no index and one too many go first', { completions: 3, parallelism: 3, completionMode: 'Indexed' }, 'a:0 b:0 c:7', 'b c', []],
  ['each index has its own pause', { completions: 3, parallelism: 3, completionMode: 'Indexed', backoffLimitPerIndex: 2 }, 'a:0!', '', [1, 2], 5000],
];
for (const [what, spec, text, remove, create, wait] of plans) {
  test(`plan: ${what}`, () => {
    const given = job(spec);
    const pods = podsOf(text);
    const facts = observe(given, pods);
    const plan = planPods(given, pods, facts, nextRecord(noFailures, facts.newSucceeded, facts.newFailed), now);
    assert.deepEqual([named(plan.remove).split(' ').sort().join(' '), plan.create, plan.wait], [remove.split(' ').sort().join(' '), create, wait]);
  });
}

/** Given a job, its status and its pods: why it is over. */
const verdicts: [spec: Partial<V1JobSpec>, status: V1JobStatus, pods: string, reason: string | undefined][] = [
  [{ completions: 3 }, {}, 'a b!', undefined],
  [{ completions: 3, backoffLimit: 1 }, { failed: 1 }, 'a b!', 'BackoffLimitExceeded'],
  [{ completions: 3, backoffLimit: 1 }, { failed: 1, uncountedTerminatedPods: { failed: ['b'] } }, 'a b!', 'BackoffLimitExceeded'],
  [{ completions: 3, backoffLimit: 2 }, { failed: 1, uncountedTerminatedPods: { failed: ['b'] } }, 'a b!', undefined],
  [{ completions: 3, activeDeadlineSeconds: 3600 }, {}, 'a', 'DeadlineExceeded'],
  [{ completions: 3, activeDeadlineSeconds: 3601 }, {}, 'a', undefined],
  [{ completions: 3 }, { conditions: [{ type: 'FailureTarget', status: 'True', reason: 'PodFailurePolicy' }] }, '', 'PodFailurePolicy'],
  [{ completions: 2, completionMode: 'Indexed', backoffLimitPerIndex: 0 }, { completedIndexes: '0' }, 'a:1!', 'FailedIndexes'],
  [{ completions: 3, completionMode: 'Indexed', backoffLimitPerIndex: 0, maxFailedIndexes: 0 }, {}, 'a:1!', 'MaxFailedIndexesExceeded'],
  [{ completions: 4, completionMode: 'Indexed', successPolicy: { rules: [{ succeededCount: 2 }] } }, { completedIndexes: '3' }, 'a:1+', 'SuccessPolicy'],
  [{ completions: 4, completionMode: 'Indexed', successPolicy: { rules: [{ succeededIndexes: '0-1' }] } }, { completedIndexes: '1,3' }, '', undefined],
];
test('verdicts', () => {
  for (const [spec, status, text, reason] of verdicts) {
    const given = job(spec, status);
    assert.equal(judge(given, podsOf(text), observe(given, podsOf(text)), now)?.reason, reason, JSON.stringify([spec, status, text]));
  }
});

test('counting: first the uid, then the finalizer, then the counter', () => {
  const pods = podsOf('a+ b! c d~');
  const given = job({ completions: 9 }, { succeeded: 1, failed: 1 });
  const first = track(given, given.status ?? {}, pods, observe(given, pods), undefined);
  assert.deepEqual([named(first.release), first.status.uncountedTerminatedPods], ['a b d', { succeeded: ['a'], failed: ['b', 'd'] }]);
  assert.deepEqual([first.status.succeeded, first.status.failed], [1, 1]);
  // Cut off here, the same pods are found, and nothing is added.
  const again = track({ ...given, status: first.status }, first.status, pods, observe({ ...given, status: first.status }, pods), undefined);
  assert.deepEqual([named(again.release), again.status.uncountedTerminatedPods], ['a b d', first.status.uncountedTerminatedPods]);
  const half = settle(first.status, new Set(['b', 'c']));
  assert.deepEqual([half.succeeded, half.failed, half.uncountedTerminatedPods], [2, 2, { failed: ['b'] }]);
  // Cut off after the finalizers went: who has none is in the list, and counted now.
  const late = podsOf('a+* b!* c d~*');
  const last = track({ ...given, status: first.status }, first.status, late, observe({ ...given, status: first.status }, late), undefined);
  assert.deepEqual([named(last.release), last.status.succeeded, last.status.failed, last.status.uncountedTerminatedPods], ['', 2, 3, {}]);
  const verdict = { outcome: 'Failed', reason: 'r', message: 'm' } as const;
  assert.equal(finished(first.status, verdict, now), undefined);
  assert.equal(finished({ ...last.status, terminating: 1 }, verdict, now), undefined);
  assert.deepEqual(finished(last.status, verdict, now)?.conditions?.at(-1)?.type, 'Failed');
});
test('a status holds no more than 500 uids', () => {
  const pods = Array.from({ length: 700 }, (_, i) => pod(`p${i}+`));
  const given = job({ completions: 1000 });
  const { partial, release, status } = track(given, {}, pods, observe(given, pods), undefined);
  assert.deepEqual([partial, release.length, status.uncountedTerminatedPods?.succeeded?.length], [true, 500, 500]);
});

test('sets of indexes', () => {
  const set = readIndexes('0,2-4,7', 10);
  assert.equal(formatIndexes(addIndexes(set, [1, 8, 9])), '0-4,7-9');
  assert.equal(formatIndexes(addIndexes([], [5, 3, 4, 9, 10])), '3-5,9,10');
  assert.deepEqual(readIndexes('0-9,x,12', 5), [[0, 4]]);
  assert.deepEqual(
    joinIndexes(
      [[0, 3]],
      [
        [2, 5],
        [7, 7],
      ],
    ),
    [
      [0, 5],
      [7, 7],
    ],
  );
  assert.deepEqual(
    [0, 1, 2, 4, 5, 7, 8].filter((i) => hasIndex(set, i)),
    [0, 2, 4, 7],
  );
  assert.deepEqual(firstMissing(set, 4, 10), [1, 5, 6, 8]);
  assert.deepEqual(firstMissing(set, 9, 10), [1, 5, 6, 8, 9]);
});

test('back-off doubles, ends at ten minutes, and a success clears what failed before it', () => {
  const at = (failures: number): number => backoffLeft({ failures, last: now }, now) / 1000;
  assert.deepEqual([0, 1, 2, 3, 6, 7, 50].map(at), [0, 10, 20, 40, 320, 600, 600]);
  assert.equal(backoffLeft({ failures: 1, last: now - 20_000 }, now), 0);
  assert.deepEqual(nextRecord({ failures: 3, last: 5 }, [], []), { failures: 3, last: 5 });
  assert.deepEqual(nextRecord({ failures: 3, last: 5 }, [pod('a+')], []), noFailures);
  assert.equal(nextRecord({ failures: 3, last: 5 }, [], [pod('a!')]).failures, 4);
});

test('the name of a pod keeps its index, however long the name of the job is', () => {
  const long = { ...job({ completions: 100, completionMode: 'Indexed' }), metadata: { name: 'x'.repeat(63), namespace: 'default', uid: 'j' } };
  assert.equal(buildPod(long, 42, undefined).metadata?.generateName, `${'x'.repeat(54)}-42-`);
});
