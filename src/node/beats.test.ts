import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '#base';
import { atBeat } from './beats.ts';

test('what is due within one beat is called together, in order, on the beat before it would be due', async () => {
  const clock = new FakeClock(1000);
  const calls: string[] = [];
  const note = (name: string) => (): void => void calls.push(`${name} at ${clock.now()}`);
  atBeat(clock, 10_001, note('a'));
  await clock.advance(7);
  atBeat(clock, 10_030, note('b'));
  const dropped = atBeat(clock, 10_000, note('never'));
  atBeat(clock, 10_050, note('c'));
  dropped.cancel();
  dropped.cancel();
  await clock.advance(20_000);
  assert.deepEqual(calls, ['a at 11000', 'b at 11000', 'c at 11050']);
});

test('never before now; and one that comes back from within its beat is called at the next', async () => {
  const clock = new FakeClock(1020);
  const calls: number[] = [];
  atBeat(clock, 5, () => {
    calls.push(clock.now());
    if (calls.length < 3) atBeat(clock, 100, () => calls.push(clock.now()));
  });
  await clock.advance(1000);
  assert.deepEqual(calls, [1020, 1100]);
  const [one, other] = [new FakeClock(0), new FakeClock(0)];
  atBeat(one, 100, () => calls.push(-1));
  await other.advance(1000);
  assert.deepEqual(calls, [1020, 1100], 'each clock has its own');
});
