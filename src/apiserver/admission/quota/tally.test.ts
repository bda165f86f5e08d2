import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatAmount, parseAmount, zeroAmount, type Amount } from '#base';
import type { KubeObject } from '#machinery';
import type { Amounts } from '../pods.ts';
import { claimEvaluator } from './claims.ts';
import { deviceClaimEvaluator } from './device-claims.ts';
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

test('a device claim takes what it asks for by class; of alternatives the largest', () => {
  const requests = [
    { exactly: { deviceClassName: 'gpu', count: 2 } },
    { firstAvailable: [{ deviceClassName: 'gpu' }, { deviceClassName: 'gpu', count: 3 }, { deviceClassName: 'nic' }] },
    { exactly: { deviceClassName: 'nic', allocationMode: 'All' } },
  ];
  const taken = deviceClaimEvaluator.usage({ spec: { devices: { requests } } } as KubeObject, 0);
  assert.deepEqual(
    [...taken].map(([name, amount]) => [name, formatAmount(amount)]),
    [
      ['gpu.deviceclass.resource.k8s.io/devices', '5'],
      ['nic.deviceclass.resource.k8s.io/devices', '33'],
    ],
  );
  assert.ok(deviceClaimEvaluator.limits('gpu.deviceclass.resource.k8s.io/devices'));
});

test('a claim is in the scope of every VolumeAttributesClass that it has or is to have', () => {
  const claim = { spec: { volumeAttributesClassName: 'new' }, status: { currentVolumeAttributesClassName: 'old' } } as KubeObject;
  const inScope = (operator: string, values: string[] = [], object = claim): boolean | undefined =>
    claimEvaluator.inScope?.(object, { scopeName: 'VolumeAttributesClass', operator, values });
  assert.deepEqual([inScope('In', ['old']), inScope('In', ['new']), inScope('In', ['other']), inScope('Exists')], [true, true, false, true]);
  assert.deepEqual([inScope('Exists', [], {}), inScope('DoesNotExist', [], {}), inScope('NotIn', ['old'], {})], [false, true, true]);
});
