/**
 * How fast and how far a wish may go: windows that smooth recommendations, policies that limit the rate, and the bounds of the
 * autoscaler. Pure but for the history, which is kept by whoever calls. Times are ms.
 */
import type { V2HPAScalingRules } from '#kinds';

interface Dated {
  readonly replicas: number;
  readonly at: number;
}
/** What an autoscaler wished and did lately. */
export interface History {
  recommendations: Dated[];
  ups: Dated[];
  downs: Dated[];
}
export interface Limits {
  readonly min: number;
  readonly max: number;
  /** Rules for each direction, complete with defaults; undefined: the classic limits. */
  readonly behavior: { readonly up: V2HPAScalingRules; readonly down: V2HPAScalingRules } | undefined;
  /** How long the highest recommendation holds where no rule says so. */
  readonly downStabilizationMs: number;
}
export interface Verdict {
  readonly replicas: number;
  /** Of the condition AbleToScale. */
  readonly able: { readonly reason: string; readonly message: string };
  /** Of the condition ScalingLimited. */
  readonly limited: { readonly is: boolean; readonly reason: string; readonly message: string };
}

export const newHistory = (): History => ({ recommendations: [], ups: [], downs: [] });

const readyForNewScale = { reason: 'ReadyForNewScale', message: 'recommended size matches current size' };
const downStabilized = {
  reason: 'ScaleDownStabilized',
  message: 'recent recommendations were higher than current one, applying the highest recent recommendation',
};
const upStabilized = { reason: 'ScaleUpStabilized', message: 'recent recommendations were lower than current one, applying the lowest recent recommendation' };
interface Bound {
  readonly replicas: number;
  readonly reason: string;
  readonly message: string;
}
const inRange = (replicas: number): Bound => ({ replicas, reason: 'DesiredWithinRange', message: 'the desired count is within the acceptable range' });
const tooMany = (replicas: number): Bound => ({
  replicas,
  reason: 'TooManyReplicas',
  message: 'the desired replica count is more than the maximum replica count',
});
const tooFew = (replicas: number): Bound => ({
  replicas,
  reason: 'TooFewReplicas',
  message: 'the desired replica count is less than the minimum replica count',
});
const tooFast = (replicas: number): Bound => ({
  replicas,
  reason: 'ScaleUpLimit',
  message: 'the desired replica count is increasing faster than the maximum scale rate',
});
const tooFastDown = (replicas: number): Bound => ({
  replicas,
  reason: 'ScaleDownLimit',
  message: 'the desired replica count is decreasing faster than the maximum scale rate',
});

/** What becomes of a wish. The wish is noted in `history`. */
export function limit(current: number, desired: number, limits: Limits, history: History, now: number): Verdict {
  const { behavior } = limits;
  const steady = behavior ? stabilized(current, desired, limits, behavior, history, now) : highest(desired, limits.downStabilizationMs, history, now);
  const smoothed = behavior && desired >= current ? upStabilized : downStabilized;
  const bound = behavior ? byRules(current, steady, limits, behavior, history, now) : byClassicLimits(current, steady, limits);
  const { replicas, reason, message } = bound;
  return { replicas, able: steady === desired ? readyForNewScale : smoothed, limited: { is: replicas !== steady, reason, message } };
}

/** The highest recommendation of the window. */
function highest(desired: number, windowMs: number, history: History, now: number): number {
  history.recommendations = history.recommendations.filter(({ at }) => at >= now - windowMs);
  const result = history.recommendations.reduce((most, { replicas }) => Math.max(most, replicas), desired);
  history.recommendations.push({ replicas: desired, at: now });
  return result;
}
/** No more than the least of the upward window, no less than the most of the downward one. */
function stabilized(
  current: number,
  desired: number,
  { downStabilizationMs }: Limits,
  { up, down }: NonNullable<Limits['behavior']>,
  history: History,
  now: number,
): number {
  const upFrom = now - (up.stabilizationWindowSeconds ?? 0) * 1000;
  const downFrom = now - (down.stabilizationWindowSeconds === undefined ? downStabilizationMs : down.stabilizationWindowSeconds * 1000);
  let least = desired;
  let most = desired;
  for (const { replicas, at } of history.recommendations) {
    if (at > upFrom) least = Math.min(least, replicas);
    if (at > downFrom) most = Math.max(most, replicas);
  }
  history.recommendations = history.recommendations.filter(({ at }) => at >= Math.min(upFrom, downFrom));
  history.recommendations.push({ replicas: desired, at: now });
  return Math.min(Math.max(current, least), most);
}

/** Never more than twice the present replicas, or four. */
function byClassicLimits(current: number, desired: number, { min, max }: Limits): Bound {
  const fastest = Math.max(2 * current, 4);
  const bound = max > fastest ? tooFast(fastest) : tooMany(max);
  if (desired < min) return tooFew(min);
  return desired > bound.replicas ? bound : inRange(desired);
}
function byRules(current: number, desired: number, { min, max }: Limits, { up, down }: NonNullable<Limits['behavior']>, history: History, now: number): Bound {
  if (desired > current) {
    const fastest = Math.max(current, fastestUp(current, up, history, now));
    const bound = max > fastest ? tooFast(fastest) : tooMany(max);
    if (desired > bound.replicas) return bound;
  } else if (desired < current) {
    const fastest = Math.min(current, fastestDown(current, down, history, now));
    const bound = min < fastest ? tooFastDown(fastest) : tooFew(min);
    if (desired < bound.replicas) return bound;
  }
  return inRange(desired);
}
function changed(changes: readonly Dated[], periodSeconds: number, now: number): number {
  return changes.reduce((sum, { replicas, at }) => (at > now - periodSeconds * 1000 ? sum + replicas : sum), 0);
}
/** The size at the beginning of a policy's period. */
function sizeBefore(current: number, { ups, downs }: History, periodSeconds: number, now: number): number {
  return current - changed(ups, periodSeconds, now) + changed(downs, periodSeconds, now);
}
function fastestUp(current: number, { selectPolicy, policies = [] }: V2HPAScalingRules, history: History, now: number): number {
  if (selectPolicy === 'Disabled') return current;
  const sizes = policies.map(({ type, value, periodSeconds }) => {
    const before = sizeBefore(current, history, periodSeconds, now);
    return type === 'Pods' ? before + value : Math.ceil(before * (1 + value / 100));
  });
  return selectPolicy === 'Min' ? Math.min(...sizes) : Math.max(...sizes);
}
/** The policy that changes most gives the smallest size. */
function fastestDown(current: number, { selectPolicy, policies = [] }: V2HPAScalingRules, history: History, now: number): number {
  if (selectPolicy === 'Disabled') return current;
  const sizes = policies.map(({ type, value, periodSeconds }) => {
    const before = sizeBefore(current, history, periodSeconds, now);
    return type === 'Pods' ? before - value : Math.trunc(before * (1 - value / 100));
  });
  return selectPolicy === 'Min' ? Math.max(...sizes) : Math.min(...sizes);
}

/** Notes a change that was made, for the policies. */
export function noteChange(history: History, before: number, after: number, limits: Limits, now: number): void {
  if (!limits.behavior) return;
  const { up, down } = limits.behavior;
  const longest = ({ policies = [] }: V2HPAScalingRules): number => policies.reduce((most, { periodSeconds }) => Math.max(most, periodSeconds), 0) * 1000;
  const fresh = (changes: Dated[], windowMs: number): Dated[] => changes.filter(({ at }) => at >= now - windowMs);
  // Each direction's policies look at changes of both.
  const keep = Math.max(longest(up), longest(down));
  history.ups = fresh(history.ups, keep);
  history.downs = fresh(history.downs, keep);
  (after > before ? history.ups : history.downs).push({ replicas: Math.abs(after - before), at: now });
}
