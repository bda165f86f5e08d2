import assert from 'node:assert/strict';
import test from 'node:test';
import { parseDuration } from './duration.ts';

test('durations in ms', () => {
  const cases: [string | undefined, number | undefined][] = [
    ['500ms', 500],
    ['2s', 2000],
    ['1m30s', 90_000],
    ['1.5h', 5_400_000],
    ['7', 7000],
    ['0', 0],
    ['', undefined],
    ['-1s', undefined],
    ['1 s', undefined],
    ['soon', undefined],
    ['1d', undefined],
    [undefined, undefined],
  ];
  for (const [text, ms] of cases) assert.equal(parseDuration(text), ms, String(text));
});
