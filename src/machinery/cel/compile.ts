import type { Json } from '../object.ts';
import { checkCel, type StructTypes } from './checker.ts';
import { CelCompileError } from './errors.ts';
import { estimateCost, type Cost } from './estimate.ts';
import { Frame, type Budget } from './frame.ts';
import { functionTable, type FunctionTable } from './functions.ts';
import { fromJson } from './json.ts';
import { library } from './library/index.ts';
import { parseCel } from './parser.ts';
import { planCel } from './planner.ts';
import { standard } from './std/index.ts';
import { dyn, formatType, type CelType } from './types.ts';
import { CelMap, Duration, List, Opaque, Optional, Timestamp, TypeValue, Uint, type Value } from './values.ts';

export interface CelOptions {
  /** The variables that the expression may read. */
  variables: { readonly [name: string]: CelType };
  /** Kinds of result that are allowed; anything by default. What is only known at run time passes. */
  returns?: readonly CelType['kind'][];
  /** Types that `Name{…}` makes. */
  structs?: StructTypes;
  /** Literals may mix types; Kubernetes does not let them. */
  heterogeneous?: boolean;
  /** Greatest cost of one evaluation. Default: 1,000,000. */
  costLimit?: number;
}

export interface CelResult {
  readonly value: Value;
  readonly cost: number;
}

/** An expression that has been parsed, type-checked and planned. */
export interface CelProgram {
  readonly source: string;
  readonly type: CelType;
  /** Variables that it reads. */
  readonly variables: ReadonlySet<string>;
  readonly estimatedCost: Cost;
  /**
   * Runs it. Variables are values, or JSON that is read by the declared type, or functions that give either when
   * the variable is first read. Throws CelError when it fails and CelCostError when it costs too much; what it cost
   * is taken off `budget` in every case.
   */
  evaluate(variables: { readonly [name: string]: Value | Json | (() => Value | Json) }, budget?: Budget): CelResult;
}

/** KubeCEL's limits. */
export const perCallLimit = 1_000_000;
export const perObjectBudget = 10_000_000;

let functions: FunctionTable | undefined;
/** Made at the first expression: a start does not pay for it. */
const allFunctions = (): FunctionTable => (functions ??= functionTable(standard, library));

/** Throws CelCompileError with cel-go's listing of what is wrong. */
export function compileCel(source: string, options: CelOptions): CelProgram {
  const checked = checkCel(source, parseCel(source), {
    variable: (name) => (Object.hasOwn(options.variables, name) ? options.variables[name] : undefined),
    functions: allFunctions(),
    structs: options.structs,
    homogeneous: options.heterogeneous !== true,
  });
  const { kind } = checked.type;
  if (options.returns && kind !== 'dyn' && kind !== 'error' && !options.returns.includes(kind)) throw new WrongResultType(checked.type, options.returns);
  const run = planCel(checked);
  let estimate: Cost | undefined;
  return {
    source,
    type: checked.type,
    variables: checked.variables,
    get estimatedCost() {
      return (estimate ??= estimateCost(checked));
    },
    evaluate(variables, budget) {
      const read = (name: string): Value | undefined => {
        if (!Object.hasOwn(variables, name)) return undefined;
        const given = variables[name];
        const value = typeof given === 'function' ? given() : given;
        return value === undefined || isValue(value) ? value : fromJson(value, options.variables[name] ?? dyn);
      };
      const frame = new Frame(read, Math.min(options.costLimit ?? perCallLimit, budget?.remaining ?? Infinity));
      try {
        return { value: run(frame), cost: frame.cost };
      } finally {
        if (budget) budget.remaining -= frame.cost;
      }
    },
  };
}

/** The expression's result is of a type that is not asked for. */
export class WrongResultType extends CelCompileError {
  readonly found: CelType;
  constructor(found: CelType, wanted: readonly CelType['kind'][]) {
    super('', []);
    this.message = wanted.length === 1 ? `must evaluate to ${wanted[0]}` : `must evaluate to one of [${wanted.join(' ')}], found ${formatType(found)}`;
    this.found = found;
  }
}

/** Values of classes of ours; what JSON has too is read by the declared type. */
const isValue = (value: Value | Json): value is Value =>
  typeof value === 'bigint' ||
  value instanceof List ||
  value instanceof CelMap ||
  value instanceof Opaque ||
  value instanceof Optional ||
  value instanceof Uint ||
  value instanceof Timestamp ||
  value instanceof Duration ||
  value instanceof TypeValue ||
  value instanceof Uint8Array;
