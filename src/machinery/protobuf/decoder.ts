import type { Json } from '../object.ts';
import { decodeScalar, scalarZero } from './scalars.ts';
import { parseMessage, type Field, type Message, type ProtobufTypes } from './types.ts';
import { malformed, WireReader, type Raw } from './wire.ts';

type JsonObject = { [key: string]: Json };

/** `k8s` and a zero: what every body of application/vnd.kubernetes.protobuf begins with. */
const magic = Buffer.from('k8s\0');
/** Deeper than any type of the API but JSONSchemaProps goes, and far from the end of the stack. */
const depthLimit = 500;
/** Registered in every group (metav1.AddToGroupVersion). */
const metaKinds = new Set(['DeleteOptions', 'CreateOptions', 'UpdateOptions', 'PatchOptions', 'ListOptions', 'GetOptions', 'Status']);

/**
 * Turns bodies of application/vnd.kubernetes.protobuf into the JSON that Go's encoding/json makes of the same object,
 * but without nulls: what they stand for is absent. Fields that the types do not know are skipped, as protobuf wants.
 */
export class ProtobufDecoder {
  readonly #load: () => ProtobufTypes;
  #types: ProtobufTypes | undefined;
  readonly #messages = new Map<string, Message>();
  /** `load` is called once, at the first body. */
  constructor(load: () => ProtobufTypes) {
    this.#load = load;
  }
  /** A whole body: the magic, then a runtime.Unknown. Throws BadRequest when it is malformed or of an unknown type. */
  decode(body: Buffer): JsonObject {
    if (!body.subarray(0, 4).equals(magic)) throw malformed('it does not begin with the prefix "k8s\\x00"');
    let typeMeta: Buffer | undefined;
    let raw: Buffer = Buffer.alloc(0);
    new WireReader(body.subarray(4)).fields((number, value) => {
      if (number === 1) typeMeta = bytes(value);
      else if (number === 2) raw = bytes(value);
      else if (number === 3 && bytes(value).length > 0) throw malformed(`content encoding ${JSON.stringify(bytes(value).toString())} is not supported`);
    });
    let apiVersion = '';
    let kind = '';
    if (typeMeta) {
      new WireReader(typeMeta).fields((number, value) => {
        if (number === 1) apiVersion = bytes(value).toString();
        else if (number === 2) kind = bytes(value).toString();
      });
    }
    if (kind === '') throw malformed("Object 'Kind' is missing");
    return { apiVersion, kind, ...(this.#object(this.#root(apiVersion, kind), raw, 0) as JsonObject) };
  }
  #root(apiVersion: string, kind: string): Message {
    const message = this.#find(`${apiVersion}.${kind}`) ?? (metaKinds.has(kind) ? this.#find(`meta.k8s.io/v1.${kind}`) : undefined);
    if (!message)
      throw malformed(`no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)} in protobuf; send it as application/json`);
    return message;
  }
  #find(name: string): Message | undefined {
    let message = this.#messages.get(name);
    if (message) return message;
    this.#types ??= this.#load();
    const declared = Object.hasOwn(this.#types, name) ? this.#types[name] : undefined;
    if (!declared) return undefined;
    message = parseMessage(declared);
    this.#messages.set(name, message);
    return message;
  }
  #object(message: Message, raw: Buffer, depth: number): Json {
    if (depth > depthLimit) throw malformed(`messages are nested deeper than ${depthLimit}`);
    const out: JsonObject = {};
    let last: { number: number; name: string } | undefined;
    new WireReader(raw).fields((number, value) => {
      const field = message.fields.get(number);
      if (!field) return;
      this.#put(out, field, value, depth);
      if (out[field.name] !== undefined && number >= (last?.number ?? 0)) last = { number, name: field.name };
    });
    if (message.union) return last ? (out[last.name] ?? null) : null;
    return out;
  }
  #put(out: JsonObject, field: Field, raw: Raw, depth: number): void {
    if (field.inline) {
      Object.assign(out, this.#value(field, raw, depth));
    } else if (field.shape === 'list') {
      this.#putItems((out[field.name] ??= []) as Json[], field, raw, depth);
    } else if (field.shape === 'map') {
      this.#putEntry((out[field.name] ??= {}) as JsonObject, field, raw, depth);
    } else {
      const value = this.#value(field, raw, depth);
      if (value === undefined || (field.omitZero && (value === '' || value === 0 || value === false))) delete out[field.name];
      else out[field.name] = value;
    }
  }
  /** Repeated numbers may be packed into one field. */
  #putItems(list: Json[], field: Field, raw: Raw, depth: number): void {
    if (field.code !== 'i' || typeof raw === 'number') return void list.push(this.#value(field, raw, depth) ?? null);
    const reader = new WireReader(raw);
    while (!reader.done) list.push(reader.varint());
  }
  /** An entry of a map is a message of key 1 and value 2; either is left out when it is zero. */
  #putEntry(map: JsonObject, field: Field, raw: Raw, depth: number): void {
    let key = '';
    let value: Json | undefined;
    new WireReader(bytes(raw)).fields((number, part) => {
      if (number === 1) key = bytes(part).toString();
      else if (number === 2) value = this.#value(field, part, depth);
    });
    value ??= scalarZero(field.code) ?? {};
    // A plain assignment to __proto__ would set the prototype.
    Object.defineProperty(map, key, { value, writable: true, enumerable: true, configurable: true });
  }
  #value(field: Field, raw: Raw, depth: number): Json | undefined {
    if (field.code.length === 1) return decodeScalar(field.code, raw);
    const message = this.#find(field.code);
    if (!message) throw new Error(`the protobuf message ${field.code} is not declared`);
    return this.#object(message, bytes(raw), depth + 1);
  }
}

function bytes(raw: Raw): Buffer {
  if (typeof raw === 'number') throw malformed('a field has the wrong wire type');
  return raw;
}
