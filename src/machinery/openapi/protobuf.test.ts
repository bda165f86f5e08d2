import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json } from '../object.ts';
import type { JsonObject } from './definitions.ts';
import { openApiV2Protobuf } from './protobuf.ts';

/** The values of a message by field number, in their order. */
type Fields = Map<number, (Buffer | number)[]>;

function varint(bytes: Buffer, at: number): [value: number, next: number] {
  let value = 0;
  for (let shift = 0, next = at; ; shift += 7) {
    const byte = bytes[next++]!;
    value += (byte & 127) * 2 ** shift;
    if (byte < 128) return [value, next];
  }
}
function decode(bytes: Buffer): Fields {
  const fields: Fields = new Map();
  for (let at = 0; at < bytes.length;) {
    const [tag, after] = varint(bytes, at);
    const [value, next] = varint(bytes, after);
    const isBytes = (tag & 7) === 2;
    assert.ok(isBytes || (tag & 7) === 0, `wire type of field ${tag >> 3}`);
    at = isBytes ? next + value : next;
    assert.ok(at <= bytes.length, `end of field ${tag >> 3}`);
    fields.set(tag >> 3, [...(fields.get(tag >> 3) ?? []), isBytes ? bytes.subarray(next, at) : value]);
  }
  return fields;
}
/** All values that lie at a path of field numbers. */
function values(bytes: Buffer, path: readonly number[]): (Buffer | number)[] {
  const [field, ...rest] = path;
  const found = decode(bytes).get(field!) ?? [];
  return rest.length === 0 ? found : found.flatMap((value) => values(value as Buffer, rest));
}
const texts = (bytes: Buffer, ...path: number[]): string[] => values(bytes, path).map(String);
const message = (bytes: Buffer, ...path: number[]): Buffer => {
  const found = values(bytes, path);
  assert.equal(found.length, 1);
  return found[0] as Buffer;
};
const documentOf = (members: JsonObject): Buffer => openApiV2Protobuf({ swagger: '2.0', info: { title: 'Test', version: 'v1' }, ...members });
const schemaOf = (schema: Json): Buffer => message(documentOf({ definitions: { Thing: schema } }), 9, 1, 2);

test('document, info and security', () => {
  const bytes = documentOf({
    securityDefinitions: { BearerToken: { type: 'apiKey', name: 'authorization', in: 'header', description: 'a token' } },
    security: [{ BearerToken: [] }],
  });
  assert.deepEqual([texts(bytes, 1), texts(bytes, 2, 1), texts(bytes, 2, 2)], [['2.0'], ['Test'], ['v1']]);
  assert.deepEqual(texts(bytes, 12, 1, 1), ['BearerToken']);
  assert.deepEqual(texts(bytes, 13, 1, 1), ['BearerToken']);
  const key = message(bytes, 13, 1, 2, 2);
  assert.deepEqual(
    [1, 2, 3, 4].flatMap((field) => texts(key, field)),
    ['apiKey', 'authorization', 'header', 'a token'],
  );
});

test('schemas: properties, references, extensions as YAML', () => {
  const schema = schemaOf({
    description: 'Größe',
    type: 'object',
    required: ['name', 'items'],
    properties: {
      items: { type: 'array', items: { $ref: '#/definitions/Item' }, 'x-kubernetes-patch-merge-key': 'name' },
      labels: { type: 'object', additionalProperties: { type: 'string' } },
      port: { type: 'integer', format: 'int32', default: 80 },
      mode: { type: 'string', enum: ['a', 'b'] },
    },
    'x-kubernetes-group-version-kind': [{ group: 'apps', kind: 'Thing', version: 'v1' }],
  });
  assert.deepEqual([texts(schema, 4), texts(schema, 22, 1), texts(schema, 19)], [['Größe'], ['object'], ['name', 'items']]);
  assert.deepEqual(texts(schema, 25, 1, 1), ['items', 'labels', 'port', 'mode']);
  const [items, labels, port, mode] = values(schema, [25, 1, 2]) as [Buffer, Buffer, Buffer, Buffer];
  assert.deepEqual([texts(items, 22, 1), texts(items, 23, 1, 1)], [['array'], ['#/definitions/Item']]);
  assert.deepEqual([texts(items, 31, 1), texts(items, 31, 2, 2)], [['x-kubernetes-patch-merge-key'], ['"name"']]);
  assert.deepEqual(texts(labels, 21, 1, 22, 1), ['string']);
  assert.deepEqual([texts(port, 2), texts(port, 5, 2)], [['int32'], ['80']]);
  assert.deepEqual(texts(mode, 20, 2), ['"a"', '"b"']);
  assert.deepEqual(texts(schema, 31, 2, 2), ['[{"group":"apps","kind":"Thing","version":"v1"}]']);
});

test('paths: operations, the three sorts of parameters, responses', () => {
  const operation = {
    operationId: 'replaceThing',
    description: 'replace it',
    tags: ['core_v1'],
    consumes: ['*/*'],
    produces: ['application/json'],
    schemes: ['https'],
    'x-kubernetes-action': 'put',
    parameters: [
      { name: 'body', in: 'body', required: true, schema: { $ref: '#/definitions/Thing' } },
      { name: 'dryRun', in: 'query', type: 'string', uniqueItems: true },
      { name: 'name', in: 'path', type: 'string', uniqueItems: true, required: true },
    ],
    responses: { '200': { description: 'OK', schema: { $ref: '#/definitions/Thing' } }, '401': { description: 'Unauthorized' } },
  };
  const bytes = documentOf({ paths: { '/things/{name}': { put: operation } } });
  assert.deepEqual(texts(bytes, 8, 2, 1), ['/things/{name}']);
  const put = message(bytes, 8, 2, 2, 3);
  assert.deepEqual(
    [1, 3, 5, 6, 7, 10].flatMap((field) => texts(put, field)),
    ['core_v1', 'replace it', 'replaceThing', 'application/json', '*/*', 'https'],
  );
  assert.deepEqual([texts(put, 13, 1), texts(put, 13, 2, 2)], [['x-kubernetes-action'], ['"put"']]);
  const body = message(put, 8, 1, 1);
  assert.deepEqual([texts(body, 2), texts(body, 3), values(body, [4]), texts(body, 5, 1)], [['body'], ['body'], [1], ['#/definitions/Thing']]);
  const query = message(put, 8, 1, 2, 3);
  assert.deepEqual([texts(query, 4), texts(query, 2), texts(query, 6), values(query, [20]), values(query, [1])], [['dryRun'], ['query'], ['string'], [1], []]);
  const path = message(put, 8, 1, 2, 4);
  assert.deepEqual([texts(path, 4), texts(path, 2), texts(path, 5), values(path, [19]), values(path, [1])], [['name'], ['path'], ['string'], [1], [1]]);
  assert.deepEqual(
    [texts(put, 9, 1, 1), texts(put, 9, 1, 2, 1, 1)],
    [
      ['200', '401'],
      ['OK', 'Unauthorized'],
    ],
  );
  assert.deepEqual(texts(put, 9, 1, 2, 1, 2, 1, 1), ['#/definitions/Thing']);
});

test('lengths of more than one byte', () => {
  const long = 'ä'.repeat(20_000);
  assert.deepEqual(texts(schemaOf({ description: long }), 4), [long]);
});

test('what has no field is an error, not left out', () => {
  assert.throws(() => schemaOf({ maxProperties: 3 }), /OpenAPI member maxProperties has no protobuf form/);
});
