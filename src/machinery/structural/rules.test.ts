import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { validateStructural, type JSONSchemaProps } from './index.ts';

const path = 'spec.versions[0].schema.openAPIV3Schema';
const findings = (schema: JSONSchemaProps): string[] =>
  validateStructural(schema, path).map((e) => `${e.field.replace(path, '~')}: ${e.message.replaceAll(path, '~')}`);
const withA = (a: JSONSchemaProps): JSONSchemaProps => ({ type: 'object', properties: { a } });

describe('the rules of structural schemas', () => {
  const cases: [schema: JSONSchemaProps, expected: string[]][] = [
    [{ type: 'object' }, []],
    [{}, ['~.type: Required value: must not be empty at the root']],
    [{ type: 'array', items: { type: 'string' } }, ['~.type: Invalid value: "array": must be object at the root']],
    [withA({}), ['~.properties[a].type: Required value: must not be empty for specified object fields']],
    [withA({ type: 'array' }), ['~.properties[a].items: Required value: must be specified']],
    [withA({ type: 'array', items: {} }), ['~.properties[a].items.type: Required value: must not be empty for specified array items']],
    [
      withA({ type: 'text' }),
      ['~.properties[a].type: Unsupported value: "text": supported values: "array", "boolean", "integer", "number", "object", "string"'],
    ],
    [withA({ type: 'null' }), ['~.properties[a].type: Forbidden: type cannot be set to null, use nullable as an alternative']],
    [withA({ 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'integer' }, { type: 'string' }] }), []],
    [withA({ 'x-kubernetes-int-or-string': true, allOf: [{ anyOf: [{ type: 'integer' }, { type: 'string' }] }, { pattern: 'a' }] }), []],
    [withA({ type: 'string', anyOf: [{ type: 'string' }] }), ['~.properties[a].anyOf[0].type: Forbidden: must be empty to be structural']],
    [
      withA({ type: 'object', oneOf: [{ properties: { b: { minLength: 1 } } }] }),
      ['~.properties[a].properties[b]: Required value: because it is defined in ~.properties[a].oneOf[0].properties[b]'],
    ],
    [
      withA({ type: 'string', pattern: '(' }),
      ['~.properties[a].pattern: Invalid value: "(": must be a valid regular expression, but isn\'t: error parsing regexp: missing closing ): `(`'],
    ],
    [{ type: 'object', nullable: true }, ['~.nullable: Forbidden: nullable cannot be true at the root']],
    [{ type: 'object', additionalProperties: true }, ['~.additionalProperties: Forbidden: must not be used at the root']],
    [
      withA({ type: 'object', properties: { b: { type: 'string' } }, additionalProperties: { type: 'string' } }),
      ['~.properties[a].additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive'],
    ],
    [
      withA({ type: 'array', items: { type: 'string' }, uniqueItems: true }),
      ['~.properties[a].uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic'],
    ],
    [withA({ type: 'object', $ref: '#/x' }), ['~.properties[a].$ref: Forbidden: $ref is not supported']],
    [
      withA({ type: 'object', 'x-kubernetes-embedded-resource': true }),
      ['~.properties[a].properties: Required value: must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields'],
    ],
    [withA({ type: 'object', 'x-kubernetes-embedded-resource': true, 'x-kubernetes-preserve-unknown-fields': true }), []],
    [{ type: 'object', properties: { metadata: { type: 'object', properties: { name: { type: 'string', maxLength: 5 } } } } }, []],
    [
      { type: 'object', properties: { metadata: { type: 'object', properties: { labels: { type: 'object' } } } } },
      ['~.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified'],
    ],
    [
      withA({ type: 'string', 'x-kubernetes-list-type': 'set' }),
      ['~.properties[a].type: Invalid value: "string": must be array if x-kubernetes-list-type is specified'],
    ],
    [
      withA({
        type: 'array',
        items: { type: 'object', properties: { k: { type: 'string' } } },
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['k'],
      }),
      [
        '~.properties[a].items.properties[k].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property',
      ],
    ],
    [
      withA({ type: 'array', items: { type: 'object' }, 'x-kubernetes-list-type': 'map' }),
      ['~.properties[a].x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map'],
    ],
    [
      withA({ type: 'array', items: { type: 'object' }, 'x-kubernetes-list-type': 'set' }),
      ['~.properties[a].items.x-kubernetes-map-type: Forbidden: must be atomic as item of a list with x-kubernetes-list-type=set'],
    ],
    [withA({ type: 'integer', default: 'x' }), ['~.properties[a].default: Invalid value: "string":  in body must be of type integer: "string"']],
    [
      withA({ type: 'object', properties: { b: { type: 'string' } }, default: { c: 1 } }),
      ['~.properties[a].default: Invalid value: {"c":1}: must not have unknown fields'],
    ],
    [
      withA({ type: 'object', properties: { b: { type: 'string' } }, default: { b: 1 } }),
      ['~.properties[a].default.b: Invalid value: "integer": b in body must be of type string: "integer"'],
    ],
    [
      withA({ type: 'object', 'x-kubernetes-preserve-unknown-fields': false }),
      ['~.properties[a].x-kubernetes-preserve-unknown-fields: Invalid value: false: must be true or undefined'],
    ],
  ];
  for (const [schema, expected] of cases) test(JSON.stringify(schema).slice(0, 110), () => assert.deepEqual(findings(schema), expected));
});
