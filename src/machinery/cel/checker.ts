import type { Call, Expr, Fold } from './ast.ts';
import { CelCompileError, type Issue } from './errors.ts';
import type { FunctionTable, Overload } from './functions.ts';
import { bool, dyn, errorType, formatType, int, isOptional, listOf, mapOf, optionalOf, type CelType, type ObjectType } from './types.ts';
import { parseDuration, parseTimestamp } from './time.ts';
import { Substitution } from './unify.ts';
import { compileRegex } from '../regex.ts';

/** Types that an expression may make with `Name{…}`. */
export interface StructTypes {
  /** Undefined when there is no such type. */
  find(name: string): ObjectType | undefined;
}

export interface CheckEnvironment {
  variable(name: string): CelType | undefined;
  readonly functions: FunctionTable;
  readonly structs: StructTypes | undefined;
  /** Literal lists and maps must not mix types, as in Kubernetes. */
  readonly homogeneous: boolean;
}

/** What the planner needs to know of each node. */
export interface Checked {
  readonly expr: Expr;
  readonly type: CelType;
  typeOf(expr: Expr): CelType;
  /** Overloads that may be meant; more than one when types are only known at run time. */
  overloads(call: Call): readonly Overload[];
  /** The call is of a function with a qualified name: its target is no value. */
  isGlobal(call: Call): boolean;
  /** Variables that the expression reads, without those of its own macros. */
  readonly variables: ReadonlySet<string>;
}

const typeNames = new Set(['bool', 'int', 'uint', 'double', 'string', 'bytes', 'list', 'map', 'null_type', 'type', 'optional_type']);
export const isTypeName = (name: string): boolean => typeNames.has(name) || name === 'google.protobuf.Timestamp' || name === 'google.protobuf.Duration';

/** Throws CelCompileError with all findings. */
export function checkCel(source: string, expr: Expr, environment: CheckEnvironment): Checked {
  return new Checker(source, environment).check(expr);
}

/** `a.b` of identifiers and selections; undefined for anything else. */
export function qualifiedName(expr: Expr): string | undefined {
  if (expr.kind === 'ident') return expr.name;
  if (expr.kind !== 'select' || expr.test) return undefined;
  const operand = qualifiedName(expr.operand);
  return operand === undefined ? undefined : `${operand}.${expr.field}`;
}

/** Literals that can never be read are found before anything runs. */
function literalProblem(fn: string, text: string): boolean {
  if (fn === 'duration') return parseDuration(text) === undefined;
  if (fn === 'timestamp') return parseTimestamp(text) === undefined;
  if (fn !== 'matches') return false;
  try {
    compileRegex(text);
    return false;
  } catch {
    return true;
  }
}

class Checker {
  readonly #source: string;
  readonly #environment: CheckEnvironment;
  readonly #issues: Issue[] = [];
  readonly #types = new Map<Expr, CelType>();
  readonly #calls = new Map<Call, Overload[]>();
  readonly #globals = new Set<Call>();
  readonly #variables = new Set<string>();
  readonly #scopes: { name: string; type: CelType }[] = [];
  readonly #substitution = new Substitution();

  constructor(source: string, environment: CheckEnvironment) {
    this.#source = source;
    this.#environment = environment;
  }

  check(expr: Expr): Checked {
    const type = this.#check(expr);
    if (this.#issues.length > 0)
      throw new CelCompileError(
        this.#source,
        this.#issues.toSorted((a, b) => a.at - b.at),
      );
    return {
      expr,
      type: this.#substitution.final(type),
      typeOf: (node) => this.#substitution.final(this.#types.get(node) ?? dyn),
      overloads: (call) => this.#calls.get(call) ?? [],
      isGlobal: (call) => this.#globals.has(call),
      variables: this.#variables,
    };
  }

  #report(at: number, message: string): CelType {
    this.#issues.push({ at, message });
    return errorType;
  }

  #check(expr: Expr): CelType {
    const type = this.#typeOf(expr);
    this.#types.set(expr, type);
    return type;
  }

  #typeOf(expr: Expr): CelType {
    switch (expr.kind) {
      case 'const':
        return expr.type;
      case 'ident':
        return this.#ident(expr.name, expr.at);
      case 'select':
        return this.#select(expr);
      case 'call':
        return this.#call(expr);
      case 'list':
        return listOf(this.#elements(expr.elements.map((element, i) => ({ element, optional: expr.optional.includes(i) }))));
      case 'map':
        return mapOf(
          this.#elements(expr.entries.map((entry) => ({ element: entry.key, optional: false }))),
          this.#elements(expr.entries.map((entry) => ({ element: entry.value, optional: entry.optional }))),
        );
      case 'struct':
        return this.#struct(expr);
      case 'fold':
        return this.#fold(expr);
      case 'bind': {
        const init = this.#check(expr.init);
        return this.#scoped([{ name: expr.name, type: init }], () => this.#check(expr.body));
      }
      case 'optMap': {
        const target = this.#substitution.resolve(this.#check(expr.target));
        const inner = isOptional(target) ? target.params[0]! : dyn;
        if (!isOptional(target) && target.kind !== 'dyn' && target.kind !== 'error')
          return this.#report(expr.at, `found no matching overload for 'optMap' applied to '${this.#format(target)}.(…)'`);
        const body = this.#scoped([{ name: expr.name, type: inner }], () => this.#check(expr.body));
        return expr.flat ? body : optionalOf(body);
      }
    }
  }

  #format(type: CelType): string {
    return formatType(this.#substitution.final(type));
  }

  #scoped(variables: readonly { name: string; type: CelType }[], run: () => CelType): CelType {
    this.#scopes.push(...variables);
    const out = run();
    this.#scopes.length -= variables.length;
    return out;
  }

  #ident(name: string, at: number): CelType {
    const bare = name.replace(/^\./, '');
    const local = name === bare ? this.#scopes.findLast((scope) => scope.name === bare) : undefined;
    if (local) return local.type;
    const type = this.#environment.variable(bare);
    if (type !== undefined) {
      this.#variables.add(bare);
      return type;
    }
    if (isTypeName(bare)) return { kind: 'type', of: undefined };
    return this.#report(at, `undeclared reference to '${bare}' (in container '')`);
  }

  #select(expr: Expr & { kind: 'select' }): CelType {
    const qualified = qualifiedName(expr);
    if (qualified !== undefined && isTypeName(qualified)) return { kind: 'type', of: undefined };
    const whole =
      qualified === undefined || this.#scopes.some((scope) => qualified.startsWith(`${scope.name}.`)) ? undefined : this.#environment.variable(qualified);
    if (whole !== undefined) {
      this.#variables.add(qualified!);
      return whole;
    }
    const operand = this.#substitution.resolve(this.#check(expr.operand));
    const field = this.#field(operand, expr.field, expr.at);
    return expr.test ? bool : field;
  }

  /** The type of a field of a value; an optional value has optional fields. */
  #field(operand: CelType, field: string, at: number): CelType {
    if (isOptional(operand)) {
      const inner = this.#field(this.#substitution.resolve(operand.params[0]!), field, at);
      return isOptional(inner) ? inner : optionalOf(inner);
    }
    switch (operand.kind) {
      case 'dyn':
      case 'error':
      case 'param':
        return dyn;
      case 'map':
        return operand.value;
      case 'object':
        return operand.field(field)?.type ?? this.#report(at, `undefined field '${field}'`);
      default:
        return this.#report(at, `type '${this.#format(operand)}' does not support field selection`);
    }
  }

  #call(expr: Call): CelType {
    const { functions } = this.#environment;
    const owner = expr.target === undefined ? undefined : qualifiedName(expr.target);
    let fn = expr.fn.replace(/^\./, '');
    const global = owner !== undefined && functions.has(`${owner.replace(/^\./, '')}.${fn}`) && !this.#isLocal(owner);
    if (global) {
      fn = `${owner.replace(/^\./, '')}.${fn}`;
      this.#globals.add(expr);
    }
    const target = expr.target !== undefined && !global ? this.#check(expr.target) : undefined;
    const args = expr.args.map((arg) => this.#check(arg));
    if (fn === '_?._') return this.#optionalField(expr, args[0]!);
    const known = functions.get(fn);
    if (known === undefined) return this.#report(expr.at, `undeclared reference to '${fn}' (in container '')`);
    return this.#resolve(expr, fn, known, target, args);
  }
  #isLocal(qualified: string): boolean {
    const first = qualified.split('.')[0];
    return this.#scopes.some((scope) => scope.name === first) || this.#environment.variable(first ?? '') !== undefined;
  }

  #optionalField(expr: Call, operand: CelType): CelType {
    const field = expr.args[1];
    const name = field?.kind === 'const' && typeof field.value === 'string' ? field.value : '';
    const type = this.#field(this.#substitution.resolve(operand), name, expr.at);
    return isOptional(this.#substitution.resolve(operand)) ? type : optionalOf(type);
  }

  #resolve(expr: Call, fn: string, known: readonly Overload[], target: CelType | undefined, args: readonly CelType[]): CelType {
    const all = target === undefined ? args : [target, ...args];
    const fitting: Overload[] = [];
    let result: CelType | undefined;
    for (const overload of known) {
      if (overload.member !== (target !== undefined) || overload.args.length !== all.length) continue;
      const found = this.#substitution.apply(overload.args, all, overload.result);
      if (found === undefined) continue;
      fitting.push(overload);
      result = result === undefined || this.#format(result) === this.#format(found) ? found : dyn;
    }
    this.#calls.set(expr, fitting);
    if (result !== undefined) {
      const last = expr.args.at(-1);
      if (last?.kind === 'const' && typeof last.value === 'string' && literalProblem(fn, last.value)) this.#report(last.at, `invalid ${fn} argument`);
      return result;
    }
    const shown = `(${args.map((arg) => this.#format(arg)).join(', ')})`;
    return this.#report(expr.at, `found no matching overload for '${fn}' applied to '${target === undefined ? shown : `${this.#format(target)}.${shown}`}'`);
  }

  /** The type that elements share. */
  #elements(elements: readonly { element: Expr; optional: boolean }[]): CelType {
    let joined: CelType | undefined;
    for (const { element, optional } of elements) {
      let type = this.#check(element);
      if (optional) type = this.#unwrapped(type, element.at);
      if (joined === undefined) joined = type;
      else if (!this.#substitution.assignable(joined, type)) {
        if (this.#environment.homogeneous) this.#report(element.at, `expected type '${this.#format(joined)}' but found '${this.#format(type)}'`);
        joined = dyn;
      } else joined = this.#substitution.moreGeneral(joined, type);
    }
    return joined ?? this.#substitution.fresh();
  }
  #unwrapped(type: CelType, at: number): CelType {
    const resolved = this.#substitution.resolve(type);
    if (isOptional(resolved)) return resolved.params[0]!;
    if (resolved.kind === 'dyn' || resolved.kind === 'error') return dyn;
    return this.#report(at, `expected type 'optional_type(${this.#format(resolved)})' but found '${this.#format(resolved)}'`);
  }

  #struct(expr: Expr & { kind: 'struct' }): CelType {
    const type = this.#environment.structs?.find(expr.name);
    if (type === undefined) this.#report(expr.at, `undeclared reference to '${expr.name}' (in container '')`);
    for (const field of expr.fields) {
      let value = this.#check(field.value);
      if (type === undefined) continue;
      if (field.optional) value = this.#unwrapped(value, field.value.at);
      const expected = type.field(field.name)?.type;
      if (expected === undefined) this.#report(field.at, `undefined field '${field.name}'`);
      else if (!this.#substitution.assignable(expected, value))
        this.#report(field.at, `expected type of field '${field.name}' is '${formatType(expected)}' but provided type is '${this.#format(value)}'`);
    }
    return type ?? errorType;
  }

  #fold(expr: Fold): CelType {
    const range = this.#substitution.resolve(this.#check(expr.range));
    const types = this.#rangeTypes(range, expr);
    const names = expr.vars.length === 2 ? expr.vars : [expr.vars[0]];
    const scope = names.map((name, i) => ({ name, type: types[i]! }));
    return this.#scoped(scope, () => {
      if (expr.filter) this.#condition(expr, this.#check(expr.filter));
      const body = this.#check(expr.body);
      switch (expr.macro) {
        case 'map':
          return listOf(body);
        case 'filter':
          this.#condition(expr, body);
          return listOf(types[0]!);
        case 'transformMap':
          return mapOf(range.kind === 'map' ? range.key : range.kind === 'list' ? int : dyn, body);
        case 'transformMapEntry':
          return this.#entryType(expr, body);
        default:
          this.#condition(expr, body);
          return bool;
      }
    });
  }
  #entryType(expr: Fold, body: CelType): CelType {
    const resolved = this.#substitution.resolve(body);
    if (resolved.kind === 'map' || resolved.kind === 'dyn' || resolved.kind === 'error') return resolved;
    return this.#report(expr.at, `found no matching overload for 'cel.@mapInsert' applied to '(map(dyn, dyn), ${this.#format(resolved)})'`);
  }

  #rangeTypes(range: CelType, expr: Fold): CelType[] {
    const two = expr.vars.length === 2;
    switch (range.kind) {
      case 'list':
        return two ? [int, range.element] : [range.element];
      case 'map':
        return two ? [range.key, range.value] : [range.key];
      case 'dyn':
      case 'error':
      case 'param':
        return [dyn, dyn];
      default:
        this.#report(expr.range.at, `expression of type '${this.#format(range)}' cannot be range of a comprehension (must be list, map, or dynamic)`);
        return [errorType, errorType];
    }
  }
  #condition(expr: Fold, type: CelType): void {
    if (this.#substitution.assignable(bool, type)) return;
    const shown = this.#format(type);
    const operator =
      expr.macro === 'all'
        ? `'_&&_' applied to '(bool, ${shown})'`
        : expr.macro === 'exists'
          ? `'_||_' applied to '(bool, ${shown})'`
          : `'_?_:_' applied to '(${shown}, ${this.#format(dyn)}, ${this.#format(dyn)})'`;
    this.#report(expr.at, `found no matching overload for ${operator}`);
  }
}
