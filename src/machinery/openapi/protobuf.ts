/**
 * The version 2 document as protobuf (media type application/com.github.proto-openapi.spec.v2@v1.0+protobuf),
 * which is all that kubectl up to 1.28 and client-go's OpenAPISchema() read. Field numbers are those of
 * gnostic's OpenAPIv2.proto; only what our documents hold is here, and anything else is an error.
 */
import type { Json } from '../object.ts';
import type { JsonObject } from './definitions.ts';

/** As clients ask for it (Accept). */
export const openApiV2ProtobufType = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf';
/** As the answer must name it (Content-Type): an @ is no part of a media type, and clients parse it. */
export const openApiV2ProtobufContentType = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';

const lengthOf = (value: number): number => (value < 1 << 7 ? 1 : value < 1 << 14 ? 2 : value < 1 << 21 ? 3 : value < 1 << 28 ? 4 : 5);

/** Writes into one growing buffer: the document is a hundred thousand small pieces, too many to be buffers of their own. */
class Writer {
  #buffer = Buffer.allocUnsafe(1 << 16);
  #size = 0;
  #reserve(length: number): void {
    if (this.#size + length <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(2 * (this.#size + length));
    this.#buffer.copy(larger, 0, 0, this.#size);
    this.#buffer = larger;
  }
  #varint(value: number): void {
    this.#reserve(5);
    let rest = value;
    for (; rest > 127; rest >>>= 7) this.#buffer[this.#size++] = (rest & 127) | 128;
    this.#buffer[this.#size++] = rest;
  }
  text(field: number, value: string): void {
    const length = Buffer.byteLength(value);
    this.#varint((field << 3) | 2);
    this.#varint(length);
    this.#reserve(length);
    this.#size += this.#buffer.write(value, this.#size);
  }
  flag(field: number, value: boolean): void {
    if (!value) return;
    this.#varint(field << 3);
    this.#varint(1);
  }
  /** What `fill` writes moves up behind its length, which is known only then. */
  message(field: number, fill: (writer: Writer) => void): void {
    this.#varint((field << 3) | 2);
    const start = this.#size;
    fill(this);
    const length = this.#size - start;
    this.#reserve(5);
    this.#buffer.copyWithin(start + lengthOf(length), start, this.#size);
    this.#size = start;
    this.#varint(length);
    this.#size += length;
  }
  /** A copy of the right size. */
  finish(): Buffer {
    return Buffer.from(this.#buffer.subarray(0, this.#size));
  }
}

type Write = (writer: Writer, field: number, value: Json) => void;
type Message = { readonly [key: string]: readonly [number, Write] };

const text: Write = (writer, field, value) => writer.text(field, value as string);
const flag: Write = (writer, field, value) => writer.flag(field, value as boolean);
const texts: Write = (writer, field, value) => {
  for (const item of value as string[]) writer.text(field, item);
};
/** Any: the value as YAML, and JSON is YAML. */
const any: Write = (writer, field, value) => writer.message(field, (inner) => inner.text(2, JSON.stringify(value)));
/** A map as pairs of name (1) and value (2), in field `pairs` of a message of its own. */
const named =
  (value: Write, pairs = 1): Write =>
  (writer, field, map) =>
    writer.message(field, (inner) => namedPairs(inner, pairs, map as JsonObject, value));
function namedPairs(writer: Writer, field: number, map: JsonObject, value: Write): void {
  for (const name in map) {
    writer.message(field, (pair) => {
      pair.text(1, name);
      value(pair, 2, map[name]!);
    });
  }
}
const repeated =
  (item: Write): Write =>
  (writer, field, list) => {
    for (const value of list as Json[]) item(writer, field, value);
  };
/** A choice: the value sits in the field `choice` of a message of its own. */
const oneof =
  (choice: number, value: Write): Write =>
  (writer, field, item) =>
    writer.message(field, (inner) => value(inner, choice, item));

/** A message by its table; members named x-… are vendor extensions, in field `extensions`. */
function message(table: () => Message, extensions: number): Write {
  return (writer, field, value) => writer.message(field, (inner) => members(inner, table(), extensions, value as JsonObject));
}
function members(writer: Writer, table: Message, extensions: number, value: JsonObject): void {
  for (const key in value) {
    const known = table[key];
    if (known) known[1](writer, known[0], value[key]!);
    else if (key.startsWith('x-')) namedPairs(writer, extensions, { [key]: value[key]! }, any);
    else throw new Error(`OpenAPI member ${key} has no protobuf form here`);
  }
}

const schema: Write = message(() => schemaTable, 31);
const schemaTable: Message = {
  $ref: [1, text],
  format: [2, text],
  description: [4, text],
  default: [5, any],
  required: [19, texts],
  enum: [20, repeated(any)],
  additionalProperties: [21, oneof(1, schema)],
  type: [22, oneof(1, text)],
  items: [23, oneof(1, schema)],
  properties: [25, named(schema)],
};
const bodyParameter = message(() => ({ description: [1, text], name: [2, text], in: [3, text], required: [4, flag], schema: [5, schema] }), 6);
const queryParameter = message(
  () => ({ required: [1, flag], in: [2, text], description: [3, text], name: [4, text], type: [6, text], uniqueItems: [20, flag] }),
  23,
);
const pathParameter = message(
  () => ({ required: [1, flag], in: [2, text], description: [3, text], name: [4, text], type: [5, text], uniqueItems: [19, flag] }),
  22,
);
/** ParametersItem → Parameter → body, or non-body → query or path. */
const parameter: Write = (writer, field, value) => {
  const where = (value as JsonObject)['in'];
  const inner = where === 'body' ? oneof(1, bodyParameter) : oneof(2, where === 'path' ? oneof(4, pathParameter) : oneof(3, queryParameter));
  oneof(1, inner)(writer, field, value);
};
const response = oneof(
  1,
  message(() => ({ description: [1, text], schema: [2, oneof(1, schema)] }), 5),
);
const operation = message(
  () => ({
    tags: [1, texts],
    description: [3, text],
    operationId: [5, text],
    produces: [6, texts],
    consumes: [7, texts],
    parameters: [8, repeated(parameter)],
    responses: [9, named(response)],
    schemes: [10, texts],
  }),
  13,
);
const pathItem = message(() => ({ get: [2, operation], put: [3, operation], post: [4, operation], delete: [5, operation], patch: [8, operation] }), 10);
const apiKey = oneof(
  2,
  message(() => ({ type: [1, text], name: [2, text], in: [3, text], description: [4, text] }), 5),
);
const documentTable: Message = {
  swagger: [1, text],
  info: [2, message(() => ({ title: [1, text], version: [2, text] }), 7)],
  paths: [8, named(pathItem, 2)],
  definitions: [9, named(schema)],
  security: [12, repeated(named(oneof(1, texts)))],
  securityDefinitions: [13, named(apiKey)],
};
/** The bytes of what `openApiV2` returned. */
export function openApiV2Protobuf(document: JsonObject): Buffer {
  const writer = new Writer();
  members(writer, documentTable, 16, document);
  return writer.finish();
}
