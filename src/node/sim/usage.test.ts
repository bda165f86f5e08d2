import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { V1Pod } from '#kinds';
import { parseCurve, type Curve } from './curves.ts';
import { simulatedUsage } from './usage.ts';

const curve = (text: string): Curve => parseCurve(text) ?? assert.fail(`${text} is no curve`);

describe('usage curves', () => {
  for (const text of ['250m', 'ramp(100m,2,5m)', 'ramp(2,100m,5m)', 'sine(100m,900m,10m)', 'steps(0s=100m,2m=1,10m=50m)', 'steps(30s=1)'])
    test(`${text}: the counter is the area below`, () => {
      const { at, total } = curve(text);
      let sum = 0;
      for (let t = 0; t < 1200; t += 0.5) {
        sum += at(t + 0.25) / 2;
        assert.ok(Math.abs(total(t + 0.5) - sum) < 0.01, `at ${t}: ${total(t + 0.5)} and not ${sum}`);
      }
    });
  for (const [text, limit] of [
    ['ramp(100,300,100s)', 200],
    ['sine(100,300,100s)', 150],
    ['sine(100,300,100s)', 250],
    ['steps(0s=100,60s=300)', 200],
    ['300', 200],
  ] as const)
    test(`${text} is above ${limit} when it says so`, () => {
      const { at, above } = curve(text);
      const t = above(limit);
      assert.ok(at(t + 0.01) > limit);
      for (let before = 0; before < t; before += 0.1) assert.ok(at(before) <= limit + 1e-9);
    });
  test('never above is Infinity', () => {
    for (const text of ['1', 'ramp(0,1,1m)', 'ramp(1,0,1m)', 'sine(0,1,1m)', 'steps(0s=1)']) assert.equal(curve(text).above(1), Infinity, text);
  });
  test('what is no curve is none', () => {
    for (const text of ['', 'x', 'ramp(1,2)', 'sine(a,b,c)', 'steps(1=)', 'jump(1,2,3s)', 'ramp(1,2,x)']) assert.equal(parseCurve(text), undefined, text);
  });
});

const pod = (annotations: Record<string, string>): V1Pod => ({
  metadata: { annotations },
  status: {
    containerStatuses: [{ name: 'a', state: { running: { startedAt: '2026-01-01T00:00:00Z' } }, image: '', imageID: '', ready: true, restartCount: 0 }],
  },
});
const minute = Date.parse('2026-01-01T00:01:00Z');

describe('simulated usage', () => {
  test('of the pod, and of one container', () => {
    const some = pod({ 'batuta.dev/sim-usage': 'cpu=200m,memory=100Mi' });
    assert.deepEqual(simulatedUsage(some, 'a', minute), { cpu: 0.2, memory: 100 * 2 ** 20, cpuSeconds: 12 });
    const own = pod({ 'batuta.dev/sim-usage': 'cpu=200m', 'batuta.dev/sim-usage.a': 'cpu=ramp(0,2,2m); memory=sine(10Mi,30Mi,2m)' });
    assert.deepEqual(simulatedUsage(own, 'a', minute), { cpu: 1, memory: 30 * 2 ** 20, cpuSeconds: 30 });
  });
  test('without a word it is idle, and malformed words are none', () => {
    const usual = simulatedUsage(pod({}), 'a', minute);
    assert.deepEqual(usual, { cpu: 0.001, memory: 16 * 2 ** 20, cpuSeconds: 0.06 });
    assert.deepEqual(simulatedUsage(pod({ 'batuta.dev/sim-usage': 'cpu=much;;memory' }), 'a', minute), usual);
  });
  test('of what does not run there is none', () => {
    assert.equal(simulatedUsage(pod({}), 'b', minute), undefined);
  });
});
