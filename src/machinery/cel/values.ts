import { CelError } from './errors.ts';
import { formatType, type CelType } from './types.ts';

/**
 * The values of CEL: int is bigint, double is number, uint has a class of its own; lists and maps are classes so
 * that JSON is converted only where an expression looks.
 */
export type Value = null | boolean | bigint | number | string | Uint8Array | Uint | Timestamp | Duration | List | CelMap | Optional | TypeValue | Opaque;

export class Uint {
  readonly value: bigint;
  constructor(value: bigint) {
    this.value = value;
  }
}

/** Seconds since the epoch and nanoseconds within the second. */
export class Timestamp {
  readonly seconds: bigint;
  readonly nanos: number;
  constructor(seconds: bigint, nanos: number) {
    this.seconds = seconds;
    this.nanos = nanos;
  }
}
export class Duration {
  readonly nanos: bigint;
  constructor(nanos: bigint) {
    this.nanos = nanos;
  }
}

/** A list; `listType` set and map compare and add as Kubernetes' lists of that type do. */
export class List {
  readonly items: readonly Value[];
  readonly listType: 'atomic' | 'set' | 'map';
  readonly mapKeys: readonly string[];
  constructor(items: readonly Value[], listType: 'atomic' | 'set' | 'map' = 'atomic', mapKeys: readonly string[] = []) {
    this.items = items;
    this.listType = listType;
    this.mapKeys = mapKeys;
  }
}

/** Text that equal keys share: 1, 1u and 1.0 are one key. */
export function keyText(key: Value): string | undefined {
  if (typeof key === 'string') return `s${key}`;
  if (typeof key === 'bigint') return `n${key}`;
  if (typeof key === 'boolean') return `b${key}`;
  if (key instanceof Uint) return `n${key.value}`;
  if (typeof key === 'number' && Number.isInteger(key)) return `n${BigInt(key)}`;
  return undefined;
}

export abstract class CelMap {
  abstract get(key: Value): Value | undefined;
  abstract has(key: Value): boolean;
  abstract get size(): number;
  abstract keys(): Value[];
  /** A struct: a name that the type does not have is an error of its own. */
  readonly typeName: string | undefined = undefined;
}

export class LiteralMap extends CelMap {
  readonly #entries: Map<string, readonly [Value, Value]>;
  override readonly typeName: string | undefined;
  constructor(entries: Map<string, readonly [Value, Value]>, typeName?: string) {
    super();
    this.#entries = entries;
    this.typeName = typeName;
  }
  static of(pairs: Iterable<readonly [Value, Value]>): LiteralMap {
    const entries = new Map<string, readonly [Value, Value]>();
    for (const pair of pairs) {
      const text = keyText(pair[0]);
      if (text === undefined || typeof pair[0] === 'number') throw new CelError(`unsupported key type: ${typeNameOf(pair[0])}`);
      if (entries.has(text)) throw new CelError(`Failed with repeated key: ${typeof pair[0] === 'string' ? pair[0] : text.slice(1)}`);
      entries.set(text, pair);
    }
    return new LiteralMap(entries);
  }
  get(key: Value): Value | undefined {
    const text = keyText(key);
    return text === undefined ? undefined : this.#entries.get(text)?.[1];
  }
  has(key: Value): boolean {
    const text = keyText(key);
    return text !== undefined && this.#entries.has(text);
  }
  get size(): number {
    return this.#entries.size;
  }
  keys(): Value[] {
    return [...this.#entries.values()].map(([key]) => key);
  }
}

/** Fields that are computed when they are first read: the variables of an admission policy. */
export class LazyFields extends CelMap {
  readonly #fields: ReadonlyMap<string, () => Value>;
  readonly #known = new Map<string, Value>();
  constructor(fields: ReadonlyMap<string, () => Value>) {
    super();
    this.#fields = fields;
  }
  get(key: Value): Value | undefined {
    if (typeof key !== 'string') return undefined;
    let value = this.#known.get(key);
    if (value === undefined) {
      value = this.#fields.get(key)?.();
      if (value !== undefined) this.#known.set(key, value);
    }
    return value;
  }
  has(key: Value): boolean {
    return typeof key === 'string' && this.#fields.has(key);
  }
  get size(): number {
    return this.#fields.size;
  }
  keys(): Value[] {
    return [...this.#fields.keys()];
  }
}

export class Optional {
  static readonly none = new Optional(undefined);
  readonly value: Value | undefined;
  constructor(value: Value | undefined) {
    this.value = value;
  }
}

export class TypeValue {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

/** Base of the values of libraries: URLs, quantities, IP addresses … `type` is the name of their opaque type. */
export abstract class Opaque {
  abstract readonly type: string;
  /** Equality within the type; `other` has the same class. */
  abstract equals(other: this): boolean;
}

/** The runtime's name of a value's type, as type() prints it. */
export function typeNameOf(value: Value): string {
  switch (typeof value) {
    case 'boolean':
      return 'bool';
    case 'bigint':
      return 'int';
    case 'number':
      return 'double';
    case 'string':
      return 'string';
    default:
  }
  if (value === null) return 'null_type';
  if (value instanceof Uint8Array) return 'bytes';
  if (value instanceof Uint) return 'uint';
  if (value instanceof List) return 'list';
  if (value instanceof CelMap) return value.typeName ?? 'map';
  if (value instanceof Timestamp) return 'google.protobuf.Timestamp';
  if (value instanceof Duration) return 'google.protobuf.Duration';
  if (value instanceof Optional) return 'optional_type';
  return value instanceof TypeValue ? 'type' : (value as Opaque).type;
}

/** The runtime name of a static type, for type literals such as `int`. */
export function typeValueOf(type: CelType): TypeValue {
  const special: { readonly [kind: string]: string | undefined } = {
    null: 'null_type',
    timestamp: 'google.protobuf.Timestamp',
    duration: 'google.protobuf.Duration',
    list: 'list',
    map: 'map',
    type: 'type',
  };
  return new TypeValue(special[type.kind] ?? (type.kind === 'opaque' ? type.name : formatType(type)));
}
