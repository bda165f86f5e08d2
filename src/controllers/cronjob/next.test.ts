import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1CronJob } from '#kinds';
import { dueStart, untilNext } from './missed.ts';
import { scheduleOf } from './next.ts';
import { buildJob, stampIn } from './template.ts';

const after = (schedule: string, zone: string | undefined, from: string, count = 1): string[] => {
  const next = scheduleOf(schedule, zone);
  const out: string[] = [];
  for (let at = next(Date.parse(from)); at !== undefined && out.length < count; at = next(at)) out.push(new Date(at).toISOString().replace(':00.000Z', 'Z'));
  return out;
};

test('the next time of a schedule, in UTC', () => {
  const cases: [string, string, string][] = [
    ['* * * * *', '2026-01-01T00:00:00Z', '2026-01-01T00:01Z'],
    ['* * * * *', '2026-01-01T00:00:59.999Z', '2026-01-01T00:01Z'],
    ['*/15 * * * *', '2026-01-01T00:16:00Z', '2026-01-01T00:30Z'],
    ['0 9-17/4 * * 1-5', '2026-01-02T17:00:00Z', '2026-01-05T09:00Z'],
    ['30 8 1 */2 *', '2026-01-01T08:30:00Z', '2026-03-01T08:30Z'],
    ['0 0 29 2 *', '2026-01-01T00:00:00Z', '2028-02-29T00:00Z'],
    // Either day will do when both are named, both when one is a star.
    ['0 0 13 * fri', '2026-01-01T00:00:00Z', '2026-01-02T00:00Z'],
    ['0 0 * * fri', '2026-01-02T00:00:00Z', '2026-01-09T00:00Z'],
    ['@hourly', '2026-01-01T00:00:00Z', '2026-01-01T01:00Z'],
    ['@every 90m', '2026-01-01T00:00:00.400Z', '2026-01-01T01:30Z'],
  ];
  for (const [schedule, from, wanted] of cases) assert.deepEqual(after(schedule, undefined, from), [wanted], `${schedule} after ${from}`);
  assert.deepEqual(after('59 23 31 2 *', undefined, '2026-01-01T00:00:00Z'), []);
});

test('time zones, and the two nights on which clocks change', () => {
  const newYork = 'America/New_York';
  assert.deepEqual(after('0 9 * * *', newYork, '2026-01-01T00:00:00Z'), ['2026-01-01T14:00Z']);
  assert.deepEqual(after('0 9 * * *', newYork, '2026-07-01T00:00:00Z'), ['2026-07-01T13:00Z']);
  assert.deepEqual(after('0 9 * * *', 'Asia/Kolkata', '2026-01-01T00:00:00Z'), ['2026-01-01T03:30Z']);
  // On 8 March 2026 two o'clock does not exist; on 1 November one o'clock comes twice.
  assert.deepEqual(after('30 2 * * *', newYork, '2026-03-08T05:00:00Z'), ['2026-03-09T06:30Z']);
  assert.deepEqual(after('0 1 * * *', newYork, '2026-11-01T04:00:00Z', 3), ['2026-11-01T05:00Z', '2026-11-01T06:00Z', '2026-11-02T06:00Z']);
  // Where the clocks change at midnight, that midnight does not exist.
  assert.deepEqual(after('0 1 4 11 *', 'America/Sao_Paulo', '2018-11-01T00:00:00Z'), ['2018-11-04T03:00Z']);
  assert.deepEqual(after('TZ=Asia/Tokyo 0 9 * * *', undefined, '2026-01-01T00:00:00Z'), ['2026-01-02T00:00Z']);
  assert.throws(() => scheduleOf('* * * * *', 'Mars/Olympus'), RangeError);
});

const cron = (last: string | undefined, deadline?: number): V1CronJob => ({
  metadata: { name: 'c', creationTimestamp: '2026-01-01T00:00:00Z' },
  spec: { schedule: '', jobTemplate: {}, ...(deadline === undefined ? {} : { startingDeadlineSeconds: deadline }) },
  status: last ? { lastScheduleTime: last } : {},
});
test('missed starts: only the last is made up for, and many are told', () => {
  const due = (schedule: string, job: V1CronJob, now: string): unknown[] => {
    const { at, tooMany } = dueStart(job, scheduleOf(schedule, undefined), Date.parse(now));
    return [at && new Date(at).toISOString(), tooMany];
  };
  assert.deepEqual(due('0 * * * *', cron(undefined), '2026-01-01T00:59:59Z'), [undefined, false]);
  assert.deepEqual(due('0 * * * *', cron(undefined), '2026-01-01T01:00:00Z'), ['2026-01-01T01:00:00.000Z', false]);
  assert.deepEqual(due('0 * * * *', cron('2026-01-01T01:00:00Z'), '2026-01-01T01:30:00Z'), [undefined, false]);
  assert.deepEqual(due('0 * * * *', cron('2026-01-01T01:00:00Z'), '2026-01-01T09:30:00Z'), ['2026-01-01T09:00:00.000Z', false]);
  assert.deepEqual(due('0 * * * *', cron('2026-01-01T01:00:00Z', 600), '2026-01-01T09:30:00Z'), [undefined, false]);
  assert.deepEqual(due('* * * * *', cron(undefined), '2026-01-05T00:00:30Z'), ['2026-01-05T00:00:00.000Z', true]);
  assert.deepEqual(due('* * * * *', cron(undefined, 300), '2026-01-05T00:00:30Z'), ['2026-01-05T00:00:00.000Z', false]);
  assert.deepEqual(due('30 6-16/4 * * 1-5', cron('2026-01-02T14:30:00Z'), '2026-01-05T11:00:00Z'), ['2026-01-05T10:30:00.000Z', false]);
  assert.deepEqual(due('59 23 31 2 *', cron(undefined), '2026-01-05T00:00:00Z'), [undefined, false]);
});
test('how long until the next start', () => {
  const until = (schedule: string, job: V1CronJob, now: string): number | undefined => untilNext(job, scheduleOf(schedule, undefined), Date.parse(now));
  assert.equal(until('0 * * * *', cron(undefined), '2026-01-01T00:59:00Z'), 60_100);
  assert.equal(until('0 * * * *', cron('2026-01-01T00:00:00Z'), '2026-01-02T00:30:00Z'), 1_800_100);
  assert.equal(until('59 23 31 2 *', cron(undefined), '2026-01-02T00:30:00Z'), undefined);
});

test('a job is named after its minute, and tells its time in the zone of the CronJob', () => {
  const at = Date.parse('2026-07-01T13:00:00Z');
  assert.equal(stampIn(undefined, at), '2026-07-01T13:00:00Z');
  assert.equal(stampIn('America/New_York', at), '2026-07-01T09:00:00-04:00');
  assert.equal(stampIn('Asia/Kolkata', at), '2026-07-01T18:30:00+05:30');
  const { metadata } = buildJob(
    { metadata: { name: 'nightly', namespace: 'default', uid: 'u' }, spec: { schedule: '', jobTemplate: { metadata: { labels: { a: 'b' } } } } },
    at,
  );
  assert.deepEqual(metadata, {
    name: `nightly-${at / 60_000}`,
    namespace: 'default',
    labels: { a: 'b' },
    annotations: { 'batch.kubernetes.io/cronjob-scheduled-timestamp': '2026-07-01T13:00:00Z' },
    ownerReferences: [{ apiVersion: 'batch/v1', kind: 'CronJob', name: 'nightly', uid: 'u', controller: true, blockOwnerDeletion: true }],
  });
});
