import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatTime } from '#base';
import type { V1Pod } from '#kinds';
import { podOf } from '../testing/world.ts';
import { durationOf } from './metrics-client.ts';
import { milliOf, milliText } from './milli.ts';
import { byAverage, byShare, byUtilization, byValue, groupPods, podRequests, within, type PodMetric, type Rules } from './replicas.ts';

const now = Date.UTC(2026, 0, 1, 12);
const minute = 60_000;
const rules: Rules = { tolerances: { scaleUp: 0.1, scaleDown: 0.1 }, cpuInitializationMs: 5 * minute, initialReadinessMs: 30_000, now };

interface Shape {
  request?: string;
  phase?: string;
  ready?: boolean | 'unsaid';
  startedMs?: number;
  changedMs?: number;
  deleted?: boolean;
}
/** A pod that is ready and old enough for anything. */
function pod(
  name: string,
  { request = '1', phase = 'Running', ready = true, startedMs = 60 * minute, changedMs = startedMs, deleted = false }: Shape = {},
): V1Pod {
  const conditions = ready === 'unsaid' ? [] : [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: formatTime(now - changedMs) }];
  return podOf(name, {
    metadata: { name, namespace: 'default', ...(deleted ? { deletionTimestamp: formatTime(now) } : {}) },
    spec: { containers: [{ name: 'app', image: 'i', resources: { requests: { cpu: request } } }] },
    status: { phase, startTime: formatTime(now - startedMs), conditions },
  });
}
const metric = (value: number): PodMetric => ({ value, timestamp: now, windowMs: minute });
const metrics = (values: Record<string, number>): Map<string, PodMetric> => new Map(Object.entries(values).map(([name, value]) => [name, metric(value)]));
const cpu = (current: number, target: number, pods: V1Pod[], values: Record<string, number>): ReturnType<typeof byUtilization> =>
  byUtilization(current, target, { pods, metrics: metrics(values), resource: 'cpu' }, rules);

describe('replicas by utilization', () => {
  const three = [pod('a'), pod('b'), pod('c')];
  // The example of the documentation: a current value of 200m and a wanted one of 100m double the replicas, 50m halves them.
  it('goes by the ratio', () => {
    const values = (each: number): Record<string, number> => ({ a: each, b: each, c: each });
    assert.deepEqual(cpu(3, 10, three, values(200)), { replicas: 6, utilization: 20, value: 200 });
    assert.deepEqual(cpu(3, 10, three, values(50)), { replicas: 2, utilization: 5, value: 50 });
    assert.equal(cpu(3, 10, three, values(109)).replicas, 3, 'within the tolerance');
    assert.equal(cpu(3, 10, three, values(119)).replicas, 3, 'percents are whole: 11 of 10');
  });
  it('pods without metrics dampen: they use nothing on the way up, and all they ask for on the way down', () => {
    // 2 of 3 at 300 %: with the third at 0 it is 200 %.
    assert.equal(cpu(3, 50, three, { a: 1500, b: 1500 }).replicas, 6);
    // 2 of 3 at 10 % of 50: with the third at 100 % it is (10+10+100)/3 = 40 %, 80 % of the target.
    assert.equal(cpu(3, 50, three, { a: 100, b: 100 }).replicas, 3);
    // They would turn the direction: nothing happens.
    assert.equal(cpu(3, 50, three, { a: 400, b: 400 }).replicas, 3);
  });
  it('pods that are not ready use nothing on the way up and do not count on the way down', () => {
    const pods = [pod('a'), pod('b'), pod('c', { ready: false, startedMs: minute })];
    assert.equal(cpu(3, 50, pods, { a: 1000, b: 1000, c: 5000 }).replicas, 4);
    assert.equal(cpu(3, 50, pods, { a: 200, b: 200, c: 5000 }).replicas, 1);
    assert.equal(cpu(3, 50, [pod('a'), pod('b'), pod('c', { phase: 'Pending' })], { a: 1000, b: 1000 }).replicas, 4);
  });
  it('says why it cannot tell', () => {
    assert.throws(() => cpu(1, 50, [], { a: 1 }), { message: 'no pods returned by selector while calculating replica count' });
    assert.throws(() => cpu(1, 50, [pod('a', { phase: 'Pending' })], { a: 1 }), { message: 'did not receive metrics for any ready pods' });
    const without = podOf('a');
    without.status = { phase: 'Running' };
    assert.throws(() => podRequests([without], 'cpu', undefined), { message: 'missing request for cpu in container app of Pod a' });
    assert.deepEqual([...podRequests([without], 'cpu', 'other')], [['a', 0]]);
  });
});

it('which pods count', () => {
  const group = (shape: Shape, measured = true, resource = 'cpu', age = 0): string => {
    const one = new Map<string, PodMetric>(measured ? [['p', { ...metric(1), timestamp: now - age }]] : []);
    const { ready, unready, missing, ignored } = groupPods([pod('p', shape)], one, resource, rules);
    return ready ? 'ready' : unready.size ? 'unready' : missing.size ? 'missing' : ignored.size ? 'ignored' : '?';
  };
  const cases: [string, string][] = [
    [group({}), 'ready'],
    [group({ deleted: true }), 'ignored'],
    [group({ phase: 'Failed' }), 'ignored'],
    [group({ phase: 'Pending' }, false), 'unready'],
    [group({}, false), 'missing'],
    [group({ ready: 'unsaid' }), 'unready'],
    // Within the initialization period: unready pods do not count, and ready ones only with a whole window since.
    [group({ ready: false, startedMs: 2 * minute }), 'unready'],
    [group({ startedMs: 3 * minute, changedMs: 2 * minute }), 'ready'],
    [group({ startedMs: 3 * minute, changedMs: 30_000 }), 'unready'],
    [group({ startedMs: 3 * minute, changedMs: 2 * minute }, true, 'cpu', 90_000), 'unready'],
    // After it: only what was never ready does not count.
    [group({ ready: false, startedMs: 10 * minute, changedMs: 10 * minute - 10_000 }), 'unready'],
    [group({ ready: false, startedMs: 10 * minute, changedMs: minute }), 'ready'],
    [group({ ready: false, startedMs: minute }, true, 'memory'), 'ready'],
  ];
  assert.deepEqual(
    cases.map(([got]) => got),
    cases.map(([, wanted]) => wanted),
  );
});

it('replicas by an amount for each pod', () => {
  const pods = [pod('a'), pod('b')];
  const by = (values: Record<string, number>, all = pods): ReturnType<typeof byAverage> =>
    byAverage(2, 10_000, { pods: all, metrics: metrics(values), resource: '' }, rules);
  assert.deepEqual(by({ a: 20_000, b: 10_000 }), { replicas: 3, value: 15_000 });
  assert.deepEqual(by({ a: 20_000 }), { replicas: 2, value: 20_000 });
  assert.equal(by({ a: 1000, b: 1000 }).replicas, 1);
});

it('replicas by one value, and by a share of it', () => {
  const { tolerances } = rules;
  const pods = [pod('a'), pod('b'), pod('c', { ready: false })];
  assert.deepEqual(byValue(3, 30, 10, pods, tolerances), { replicas: 6, value: 30 });
  assert.equal(byValue(3, 10.5, 10, pods, tolerances).replicas, 3);
  assert.equal(byValue(3, 0, 10, pods, tolerances).replicas, 0);
  assert.equal(byValue(0, 0, 10, [], tolerances).replicas, 0);
  assert.equal(byValue(0, 25, 10, [], tolerances).replicas, 3, 'from zero');
  assert.throws(() => byValue(2, 25, 10, [], tolerances), /unable to calculate ready pods/);
  assert.deepEqual(byShare(3, 100, 20, tolerances), { replicas: 5, value: 34 });
  assert.deepEqual(byShare(5, 104, 20, tolerances), { replicas: 5, value: 21 });
  assert.deepEqual(byShare(0, 0, 20, tolerances), { replicas: 0, value: 0 });
  assert.deepEqual(byShare(0, 5, 20, tolerances), { replicas: 1, value: 5 });
});

it('tolerance differs by direction', () => {
  const loose = { scaleUp: 0, scaleDown: 0.5 };
  assert.deepEqual(
    [0.4, 0.5, 1, 1.01].map((ratio) => within(loose, ratio)),
    [false, true, true, false],
  );
});

it('amounts and durations', () => {
  assert.deepEqual(['1', '1500m', '1n', '2Ki', undefined, 'x'].map(milliOf), [1000, 1500, 1, 2_048_000, 0, 0]);
  assert.deepEqual([1000, 1500, 0, 2_048_000].map(milliText), ['1', '1500m', '0', '2048']);
  assert.deepEqual(['10.5s', '1m30s', '250ms', ''].map(durationOf), [10_500, 90_000, 250, 0]);
});
