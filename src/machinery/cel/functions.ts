import {
  bool,
  bytes,
  double,
  duration,
  dyn,
  int,
  listOf,
  mapOf,
  nullType,
  opaque,
  optionalOf,
  string,
  timestamp,
  typeOf,
  uint,
  type CelType,
} from './types.ts';
import type { Value } from './values.ts';

/** What an overload does; it gets exactly as many arguments as its signature has, the target first. */
export type Implementation = { bivariant(...args: Value[]): Value }['bivariant'];

/** Cost of a call and size of its result, from the sizes of its arguments: real ones when it runs, the greatest possible ones in an estimate. */
export interface CostRule {
  cost(sizes: readonly number[]): number;
  size?(sizes: readonly number[]): number;
}

export interface Overload {
  readonly name: string;
  readonly member: boolean;
  readonly args: readonly CelType[];
  readonly result: CelType;
  readonly call: Implementation;
  readonly cost: CostRule | undefined;
}

/** `string.startsWith(string) bool`: target, name, arguments, result. Single capital letters are type parameters. */
export type FunctionSpec = readonly [signature: string, call: Implementation, cost?: CostRule];

export type FunctionTable = ReadonlyMap<string, readonly Overload[]>;

const named: { readonly [name: string]: CelType | undefined } = {
  bool,
  bytes,
  double,
  duration,
  dyn,
  int,
  null: nullType,
  string,
  timestamp,
  type: typeOf(),
  uint,
  URL: opaque('kubernetes.URL'),
  Quantity: opaque('kubernetes.Quantity'),
  Semver: opaque('kubernetes.Semver'),
  Format: opaque('kubernetes.NamedFormat'),
  IP: opaque('net.IP'),
  CIDR: opaque('net.CIDR'),
  Authorizer: opaque('kubernetes.authorization.Authorizer'),
  PathCheck: opaque('kubernetes.authorization.PathCheck'),
  GroupCheck: opaque('kubernetes.authorization.GroupCheck'),
  ResourceCheck: opaque('kubernetes.authorization.ResourceCheck'),
  Decision: opaque('kubernetes.authorization.Decision'),
};

function parseType(text: string): CelType {
  const name = text.trim();
  if (/^[A-Z]$/.test(name)) return { kind: 'param', id: name };
  const generic = /^(list|map|optional|type)<(.*)>$/.exec(name);
  if (!generic) {
    const found = named[name];
    if (found === undefined) throw new TypeError(`unknown type ${name}`);
    return found;
  }
  const [first, second] = splitTypes(generic[2]!).map(parseType);
  if (generic[1] === 'list') return listOf(first!);
  if (generic[1] === 'optional') return optionalOf(first!);
  return generic[1] === 'type' ? typeOf(first) : mapOf(first!, second!);
}

/** Splits at the commas that no angle bracket encloses. */
function splitTypes(text: string): string[] {
  const out: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '<') depth++;
    else if (text[i] === '>') depth--;
    else if (text[i] === ',' && depth === 0) {
      out.push(text.slice(start, i));
      start = i + 1;
    }
  }
  if (text.slice(start).trim() !== '') out.push(text.slice(start));
  return out;
}

function parseSignature([signature, call, cost]: FunctionSpec): Overload {
  const match = /^(?:(.+)::)?(?:([^()]*?[a-zA-Z>])\.)?([^().]+|[a-z]+\.[a-zA-Z]+)\((.*)\) (.+)$/.exec(signature);
  if (!match) throw new TypeError(`malformed signature ${signature}`);
  const [, namespace, target, bare, args, result] = match;
  const name = namespace === undefined ? bare! : `${namespace}.${bare}`;
  const types = splitTypes(args!).map(parseType);
  return { name, member: target !== undefined, args: target === undefined ? types : [parseType(target), ...types], result: parseType(result!), call, cost };
}

/** The functions of several libraries by name. */
export function functionTable(...libraries: readonly (readonly FunctionSpec[])[]): FunctionTable {
  const table = new Map<string, Overload[]>();
  for (const spec of libraries.flat()) {
    const overload = parseSignature(spec);
    const known = table.get(overload.name);
    if (known) known.push(overload);
    else table.set(overload.name, [overload]);
  }
  return table;
}
