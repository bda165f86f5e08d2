import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatAmount, parseAmount, zeroAmount, type Amount } from '#base';
import type { Amounts } from '../pods.ts';
import { Tally } from './tally.ts';

const amounts = (cpu: string): Amounts => new Map([['cpu', parseAmount(cpu) as Amount]]);
const used = (tally: Tally): string => formatAmount(tally.used.get('cpu') ?? zeroAmount);

test('an object counts for the most of what is stored and what writes under way would make of it', () => {
  const tally = new Tally({ metadata: { name: 'q' }, spec: { hard: { cpu: '2' } } });
  const [a, b] = [{}, {}];
  assert.equal(tally.store('u', amounts('500m')), true);
  assert.equal(tally.reserve('u', a, amounts('1')), true);
  assert.equal(tally.reserve('u', b, amounts('800m')), false);
  assert.equal(used(tally), '1');
  assert.equal(tally.look('u', amounts('500m')), false, 'seeing the object again ends no reservation');
  assert.equal(tally.release('u', a), true);
  assert.equal(used(tally), '800m');
  assert.equal(tally.store('u', amounts('800m')), false, 'the reservation became the object');
  assert.equal(tally.release('u', b), false);
  assert.equal(tally.store('u', undefined), true);
  assert.equal(used(tally), '0');
});

test('what is taken away is exactly what was added', () => {
  const tally = new Tally({ spec: { hard: { cpu: '1' } } });
  for (let i = 0; i < 30; i++) tally.store(`u${i}`, amounts('100m'));
  assert.equal(used(tally), '3');
  assert.match(tally.excess(amounts('1m')) ?? '', /requested: cpu=1m, used: cpu=3, limited: cpu=1$/);
  for (let i = 0; i < 30; i++) tally.store(`u${i}`, undefined);
  assert.equal(used(tally), '0');
  assert.equal(tally.excess(amounts('1')), undefined);
});
