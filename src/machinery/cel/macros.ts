import type { Expr, FoldMacro } from './ast.ts';

/** Where a macro reports what is wrong with its arguments. */
interface Reporter {
  fail(at: number, message: string): never;
}
type Expand = (reporter: Reporter, target: Expr, args: readonly Expr[], at: number) => Expr;

function variable(reporter: Reporter, arg: Expr | undefined, what = 'argument is not an identifier'): string {
  if (arg?.kind !== 'ident' || arg.name.startsWith('.')) return reporter.fail(arg?.at ?? 0, what);
  if (arg.name === '__result__' || arg.name === '@result') reporter.fail(arg.at, 'iteration variable overwrites accumulator variable');
  return arg.name;
}

/** One variable: the element of a list, the key of a map. */
const fold =
  (macro: FoldMacro, filtered = false): Expand =>
  (reporter, range, args, at) => ({
    kind: 'fold',
    at,
    macro,
    range,
    vars: [variable(reporter, args[0])],
    filter: filtered ? args[1] : undefined,
    body: args[filtered ? 2 : 1]!,
  });

/** Two variables: index and element, or key and value. */
const fold2 =
  (macro: FoldMacro, filtered = false): Expand =>
  (reporter, range, args, at) => {
    const simple = 'argument must be a simple name';
    const vars = [variable(reporter, args[0], simple), variable(reporter, args[1], simple)] as const;
    if (vars[0] === vars[1]) reporter.fail(args[1]!.at, `duplicate variable name: ${vars[1]}`);
    return { kind: 'fold', at, macro, range, vars, filter: filtered ? args[2] : undefined, body: args[filtered ? 3 : 2]! };
  };

const optMap =
  (flat: boolean): Expand =>
  (reporter, target, args, at) => ({ kind: 'optMap', at, flat, target, name: variable(reporter, args[0]), body: args[1]! });

const bind: Expand = (reporter, _target, args, at) => ({ kind: 'bind', at, name: variable(reporter, args[0]), init: args[1]!, body: args[2]! });

/** By name and number of arguments. */
const methods: { readonly [signature: string]: Expand | undefined } = {
  'all/2': fold('all'),
  'exists/2': fold('exists'),
  'exists_one/2': fold('existsOne'),
  'existsOne/2': fold('existsOne'),
  'map/2': fold('map'),
  'map/3': fold('map', true),
  'filter/2': fold('filter'),
  'all/3': fold2('all'),
  'exists/3': fold2('exists'),
  'existsOne/3': fold2('existsOne'),
  'exists_one/3': fold2('existsOne'),
  'transformList/3': fold2('map'),
  'transformList/4': fold2('map', true),
  'transformMap/3': fold2('transformMap'),
  'transformMap/4': fold2('transformMap', true),
  'transformMapEntry/3': fold2('transformMapEntry'),
  'transformMapEntry/4': fold2('transformMapEntry', true),
  'optMap/2': optMap(false),
  'optFlatMap/2': optMap(true),
};

/** The node that a macro stands for; undefined when the call is none. */
export function expandMacro(reporter: Reporter, name: string, target: Expr | undefined, args: readonly Expr[], at: number): Expr | undefined {
  if (target === undefined) {
    if (name !== 'has' || args.length !== 1) return undefined;
    const [arg] = args;
    if (arg?.kind !== 'select' || arg.test) return reporter.fail(arg?.at ?? at, 'invalid argument to has() macro');
    return { ...arg, test: true, at };
  }
  const signature = `${name}/${args.length}`;
  if (signature === 'bind/3' && target.kind === 'ident' && target.name === 'cel') return bind(reporter, target, args, at);
  return Object.hasOwn(methods, signature) ? methods[signature]?.(reporter, target, args, at) : undefined;
}
