/**
 * Protocol buffers as far as our .proto files use them: proto3 messages, enums, maps, repeated fields and services,
 * without nesting, imports and oneofs. The general loader costs 60 ms and 15 MB at every start; this is its equal (a
 * test compares them): fields keep their names, enums are names, 64-bit integers numbers, absent messages null.
 */
export type ProtoValue = { [field: string]: unknown };
export interface Method {
  /** As gRPC calls it: /package.Service/Method. */
  path: string;
  streams: boolean;
  request: MessageType;
  response: MessageType;
}
export interface Proto {
  messages: ReadonlyMap<string, MessageType>;
  /** Service → method name → method. */
  services: ReadonlyMap<string, ReadonlyMap<string, Method>>;
}

interface EnumType {
  numbers: Map<string, number>;
  names: Map<number, string>;
}
type Scalar = 'string' | 'bytes' | 'bool' | 'int32' | 'uint32' | 'int64' | 'uint64';
type FieldType = { kind: Scalar } | { kind: 'enum'; type: EnumType } | { kind: 'message'; type: MessageType } | { kind: 'map'; entry: MessageType };
interface Field {
  name: string;
  number: number;
  repeated: boolean;
  type: FieldType;
}
const scalars: ReadonlySet<string> = new Set<Scalar>(['string', 'bytes', 'bool', 'int32', 'uint32', 'int64', 'uint64']);

export class MessageType {
  readonly name: string;
  readonly fields: Field[] = [];
  readonly #byNumber = new Map<number, Field>();
  constructor(name: string) {
    this.name = name;
  }
  add(field: Field): void {
    this.fields.push(field);
    this.#byNumber.set(field.number, field);
  }
  /** Fields that are undefined or null are left out. Throws TypeError when a value does not fit its field. */
  encode(value: ProtoValue): Buffer {
    const parts: Buffer[] = [];
    for (const field of this.fields) encodeField(parts, field, value[field.name]);
    return Buffer.concat(parts);
  }
  /** Every field is there, with its default where it did not arrive. Throws RangeError when the bytes end too soon. */
  decode(bytes: Buffer): ProtoValue {
    const value: ProtoValue = {};
    for (const field of this.fields) value[field.name] = initial(field);
    const reader = new Reader(bytes);
    while (reader.at < bytes.length) {
      const tag = reader.number();
      const field = this.#byNumber.get(Math.floor(tag / 8));
      if (field) decodeField(reader, tag % 8, field, value);
      else reader.skip(tag % 8);
    }
    return value;
  }
}

function initial({ repeated, type }: Field): unknown {
  if (type.kind === 'map') return {};
  return repeated ? [] : zero(type);
}
function zero(type: FieldType): unknown {
  switch (type.kind) {
    case 'string':
      return '';
    case 'bytes':
      return Buffer.alloc(0);
    case 'bool':
      return false;
    case 'enum':
      return type.type.names.get(0);
    case 'message':
    case 'map':
      return null;
    default:
      return 0;
  }
}

const isBytes = (type: FieldType): boolean => type.kind === 'string' || type.kind === 'bytes' || type.kind === 'message' || type.kind === 'map';

function encodeField(parts: Buffer[], field: Field, value: unknown): void {
  if (value === undefined || value === null) return;
  const { type, number } = field;
  const tag = varint(number * 8 + (isBytes(type) ? 2 : 0));
  if (type.kind === 'map') {
    for (const [key, item] of Object.entries(value as ProtoValue)) withLength(parts, tag, type.entry.encode({ key, value: item }));
  } else if (!field.repeated) encodeOne(parts, tag, field, value);
  else if (!Array.isArray(value)) throw new TypeError(`${field.name}: not a list`);
  else if (isBytes(type)) for (const item of value) encodeOne(parts, tag, field, item);
  else if (value.length > 0) withLength(parts, varint(number * 8 + 2), Buffer.concat(value.map((item) => varint(toInteger(field, item)))));
}
function encodeOne(parts: Buffer[], tag: Buffer, field: Field, value: unknown): void {
  const { type } = field;
  if (type.kind === 'message') return withLength(parts, tag, type.type.encode(value as ProtoValue));
  if (type.kind === 'string') {
    if (typeof value !== 'string') throw new TypeError(`${field.name}: not a text`);
    return withLength(parts, tag, Buffer.from(value));
  }
  if (type.kind === 'bytes') return withLength(parts, tag, value as Buffer);
  parts.push(tag, varint(toInteger(field, value)));
}
function withLength(parts: Buffer[], tag: Buffer, bytes: Buffer): void {
  parts.push(tag, varint(bytes.length), bytes);
}
function toInteger({ name, type }: Field, value: unknown): number {
  if (type.kind === 'bool') return value === true ? 1 : 0;
  const number = type.kind === 'enum' && typeof value === 'string' ? type.type.numbers.get(value) : value;
  if (typeof number !== 'number' || !Number.isSafeInteger(number)) throw new TypeError(`${name}: ${String(value)} does not fit`);
  return number;
}
/** Negative numbers are ten bytes of two's complement. */
function varint(value: number): Buffer {
  if (value >= 0 && value < 128) return Buffer.of(value);
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Buffer.from([...bytes, Number(rest)]);
}

class Reader {
  at = 0;
  readonly bytes: Buffer;
  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }
  /** An unsigned 64-bit integer; exact up to 2^53. */
  number(): number {
    const start = this.at;
    let value = 0;
    for (let scale = 1; this.at - start < 10; scale *= 128) {
      const byte = this.bytes[this.at++];
      if (byte === undefined) break;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    throw new RangeError('the message ends too soon');
  }
  signed(): number {
    const start = this.at;
    const value = this.number();
    if (value < 2 ** 53) return value;
    let exact = 0n;
    for (let i = this.at - 1; i >= start; i--) exact = (exact << 7n) | BigInt((this.bytes[i] as number) & 127);
    return Number(BigInt.asIntN(64, exact));
  }
  take(length: number): Buffer {
    const end = this.at + length;
    if (end > this.bytes.length) throw new RangeError('the message ends too soon');
    const taken = this.bytes.subarray(this.at, end);
    this.at = end;
    return taken;
  }
  skip(wire: number): void {
    if (wire === 0) this.number();
    else if (wire === 1) this.take(8);
    else if (wire === 2) this.take(this.number());
    else if (wire === 5) this.take(4);
    else throw new RangeError(`wire type ${wire} is not in use`);
  }
}

function decodeField(reader: Reader, wire: number, field: Field, value: ProtoValue): void {
  const { name, type, repeated } = field;
  if (wire !== (isBytes(type) ? 2 : 0) && !(wire === 2 && repeated)) return reader.skip(wire);
  if (type.kind === 'map') {
    const entry = type.entry.decode(reader.take(reader.number()));
    (value[name] as ProtoValue)[entry['key'] as string] = entry['value'];
  } else if (!repeated) value[name] = decodeOne(reader, type);
  else if (wire === 2 && !isBytes(type)) {
    const packed = new Reader(reader.take(reader.number()));
    while (packed.at < packed.bytes.length) (value[name] as unknown[]).push(decodeOne(packed, type));
  } else (value[name] as unknown[]).push(decodeOne(reader, type));
}
function decodeOne(reader: Reader, type: FieldType): unknown {
  switch (type.kind) {
    case 'string':
      return reader.take(reader.number()).toString('utf8');
    case 'bytes':
      return Buffer.from(reader.take(reader.number()));
    case 'bool':
      return reader.number() !== 0;
    case 'uint32':
    case 'uint64':
      return reader.number();
    case 'enum': {
      const number = reader.signed();
      return type.type.names.get(number) ?? number;
    }
    case 'message':
      return type.type.decode(reader.take(reader.number()));
    case 'map':
      throw new RangeError('a map entry is no value');
    default:
      return reader.signed();
  }
}

/** Reads a .proto file. Throws SyntaxError on anything it does not know. */
export function parseProto(text: string): Proto {
  return new Parser(text).parse();
}

class Parser {
  readonly #tokens: string[];
  readonly #messages = new Map<string, MessageType>();
  readonly #enums = new Map<string, EnumType>();
  readonly #services = new Map<string, Map<string, Method>>();
  /** Types may be used before they are declared. */
  readonly #later: (() => void)[] = [];
  #package = '';
  #at = 0;

  constructor(text: string) {
    this.#tokens = text.replaceAll(/\/\/.*/g, '').match(/[\w.]+|"[^"]*"|\S/g) ?? [];
  }
  parse(): Proto {
    while (this.#at < this.#tokens.length) this.#declaration(this.#next());
    for (const resolve of this.#later) resolve();
    return { messages: this.#messages, services: this.#services };
  }
  #declaration(keyword: string): void {
    if (keyword === 'message') return this.#message(this.#next());
    if (keyword === 'enum') return this.#enum(this.#next());
    if (keyword === 'service') return this.#service(this.#next());
    if (keyword === 'package') this.#package = this.#next();
    else if (keyword === 'syntax') this.#expect('=', '"proto3"');
    else throw new SyntaxError(`proto: ${keyword} is not known here`);
    this.#expect(';');
  }
  #message(name: string): void {
    const type = new MessageType(name);
    this.#messages.set(name, type);
    this.#expect('{');
    for (let token = this.#next(); token !== '}'; token = this.#next()) {
      const repeated = token === 'repeated';
      if (token === 'map') {
        this.#expect('<', 'string', ',');
        const valueType = this.#next();
        this.#expect('>');
        const entry = new MessageType(`${name}Entry`);
        this.#field(entry, 'string', false, 'key', 1);
        this.#field(entry, valueType, false, 'value', 2);
        this.#numbered((field, number) => type.add({ name: field, number, repeated: true, type: { kind: 'map', entry } }));
      } else {
        const typeName = repeated ? this.#next() : token;
        this.#numbered((field, number) => this.#field(type, typeName, repeated, field, number));
      }
    }
  }
  #numbered(add: (name: string, number: number) => void): void {
    const name = this.#next();
    this.#expect('=');
    add(name, Number(this.#next()));
    this.#expect(';');
  }
  #field(owner: MessageType, typeName: string, repeated: boolean, name: string, number: number): void {
    if (!(number > 0)) throw new SyntaxError(`proto: ${owner.name}.${name} has no number`);
    this.#later.push(() => owner.add({ name, number, repeated, type: this.#type(typeName) }));
  }
  #type(name: string): FieldType {
    if (scalars.has(name)) return { kind: name as Scalar };
    const named = this.#enums.get(name);
    return named ? { kind: 'enum', type: named } : { kind: 'message', type: this.#messageNamed(name) };
  }
  #messageNamed(name: string): MessageType {
    const type = this.#messages.get(name);
    if (!type) throw new SyntaxError(`proto: there is no ${name}`);
    return type;
  }
  #enum(name: string): void {
    const type: EnumType = { numbers: new Map(), names: new Map() };
    this.#enums.set(name, type);
    this.#expect('{');
    while (this.#peek() !== '}') {
      this.#numbered((value, number) => {
        type.numbers.set(value, number);
        type.names.set(number, value);
      });
    }
    this.#expect('}');
  }
  #service(name: string): void {
    const methods = new Map<string, Method>();
    this.#services.set(name, methods);
    this.#expect('{');
    while (this.#peek() !== '}') {
      this.#expect('rpc');
      const method = this.#next();
      this.#expect('(');
      const request = this.#next();
      this.#expect(')', 'returns', '(');
      const streams = this.#peek() === 'stream';
      if (streams) this.#next();
      const response = this.#next();
      this.#expect(')', ';');
      const path = `/${this.#package}.${name}/${method}`;
      this.#later.push(() => methods.set(method, { path, streams, request: this.#messageNamed(request), response: this.#messageNamed(response) }));
    }
    this.#expect('}');
  }
  #peek(): string {
    return this.#tokens[this.#at] ?? '';
  }
  #next(): string {
    const token = this.#tokens[this.#at++];
    if (token === undefined) throw new SyntaxError('proto: the file ends too soon');
    return token;
  }
  #expect(...wanted: string[]): void {
    for (const token of wanted) {
      const found = this.#next();
      if (found !== token) throw new SyntaxError(`proto: ${token} is missing before ${found}`);
    }
  }
}
