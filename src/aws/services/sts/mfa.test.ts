import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { authorize } from '../../gateway/authorize.ts';
import type { Call, Caller } from '../../gateway/call.ts';
import { globalKeys } from '../../gateway/condition-keys.ts';
import type { Action } from '../../gateway/service.ts';
import { openSession } from '../../iam/sessions.ts';
import { codeOf, stepAt } from '../../iam/totp.ts';
import { testAccount } from '../iam/testing.ts';
import { service } from './index.ts';

interface Session {
  Credentials: { AccessKeyId: string; SessionToken: string };
}
/** A user with a device, a role that asks for one, and calls of STS with their permissions asked. */
async function setUp() {
  const my = await testAccount();
  const made = await my.run<{ User: { UserId: string; Arn: string } }>('CreateUser', { UserName: 'ana' });
  const { VirtualMFADevice: device } = await my.run<{ VirtualMFADevice: { SerialNumber: string } }>('CreateVirtualMFADevice', {
    VirtualMFADeviceName: 'phone',
  });
  const { IAMMFADevice } = await import('#kinds');
  const { seedOf } = await import('../../iam/mfa.ts');
  const any = my.call('any');
  const [kept] = any.state.table(IAMMFADevice).all();
  const seed = seedOf(kept as NonNullable<typeof kept>, any);
  const code = (steps = 0) => codeOf(seed, stepAt(my.clock.now()) + steps);
  await my.run('EnableMFADevice', { UserName: 'ana', ...device, AuthenticationCode1: code(-2), AuthenticationCode2: code(-1) });
  const trust = { Effect: 'Allow', Principal: { AWS: made.User.Arn }, Action: 'sts:AssumeRole', Condition: { Bool: { 'aws:MultiFactorAuthPresent': true } } };
  await my.run('CreateRole', { RoleName: 'r', AssumeRolePolicyDocument: JSON.stringify({ Version: '2012-10-17', Statement: trust }) });
  const caller: Caller = { type: 'user', arn: made.User.Arn, account: '000000000000', userId: made.User.UserId, accessKeyId: 'AKIA' };
  const run = async (name: string, input: object, more: Partial<Call> = {}): Promise<Session> => {
    const action = service.actions[name] as unknown as Action<object>;
    const call: Call = { ...my.call(name, { caller, ...more }), service: 'sts' };
    authorize({ call, service, action: action as never, input: input as never, identities: call.identities });
    return (await action.handle(input, call)) as Session;
  };
  const keysOf = ({ Credentials: { AccessKeyId, SessionToken } }: Session) => {
    const opened = openSession(any.tokens, AccessKeyId, SessionToken);
    const keys = globalKeys({ ...any, caller: opened?.caller ?? caller }, {});
    return [keys.get('aws:multifactorauthpresent')?.[0], keys.get('aws:multifactorauthage')?.[0]];
  };
  return { my, run, code, keysOf, SerialNumber: device.SerialNumber, RoleArn: 'arn:aws:iam::000000000000:role/r' };
}

describe('codes of MFA devices', () => {
  test('make a session that policies can ask for, once each', async () => {
    const { my, run, code, keysOf, SerialNumber } = await setUp();
    assert.deepEqual(keysOf(await run('GetSessionToken', {})), ['false', undefined]);
    const session = await run('GetSessionToken', { SerialNumber, TokenCode: code() });
    await my.clock.advance(90_000);
    assert.deepEqual(keysOf(session), ['true', '90']);
    const wrong = { code: 'AccessDenied', message: 'MultiFactorAuthentication failed with invalid MFA one time pass code. ' };
    await assert.rejects(run('GetSessionToken', { SerialNumber, TokenCode: code(-3) }), wrong);
    await run('GetSessionToken', { SerialNumber, TokenCode: code(1) });
    await assert.rejects(run('GetSessionToken', { SerialNumber, TokenCode: code(1) }), wrong);
    await assert.rejects(run('GetSessionToken', { SerialNumber }), {
      message: 'MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code. ',
    });
    const other = { SerialNumber: `${SerialNumber}x`, TokenCode: code(2) };
    await assert.rejects(run('GetSessionToken', other), /validate MFA code/);
  });

  test('open a role that asks for them', async () => {
    const { run, code, keysOf, SerialNumber, RoleArn } = await setUp();
    const input = { RoleArn, RoleSessionName: 'one' };
    await assert.rejects(run('AssumeRole', input), { code: 'AccessDeniedException' });
    await assert.rejects(run('AssumeRole', { ...input, SerialNumber, TokenCode: '12345' }), { code: 'AccessDenied' });
    const session = await run('AssumeRole', { ...input, SerialNumber, TokenCode: code() });
    assert.deepEqual(keysOf(session), ['true', '0']);
    await assert.rejects(run('AssumeRole', { ...input, SerialNumber, TokenCode: code() }), { code: 'AccessDenied' });
  });

  test('are not lost to a call that was refused', async () => {
    const { run, code, SerialNumber, RoleArn } = await setUp();
    await assert.rejects(run('AssumeRole', { RoleArn: `${RoleArn}x`, RoleSessionName: 'one', SerialNumber, TokenCode: code() }));
    await run('AssumeRole', { RoleArn, RoleSessionName: 'one', SerialNumber, TokenCode: code() });
  });
});
