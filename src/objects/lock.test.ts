import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ObjectsError } from './errors.ts';
import { activeLock, checkLock, checkRetention, type Retention } from './lock.ts';

const refuses = (code: string, work: () => void): void => assert.throws(work, (error) => error instanceof ObjectsError && error.code === code);
const until = (mode: Retention['mode'], time: number): Retention => ({ mode, until: time });

describe('object lock', () => {
  test('what keeps a version, and who may go past it', () => {
    assert.equal(activeLock(undefined, 0), undefined);
    assert.equal(activeLock({ retention: until('COMPLIANCE', 10) }, 10), undefined);
    assert.equal(activeLock({ retention: until('COMPLIANCE', 10), hold: true }, 20), 'HOLD');
    checkLock({ retention: until('GOVERNANCE', 10) }, 5, true);
    refuses('AccessDenied', () => checkLock({ retention: until('GOVERNANCE', 10) }, 5, false));
    refuses('AccessDenied', () => checkLock({ retention: until('COMPLIANCE', 10) }, 5, true));
    refuses('AccessDenied', () => checkLock({ hold: true }, 5, true));
  });
  test('a retention is made longer, never shorter, unless it is of governance and the caller may', () => {
    const [governed, fixed] = [until('GOVERNANCE', 10), until('COMPLIANCE', 10)];
    checkRetention(undefined, governed, 5, false);
    checkRetention(governed, until('GOVERNANCE', 11), 5, false);
    checkRetention(fixed, until('COMPLIANCE', 11), 5, false);
    checkRetention(governed, undefined, 5, true);
    checkRetention(fixed, undefined, 10, false);
    for (const [before, after, bypass] of [
      [governed, until('GOVERNANCE', 9), false],
      [governed, undefined, false],
      [governed, until('COMPLIANCE', 12), false],
      [fixed, until('COMPLIANCE', 9), true],
      [fixed, until('GOVERNANCE', 20), true],
      [fixed, undefined, true],
    ] as const)
      refuses('AccessDenied', () => checkRetention(before, after, 5, bypass));
    refuses('InvalidArgument', () => checkRetention(undefined, governed, 10, true));
  });
});
