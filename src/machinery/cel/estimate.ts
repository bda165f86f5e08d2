import type { Expr, Fold } from './ast.ts';
import type { Checked } from './checker.ts';
import { foldCost, turnCost } from './fold.ts';
import { listCost, mapCost, structCost } from './planner.ts';
import type { CelType } from './types.ts';
import { sizeOf } from './cost-rules.ts';

/** The least and the greatest cost that an evaluation may have; Infinity where data has no bound. */
export interface Cost {
  readonly min: number;
  readonly max: number;
}
interface Estimate extends Cost {
  /** The greatest size of the value. */
  readonly size: number;
}

/** From the sizes that the declared types allow. */
export function estimateCost(checked: Checked): Cost {
  const { min, max } = new Estimator(checked).estimate(checked.expr);
  return { min, max };
}

/** Infinity × 0 is 0 here: nothing is done. */
const times = (count: number, cost: number): number => (count === 0 || cost === 0 ? 0 : count * cost);

/** The greatest size that a type allows; 1 for what has no size. */
export function maxSize(type: CelType): number {
  switch (type.kind) {
    case 'string':
    case 'bytes':
    case 'list':
    case 'map':
    case 'dyn':
      return type.max ?? Infinity;
    default:
      return 1;
  }
}

class Estimator {
  readonly #checked: Checked;
  /** Sizes of bound variables whose types say less than what they are bound to. */
  readonly #sizes = new Map<string, number[]>();
  constructor(checked: Checked) {
    this.#checked = checked;
  }

  estimate(expr: Expr): Estimate {
    switch (expr.kind) {
      case 'const':
        return { min: 0, max: 0, size: sizeOf(expr.value) };
      case 'ident':
        return { min: 1, max: 1, size: this.#sizes.get(expr.name)?.at(-1) ?? maxSize(this.#checked.typeOf(expr)) };
      case 'select': {
        const operand = this.estimate(expr.operand);
        return { min: operand.min + 1, max: operand.max + 1, size: expr.test ? 1 : maxSize(this.#checked.typeOf(expr)) };
      }
      case 'list':
        return this.#sum(expr.elements, listCost, expr.elements.length);
      case 'map':
        return this.#sum(
          expr.entries.flatMap((entry) => [entry.key, entry.value]),
          mapCost,
          expr.entries.length,
        );
      case 'struct':
        return this.#sum(
          expr.fields.map((field) => field.value),
          structCost,
          1,
        );
      case 'bind': {
        const init = this.estimate(expr.init);
        const body = this.#bound(expr.name, init.size, () => this.estimate(expr.body));
        return { min: init.min + body.min, max: init.max + body.max, size: body.size };
      }
      case 'optMap': {
        const target = this.estimate(expr.target);
        const body = this.estimate(expr.body);
        return { min: target.min + 1, max: target.max + 1 + body.max, size: body.size };
      }
      case 'fold':
        return this.#fold(expr);
      case 'call':
        return this.#call(expr);
    }
  }

  #bound<T>(name: string, size: number, run: () => T): T {
    const stack = this.#sizes.get(name) ?? [];
    this.#sizes.set(name, stack);
    stack.push(size);
    const out = run();
    stack.pop();
    return out;
  }

  #sum(parts: readonly Expr[], base: number, size: number): Estimate {
    let min = base;
    let max = base;
    for (const part of parts) {
      const cost = this.estimate(part);
      min += cost.min;
      max += cost.max;
    }
    return { min, max, size };
  }

  #fold(expr: Fold): Estimate {
    const range = this.estimate(expr.range);
    const parts = expr.filter ? [expr.filter, expr.body] : [expr.body];
    const turn = this.#sum(parts, turnCost[expr.macro], 1);
    const base = foldCost[expr.macro];
    const collects = expr.macro !== 'all' && expr.macro !== 'exists' && expr.macro !== 'existsOne';
    return { min: range.min + base, max: range.max + base + times(range.size, turn.max), size: collects ? range.size : 1 };
  }

  #call(expr: Expr & { kind: 'call' }): Estimate {
    const operands = expr.target === undefined || this.#checked.isGlobal(expr) ? expr.args : [expr.target, ...expr.args];
    const args = operands.map((arg) => this.estimate(arg));
    const min = args.reduce((sum, arg) => sum + arg.min, 0);
    const max = args.reduce((sum, arg) => sum + arg.max, 0);
    if (expr.fn === '_&&_' || expr.fn === '_||_') return { min: args[0]!.min, max, size: 1 };
    if (expr.fn === '_?_:_') {
      const [condition, yes, no] = args as [Estimate, Estimate, Estimate];
      return { min: condition.min + Math.min(yes.min, no.min), max: condition.max + Math.max(yes.max, no.max), size: Math.max(yes.size, no.size) };
    }
    const sizes = args.map((arg) => arg.size);
    const none = sizes.map(() => 0);
    let low = Infinity;
    let high = 0;
    let size = 0;
    for (const { cost } of this.#checked.overloads(expr)) {
      low = Math.min(low, cost?.cost(none) ?? 1);
      high = Math.max(high, cost?.cost(sizes) ?? 1);
      size = Math.max(size, cost?.size?.(sizes) ?? maxSize(this.#checked.typeOf(expr)));
    }
    return { min: min + (low === Infinity ? 1 : low), max: max + (Number.isNaN(high) ? Infinity : Math.max(high, 1)), size };
  }
}
