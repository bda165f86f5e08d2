import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { compilePattern } from './pattern.ts';

const matches = (pattern: string, text: string, max?: number): boolean => {
  const matcher = compilePattern(pattern, max);
  assert.ok(matcher, pattern);
  return matcher(text);
};

describe("patterns of services' models", () => {
  const cases: [pattern: string, yes: string[], no: string[]][] = [
    ['[\\w+=,.@-]+', ['a-b@c', 'A_1'], ['', 'a b', 'é', 'a/b', 'a\n']],
    ['[\\w-_]*', ['a-_b', ''], ['a.b']],
    ['\\p{Print}+', ['a b~'], ['\t', 'é']],
    ['[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*', ['Größe 1/2', '東京', 'a-b'], ['a#b', 'a;b']],
    ['(?i)all|[0-9]{12}', ['ALL', 'all', '123456789012'], ['al', '12345678901']],
    ['(\\u002F)|(\\u002F[\\u0021-\\u007E]+\\u002F)', ['/', '/a/b/'], ['', '/a', 'a/']],
    ['^arn:aws([a-z]|\\-)*:events:([a-z]|\\d|\\-)*:([0-9]{12})?:.+\\/.+$', ['arn:aws-cn:events:eu-1:123456789012:a/b'], ['arn:aws:sqs:::a/b']],
    ['^[0-9A-Za-z][A-Za-z0-9\\-_]*', ['a-b'], ['a.b', 'a b']],
    ['^(?!\\s*$).+', ['a', ' a'], ['', '  ']],
    ['[^\\x00-\\x1F\\x7F]+', ['a b'], ['\u0007']],
    ['[$]LATEST|[\\d]+', ['$LATEST', '12'], ['LATEST']],
    ['\\S{36,128}', ['x'.repeat(36)], ['x'.repeat(35), `${'x'.repeat(36)} `]],
  ];
  for (const [pattern, yes, no] of cases) {
    test(pattern, () => {
      for (const text of yes) assert.equal(matches(pattern, text), true, JSON.stringify(text));
      for (const text of no) assert.equal(matches(pattern, text), false, JSON.stringify(text));
    });
  }
  test('values that are made to take long do not', () => {
    const nasty = [
      ['^(?:[a-z0-9]+(?:[._-][a-z0-9]*)*/)*[a-z0-9]*(?:[._-][a-z0-9]*)*$', 'a.'.repeat(120)],
      ['^([a-zA-Z0-9]+-)*[a-zA-Z0-9]+$', 'a'.repeat(200)],
      ['arn:.+:iam::[0-9]{12}:role/.+', `arn:${':iam::123456789012:'.repeat(2000)}`],
      ['[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*(\\/[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*)*', 'a__'.repeat(80)],
    ] as const;
    for (const [pattern, text] of nasty) assert.equal(matches(pattern, `${text}!`), false, pattern);
  });
  test('what has no meaning here is not asked', () => {
    assert.equal(compilePattern('(', 10), undefined);
    assert.equal(compilePattern('(?=(a+)+b)c', 10_000), undefined);
  });
});
