import { badRequest, type Json } from '#machinery';

/**
 * Field numbers of the API's messages. Keys are messages without their common prefix (`core.v1.Pod`,
 * `meta.v1.ObjectMeta`), values map a field number to `name:code`. Codes: s string, b bool, i integer, z integer
 * whose zero means absent, f bool whose false means absent, y bytes, d double, or the name of a message; `[]` = repeated, `{}` = map from string,
 * a leading `=` = the fields of the message stand in its owner (Go's inline).
 */
export interface ProtobufTypes {
  readonly [message: string]: { readonly [number: string]: string };
}
interface Field {
  readonly name: string;
  readonly code: string;
  readonly shape: 'one' | 'list' | 'map';
  readonly inline: boolean;
}
type JsonObject = { [key: string]: Json };

/** `k8s` and a zero: what every body of application/vnd.kubernetes.protobuf begins with. */
const magic = Buffer.from('6b387300', 'hex');
const malformed = (why: string): Error => badRequest(`couldn't get version/kind; protobuf: ${why}`);

/** Turns bodies of application/vnd.kubernetes.protobuf into the JSON they stand for. */
export class ProtobufDecoder {
  readonly #load: () => ProtobufTypes;
  #loaded: ProtobufTypes | undefined;
  readonly #fields = new Map<string, Map<number, Field>>();
  constructor(load: () => ProtobufTypes) {
    this.#load = load;
  }
  get #types(): ProtobufTypes {
    return (this.#loaded ??= this.#load());
  }
  /** Throws BadRequest. */
  decode(body: Buffer): Json {
    if (!body.subarray(0, 4).equals(magic)) throw malformed('the body does not begin with the Kubernetes protobuf prefix');
    const envelope = this.#message('runtime.Unknown', body.subarray(4)) as { typeMeta?: { apiVersion?: string; kind?: string }; raw?: string };
    const { apiVersion = '', kind = '' } = envelope.typeMeta ?? {};
    const value = this.#message(this.#root(apiVersion, kind), Buffer.from(envelope.raw ?? '', 'base64'));
    return { apiVersion, kind, ...value };
  }
  #root(apiVersion: string, kind: string): string {
    const [group, version] = apiVersion.includes('/') ? (apiVersion.split('/') as [string, string]) : ['core', apiVersion];
    const short = group.split('.')[0] ?? '';
    for (const name of [`${short}.${version}.${kind}`, `meta.v1.${kind}`]) if (Object.hasOwn(this.#types, name)) return name;
    throw malformed(`the message of ${kind} in ${apiVersion} is not known to this server; send JSON`);
  }
  #fieldsOf(message: string): Map<number, Field> {
    let fields = this.#fields.get(message);
    if (!fields) {
      const declared = Object.hasOwn(this.#types, message) ? this.#types[message] : undefined;
      if (!declared) throw malformed(`the message ${message} is not known to this server; send JSON`);
      fields = new Map(Object.entries(declared).map(([number, text]) => [Number(number), parseField(text)]));
      this.#fields.set(message, fields);
    }
    return fields;
  }
  #message(message: string, bytes: Buffer): JsonObject {
    const out: JsonObject = {};
    const fields = this.#fieldsOf(message);
    const reader = new Reader(bytes);
    while (!reader.done) {
      const tag = reader.varint();
      const field = fields.get(Number(tag >> 3n));
      const raw = reader.value(Number(tag & 7n));
      if (field) this.#put(out, field, raw);
    }
    return out;
  }
  #put(out: JsonObject, field: Field, raw: bigint | Buffer): void {
    if (field.inline) return void Object.assign(out, this.#message(field.code, raw as Buffer));
    if (field.shape === 'map') return this.#putEntry(out, field, raw as Buffer);
    if (field.shape === 'list') {
      const list = (out[field.name] ??= []) as Json[];
      list.push(...this.#items(field.code, raw));
      return;
    }
    const value = this.#value(field.code, raw);
    if (value !== undefined) out[field.name] = value;
  }
  /** Repeated numbers may be packed. */
  #items(code: string, raw: bigint | Buffer): Json[] {
    if ((code !== 'i' && code !== 'b') || typeof raw === 'bigint') return [this.#value(code, raw) ?? null];
    const out: Json[] = [];
    const reader = new Reader(raw);
    while (!reader.done) out.push(this.#value(code, reader.varint()) ?? null);
    return out;
  }
  #putEntry(out: JsonObject, field: Field, bytes: Buffer): void {
    const map = (out[field.name] ??= {}) as JsonObject;
    const reader = new Reader(bytes);
    let key = '';
    let raw: bigint | Buffer = Buffer.alloc(0);
    while (!reader.done) {
      const tag = reader.varint();
      const value = reader.value(Number(tag & 7n));
      if (tag >> 3n === 1n) key = (value as Buffer).toString();
      else raw = value;
    }
    map[key] = this.#value(field.code, raw) ?? null;
  }
  /** Undefined where JSON leaves the field out. */
  #value(code: string, raw: bigint | Buffer): Json | undefined {
    switch (code) {
      case 's':
        return bytesOf(raw).toString();
      case 'y':
        return bytesOf(raw).toString('base64');
      case 'b':
        return raw !== 0n;
      case 'f':
        return raw !== 0n || undefined;
      case 'i':
        return integer(raw);
      case 'z':
        return integer(raw) || undefined;
      case 'd':
        return bytesOf(raw).readDoubleLE();
      default:
        return this.#special(code, bytesOf(raw));
    }
  }
  /** Messages whose JSON is not an object of their fields. */
  #special(message: string, bytes: Buffer): Json | undefined {
    const value = message === 'intstr.Port' ? this.#message('intstr.IntOrString', bytes) : this.#message(message, bytes);
    switch (message) {
      case 'meta.v1.Time':
        return value['seconds'] === undefined ? undefined : `${new Date(Number(value['seconds']) * 1000).toISOString().slice(0, 19)}Z`;
      case 'meta.v1.MicroTime':
        return value['seconds'] === undefined ? undefined : microTime(Number(value['seconds']), Number(value['nanos'] ?? 0));
      case 'resource.Quantity':
        return value['string'] ?? '0';
      case 'intstr.IntOrString':
        return value['type'] === 1 ? (value['strVal'] ?? '') : (value['intVal'] ?? 0);
      case 'intstr.Port':
        return value['type'] === 1 ? value['strVal'] || undefined : value['intVal'] || undefined;
      case 'meta.v1.FieldsV1':
        return parseRaw(value['Raw']);
      case 'runtime.RawExtension':
        return parseRaw(value['raw']);
      default:
        // Named slices of Go (Verbs, ExtraValue) are messages of one list.
        return Object.keys(value).length === 1 && Array.isArray(value['items']) && this.#fieldsOf(message).size === 1 ? value['items'] : value;
    }
  }
}

function parseField(text: string): Field {
  const at = text.indexOf(':');
  let code = text.slice(at + 1);
  const inline = code.startsWith('=');
  const shape = code.endsWith('[]') ? 'list' : code.endsWith('{}') ? 'map' : 'one';
  if (inline) code = code.slice(1);
  if (shape !== 'one') code = code.slice(0, -2);
  return { name: text.slice(0, at), code, shape, inline };
}
function bytesOf(raw: bigint | Buffer): Buffer {
  if (typeof raw === 'bigint') throw malformed('a field has the wrong wire type');
  return raw;
}
function integer(raw: bigint | Buffer): number {
  if (typeof raw !== 'bigint') {
    if (raw.length === 0) return 0;
    throw malformed('a field has the wrong wire type');
  }
  return Number(BigInt.asIntN(64, raw));
}
function microTime(seconds: number, nanos: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${String(Math.floor(nanos / 1000)).padStart(6, '0')}Z`;
}
function parseRaw(base64: Json | undefined): Json | undefined {
  if (typeof base64 !== 'string' || base64 === '') return undefined;
  try {
    return JSON.parse(Buffer.from(base64, 'base64').toString()) as Json;
  } catch (error) {
    throw malformed(`embedded JSON: ${(error as Error).message}`);
  }
}

/** The wire format: tags, varints and length-delimited bytes. */
class Reader {
  readonly #bytes: Buffer;
  #at = 0;
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }
  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }
  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw malformed('unexpected end of the body');
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw malformed('a number is too long');
  }
  value(wire: number): bigint | Buffer {
    if (wire === 0) return this.varint();
    if (wire === 1) return this.#take(8);
    if (wire === 2) return this.#take(Number(this.varint()));
    if (wire === 5) return this.#take(4);
    throw malformed(`wire type ${wire} is not used by Kubernetes`);
  }
  #take(length: number): Buffer {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw malformed('unexpected end of the body');
    const out = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return out;
  }
}
