import type { Fold } from './ast.ts';
import { CelError } from './errors.ts';
import type { Frame } from './frame.ts';
import { caught, listCost, mapCost, noOverload, type Eval, type Planner } from './planner.ts';
import { CelMap, LiteralMap, List, type Value } from './values.ts';

/** What one turn costs beside its body, as the spelled-out comprehension would. */
export const turnCost: { readonly [macro in Fold['macro']]: number } = {
  all: 3,
  exists: 4,
  existsOne: 2,
  map: 12,
  filter: 13,
  transformMap: 3,
  transformMapEntry: 3,
};
/** Making the empty result, and reading it at the end. */
export const foldCost: { readonly [macro in Fold['macro']]: number } = {
  all: 1,
  exists: 1,
  existsOne: 2,
  map: listCost + 1,
  filter: listCost + 1,
  transformMap: mapCost + 1,
  transformMapEntry: mapCost + 1,
};

/** Sees one element: true stops the visit. */
type Visit = (frame: Frame, first: Value) => boolean;

export function planFold(planner: Planner, expr: Fold): Eval {
  const range = planner.plan(expr.range);
  const [name, second] = expr.vars;
  return planner.within(second === undefined ? [name] : [name, second], ([slot, other]) => {
    const filter = expr.filter && planner.plan(expr.filter);
    const body = planner.plan(expr.body);
    const each = (frame: Frame, visit: Visit): void => {
      const over = range(frame);
      frame.charge(foldCost[expr.macro]);
      visitAll(over, other !== undefined, (first, value) => {
        frame.charge(turnCost[expr.macro]);
        frame.locals[slot!] = first;
        if (other !== undefined) frame.locals[other] = value;
        return filter !== undefined && !truth(filter(frame)) ? false : visit(frame, first);
      });
    };
    return collectors[expr.macro](each, body);
  });
}

function visitAll(over: Value, pairs: boolean, visit: (first: Value, second: Value) => boolean): void {
  if (over instanceof List) {
    for (const [i, item] of over.items.entries()) if (visit(pairs ? BigInt(i) : item, item)) return;
  } else if (over instanceof CelMap) {
    for (const key of over.keys()) if (visit(key, pairs ? (over.get(key) ?? null) : null)) return;
  } else throw noOverload();
}
function truth(value: Value): boolean {
  if (typeof value !== 'boolean') throw noOverload();
  return value;
}

type Each = (frame: Frame, visit: Visit) => void;
const collectors: { readonly [macro in Fold['macro']]: (each: Each, body: Eval) => Eval } = {
  all: quantifier(false),
  exists: quantifier(true),
  existsOne: (each, body) => (frame) => {
    let count = 0;
    each(frame, () => {
      if (truth(body(frame))) count++;
      return false;
    });
    return count === 1;
  },
  map: (each, body) => (frame) => {
    const items: Value[] = [];
    each(frame, () => items.push(body(frame)) < 0);
    return new List(items);
  },
  filter: (each, body) => (frame) => {
    const items: Value[] = [];
    each(frame, (_, first) => truth(body(frame)) && items.push(first) < 0);
    return new List(items);
  },
  transformMap: (each, body) => (frame) => {
    const pairs: [Value, Value][] = [];
    each(frame, (_, first) => pairs.push([first, body(frame)]) < 0);
    return LiteralMap.of(pairs);
  },
  transformMapEntry: (each, body) => (frame) => {
    const pairs: [Value, Value][] = [];
    each(frame, () => {
      const entry = body(frame);
      if (!(entry instanceof CelMap)) throw noOverload();
      for (const key of entry.keys()) pairs.push([key, entry.get(key) ?? null]);
      return false;
    });
    return insertOnce(pairs);
  },
};

function insertOnce(pairs: readonly [Value, Value][]): Value {
  try {
    return LiteralMap.of(pairs);
  } catch (error) {
    if (error instanceof CelError)
      throw new CelError(error.message.replace('Failed with repeated key:', 'insert failed: key already exists:'), { cause: error });
    throw error;
  }
}

/** all and exists: an element that decides does so even when others fail. */
function quantifier(decides: boolean): (each: Each, body: Eval) => Eval {
  return (each, body) => (frame) => {
    let failure: Error | undefined;
    let decided = false;
    each(frame, () => {
      try {
        decided = truth(body(frame)) === decides;
      } catch (error) {
        failure ??= caught(error);
      }
      return decided;
    });
    if (decided) return decides;
    if (failure) throw failure;
    return !decides;
  };
}
