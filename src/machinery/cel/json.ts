import type { Json } from '../object.ts';
import { CelError } from './errors.ts';
import { formatDuration, formatTimestamp, parseDuration, parseTimestamp } from './time.ts';
import { dyn, type CelType } from './types.ts';
import { CelMap, Duration, keyText, List, Opaque, Optional, Timestamp, TypeValue, Uint, type Value } from './values.ts';

/** JSON as a value of a declared type; members are converted when they are looked at. Throws CelError for text that its format forbids. */
export function fromJson(json: Json, type: CelType): Value {
  if (json === null) return null;
  switch (type.kind) {
    case 'int':
      return typeof json === 'number' && Number.isInteger(json) ? BigInt(json) : fromAny(json);
    case 'uint':
      return typeof json === 'number' && Number.isInteger(json) ? new Uint(BigInt(json)) : fromAny(json);
    case 'double':
      return typeof json === 'number' ? json : fromAny(json);
    case 'timestamp':
      return typeof json === 'string'
        ? (parseTimestamp(/^\d{4}-\d{2}-\d{2}$/.test(json) ? `${json}T00:00:00Z` : json) ?? fail(`Invalid date-time ${json}`))
        : fromAny(json);
    case 'duration':
      return typeof json === 'string' ? (parseDuration(json) ?? fail(`Invalid duration ${json}`)) : fromAny(json);
    case 'bytes':
      return typeof json === 'string' ? new Uint8Array(Buffer.from(json, 'base64')) : fromAny(json);
    case 'list':
      if (!Array.isArray(json)) return fromAny(json);
      return new List(
        json.map((item) => fromJson(item, type.element)),
        type.listType,
        type.mapKeys,
      );
    case 'map':
    case 'object':
      return typeof json === 'object' && !Array.isArray(json) ? new JsonMap(json, type) : fromAny(json);
    default:
      return fromAny(json);
  }
}
const fail = (text: string): never => {
  throw new CelError(text);
};

/** By what the JSON itself says: whole numbers are ints. */
function fromAny(json: Json): Value {
  if (typeof json === 'number') return Number.isInteger(json) ? BigInt(json) : json;
  if (Array.isArray(json)) return new List(json.map(fromAny));
  return json !== null && typeof json === 'object' ? new JsonMap(json, dyn) : json;
}

/** A JSON object seen as a map, or as an object whose fields have types. */
export class JsonMap extends CelMap {
  readonly #record: { [key: string]: Json };
  readonly #type: CelType;
  readonly #known = new Map<string, Value>();
  constructor(record: { [key: string]: Json }, type: CelType) {
    super();
    this.#record = record;
    this.#type = type;
  }
  #name(key: Value): string | undefined {
    if (typeof key !== 'string') return undefined;
    const name = this.#type.kind === 'object' ? this.#type.field(key)?.name : key;
    return name !== undefined && Object.hasOwn(this.#record, name) ? name : undefined;
  }
  get(key: Value): Value | undefined {
    const name = this.#name(key);
    if (name === undefined) return undefined;
    let value = this.#known.get(name);
    if (value === undefined) {
      const type = this.#type.kind === 'object' ? this.#type.field(key as string)?.type : this.#type.kind === 'map' ? this.#type.value : dyn;
      value = fromJson(this.#record[name] as Json, type ?? dyn);
      this.#known.set(name, value);
    }
    return value;
  }
  has(key: Value): boolean {
    return this.#name(key) !== undefined;
  }
  get size(): number {
    return Object.keys(this.#record).length;
  }
  keys(): Value[] {
    return Object.keys(this.#record);
  }
}

/** A value as JSON: for results that go into objects, messages and annotations. */
export function toJson(value: Value): Json {
  if (value === null || typeof value === 'boolean' || typeof value === 'number' || typeof value === 'string') return value;
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof Uint) return Number(value.value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (value instanceof Timestamp) return formatTimestamp(value);
  if (value instanceof Duration) return formatDuration(value);
  if (value instanceof List) return value.items.map(toJson);
  if (value instanceof CelMap)
    return Object.fromEntries(value.keys().map((key) => [typeof key === 'string' ? key : (keyText(key)?.slice(1) ?? ''), toJson(value.get(key) ?? null)]));
  if (value instanceof Optional) return value.value === undefined ? null : toJson(value.value);
  return value instanceof TypeValue ? value.name : value instanceof Opaque ? value.type : null;
}
