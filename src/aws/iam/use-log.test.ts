import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { FakeClock, silentLogger } from '#base';
import { IAMUse } from '#kinds';
import type { Caller } from '../gateway/call.ts';
import { globalRegion } from '../state/table.ts';
import { testState } from '../testing.ts';
import { lastUse, UseLog } from './use-log.ts';

const account = '000000000000';
const ana: Caller = { type: 'user', arn: `arn:aws:iam::${account}:user/ana`, account, userId: 'AIDA1', accessKeyId: 'AKIA1' };
const job: Caller = {
  type: 'role',
  arn: `arn:aws:sts::${account}:assumed-role/job/one`,
  roleArn: `arn:aws:iam::${account}:role/job`,
  account,
  userId: 'AROA1:one',
  accessKeyId: 'ASIA1',
  session: { issued: 0, expires: 1 },
};
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('the use of keys, users and roles', () => {
  test('is known at once, and written once in a quarter of an hour', async () => {
    const [state, clock] = [await testState([IAMUse]), new FakeClock()];
    const log = new UseLog(state, clock, silentLogger);
    const at = { account, region: globalRegion };
    assert.equal(log.of(account, 'AIDA1'), undefined);
    log.note(ana, 'iam', 'GetUser', 'us-east-1');
    await settled();
    const first = state.table(IAMUse).get(at, 'AIDA1');
    assert.deepEqual(first, {
      arn: ana.arn,
      services: { iam: { date: '2026-01-01T00:00:00Z', region: 'us-east-1', actions: { GetUser: { date: '2026-01-01T00:00:00Z', region: 'us-east-1' } } } },
    });
    await clock.advance(60_000);
    log.note(ana, 'iam', 'GetUser', 'eu-west-1');
    await settled();
    assert.equal(state.table(IAMUse).get(at, 'AIDA1'), first);
    assert.deepEqual(lastUse(log.of(account, 'AKIA1')), { service: 'iam', date: '2026-01-01T00:01:00Z', region: 'eu-west-1' });
    await clock.advance(15 * 60_000);
    log.note(ana, 's3', 'ListBuckets', 'us-east-1');
    await settled();
    // After a restart what was written is known.
    assert.equal(lastUse(new UseLog(state, clock, silentLogger).of(account, 'AIDA1'))?.service, 's3');
    assert.equal(log.of(account, 'AIDA1')?.services['iam']?.region, 'eu-west-1');
  });

  test('of a session is that of its role; its key is not remembered', async () => {
    const log = new UseLog(await testState([IAMUse]), new FakeClock(), silentLogger);
    log.note(job, 'ecr', 'GetAuthorizationToken', 'us-east-1');
    assert.equal(log.of(account, 'AROA1')?.arn, job.roleArn);
    assert.equal(log.of(account, 'ASIA1'), undefined);
  });

  test('of two actions in one turn is written, both of them', async () => {
    const [state, clock] = [await testState([IAMUse]), new FakeClock()];
    const log = new UseLog(state, clock, silentLogger);
    log.note(ana, 'iam', 'GetUser', 'us-east-1');
    log.note(ana, 'iam', 'ListUsers', 'us-east-1');
    await settled();
    await settled();
    assert.deepEqual(Object.keys(new UseLog(state, clock, silentLogger).of(account, 'AIDA1')?.services['iam']?.actions ?? {}).toSorted(), [
      'GetUser',
      'ListUsers',
    ]);
  });
});
