import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import * as fc from 'fast-check';
import type { Json } from '../object.ts';
import { celToJson, celTypes as t, CelCompileError, CelCostError, CelError, compileCel } from './index.ts';

const run = { seed: 20261124, numRuns: 3000 };
const costLimit = 20_000;

const variables = { self: t.dyn, n: t.int, s: t.string, list: t.listOf(t.int), o: t.objectOf('O', { a: t.string, b: t.listOf(t.dyn) }) };
const values = { self: { a: 1, b: [1, 'x', null], c: { d: true } }, n: 3, s: 'aab', list: [1, 2, 3], o: { a: 'x', b: [1, null] } };

/** Compiles and runs: a result, or an error of one of ours. */
function outcome(source: string): void {
  try {
    const program = compileCel(source, { variables, costLimit });
    const { min, max } = program.estimatedCost;
    assert.ok(min <= max, `${source}: ${min} > ${max}`);
    const { value, cost } = program.evaluate(values);
    assert.ok(cost <= costLimit && cost <= max, `${source}: cost ${cost}, at most ${max}`);
    JSON.stringify(celToJson(value));
  } catch (error) {
    if (!(error instanceof CelCompileError || error instanceof CelError || error instanceof CelCostError))
      throw new Error(`${source}: ${String(error)}`, { cause: error });
  }
}

const tokens = `self n s list o 1 2u 1.5 "a" b'x' true null + - * / % == != < >= && || ! ? : . , ( ) [ ] { } in has size a b all map x [? .? r"(+" matches "%s" format O{ 9223372036854775807`;
const token = fc.constantFrom(...tokens.split(' '));

/** Expressions that parse, with types that fit more often than not. */
const expression: fc.Arbitrary<string> = fc.letrec<{ e: string }>((tie) => ({
  e: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom(
      'self',
      'n',
      's',
      'list',
      'o',
      'o.a',
      'o.b',
      'self.b',
      'self.nope',
      '1',
      '0',
      '1u',
      '1.5',
      '"a"',
      '""',
      '[]',
      '{}',
      'true',
      'null',
      'x',
      'duration("1h")',
      'timestamp("2026-01-01T00:00:00Z")',
      'optional.none()',
      'dyn(1)',
    ),
    fc.tuple(tie('e'), fc.constantFrom('+', '-', '*', '/', '%', '==', '!=', '<', '<=', '&&', '||', 'in'), tie('e')).map(([a, op, b]) => `(${a} ${op} ${b})`),
    fc.tuple(tie('e'), tie('e'), tie('e')).map(([a, b, c]) => `(${a} ? ${b} : ${c})`),
    fc.tuple(tie('e'), fc.constantFrom('all', 'exists', 'exists_one', 'map', 'filter'), tie('e')).map(([a, macro, b]) => `${a}.${macro}(x, ${b})`),
    fc
      .tuple(tie('e'), fc.constantFrom('all', 'transformList', 'transformMap', 'transformMapEntry'), tie('e'))
      .map(([a, macro, b]) => `${a}.${macro}(k, x, ${b})`),
    fc
      .tuple(
        fc.constantFrom(
          'size',
          'string',
          'int',
          'type',
          'quantity',
          'ip',
          'cidr',
          'url',
          'semver',
          'duration',
          'timestamp',
          'isIP',
          '!',
          '-',
          'optional.of',
          'dyn',
          'double',
          'bytes',
        ),
        tie('e'),
      )
      .map(([f, a]) => `${f}(${a})`),
    fc
      .tuple(
        tie('e'),
        fc.constantFrom(
          'contains',
          'matches',
          'split',
          'join',
          'find',
          'findAll',
          'replace',
          'indexOf',
          'orValue',
          'or',
          'format',
          'startsWith',
          'containsIP',
          'isGreaterThan',
          'add',
        ),
        tie('e'),
      )
      .map(([a, f, b]) => `${a}.${f}(${b})`),
    fc
      .tuple(tie('e'), fc.constantFrom('sum', 'min', 'max', 'isSorted', 'trim', 'lowerAscii', 'value', 'hasValue', 'getHours', 'size'))
      .map(([a, f]) => `${a}.${f}()`),
    fc.tuple(tie('e'), tie('e')).map(([a, b]) => `${a}[${b}]`),
    fc.tuple(tie('e'), tie('e')).map(([a, b]) => `[${a}, ${b}]`),
    fc.tuple(tie('e'), tie('e')).map(([a, b]) => `{${a}: ${b}}`),
    fc.tuple(tie('e'), tie('e')).map(([a, b]) => `cel.bind(x, ${a}, ${b})`),
    tie('e').map((a) => `${a}.?a.optMap(x, x)`),
  ),
})).e;

describe('random expressions', () => {
  test('text of any sort', () => fc.assert(fc.property(fc.string({ maxLength: 40 }), outcome), run));
  test('tokens in any order', () =>
    fc.assert(
      fc.property(fc.array(token, { maxLength: 14 }), (tokens) => outcome(tokens.join(' '))),
      run,
    ));
  test('expressions of every sort', () => fc.assert(fc.property(expression, outcome), run));
});

test('depth is bounded, by a compile error', () => {
  for (const source of [
    '('.repeat(5000) + ')'.repeat(5000),
    `${'-'.repeat(3)}${'['.repeat(5000)}`,
    Array.from({ length: 5000 }, () => '1').join(' + '),
    `self${'.a'.repeat(5000)}`,
    `${'!'.repeat(5000)}true`,
  ])
    outcome(source);
  const long: Json = Array.from({ length: 5000 }, () => 'true').join(' && ');
  assert.equal(compileCel(long, { variables: {} }).evaluate({}).value, true);
});
