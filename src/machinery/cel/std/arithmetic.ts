import { concatenates } from '../cost-rules.ts';
import { concatLists } from '../equality.ts';
import { CelError } from '../errors.ts';
import type { FunctionSpec } from '../functions.ts';
import { checkedInt, checkedUint } from '../numbers.ts';
import { addToTimestamp, nanosOf } from '../time.ts';
import { Duration, Timestamp, type List, type Uint } from '../values.ts';

function nonZero(value: bigint, what: string): bigint {
  if (value === 0n) throw new CelError(what);
  return value;
}
function time(value: Timestamp | undefined): Timestamp {
  if (value === undefined) throw new CelError('timestamp overflow');
  return value;
}
function span(nanos: bigint): Duration {
  if (BigInt.asIntN(64, nanos) !== nanos) throw new CelError('duration overflow');
  return new Duration(nanos);
}

/** + - * / % and the sign. */
export const arithmetic: readonly FunctionSpec[] = [
  ['_+_(int, int) int', (a: bigint, b: bigint) => checkedInt(a + b)],
  ['_+_(uint, uint) uint', (a: Uint, b: Uint) => checkedUint(a.value + b.value)],
  ['_+_(double, double) double', (a: number, b: number) => a + b],
  ['_+_(string, string) string', (a: string, b: string) => a + b, concatenates],
  ['_+_(bytes, bytes) bytes', (a: Uint8Array, b: Uint8Array) => new Uint8Array(Buffer.concat([a, b])), concatenates],
  ['_+_(list<A>, list<A>) list<A>', (a: List, b: List) => concatLists(a, b), concatenates],
  ['_+_(timestamp, duration) timestamp', (a: Timestamp, b: Duration) => time(addToTimestamp(a, b.nanos))],
  ['_+_(duration, timestamp) timestamp', (a: Duration, b: Timestamp) => time(addToTimestamp(b, a.nanos))],
  ['_+_(duration, duration) duration', (a: Duration, b: Duration) => span(a.nanos + b.nanos)],
  ['_-_(int, int) int', (a: bigint, b: bigint) => checkedInt(a - b)],
  ['_-_(uint, uint) uint', (a: Uint, b: Uint) => checkedUint(a.value - b.value)],
  ['_-_(double, double) double', (a: number, b: number) => a - b],
  ['_-_(timestamp, timestamp) duration', (a: Timestamp, b: Timestamp) => span(nanosOf(a) - nanosOf(b))],
  ['_-_(timestamp, duration) timestamp', (a: Timestamp, b: Duration) => time(addToTimestamp(a, -b.nanos))],
  ['_-_(duration, duration) duration', (a: Duration, b: Duration) => span(a.nanos - b.nanos)],
  ['_*_(int, int) int', (a: bigint, b: bigint) => checkedInt(a * b)],
  ['_*_(uint, uint) uint', (a: Uint, b: Uint) => checkedUint(a.value * b.value)],
  ['_*_(double, double) double', (a: number, b: number) => a * b],
  ['_/_(int, int) int', (a: bigint, b: bigint) => checkedInt(a / nonZero(b, 'division by zero'))],
  ['_/_(uint, uint) uint', (a: Uint, b: Uint) => checkedUint(a.value / nonZero(b.value, 'division by zero'))],
  ['_/_(double, double) double', (a: number, b: number) => a / b],
  ['_%_(int, int) int', (a: bigint, b: bigint) => a % nonZero(b, 'modulus by zero')],
  ['_%_(uint, uint) uint', (a: Uint, b: Uint) => checkedUint(a.value % nonZero(b.value, 'modulus by zero'))],
  ['-_(int) int', (a: bigint) => checkedInt(-a)],
  ['-_(double) double', (a: number) => -a],
];
