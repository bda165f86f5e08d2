import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { AwsError } from '../gateway/errors.ts';
import type { Constraint } from './constraints.ts';
import { findingsText, refuseInEc2, type Finding } from './findings.ts';
import { buildContract, type RawContract } from './schema.ts';
import { compileInput } from './validate.ts';
import type { Value } from './types.ts';

const contract = buildContract({
  serviceId: 'Toy',
  version: '2026-01-01',
  protocol: 'AwsJson1_1Protocol',
  namespace: 'urn:toy',
  target: 'Toy',
  operations: { Make: { i: 'MakeRequest', o: '.u' }, Plain: { i: 'PlainRequest', o: '.u' } },
  errors: {},
  enums: { Colour: ['red', 'blue'] },
  shapes: {
    MakeRequest: {
      m: {
        Name: '.s',
        Count: '.n',
        Colour: ['.s', { enum: 'Colour' }],
        Colours: ['.s[]', { enum: 'Colour' }],
        Tags: 'TagList',
        Names: '.s[]',
        Env: '.s{}',
        Password: ['.s', { sensitive: 1 }],
        Data: '.y',
        Tree: 'Tree',
      },
      r: 1,
    },
    TagList: { l: 'Tag' },
    Tag: { m: { Key: '.s', Value: '.s' } },
    Tree: { m: { Label: '.s', Left: 'Tree' } },
    PlainRequest: { m: { Text: '.s' } },
  },
} as unknown as RawContract);

const shapes: Record<string, Constraint> = {
  MakeRequest: {
    m: { Name: 'Name', Count: 'Count', Colour: 'Colour', Tags: 'Tags', Names: 'Names', Env: 'Env', Password: 'Secret', Data: 'Data', Tree: 'Tree' },
    r: ['Name'],
  },
  Name: { n: 2, x: 8, p: '[\\w+=,.@-]+' },
  Count: { n: 1, x: 100, i: 32 },
  Colour: { e: ['red'] },
  Tags: { l: 'Tag', x: 2 },
  Tag: { m: { Key: 'Key', Value: 'Word' }, r: ['Key'] },
  Key: { n: 1, x: 4 },
  Names: { l: 'Name', x: 3 },
  Env: { k: 'Key', v: 'Word' },
  Word: { x: 5 },
  Secret: { n: 6, s: 1 },
  Data: { n: 1 },
  Tree: { m: { Label: 'Key', Left: 'Tree' }, r: ['Label'] },
};
const check = (input: Value, operation = 'Make'): readonly Finding[] => {
  const found = contract.operation(operation);
  assert.ok(found);
  return compileInput(found, contract, { source: '', inputs: { Make: 'MakeRequest' }, shapes }, 'SerializationException')(input);
};
const text = (input: Value): string => findingsText(check(input));
const one = (what: string): string => `1 validation error detected: ${what}`;

describe('inputs against their model, in the words of AWS', () => {
  test('nothing to say of what is right', () => {
    const input = {
      Name: 'anna',
      Count: 3,
      Colour: 'blue',
      Tags: [{ Key: 'a', Value: '' }],
      Names: ['ab'],
      Env: { a: 'b' },
      Password: 'secret',
      Data: Buffer.of(1),
    };
    assert.deepEqual(check(input), []);
    assert.deepEqual(check({}, 'Plain'), []);
  });
  test('what is missing', () => assert.equal(text({}), one("Value null at 'name' failed to satisfy constraint: Member must not be null")));
  test('several at once, the pattern first', () =>
    assert.equal(
      text({ Name: '' }),
      "2 validation errors detected: Value '' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]+; Value '' at 'name' failed to satisfy constraint: Member must have length greater than or equal to 2",
    ));
  test('what is too long is told whole, and not compared', () =>
    assert.equal(
      text({ Name: '/'.repeat(20) }),
      one(`Value '${'/'.repeat(20)}' at 'name' failed to satisfy constraint: Member must have length less than or equal to 8`),
    ));
  test('characters count, not their halves', () => assert.match(text({ Name: 'ok', Tags: [{ Key: '😀😀😀😀😀' }] }), /less than or equal to 4/));
  test('numbers', () => {
    assert.equal(text({ Name: 'ok', Count: 0 }), one("Value '0' at 'count' failed to satisfy constraint: Member must have value greater than or equal to 1"));
    assert.equal(
      text({ Name: 'ok', Count: 101 }),
      one("Value '101' at 'count' failed to satisfy constraint: Member must have value less than or equal to 100"),
    );
  });
  test('numbers that are none of their type cannot be read', () => {
    for (const Count of [1.5, 2 ** 31, Number.NaN])
      assert.throws(() => check({ Name: 'ok', Count }), new AwsError('SerializationException', `${Count} can not be converted to an Integer at 'count'`));
  });
  test('of enumerations the newer list counts', () => {
    assert.deepEqual(check({ Name: 'ok', Colour: 'blue' }), []);
    assert.deepEqual(check({ Name: 'ok', Colours: ['blue', 'red'] }), []);
    assert.match(text({ Name: 'ok', Colours: ['green'] }), /Value '\[green\]' at 'colours' failed to satisfy constraint: Member must satisfy constraint: \[/);
    assert.equal(
      text({ Name: 'ok', Colour: 'Red' }),
      one("Value 'Red' at 'colour' failed to satisfy constraint: Member must satisfy enum value set: [red, blue]"),
    );
  });
  test('in lists and maps of structures, by place', () => {
    assert.equal(
      text({ Name: 'ok', Tags: [{ Key: 'a' }, { Value: 'b' }] }),
      one("Value null at 'tags.2.member.key' failed to satisfy constraint: Member must not be null"),
    );
    assert.equal(text({ Name: 'ok', Tags: [undefined] }), one("Value null at 'tags.1.member' failed to satisfy constraint: Member must not be null"));
  });
  test('lists and maps of scalars are told of as a whole', () => {
    assert.equal(
      text({ Name: 'ok', Names: ['fine', 'a/b'] }),
      one(
        "Value '[fine, a/b]' at 'names' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 8, Member must have length greater than or equal to 2, Member must satisfy regular expression pattern: [\\w+=,.@-]+]",
      ),
    );
    assert.match(
      text({ Name: 'ok', Env: { longer: 'b' } }),
      /Value '\{longer=b\}' at 'env' failed to satisfy constraint: Map keys must satisfy constraint: \[/,
    );
    assert.match(
      text({ Name: 'ok', Env: { a: 'too long' } }),
      /at 'env' failed to satisfy constraint: Map value must satisfy constraint: \[Member must have length less/,
    );
    assert.match(text({ Name: 'ok', Names: [undefined] }), /Value '\[null\]' at 'names'/);
  });
  test('structures are printed as Java does', () =>
    assert.match(
      text({ Name: 'ok', Tags: [{ Key: 'a' }, { Key: 'b' }, { Key: 'c', Value: 'd' }] }),
      /Value '\[Tag\(key=a, value=null\), .*Tag\(key=c, value=d\)\]' at 'tags'/,
    ));
  test('bytes too', () => assert.match(text({ Name: 'ok', Data: Buffer.alloc(0) }), /Value 'java\.nio\.HeapByteBuffer\[pos=0 lim=0 cap=0\]' at 'data'/));
  test('secrets are not told', () =>
    assert.equal(
      text({ Name: 'ok', Password: 'abc' }),
      one("Value at 'password' failed to satisfy constraint: Member must have length greater than or equal to 6"),
    ));
  test('shapes that hold themselves', () =>
    assert.match(text({ Name: 'ok', Tree: { Label: 'a', Left: { Label: 'b', Left: {} } } }), /Value null at 'tree\.left\.left\.label'/));
  test('ten findings are enough', () => assert.match(text({ Tags: Array.from({ length: 50 }, () => ({})) }), /^10 validation errors detected: /));
});

describe('EC2 says one thing, in its own words', () => {
  const error = (input: Value): string => {
    const { code, message } = refuseInEc2(check(input));
    return `${code}: ${message}`;
  };
  test('missing', () => assert.equal(error({}), 'MissingParameter: The request must contain the parameter Name'));
  test('out of range', () =>
    assert.equal(
      error({ Name: 'ok', Count: 0 }),
      'InvalidParameterValue: Value (0) for parameter count is invalid. Expecting a value greater than or equal to 1.',
    ));
  test('none of an enumeration', () => assert.equal(error({ Name: 'ok', Colour: 'x' }), 'InvalidParameterValue: Value (x) for parameter colour is invalid.'));
});
