import { readsFirst } from '../cost-rules.ts';
import { CelError } from '../errors.ts';
import type { FunctionSpec } from '../functions.ts';
import { Opaque } from '../values.ts';

const strict =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?$/;

/** `v1.02` → `1.2.0`: without the prefix and leading zeros, with all three numbers. */
function normalized(text: string): string {
  const match = /^v?(\d+)(?:\.(\d+))?(?:\.(\d+))?([-+].*)?$/.exec(text);
  if (!match) return text;
  return `${[match[1], match[2] ?? '0', match[3] ?? '0'].map((part) => part?.replace(/^0+(?=\d)/, '')).join('.')}${match[4] ?? ''}`;
}

export class Semver extends Opaque {
  readonly type = 'kubernetes.Semver';
  readonly numbers: readonly [bigint, bigint, bigint];
  readonly before: readonly string[];
  constructor(numbers: readonly [bigint, bigint, bigint], before: readonly string[]) {
    super();
    this.numbers = numbers;
    this.before = before;
  }
  equals(other: this): boolean {
    return compare(this, other) === 0n;
  }
}
function parse(text: string): Semver | undefined {
  const match = strict.exec(text);
  if (!match) return undefined;
  return new Semver([BigInt(match[1]!), BigInt(match[2]!), BigInt(match[3]!)], match[4] ? match[4].split('.') : []);
}
/** The value of `semver(text)`. Throws CelError. */
export function semver(text: string, normalize = false): Semver {
  const found = parse(normalize ? normalized(text) : text);
  if (!found) throw new CelError(`semver parse error during conversion from string: ${JSON.stringify(text)} is not a version`);
  return found;
}

/** Precedence by semver.org: a pre-release comes before its release. */
function compare(a: Semver, b: Semver): bigint {
  for (const [i, number] of a.numbers.entries()) if (number !== b.numbers[i]) return number < b.numbers[i]! ? -1n : 1n;
  if (a.before.length === 0 || b.before.length === 0) return BigInt(Math.sign(b.before.length - a.before.length));
  for (const [i, part] of a.before.entries()) {
    const other = b.before[i];
    if (other === undefined) return 1n;
    if (part === other) continue;
    const [left, right] = [/^\d+$/.test(part), /^\d+$/.test(other)];
    if (left && right) return BigInt(part) < BigInt(other) ? -1n : 1n;
    if (left !== right) return left ? -1n : 1n;
    return part < other ? -1n : 1n;
  }
  return a.before.length < b.before.length ? -1n : 0n;
}

/** Kubernetes' semver library. */
export const semvers: readonly FunctionSpec[] = [
  ['semver(string) Semver', (text: string) => semver(text), readsFirst],
  ['semver(string, bool) Semver', (text: string, normalize: boolean) => semver(text, normalize), readsFirst],
  ['isSemver(string) bool', (text: string) => parse(text) !== undefined, readsFirst],
  ['isSemver(string, bool) bool', (text: string, normalize: boolean) => parse(normalize ? normalized(text) : text) !== undefined, readsFirst],
  ['Semver.major() int', ({ numbers }: Semver) => numbers[0]],
  ['Semver.minor() int', ({ numbers }: Semver) => numbers[1]],
  ['Semver.patch() int', ({ numbers }: Semver) => numbers[2]],
  ['Semver.isGreaterThan(Semver) bool', (a: Semver, b: Semver) => compare(a, b) > 0n],
  ['Semver.isLessThan(Semver) bool', (a: Semver, b: Semver) => compare(a, b) < 0n],
  ['Semver.compareTo(Semver) int', compare],
];
