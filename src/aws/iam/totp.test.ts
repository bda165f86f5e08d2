import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { codeOf, findSteps, stepAt } from './totp.ts';

describe('one-time codes', () => {
  const seed = Buffer.from('12345678901234567890');

  test('are those of RFC 6238 (appendix B), to six digits', () => {
    const vectors: [number, string][] = [
      [59, '287082'],
      [1_111_111_109, '081804'],
      [1_111_111_111, '050471'],
      [1_234_567_890, '005924'],
      [2_000_000_000, '279037'],
      [20_000_000_000, '353130'],
    ];
    for (const [seconds, code] of vectors) assert.equal(codeOf(seed, stepAt(seconds * 1000)), code);
  });

  test('are found near the time that they are of, once, and in their order', () => {
    const [a, b] = [codeOf(seed, 100), codeOf(seed, 101)];
    assert.equal(findSteps(seed, [a], 100, 1), 100);
    assert.equal(findSteps(seed, [a], 101, 1), 100);
    assert.equal(findSteps(seed, [a], 99, 1), 100);
    assert.equal(findSteps(seed, [a], 102, 1), undefined);
    assert.equal(findSteps(seed, [a, b], 104, 5), 100);
    assert.equal(findSteps(seed, [b, a], 100, 5), undefined);
    assert.equal(findSteps(seed, [a], 100, 1, 100), undefined);
  });
});
