import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { V2HPAScalingRules } from '#kinds';
import { limit, newHistory, noteChange, type History, type Limits } from './limits.ts';

const second = 1000;
const usual: Limits = { min: 1, max: 100, behavior: undefined, downStabilizationMs: 300 * second };
const rules = (extra: V2HPAScalingRules, policies: V2HPAScalingRules['policies']): V2HPAScalingRules => ({
  selectPolicy: 'Max',
  policies: policies ?? [],
  ...extra,
});
const percent = (value: number, periodSeconds = 60): { type: string; value: number; periodSeconds: number } => ({ type: 'Percent', value, periodSeconds });
const pods = (value: number, periodSeconds = 60): { type: string; value: number; periodSeconds: number } => ({ type: 'Pods', value, periodSeconds });
const up = rules({ stabilizationWindowSeconds: 0 }, [pods(4, 15), percent(100, 15)]);
const down = rules({ stabilizationWindowSeconds: 0 }, [percent(100, 15)]);

/** Applies wishes one after the other, `step` s apart; gives the sizes. */
function sizes(from: number, wishes: readonly number[], limits: Limits, step = 60, history: History = newHistory()): number[] {
  let current = from;
  let now = 0;
  return wishes.map((wish) => {
    now += step * second;
    const { replicas } = limit(current, wish, limits, history, now);
    if (replicas !== current) noteChange(history, current, replicas, limits, now);
    return (current = replicas);
  });
}

describe('without behavior', () => {
  it('doubles at most, or goes to four', () => {
    assert.deepEqual(sizes(1, [100, 100, 100], usual), [4, 8, 16]);
    const { limited } = limit(1, 100, usual, newHistory(), 0);
    assert.deepEqual(limited, { is: true, reason: 'ScaleUpLimit', message: 'the desired replica count is increasing faster than the maximum scale rate' });
  });
  it('keeps to the highest recommendation of five minutes', () => {
    const history = newHistory();
    history.recommendations.push({ replicas: 10, at: 0 });
    assert.deepEqual(sizes(10, [2, 2, 2, 2, 2, 2], usual, 60, history), [10, 10, 10, 10, 10, 2]);
    const { able } = limit(10, 2, usual, { ...newHistory(), recommendations: [{ replicas: 10, at: 0 }] }, 1);
    assert.equal(able.reason, 'ScaleDownStabilized');
  });
  it('stays within its bounds, and says so', () => {
    const narrow = { ...usual, min: 2, max: 5 };
    const over = limit(4, 9, narrow, newHistory(), 0);
    assert.deepEqual([over.replicas, over.limited.is, over.limited.reason], [5, true, 'TooManyReplicas']);
    const under = limit(4, 1, narrow, newHistory(), 0);
    assert.deepEqual([under.replicas, under.limited.is, under.limited.reason], [2, true, 'TooFewReplicas']);
    const inside = limit(4, 4, narrow, newHistory(), 0);
    assert.deepEqual(
      [inside.replicas, inside.limited, inside.able.reason],
      [4, { is: false, reason: 'DesiredWithinRange', message: 'the desired count is within the acceptable range' }, 'ReadyForNewScale'],
    );
  });
});

// The examples of the documentation page "Horizontal Pod Autoscaling", sections "Configurable scaling behavior" and its examples.
describe('with behavior', () => {
  const behave = (extra: Partial<Limits['behavior'] & object>, more: Partial<Limits> = {}): Limits => ({ ...usual, ...more, behavior: { up, down, ...extra } });
  it('the policy that changes most counts: 4 pods a minute or 10 %', () => {
    const both = behave({ down: rules({ stabilizationWindowSeconds: 0 }, [pods(4), percent(10)]) });
    // 10 % of 80 are 8 pods, then 10 % of 72 are 8 (7.2 rounded towards fewer replicas), until 40, where 4 pods are as many.
    assert.deepEqual(sizes(80, [10, 10], both), [72, 64]);
    assert.deepEqual(sizes(40, [10, 10], both), [36, 32]);
  });
  it('at most 5 pods a minute, by the policy that changes least', () => {
    const least = behave({ down: rules({ stabilizationWindowSeconds: 0, selectPolicy: 'Min' }, [percent(10), pods(5)]) });
    assert.deepEqual(sizes(80, [10], least), [75]);
    assert.deepEqual(sizes(20, [10], least), [18]);
  });
  it('what changed within the period counts', () => {
    const four = behave({ up: rules({ stabilizationWindowSeconds: 0 }, [pods(4, 60)]) });
    assert.deepEqual(sizes(1, [100, 100, 100, 100, 100], four, 15), [5, 5, 5, 5, 9]);
    const history = newHistory();
    // What was taken away meanwhile may come back too.
    history.downs.push({ replicas: 3, at: 0 });
    assert.equal(limit(5, 100, four, history, 10 * second).replicas, 12);
  });
  it('a direction can be disabled', () => {
    const never = behave({ down: rules({ selectPolicy: 'Disabled', stabilizationWindowSeconds: 0 }, [percent(100)]) });
    const { replicas, limited } = limit(10, 2, never, newHistory(), 0);
    assert.deepEqual([replicas, limited.reason], [10, 'ScaleDownLimit']);
  });
  it('windows smooth in both directions', () => {
    const slowUp = behave({ up: { ...up, stabilizationWindowSeconds: 120 } });
    const history = newHistory();
    history.recommendations.push({ replicas: 2, at: 0 });
    assert.deepEqual(sizes(2, [6, 6, 6], slowUp, 60, history), [2, 6, 6]);
    const { able } = limit(2, 6, slowUp, { ...newHistory(), recommendations: [{ replicas: 2, at: 0 }] }, 1);
    assert.equal(able.reason, 'ScaleUpStabilized');
    const slowDown = behave({ down: { ...down, stabilizationWindowSeconds: 120 } });
    assert.deepEqual(sizes(6, [6, 2, 2, 2], slowDown), [6, 6, 2, 2]);
    // Without a window of its own, what takes replicas away waits for the usual time.
    const usualDown = behave({ down: rules({}, [percent(100)]) });
    assert.deepEqual(sizes(6, [6, 2, 2, 2, 2, 2, 2], usualDown), [6, 6, 6, 6, 6, 2, 2]);
  });
  it('bounds hold', () => {
    const bounded = behave({}, { min: 3, max: 6 });
    assert.deepEqual(
      [limit(4, 20, bounded, newHistory(), 0).limited.reason, limit(4, 1, bounded, newHistory(), 0).limited.reason],
      ['TooManyReplicas', 'TooFewReplicas'],
    );
  });
  it('forgets what no policy looks at', () => {
    const history = newHistory();
    const limits = behave({});
    for (let i = 1; i <= 100; i++) noteChange(history, i, i + 1, limits, i * 60 * second);
    assert.equal(history.ups.length, 1);
    for (let i = 1; i <= 100; i++) limit(1, 1, limits, history, 7000 * second + i * 60 * second);
    assert.ok(history.recommendations.length <= 2);
  });
});
