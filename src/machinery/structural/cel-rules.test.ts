import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import type { KubeObject } from '../object.ts';
import { compileStructural, validateStructural, type JSONSchemaProps, type StructuralType, type ValidationRule } from './index.ts';

const path = 'spec.versions[0].schema.openAPIV3Schema';
const withSpec = (spec: JSONSchemaProps): JSONSchemaProps => ({ type: 'object', properties: { spec } });
const compiled = (spec: JSONSchemaProps): StructuralType => compileStructural(withSpec(spec), { group: 'example.com', version: 'v1', kind: 'Widget' });
const object = (spec: unknown): KubeObject => ({ apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'a' }, spec }) as KubeObject;
const texts = (spec: JSONSchemaProps, value: unknown, old?: unknown): string[] =>
  compiled(spec)
    .validate(object(value), old === undefined ? undefined : object(old))
    .map((e) => `${e.field}: ${e.message}`);
const findings = (schema: JSONSchemaProps): string[] =>
  validateStructural(schema, path).map((e) => `${e.field.replace(path, '~')}: ${e.message.replaceAll(path, '~')}`);
const rules = (...list: (string | ValidationRule)[]): ValidationRule[] => list.map((rule) => (typeof rule === 'string' ? { rule } : rule));

const range = (...list: (string | ValidationRule)[]): JSONSchemaProps => ({
  type: 'object',
  properties: { min: { type: 'integer' }, max: { type: 'integer' }, name: { type: 'string', maxLength: 20 } },
  'x-kubernetes-validations': rules(...list),
});

describe('rules', () => {
  const cases: [name: string, schema: JSONSchemaProps, value: unknown, expected: string[]][] = [
    ['hold', range('self.min <= self.max'), { min: 1, max: 2 }, []],
    ['fail with the rule', range('self.min <= self.max'), { min: 3, max: 2 }, ['spec: Invalid value: "object": failed rule: self.min <= self.max']],
    [
      'fail with their message',
      range({ rule: 'self.min <= self.max', message: 'min over max' }),
      { min: 3, max: 2 },
      ['spec: Invalid value: "object": min over max'],
    ],
    [
      'fail with a message of their own making',
      range({ rule: 'self.min <= self.max', messageExpression: '"%d > %d".format([self.min, self.max])' }),
      { min: 3, max: 2 },
      ['spec: Invalid value: "object": 3 > 2'],
    ],
    [
      'fall back when the message cannot be made',
      range({ rule: 'self.min <= self.max', message: 'plain', messageExpression: 'self.name' }),
      { min: 3, max: 2 },
      ['spec: Invalid value: "object": plain'],
    ],
    ['name a field', range({ rule: 'self.min <= self.max', message: 'm', fieldPath: '.max' }), { min: 3, max: 2 }, ['spec.max: Invalid value: "object": m']],
    [
      'give a reason',
      range(
        { rule: 'has(self.name)', message: 'm', reason: 'FieldValueRequired', fieldPath: '.name' },
        { rule: 'self.min == 0', message: 'f', reason: 'FieldValueForbidden' },
      ),
      { min: 3 },
      ['spec.name: Required value: m', 'spec: Forbidden: f'],
    ],
    [
      'say when they cannot be run',
      range('self.min <= self.max'),
      { min: 3 },
      ['spec: Invalid value: "object": no such key: max evaluating rule: self.min <= self.max'],
    ],
    [
      'are not run on broken data',
      range('self.min <= self.max'),
      { min: 'x', max: 2 },
      [
        'spec.min: Invalid value: "string": spec.min in body must be of type integer: "string"',
        '<nil>: Invalid value: "null": some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
      ],
    ],
    [
      'are run on every item and member',
      { type: 'object', additionalProperties: { type: 'array', items: { type: 'integer', 'x-kubernetes-validations': rules('self % 2 == 0') } } },
      { a: [2, 3], b: [5] },
      ['spec.a[1]: Invalid value: "integer": failed rule: self % 2 == 0', 'spec.b[0]: Invalid value: "integer": failed rule: self % 2 == 0'],
    ],
    [
      'are not run on null',
      { type: 'object', properties: { n: { type: 'string', nullable: true, 'x-kubernetes-validations': rules('self == "a"') } } },
      { n: null },
      [],
    ],
  ];
  for (const [name, schema, value, expected] of cases) test(name, () => assert.deepEqual(texts(schema, value), expected));

  test('the root sees the name', () => {
    const type = compileStructural(
      { type: 'object', 'x-kubernetes-validations': rules('self.metadata.name == "b" && self.kind == "Widget"') },
      { group: 'g', version: 'v1', kind: 'Widget' },
    );
    assert.equal(type.validate(object({}))[0]?.message, 'Invalid value: "object": failed rule: self.metadata.name == "b" && self.kind == "Widget"');
  });

  test('int-or-string is what it is', () => {
    const schema: JSONSchemaProps = {
      type: 'object',
      properties: { p: { 'x-kubernetes-int-or-string': true, 'x-kubernetes-validations': rules('type(self) == int ? self > 0 : self.endsWith("%")') } },
    };
    assert.deepEqual(texts(schema, { p: '5%' }), []);
    assert.deepEqual(texts(schema, { p: 0 }), ['spec.p: Invalid value: "": failed rule: type(self) == int ? self > 0 : self.endsWith("%")']);
  });

  test('a rule that costs too much ends all of them', () => {
    const list: JSONSchemaProps = {
      type: 'array',
      items: { type: 'string' },
      'x-kubernetes-validations': rules('self.all(a, self.all(b, self.all(c, a != b + c)))', 'false'),
    };
    assert.deepEqual(texts({ type: 'object', properties: { list } }, { list: Array.from({ length: 300 }, (_, i) => `i${i}`) }), [
      'spec.list: Invalid value: "array": \'operation cancelled: actual cost limit exceeded\': no further validation rules will be run due to call cost exceeds limit for rule: self.all(a, self.all(b, self.all(c, a != b + c)))',
    ]);
  });
  test('all rules of an object share a budget', () => {
    const item: JSONSchemaProps = { type: 'array', items: { type: 'string' }, 'x-kubernetes-validations': rules('self.all(a, self.all(b, a + b != ""))') };
    const row = Array.from({ length: 250 }, (_, i) => `i${i}`);
    const found = texts({ type: 'array', items: item }, new Array(60).fill(row));
    assert.match(found.at(-1) ?? '', /validation failed due to running out of cost budget, no further validation rules will be run$/);
    assert.equal(found.length, 1);
  });
});

describe('transition rules', () => {
  const schema = range({ rule: 'self.min >= oldSelf.min', message: 'may only grow' });
  test('compare with the old value', () => {
    assert.deepEqual(texts(schema, { min: 1 }, { min: 2 }), ['spec: Invalid value: "object": may only grow']);
    assert.deepEqual(texts(schema, { min: 3 }, { min: 2 }), []);
  });
  test('are not run without one', () => assert.deepEqual(texts(schema, { min: 1 }), []));
  test('run without one where the old value is optional', () => {
    const optional = range({ rule: 'oldSelf.hasValue() ? self.min >= oldSelf.value().min : self.min == 0', optionalOldSelf: true, message: 'm' });
    assert.deepEqual(texts(optional, { min: 1 }), ['spec: Invalid value: "object": m']);
    assert.deepEqual(texts(optional, { min: 1 }, { min: 1 }), []);
    assert.deepEqual(texts(optional, { min: 0 }, { min: 1 }), ['spec: Invalid value: "object": m']);
  });
  test('items of lists of type map are compared by key', () => {
    const ports: JSONSchemaProps = {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
      items: {
        type: 'object',
        required: ['name'],
        properties: { name: { type: 'string' }, port: { type: 'integer' } },
        'x-kubernetes-validations': rules('self.port == oldSelf.port'),
      },
    };
    assert.deepEqual(
      texts(
        { type: 'object', properties: { ports } },
        {
          ports: [
            { name: 'new', port: 1 },
            { name: 'a', port: 2 },
          ],
        },
        { ports: [{ name: 'a', port: 1 }] },
      ),
      ['spec.ports[1]: Invalid value: "object": failed rule: self.port == oldSelf.port'],
    );
  });
});

describe('ratcheting of rules', () => {
  const schema: JSONSchemaProps = {
    type: 'object',
    properties: { part: range('self.min <= self.max'), other: { type: 'string' }, list: { type: 'array', items: range('self.min <= self.max') } },
  };
  const bad = { min: 3, max: 2 };
  test('what did not change may stay', () => assert.deepEqual(texts(schema, { part: bad, other: 'x' }, { part: bad }), []));
  test('what did may not', () => assert.equal(texts(schema, { part: { ...bad, name: 'x' } }, { part: bad }).length, 1));
  test('items without a key stay with their list', () => {
    assert.deepEqual(texts(schema, { list: [bad], other: 'x' }, { list: [bad] }), []);
    assert.equal(texts(schema, { list: [bad, { min: 1, max: 1 }] }, { list: [bad] }).length, 1);
  });
});

describe('rules of a definition', () => {
  const shown = (rule: string, extra = 'Message:"", MessageExpression:""'): string =>
    `apiextensions.ValidationRule{Rule:${JSON.stringify(rule)}, ${extra}, Reason:(*apiextensions.FieldValueErrorReason)(nil), FieldPath:"", OptionalOldSelf:(*bool)(nil)}`;
  const at = '~.properties[spec].x-kubernetes-validations[0]';
  const cases: [schema: JSONSchemaProps, expected: string[]][] = [
    [range('self.min <= self.max'), []],
    [range(''), [`${at}.rule: Required value: rule is not specified`]],
    [range({ rule: 'true', message: ' ' }), [`${at}.message: Invalid value: " ": message must be non-empty if specified`]],
    [range({ rule: 'true', message: 'a\nb' }), [`${at}.message: Invalid value: "a\\nb": message must not contain line breaks`]],
    [range('true ||\nfalse'), [`${at}.message: Required value: message must be specified if rule contains line breaks`]],
    [
      range({ rule: 'true', reason: 'Nope' }),
      [`${at}.reason: Unsupported value: "Nope": supported values: "FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"`],
    ],
    [range({ rule: 'true', fieldPath: '.nope' }), [`${at}.fieldPath: Invalid value: ".nope": fieldPath must be a valid path`]],
    [
      range('self.nope'),
      [`${at}.rule: Invalid value: ${shown('self.nope')}: compilation failed: ERROR: <input>:1:5: undefined field 'nope'\n | self.nope\n | ....^`],
    ],
    [range('self.min'), [`${at}.rule: Invalid value: ${shown('self.min')}: cel expression must evaluate to a bool`]],
    [
      range({ rule: 'true', messageExpression: '1' }),
      [`${at}.messageExpression: Invalid value: ${shown('true', 'Message:"", MessageExpression:"1"')}: messageExpression must evaluate to a string`],
    ],
    [range({ rule: 'true', optionalOldSelf: true }), [`${at}.optionalOldSelf: Invalid value: true: may not be set if oldSelf is not used in rule`]],
    [
      { type: 'array', maxItems: 3, items: { type: 'string', maxLength: 3, 'x-kubernetes-validations': rules('self == oldSelf') } },
      [
        '~.properties[spec].items.x-kubernetes-validations[0].rule: Invalid value: "self == oldSelf": oldSelf cannot be used on the uncorrelatable portion of the schema within ~.properties[spec]',
      ],
    ],
  ];
  for (const [spec, expected] of cases)
    test(JSON.stringify(spec['x-kubernetes-validations'] ?? spec).slice(0, 90), () => assert.deepEqual(findings(withSpec(spec)), expected));

  test('a rule that may cost too much is refused, with what helps', () => {
    const spec: JSONSchemaProps = { type: 'array', items: { type: 'string' }, 'x-kubernetes-validations': rules('self.all(a, self.all(b, a != b))') };
    assert.deepEqual(findings(withSpec(spec)), [
      `${at}.rule: Forbidden: estimated rule cost exceeds budget by factor of more than 100x (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`,
      `${at}.rule: Forbidden: contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema`,
      '~: Forbidden: x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema exceeds budget by factor of more than 100x (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)',
    ]);
    const bounded: JSONSchemaProps = { ...spec, maxItems: 20, items: { type: 'string', maxLength: 20 } };
    assert.deepEqual(findings(withSpec(bounded)), []);
  });
  test('defaults must satisfy the rules', () => {
    const spec = { ...range('self.min <= self.max'), default: { min: 2, max: 1 } };
    assert.deepEqual(findings(withSpec(spec)), ['~.properties[spec].default: Invalid value: "object": failed rule: self.min <= self.max']);
  });
});

describe('embedded objects', () => {
  const spec: JSONSchemaProps = { type: 'object', 'x-kubernetes-embedded-resource': true, 'x-kubernetes-preserve-unknown-fields': true };
  test('say what they are', () =>
    assert.deepEqual(texts(spec, { kind: '' }), ['spec.apiVersion: Required value: must not be empty', 'spec.kind: Invalid value: "": must not be empty']));
  test('have sound metadata', () =>
    assert.match(
      texts(spec, { apiVersion: 'v1', kind: 'Pod', metadata: { labels: { 'a b': 'x' } } })[0] ?? '',
      /^spec\.metadata\.labels: Invalid value: "a b"/,
    ));
});

test('rules about the keys of a map are judged by the number of keys, not by their length', () => {
  const labels = {
    type: 'object',
    maxProperties: 4096,
    additionalProperties: { type: 'string', maxLength: 63 },
    'x-kubernetes-validations': [{ rule: "self.all(key, !key.contains('*'))" }],
  };
  assert.deepEqual(validateStructural({ type: 'object', properties: { labels } }, 'schema'), []);
  const { maxProperties: _none, ...unbounded } = { ...labels, 'x-kubernetes-validations': [{ rule: 'self.all(key, self.all(other, !key.contains(other)))' }] };
  assert.match(validateStructural({ type: 'object', properties: { labels: unbounded } }, 'schema')[0]?.message ?? '', /estimated rule cost exceeds budget/);
});
