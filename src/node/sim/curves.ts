import { parseDuration, parseQuantity } from '#base';

/** How much of something is used over time; t in seconds since the container started. */
export interface Curve {
  at(t: number): number;
  /** The area below it from 0 to t: what a counter has counted. */
  total(t: number): number;
  /** When it is first above a value; Infinity when never. */
  above(limit: number): number;
}

export const constant = (value: number): Curve => ({ at: () => value, total: (t) => value * t, above: (limit) => (value > limit ? 0 : Infinity) });

/** From one value to another in `seconds`, and then that. */
export function ramp(from: number, to: number, seconds: number): Curve {
  if (seconds <= 0) return constant(to);
  const slope = (to - from) / seconds;
  return {
    at: (t) => (t >= seconds ? to : from + slope * t),
    total: (t) => (t <= seconds ? from * t + (slope * t * t) / 2 : ((from + to) / 2) * seconds + to * (t - seconds)),
    above: (limit) => (from > limit ? 0 : to > limit ? (limit - from) / slope : Infinity),
  };
}

/** Between a least and a greatest value, beginning at the least, once in `period` seconds. */
export function sine(least: number, greatest: number, period: number): Curve {
  if (period <= 0) return constant((least + greatest) / 2);
  const middle = (least + greatest) / 2;
  const swing = (greatest - least) / 2;
  const speed = (2 * Math.PI) / period;
  return {
    at: (t) => middle - swing * Math.cos(speed * t),
    total: (t) => middle * t - (swing * Math.sin(speed * t)) / speed,
    above: (limit) => (least > limit ? 0 : greatest > limit ? Math.acos((middle - limit) / swing) / speed : Infinity),
  };
}

/** One value after the other: `[from second, value]`, in order; before the first one, 0. */
export function steps(values: readonly (readonly [from: number, value: number])[]): Curve {
  const at = (t: number): number => values.findLast(([from]) => from <= t)?.[1] ?? 0;
  return {
    at,
    total: (t) => values.reduce((sum, [from, value], i) => sum + value * Math.max(0, Math.min(t, values[i + 1]?.[0] ?? Infinity) - from), 0),
    above: (limit) => values.find(([, value]) => value > limit)?.[0] ?? Infinity,
  };
}

/**
 * `200m`, `ramp(100m,2,5m)`, `sine(100m,900m,10m)` or `steps(0s=100m,2m=1,10m=50m)`.
 * Undefined when it is none of these.
 */
export function parseCurve(text: string): Curve | undefined {
  const call = /^\s*(\w+)\((.*)\)\s*$/.exec(text);
  if (!call) return one(parseQuantity(text.trim()), constant);
  const args = (call[2] ?? '').split(',').map((arg) => arg.trim());
  if (call[1] === 'steps') return parseSteps(args);
  const shape = call[1] === 'ramp' ? ramp : call[1] === 'sine' ? sine : undefined;
  const [from, to, time] = [parseQuantity(args[0] ?? ''), parseQuantity(args[1] ?? ''), parseDuration(args[2])];
  if (!shape || args.length !== 3 || from === undefined || to === undefined || time === undefined) return undefined;
  return shape(from, to, time / 1000);
}
function parseSteps(args: readonly string[]): Curve | undefined {
  const values: [number, number][] = [];
  for (const arg of args) {
    const [from = '', value = ''] = arg.split('=');
    const [time, quantity] = [parseDuration(from.trim()), parseQuantity(value.trim())];
    if (time === undefined || quantity === undefined) return undefined;
    values.push([time / 1000, quantity]);
  }
  return steps(values.sort(([a], [b]) => a - b));
}
const one = (value: number | undefined, shape: (value: number) => Curve): Curve | undefined => (value === undefined ? undefined : shape(value));
