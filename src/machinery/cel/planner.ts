import type { Call, Expr, Select, Struct } from './ast.ts';
import { isTypeName, qualifiedName, type Checked } from './checker.ts';
import { dispatch } from './dispatch.ts';
import { CelCostError, CelError } from './errors.ts';
import { planFold } from './fold.ts';
import type { Frame } from './frame.ts';
import { maybe } from './std/relations.ts';
import { CelMap, LiteralMap, List, Optional, TypeValue, keyText, type Value } from './values.ts';

export type Eval = (frame: Frame) => Value;
export const listCost = 10;
export const mapCost = 30;
export const structCost = 40;

/** Makes an expression ready to run: one closure per node. */
export function planCel(checked: Checked): Eval {
  return new Planner(checked).plan(checked.expr);
}

/** What an absorbed failure leaves behind; being out of budget is never absorbed. */
export function caught(error: unknown): Error {
  if (error instanceof CelCostError || !(error instanceof Error)) throw error;
  return error;
}
export const noOverload = (): CelError => new CelError('no such overload');

export class Planner {
  readonly #checked: Checked;
  readonly #scope: string[] = [];
  constructor(checked: Checked) {
    this.#checked = checked;
  }

  plan(expr: Expr): Eval {
    switch (expr.kind) {
      case 'const': {
        const { value } = expr;
        return () => value;
      }
      case 'ident':
        return this.#ident(expr.name);
      case 'select':
        return this.#select(expr);
      case 'call':
        return this.#call(expr);
      case 'list':
        return this.#list(expr);
      case 'map':
        return this.#map(expr);
      case 'struct':
        return this.#struct(expr);
      case 'fold':
        return planFold(this, expr);
      case 'bind': {
        const init = this.plan(expr.init);
        return this.within([expr.name], ([slot]) => {
          const body = this.plan(expr.body);
          return (frame) => {
            frame.locals[slot!] = init(frame);
            return body(frame);
          };
        });
      }
      case 'optMap':
        return this.#optMap(expr);
    }
  }

  /** Plans something that sees further variables; `build` gets their slots. */
  within<T>(names: readonly string[], build: (slots: readonly number[]) => T): T {
    const first = this.#scope.length;
    this.#scope.push(...names);
    const out = build(names.map((_, i) => first + i));
    this.#scope.length = first;
    return out;
  }

  #ident(name: string): Eval {
    const bare = name.replace(/^\./, '');
    const slot = name === bare ? this.#scope.lastIndexOf(bare) : -1;
    if (slot >= 0)
      return (frame) => {
        frame.charge(1);
        return frame.locals[slot]!;
      };
    if (!this.#checked.variables.has(bare) && isTypeName(bare)) {
      const value = new TypeValue(bare);
      return () => value;
    }
    return (frame) => {
      frame.charge(1);
      return frame.variable(bare);
    };
  }

  #select(expr: Select): Eval {
    const qualified = qualifiedName(expr);
    if (qualified !== undefined && isTypeName(qualified)) {
      const value = new TypeValue(qualified);
      return () => value;
    }
    // A variable whose name has dots, such as authorizer.requestResource.
    if (qualified !== undefined && this.#checked.variables.has(qualified)) return (frame) => frame.variable(qualified);
    const operand = this.plan(expr.operand);
    const { field } = expr;
    if (expr.test)
      return (frame) => {
        const value = operand(frame);
        frame.charge(1);
        return hasField(value, field);
      };
    return (frame) => {
      const value = operand(frame);
      frame.charge(1);
      return fieldOf(value, field);
    };
  }

  #call(expr: Call): Eval {
    if (expr.target === undefined) {
      if (expr.fn === '_&&_') return logic(this.plan(expr.args[0]!), this.plan(expr.args[1]!), false);
      if (expr.fn === '_||_') return logic(this.plan(expr.args[0]!), this.plan(expr.args[1]!), true);
      if (expr.fn === '_?_:_') return conditional(expr.args.map((arg) => this.plan(arg)) as [Eval, Eval, Eval]);
      if (expr.fn === '_?._') return this.#optionalField(expr);
    }
    const operands = expr.target === undefined || this.#checked.isGlobal(expr) ? expr.args : [expr.target, ...expr.args];
    const args = operands.map((arg) => this.plan(arg));
    const run = dispatch(this.#checked.overloads(expr));
    return (frame) => {
      const values: Value[] = [];
      for (const arg of args) values.push(arg(frame));
      return run(values, frame);
    };
  }

  #optionalField(expr: Call): Eval {
    const operand = this.plan(expr.args[0]!);
    const name = expr.args[1];
    const field = name?.kind === 'const' ? name.value : '';
    return (frame) => {
      const value = operand(frame);
      frame.charge(1);
      if (value instanceof Optional) return value.value === undefined ? value : optionalField(value.value, field);
      return optionalField(value, field);
    };
  }

  #list(expr: Expr & { kind: 'list' }): Eval {
    const elements = expr.elements.map((element) => this.plan(element));
    const optional = new Set(expr.optional);
    return (frame) => {
      frame.charge(listCost);
      const items: Value[] = [];
      for (const [i, element] of elements.entries()) addUnlessNone(element(frame), optional.has(i), (value) => items.push(value));
      return new List(items);
    };
  }

  #map(expr: Expr & { kind: 'map' }): Eval {
    const entries = expr.entries.map((entry) => ({ key: this.plan(entry.key), value: this.plan(entry.value), optional: entry.optional }));
    return (frame) => {
      frame.charge(mapCost);
      const pairs: [Value, Value][] = [];
      for (const { key, value, optional } of entries) {
        const name = key(frame);
        addUnlessNone(value(frame), optional, (item) => pairs.push([name, item]));
      }
      return LiteralMap.of(pairs);
    };
  }

  #struct(expr: Struct): Eval {
    const fields = expr.fields.map((field) => ({ name: field.name, value: this.plan(field.value), optional: field.optional }));
    return (frame) => {
      frame.charge(structCost);
      const entries = new Map<string, readonly [Value, Value]>();
      for (const { name, value, optional } of fields) addUnlessNone(value(frame), optional, (item) => entries.set(keyText(name)!, [name, item]));
      return new LiteralMap(entries, expr.name);
    };
  }

  #optMap(expr: Expr & { kind: 'optMap' }): Eval {
    const target = this.plan(expr.target);
    return this.within([expr.name], ([slot]) => {
      const body = this.plan(expr.body);
      return (frame) => {
        const value = target(frame);
        if (!(value instanceof Optional)) throw noOverload();
        frame.charge(1);
        if (value.value === undefined) return value;
        frame.locals[slot!] = value.value;
        return expr.flat ? body(frame) : new Optional(body(frame));
      };
    });
  }
}

function addUnlessNone(value: Value, optional: boolean, add: (value: Value) => void): void {
  if (!optional) add(value);
  else if (!(value instanceof Optional)) throw noOverload();
  else if (value.value !== undefined) add(value.value);
}

function fieldOf(value: Value, field: string): Value {
  if (value instanceof CelMap) {
    const found = value.get(field);
    if (found === undefined) throw new CelError(`no such key: ${field}`);
    return found;
  }
  if (value instanceof Optional) return value.value === undefined ? value : optionalField(value.value, field);
  throw noOverload();
}
function optionalField(value: Value, field: Value): Optional {
  if (!(value instanceof CelMap)) throw noOverload();
  return maybe(value.get(field));
}
function hasField(value: Value, field: string): boolean {
  if (value instanceof CelMap) return value.has(field);
  if (value instanceof Optional) return value.value !== undefined && hasField(value.value, field);
  throw noOverload();
}

/** && (`decides` false) and || (`decides` true): the side that decides does so even when the other fails. */
function logic(left: Eval, right: Eval, decides: boolean): Eval {
  return (frame) => {
    let failure: Error | undefined;
    try {
      const value = left(frame);
      if (value === decides) return decides;
      if (typeof value !== 'boolean') failure = noOverload();
    } catch (error) {
      failure = caught(error);
    }
    const value = right(frame);
    if (value === decides) return decides;
    if (failure) throw failure;
    if (typeof value !== 'boolean') throw noOverload();
    return value;
  };
}

function conditional([condition, yes, no]: [Eval, Eval, Eval]): Eval {
  return (frame) => {
    const value = condition(frame);
    if (typeof value !== 'boolean') throw noOverload();
    return value ? yes(frame) : no(frame);
  };
}
