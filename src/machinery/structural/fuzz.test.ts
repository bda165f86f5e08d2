import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import * as fc from 'fast-check';
import { cloneObject, type Json, type KubeObject } from '../object.ts';
import { compileStructural, parseJsonPath, validateStructural, type JSONSchemaProps } from './index.ts';

/** The seed is fixed, so that a failure is the same everywhere; a failing case becomes a test of its own. */
const run = { seed: 20261124, numRuns: 400 };
const names = ['a', 'b', 'kind', 'metadata', 'toString', 'x-y'];

const scalar: fc.Arbitrary<JSONSchemaProps> = fc.oneof(
  fc.record(
    {
      type: fc.constant('string'),
      maxLength: fc.nat(5),
      format: fc.constantFrom('date-time', 'ipv4', 'byte', 'uuid', 'nope'),
      pattern: fc.constantFrom('^a', '(b|c)+', '[0-9]{2}'),
    },
    { requiredKeys: ['type'] },
  ),
  fc.record(
    {
      type: fc.constantFrom('integer', 'number'),
      minimum: fc.integer({ min: -5, max: 5 }),
      multipleOf: fc.constantFrom(2, 0.5),
      default: fc.constantFrom(1, 2),
    },
    { requiredKeys: ['type'] },
  ),
  fc.record({ type: fc.constant('boolean'), nullable: fc.boolean(), default: fc.boolean() }, { requiredKeys: ['type'] }),
  fc.constant<JSONSchemaProps>({ 'x-kubernetes-int-or-string': true }),
  fc.constant<JSONSchemaProps>({ 'x-kubernetes-preserve-unknown-fields': true }),
);
const schema: fc.Arbitrary<JSONSchemaProps> = fc.letrec<{ node: JSONSchemaProps }>((tie) => ({
  node: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalar,
    fc.record(
      {
        type: fc.constant('object'),
        properties: fc.dictionary(fc.constantFrom(...names), tie('node'), { maxKeys: 4 }),
        required: fc.subarray(names),
        nullable: fc.boolean(),
        'x-kubernetes-preserve-unknown-fields': fc.constant(true),
        'x-kubernetes-embedded-resource': fc.boolean(),
      },
      { requiredKeys: ['type', 'properties'] },
    ),
    fc.record({ type: fc.constant('object'), additionalProperties: tie('node'), maxProperties: fc.nat(3) }, { requiredKeys: ['type', 'additionalProperties'] }),
    fc.record(
      {
        type: fc.constant('array'),
        items: tie('node'),
        maxItems: fc.nat(3),
        'x-kubernetes-list-type': fc.constantFrom('atomic', 'set', 'map'),
        'x-kubernetes-list-map-keys': fc.constant<string[]>(['a']),
      },
      { requiredKeys: ['type', 'items'] },
    ),
  ),
})).node;
const value: fc.Arbitrary<Json> = fc.letrec<{ node: Json }>((tie) => ({
  node: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom<Json>(null, true, 0, 1, 2.5, 'a', '10.0.0.1', '2026-11-24T10:00:00Z', ''),
    fc.array(tie('node'), { maxLength: 4 }),
    fc.dictionary(fc.constantFrom(...names, 'zz'), tie('node'), { maxKeys: 4 }),
  ),
})).node;

const options = { group: 'example.com', version: 'v1', kind: 'Widget' };
const rooted = (spec: JSONSchemaProps): JSONSchemaProps => ({ type: 'object', properties: { spec } });

describe('random schemas and values', () => {
  test('the rules of schemas take anything', () => {
    fc.assert(
      fc.property(fc.oneof(schema, value as fc.Arbitrary<unknown> as fc.Arbitrary<JSONSchemaProps>), (spec) => {
        if (spec !== null && typeof spec === 'object' && !Array.isArray(spec)) validateStructural(rooted(spec), 'p');
      }),
      run,
    );
  });
  test('pruning and defaulting a second time change nothing, and validation says the same twice', () => {
    fc.assert(
      fc.property(schema, value, (spec, input) => {
        const type = compileStructural(rooted(spec), options);
        const object: Json = { spec: cloneObject(input) };
        type.prune(object);
        const pruned = cloneObject(object);
        assert.deepEqual(type.prune(object, 'Warn').unknown, []);
        assert.deepEqual(object, pruned);
        type.default(object);
        const defaulted = cloneObject(object);
        type.default(object);
        assert.deepEqual(object, defaulted);
        const first = type.validate(object as KubeObject);
        assert.deepEqual(type.validate(object as KubeObject), first);
        assert.deepEqual(object, defaulted, 'validation leaves the object alone');
      }),
      run,
    );
  });
  test('an unchanged object may stay as it is, but for lists that must be sound', () => {
    fc.assert(
      fc.property(schema, value, (spec, input) => {
        const object = { spec: input } as KubeObject;
        const errors = compileStructural(rooted(spec), options).validate(object, cloneObject(object));
        for (const error of errors) assert.ok(error.reason === 'FieldValueDuplicate' || /apiVersion|kind|metadata/.test(error.field), JSON.stringify(error));
      }),
      run,
    );
  });
  test('patches and OpenAPI can be made of any schema', () => {
    fc.assert(
      fc.property(schema, (spec) => {
        const type = compileStructural(rooted(spec), options);
        for (const name of names) type.patchSchema.field(type.patchSchema.field(type.patchType, 'spec')?.type ?? '', name);
        JSON.stringify([type.openapi, type.openapiV2]);
      }),
      run,
    );
  });
});

test('random paths are paths or syntax errors', () => {
  const piece = fc.constantFrom('.', '..', 'a', '[', ']', '*', '0', ':', '-1', '?(', ')', '@', '==', "'x'", '"y"', '\\', ' ', '{', '}', ',', '$');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), value, (pieces, input) => {
      let path;
      try {
        path = parseJsonPath(pieces.join(''));
      } catch (error) {
        assert.ok(error instanceof SyntaxError, String(error));
        return;
      }
      assert.ok(Array.isArray(path(input)));
    }),
    { ...run, numRuns: 2000 },
  );
});
