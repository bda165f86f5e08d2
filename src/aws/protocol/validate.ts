import { AwsError } from '../gateway/errors.ts';
import type { Constraint, Constraints } from './constraints.ts';
import type { Finding } from './findings.ts';
import { compilePattern } from './pattern.ts';
import { printer, type Print } from './print.ts';
import type { Contract, Member, Operation, Structure } from './schema.ts';
import type { Value } from './types.ts';

/** Looks at a value and adds what it finds. */
type Check = (value: unknown, at: string, findings: Finding[]) => void;

/** What an input does not meet of its model; empty when it is as the model says. Throws AwsError for numbers that are none. */
export type InputCheck = (input: Value) => readonly Finding[];

/** Findings beyond this many are not looked for: no service tells them. */
const enough = 10;
const nothing: readonly Finding[] = [];
const notNull = 'Member must not be null';

/**
 * Compiles what contract and model demand of an operation's input: once, at its first call. Shapes that demand
 * nothing leave nothing to do. `malformed`: the code for fractions where whole numbers are wanted.
 */
export function compileInput(operation: Operation, contract: Contract, constraints: Constraints, malformed: string): InputCheck {
  const name = constraints.inputs[operation.name];
  const check = new Compiler(contract, constraints, malformed).member(operation.input, name, false);
  if (!check) return () => nothing;
  return (input) => {
    const findings: Finding[] = [];
    check(input, '', findings);
    return findings;
  };
}

const lowerFirst = (name: string): string => name.charAt(0).toLowerCase() + name.slice(1);
const below = (at: string, name: string): string => (at === '' ? lowerFirst(name) : `${at}.${lowerFirst(name)}`);

class Compiler {
  readonly #contract: Contract;
  readonly #constraints: Constraints;
  readonly #malformed: string;
  /** Structures that are compiled, or just being so: they may hold themselves. */
  readonly #structures = new Map<Structure, Map<string, { check: Check | undefined }>>();

  constructor(contract: Contract, constraints: Constraints, malformed: string) {
    this.#contract = contract;
    this.#constraints = constraints;
    this.#malformed = malformed;
  }

  /** The check of a member; undefined when there is nothing to check. */
  member(member: Member, name: string | undefined, secret: boolean): Check | undefined {
    const { shape, traits } = member;
    const constraint = this.#constraint(name);
    const hidden = secret || traits.sensitive === 1 || constraint.s === 1 || (shape.kind === 'structure' && shape.traits.sensitive === 1);
    if (shape.kind === 'structure') return this.#structure(shape, name, hidden);
    const print = hidden ? undefined : printer(member, name, this.#constraints);
    // A list that is an enumeration says it of what it holds.
    const allowed = shape.kind === 'scalar' ? this.#enumeration(member, constraint) : [];
    const own = scalarRules(constraint, shape.kind === 'scalar' && shape.type === 'number', allowed);
    const whole = constraint.i === undefined ? undefined : wholeNumber(this.#malformed, constraint.i, hidden);
    return sequence([whole, own.length > 0 ? asCheck(own, print) : undefined, ...this.#held(member, constraint, hidden, print)]);
  }

  /** Checks of what a list or a map holds. */
  #held(member: Member, constraint: Constraint, hidden: boolean, print: Print | undefined): (Check | undefined)[] {
    const { shape, traits } = member;
    if (shape.kind === 'list') {
      const item: Member = traits.enum === undefined ? shape.member : { ...shape.member, shape: shape.member.shape, traits: { enum: traits.enum } };
      if (item.shape.kind !== 'scalar') return [each(this.member(item, constraint.l, hidden), listEntries)];
      return [this.#items(item, constraint.l, 'Member', hidden, print, (value) => value as readonly unknown[])];
    }
    if (shape.kind !== 'map') return [];
    const keys = this.#items(shape.key, constraint.k, 'Map keys', hidden, print, (value) => Object.keys(value as object));
    if (shape.value.shape.kind !== 'scalar') return [keys, each(this.member(shape.value, constraint.v, hidden), mapEntries)];
    return [keys, this.#items(shape.value, constraint.v, 'Map value', hidden, print, (value) => Object.values(value as object) as readonly unknown[])];
  }

  /** Scalars in a list or a map are told of as a whole. */
  #items(item: Member, name: string | undefined, what: string, hidden: boolean, print: Print | undefined, of: (value: unknown) => readonly unknown[]): Check {
    const constraint = this.#constraint(name);
    const rules = scalarRules(constraint, item.shape.kind === 'scalar' && item.shape.type === 'number', this.#enumeration(item, constraint));
    const shown = constraint.s === 1 || hidden || item.traits.sensitive === 1 ? undefined : print;
    const texts = rules.toSorted((a, b) => places.indexOf(a.kind) - places.indexOf(b.kind)).map(({ text }) => text);
    const constraintText = `${what} must satisfy constraint: [${texts.length > 0 ? texts.join(', ') : notNull}]`;
    return (value, at, findings) => {
      if (of(value).every((one) => one !== undefined && rules.every((rule) => rule.holds(one)))) return;
      findings.push({ kind: 'items', at, value: shown?.(value), constraint: constraintText });
    };
  }

  #structure(shape: Structure, name: string | undefined, hidden: boolean): Check | undefined {
    const key = `${name ?? ''}${hidden ? '!' : ''}`;
    let known = this.#structures.get(shape);
    if (!known) this.#structures.set(shape, (known = new Map()));
    const before = known.get(key);
    // It holds itself: what it demands is known later.
    if (before) return (value, at, findings) => before.check?.(value, at, findings);
    const entry: { check: Check | undefined } = { check: undefined };
    known.set(key, entry);
    return (entry.check = this.#members(shape, this.#constraint(name), hidden));
  }

  #members(shape: Structure, constraint: Constraint, hidden: boolean): Check | undefined {
    const steps = shape.members.flatMap((member) => {
      const required = member.required || constraint.r?.includes(member.name) === true;
      const check = this.member(member, constraint.m?.[member.name], hidden);
      return required || check ? [{ name: member.name, required, check }] : [];
    });
    if (steps.length === 0) return undefined;
    return (value, at, findings) => {
      for (const { name, required, check } of steps) {
        if (findings.length >= enough) return;
        const given = (value as Value)[name];
        if (given !== undefined) check?.(given, below(at, name), findings);
        else if (required) findings.push({ kind: 'required', at: below(at, name), value: undefined, constraint: notNull });
      }
    };
  }

  /** The SDK is newer than the model: where it has a list of values, that list counts. */
  #enumeration({ traits }: Member, constraint: Constraint): readonly string[] {
    const newer = traits.enum === undefined ? [] : this.#contract.enumeration(traits.enum);
    return newer.length > 0 ? newer : (constraint.e ?? []);
  }
  #constraint(name: string | undefined): Constraint {
    return (name === undefined ? undefined : this.#constraints.shapes[name]) ?? {};
  }
}

/** One demand of a value that stands for itself. */
interface Rule {
  readonly kind: Finding['kind'];
  readonly text: string;
  holds(value: unknown): boolean;
}
/** In which order items tell of their demands. */
const places: readonly Finding['kind'][] = ['max', 'length', 'min', 'pattern', 'enum'];

function scalarRules({ n, x, p }: Constraint, isNumber: boolean, allowed: readonly string[]): Rule[] {
  const rules: Rule[] = [];
  const pattern = p === undefined ? undefined : compilePattern(p, x);
  if (pattern) {
    // What is too long is told so; nobody needs to compare it.
    const holds = (value: unknown): boolean => typeof value !== 'string' || (x !== undefined && lengthOf(value) > x) || pattern(value);
    rules.push({ kind: 'pattern', text: `Member must satisfy regular expression pattern: ${p}`, holds });
  }
  if (allowed.length > 0) {
    const set = new Set(allowed);
    rules.push({ kind: 'enum', text: `Member must satisfy enum value set: [${allowed.join(', ')}]`, holds: (value) => set.has(value as string) });
  }
  const what = isNumber ? 'value' : 'length';
  const size = isNumber ? (value: unknown): number => Number(value) : lengthOf;
  if (x !== undefined)
    rules.push({ kind: isNumber ? 'max' : 'length', text: `Member must have ${what} less than or equal to ${x}`, holds: (value) => size(value) <= x });
  if (n !== undefined)
    rules.push({ kind: isNumber ? 'min' : 'length', text: `Member must have ${what} greater than or equal to ${n}`, holds: (value) => size(value) >= n });
  return rules;
}

/** Characters of a text, bytes, items or entries. */
function lengthOf(value: unknown): number {
  if (typeof value === 'string') return /[\uD800-\uDBFF]/.test(value) ? [...value].length : value.length;
  if (value instanceof Uint8Array || Array.isArray(value)) return value.length;
  return typeof value === 'object' && value !== null ? Object.keys(value).length : 0;
}

const isStream = (value: unknown): boolean => typeof value === 'object' && value !== null && Symbol.asyncIterator in value;

const asCheck =
  (rules: readonly Rule[], print: Print | undefined): Check =>
  (value, at, findings) => {
    if (isStream(value)) return;
    for (const rule of rules) {
      if (!rule.holds(value)) findings.push({ kind: rule.kind, at, value: print?.(value), constraint: rule.text });
    }
  };

/** Checks what a list or a map holds, piece by piece: none of it may be null. */
function each(check: Check | undefined, entries: (value: unknown, at: string) => Iterable<[string, unknown]>): Check {
  return (value, at, findings) => {
    for (const [place, one] of entries(value, at)) {
      if (findings.length >= enough) return;
      if (one === undefined) findings.push({ kind: 'required', at: place, value: undefined, constraint: notNull });
      else check?.(one, place, findings);
    }
  };
}
function* listEntries(value: unknown, at: string): Generator<[string, unknown]> {
  for (const [i, one] of (value as readonly unknown[]).entries()) yield [`${at}.${i + 1}.member`, one];
}
function* mapEntries(value: unknown, at: string): Generator<[string, unknown]> {
  for (const [key, one] of Object.entries(value as object)) yield [`${at}.${key}.member`, one];
}
function sequence(checks: readonly (Check | undefined)[]): Check | undefined {
  const all = checks.filter((one) => one !== undefined);
  if (all.length <= 1) return all[0];
  return (value, at, findings) => {
    for (const check of all) check(value, at, findings);
  };
}

/** Fractions and numbers that do not fit are no values of the type: the request cannot be read. */
function wholeNumber(code: string, bits: 32 | 64, hidden: boolean): Check {
  const most = bits === 32 ? 2 ** 31 : 2 ** 63;
  return (value, at) => {
    if (typeof value !== 'number' || (Number.isInteger(value) && value >= -most && value < most)) return;
    throw new AwsError(code, `${hidden ? 'A value' : value} can not be converted to ${bits === 32 ? 'an Integer' : 'a Long'} at '${at}'`);
  };
}
