import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import type { Json, KubeObject } from '../object.ts';
import { compileStructural, type JSONSchemaProps, type StructuralType } from './index.ts';

const options = { group: 'example.com', version: 'v1', kind: 'Widget' };
const ofSpec = (spec: JSONSchemaProps, extra: Partial<Parameters<typeof compileStructural>[1]> = {}): StructuralType =>
  compileStructural({ type: 'object', properties: { spec } }, { ...options, ...extra });
const object = (spec: unknown): KubeObject => ({ apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'a' }, spec }) as KubeObject;
const texts = (type: StructuralType, spec: unknown, old?: unknown): string[] =>
  type.validate(object(spec), old === undefined ? undefined : object(old)).map((e) => `${e.field}: ${e.message}`);
const pruned = (schema: JSONSchemaProps, value: Json): { value: Json; unknown: string[] } => {
  const out = ofSpec(schema).prune({ spec: value }, 'Warn');
  return { value: (out.value as { spec: Json }).spec, unknown: out.unknown };
};

describe('pruning', () => {
  const spec: JSONSchemaProps = {
    type: 'object',
    properties: {
      name: { type: 'string' },
      list: { type: 'array', items: { type: 'object', properties: { a: { type: 'integer' } } } },
      map: { type: 'object', additionalProperties: { type: 'object', properties: { a: { type: 'integer' } } } },
      free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true, properties: { known: { type: 'object', properties: { a: { type: 'string' } } } } },
      any: { 'x-kubernetes-preserve-unknown-fields': true },
      open: { type: 'object', additionalProperties: true },
      template: { type: 'object', 'x-kubernetes-embedded-resource': true, properties: { spec: { type: 'object', properties: { x: { type: 'string' } } } } },
    },
  };
  const cases: [name: string, value: Json, kept: Json, unknown: string[]][] = [
    ['keeps what is specified', { name: 'a' }, { name: 'a' }, []],
    ['drops the rest and names it', { name: 'a', other: 1 }, { name: 'a' }, ['spec.other']],
    ['looks into lists', { list: [{ a: 1 }, { b: 1 }] }, { list: [{ a: 1 }, {}] }, ['spec.list[1].b']],
    ['looks into maps', { map: { k: { a: 1, b: 2 } } }, { map: { k: { a: 1 } } }, ['spec.map.k.b']],
    [
      'keeps unknown fields where asked, and prunes known ones below',
      { free: { x: { y: [{}] }, known: { a: '', b: 1 } } },
      { free: { x: { y: [{}] }, known: { a: '' } } },
      ['spec.free.known.b'],
    ],
    ['keeps anything without a type', { any: [1, { a: { b: 2 } }] }, { any: [1, { a: { b: 2 } }] }, []],
    ['keeps members of an open map, not what is in them', { open: { a: 1, b: { c: 1 } } }, { open: { a: 1, b: {} } }, ['spec.open.b.c']],
    [
      'keeps the meta fields of embedded objects',
      { template: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x' }, spec: { x: 'y', z: 1 }, status: {} } },
      { template: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x' }, spec: { x: 'y' } } },
      ['spec.template.spec.z', 'spec.template.status'],
    ],
    ['leaves values of the wrong type to validation', { list: 'no', map: [1] }, { list: 'no', map: [1] }, []],
    ['takes names of Object.prototype as names', { toString: 1, constructor: { a: 1 } } as unknown as Json, {}, ['spec.toString', 'spec.constructor']],
  ];
  for (const [name, value, kept, unknown] of cases) {
    test(name, () => assert.deepEqual(pruned(spec, value), { value: kept, unknown }));
  }

  test('metadata goes through the decoder, at the root and in embedded objects', () => {
    const seen: string[] = [];
    const type = ofSpec(spec, {
      decodeMetadata(value, path) {
        seen.push(path);
        return { value, unknown: [`${path}.bad`] };
      },
    });
    const { unknown } = type.prune({ metadata: {}, spec: { template: { metadata: {} } } }, 'Strict');
    assert.deepEqual(seen, ['metadata', 'spec.template.metadata']);
    assert.deepEqual(unknown, ['metadata.bad', 'spec.template.metadata.bad']);
  });
});

describe('defaulting', () => {
  const spec: JSONSchemaProps = {
    type: 'object',
    properties: {
      replicas: { type: 'integer', default: 1 },
      mode: { type: 'string', nullable: true, default: 'auto' },
      plain: { type: 'string' },
      nested: { type: 'object', default: {}, properties: { level: { type: 'string', default: 'info' } } },
      list: { type: 'array', items: { type: 'object', properties: { protocol: { type: 'string', default: 'TCP' } } } },
      map: { type: 'object', additionalProperties: { type: 'object', properties: { on: { type: 'boolean', default: true } } } },
    },
  };
  const cases: [name: string, value: Json, expected: Json][] = [
    ['fills what is absent, and what the default brings', {}, { replicas: 1, mode: 'auto', nested: { level: 'info' } }],
    ['keeps what is there', { replicas: 3, mode: 'x', nested: { level: 'debug' } }, { replicas: 3, mode: 'x', nested: { level: 'debug' } }],
    ['null stands where it is allowed', { mode: null }, { replicas: 1, mode: null, nested: { level: 'info' } }],
    ['null gives way to a default where it is not', { replicas: null, nested: null }, { replicas: 1, mode: 'auto', nested: { level: 'info' } }],
    ['null without a default goes', { plain: null }, { replicas: 1, mode: 'auto', nested: { level: 'info' } }],
    [
      'fills items and members',
      { list: [{}], map: { a: {}, b: { on: false } } },
      { replicas: 1, mode: 'auto', nested: { level: 'info' }, list: [{ protocol: 'TCP' }], map: { a: { on: true }, b: { on: false } } },
    ],
  ];
  for (const [name, value, expected] of cases) {
    test(name, () => {
      const whole = { spec: value };
      const type = ofSpec(spec);
      type.default(whole);
      assert.deepEqual(whole.spec, expected);
      type.default(whole);
      assert.deepEqual(whole.spec, expected, 'a second time');
    });
  }
  test('the default is copied, never shared', () => {
    const type = ofSpec(spec);
    const a = { spec: {} as { nested?: { level: string } } };
    type.default(a as unknown as Json);
    a.spec.nested!.level = 'changed';
    const b = { spec: {} };
    type.default(b);
    assert.deepEqual(b.spec, { replicas: 1, mode: 'auto', nested: { level: 'info' } });
  });
});

describe('validation', () => {
  const cases: [schema: JSONSchemaProps, value: Json, expected: string[]][] = [
    [{ type: 'integer' }, 'a', ['spec: Invalid value: "string": spec in body must be of type integer: "string"']],
    [{ type: 'integer' }, 1.5, ['spec: Invalid value: "number": spec in body must be of type integer: "number"']],
    [{ type: 'number' }, 1, []],
    [{ type: 'string' }, null, ['spec: Invalid value: "null": spec in body must be of type string: "null"']],
    [{ type: 'string', nullable: true }, null, []],
    [{ 'x-kubernetes-int-or-string': true }, true, ['spec: Invalid value: "boolean": spec in body must be of type integer,string: "boolean"']],
    [{ 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'integer' }, { type: 'string' }] }, '50%', []],
    [{ type: 'integer', maximum: 10 }, 11, ['spec: Invalid value: 11: spec in body should be less than or equal to 10']],
    [{ type: 'integer', maximum: 10, exclusiveMaximum: true }, 10, ['spec: Invalid value: 10: spec in body should be less than 10']],
    [{ type: 'integer', minimum: 1 }, 0, ['spec: Invalid value: 0: spec in body should be greater than or equal to 1']],
    [{ type: 'integer', multipleOf: 2 }, 3, ['spec: Invalid value: 3: spec in body should be a multiple of 2']],
    [{ type: 'integer', format: 'int32' }, 3e9, ['<nil>: Invalid value: "": Checked value must be of type integer with format int32 in spec']],
    [{ type: 'string', maxLength: 2 }, 'abc', ['spec: Too long: may not be more than 2 bytes']],
    [{ type: 'string', maxLength: 2 }, '😀😀', []],
    [{ type: 'string', minLength: 2 }, 'a', ['spec: Invalid value: "a": spec in body should be at least 2 chars long']],
    [{ type: 'string', pattern: '^a+$' }, 'b', [`spec: Invalid value: "b": spec in body should match '^a+$'`]],
    [{ type: 'string', enum: ['b', 'a'] }, 'c', ['spec: Unsupported value: "c": supported values: "b", "a"']],
    [{ type: 'string', format: 'date-time' }, 'x', ['spec: Invalid value: "x": spec in body must be of type date-time: "x"']],
    [{ type: 'string', format: 'date-time' }, '2026-11-24T10:00:00.123Z', []],
    [{ type: 'string', format: 'no-such-format' }, 'x', []],
    [{ type: 'array', items: { type: 'string' }, minItems: 1 }, [], ['spec: Invalid value: 0: spec in body should have at least 1 items']],
    [{ type: 'array', items: { type: 'string' }, maxItems: 1 }, ['a', 'b'], ['spec: Too many: 2: must have at most 1 item']],
    [{ type: 'array', items: { type: 'string' } }, ['a', 1], ['spec[1]: Invalid value: "integer": spec[1] in body must be of type string: "integer"']],
    [{ type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' }, ['a', 'b', 'a'], ['spec[2]: Duplicate value: "a"']],
    [{ type: 'object', required: ['a'], properties: { a: { type: 'string' } } }, {}, ['spec.a: Required value']],
    [
      { type: 'object', additionalProperties: { type: 'integer' } },
      { k: 'v' },
      ['spec.k: Invalid value: "string": spec.k in body must be of type integer: "string"'],
    ],
    [{ type: 'object', maxProperties: 1, additionalProperties: { type: 'integer' } }, { a: 1, b: 2 }, ['spec: Too many: 2: must have at most 1 item']],
    [
      { type: 'object', properties: { a: { type: 'string' }, b: { type: 'string' } }, oneOf: [{ required: ['a'] }, { required: ['b'] }] },
      {},
      ['<nil>: Invalid value: "": "spec" must validate one and only one schema (oneOf). Found none valid', 'spec.a: Required value'],
    ],
    [
      { type: 'object', properties: { a: { type: 'string' }, b: { type: 'string' } }, oneOf: [{ required: ['a'] }, { required: ['b'] }] },
      { a: '', b: '' },
      ['<nil>: Invalid value: "": "spec" must validate one and only one schema (oneOf). Found 2 valid alternatives'],
    ],
    [{ type: 'string', not: { enum: ['x'] } }, 'x', ['<nil>: Invalid value: "": "spec" must not validate the schema (not)']],
    [
      { type: 'integer', allOf: [{ minimum: 5 }, { maximum: 9 }] },
      3,
      ['spec: Invalid value: 3: spec in body should be greater than or equal to 5', '<nil>: Invalid value: "": "spec" must validate all the schemas (allOf)'],
    ],
    [
      { type: 'string', pattern: '(a+)+$' },
      `${'a'.repeat(5000)}!`,
      [`spec: Invalid value: ${JSON.stringify(`${'a'.repeat(5000)}!`)}: spec in body should match '(a+)+$'`],
    ],
  ];
  for (const [schema, value, expected] of cases) {
    test(`${JSON.stringify(schema).slice(0, 70)} ← ${JSON.stringify(value)?.slice(0, 30)}`, () => assert.deepEqual(texts(ofSpec(schema), value), expected));
  }

  test('items of a list of type map occur once, whatever stands for the default', () => {
    const type = ofSpec({
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['port', 'protocol'],
      items: { type: 'object', required: ['port'], properties: { port: { type: 'integer' }, protocol: { type: 'string', default: 'TCP' } } },
    });
    assert.deepEqual(texts(type, [{ port: 1 }, { port: 2 }, { port: 1, protocol: 'TCP' }]), ['spec[2]: Duplicate value: {"port":1,"protocol":"TCP"}']);
  });
});

describe('ratcheting', () => {
  const type = ofSpec({
    type: 'object',
    properties: {
      color: { type: 'string', enum: ['red'] },
      other: { type: 'string' },
      ports: {
        type: 'array',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name'],
        items: { type: 'object', properties: { name: { type: 'string' }, port: { type: 'integer', maximum: 10 }, note: { type: 'string' } } },
      },
      atomic: { type: 'array', items: { type: 'string', maxLength: 1 } },
    },
  });
  const bad = 'spec.color: Unsupported value: "blue": supported values: "red"';
  test('an unchanged fault is tolerated', () => assert.deepEqual(texts(type, { color: 'blue', other: 'x' }, { color: 'blue' }), []));
  test('a new fault is not', () => assert.deepEqual(texts(type, { color: 'blue' }, { color: 'red' }), [bad]));
  test('nor one on create', () => assert.deepEqual(texts(type, { color: 'blue' }), [bad]));
  test('items of lists of type map are told apart by key', () =>
    assert.deepEqual(
      texts(
        type,
        {
          ports: [
            { name: 'b', port: 20 },
            { name: 'a', port: 11, note: 'x' },
          ],
        },
        { ports: [{ name: 'a', port: 11 }] },
      ),
      ['spec.ports[0].port: Invalid value: 20: spec.ports[0].port in body should be less than or equal to 10'],
    ));
  test('atomic lists are tolerated as a whole only', () => {
    assert.deepEqual(texts(type, { atomic: ['long'], other: 'x' }, { atomic: ['long'] }), []);
    assert.deepEqual(texts(type, { atomic: ['long', 'a'] }, { atomic: ['long'] }), ['spec.atomic[0]: Too long: may not be more than 1 byte']);
  });
});
