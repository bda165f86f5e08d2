import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { authorize } from '../../gateway/authorize.ts';
import type { Caller } from '../../gateway/call.ts';
import { service } from './index.ts';
import { testAccount, testPolicy, type TestAccount } from './testing.ts';

const caller = (name: string): Caller => ({
  type: 'user',
  arn: `arn:aws:iam::000000000000:user/${name}`,
  account: '000000000000',
  userId: name,
  accessKeyId: 'AKIA',
});
const change = (my: TestAccount, OldPassword: string, NewPassword: string) => my.run('ChangePassword', { OldPassword, NewPassword }, { caller: caller('ana') });
const violation = (message: string) => ({ code: 'PasswordPolicyViolation', message });

describe('passwords', () => {
  test('are long and mixed, where the account says nothing else', async () => {
    const my = await testAccount();
    await my.run('CreateUser', { UserName: 'Ana-Maria.9' });
    const create = (Password: string) => my.run('CreateLoginProfile', { UserName: 'Ana-Maria.9', Password });
    await assert.rejects(create('Ab1!'), violation('Password should have a minimum length of 8'));
    await assert.rejects(create('onlyletters'), { code: 'PasswordPolicyViolation' });
    await assert.rejects(create('ana-maria.9'), violation('Password should not be the name of the account or of the user'));
    await assert.rejects(create(`Aa1${'x'.repeat(126)}`), { code: 'PasswordPolicyViolation' });
    await create('Sesame-open-1');
    await assert.rejects(create('Sesame-open-1'), { code: 'EntityAlreadyExists', message: 'Login Profile for user Ana-Maria.9 already exists.' });
  });

  test('follow the policy of the account, and are not used again', async () => {
    const my = await testAccount();
    await my.run('CreateUser', { UserName: 'ana' });
    const policy = {
      MinimumPasswordLength: 10,
      RequireSymbols: true,
      RequireNumbers: true,
      RequireUppercaseCharacters: true,
      RequireLowercaseCharacters: true,
    };
    await my.run('UpdateAccountPasswordPolicy', { ...policy, PasswordReusePrevention: 2, MaxPasswordAge: 30, HardExpiry: true });
    const create = (Password: string) => my.run('CreateLoginProfile', { UserName: 'ana', Password });
    await assert.rejects(create('Short-1'), violation('Password should have a minimum length of 10'));
    await assert.rejects(create('lower-case-1'), violation('Password should have at least one uppercase letter'));
    await assert.rejects(create('UPPER-CASE-1'), violation('Password should have at least one lowercase letter'));
    await assert.rejects(create('No-number-here'), violation('Password should have at least one number'));
    await assert.rejects(create('NoSymbolHere1'), violation('Password should have at least one symbol'));
    await create('First-secret-1');
    await assert.rejects(change(my, 'wrong', 'Second-secret-2'), { code: 'AccessDenied', message: 'The old password was incorrect.' });
    await assert.rejects(change(my, 'First-secret-1', 'First-secret-1'), /reuse prevention/);
    await change(my, 'First-secret-1', 'Second-secret-2');
    await assert.rejects(change(my, 'Second-secret-2', 'First-secret-1'), /reuse prevention/);
    await change(my, 'Second-secret-2', 'Third-secret-3');
    await change(my, 'Third-secret-3', 'First-secret-1');
    await my.clock.advance(31 * 24 * 60 * 60 * 1000);
    await assert.rejects(change(my, 'First-secret-1', 'Fourth-secret-4'), { code: 'AccessDenied', message: /has expired/ });
    await my.run('UpdateLoginProfile', { UserName: 'ana', Password: 'Fourth-secret-4', PasswordResetRequired: true });
    await change(my, 'Fourth-secret-4', 'Fifth-secret-5');
    const { LoginProfile } = await my.run<{ LoginProfile: { PasswordResetRequired: boolean } }>('GetLoginProfile', { UserName: 'ana' });
    assert.equal(LoginProfile.PasswordResetRequired, false);
    await my.run('DeleteLoginProfile', { UserName: 'ana' });
    await assert.rejects(change(my, 'Fifth-secret-5', 'Sixth-secret-6'), { code: 'NoSuchEntity' });
    await assert.rejects(my.run('ChangePassword', { OldPassword: 'a', NewPassword: 'b' }), { code: 'InvalidUserType' });
  });

  test('are changed by users with a permission, or with the leave of the account', async () => {
    const my = await testAccount();
    await my.run('CreateUser', { UserName: 'ana' });
    const may = () => {
      const call = my.call('ChangePassword', { caller: caller('ana') });
      return authorize({ call, service, action: service.actions['ChangePassword'] as never, input: {}, identities: call.identities });
    };
    assert.throws(may, { code: 'AccessDeniedException' });
    await my.run('UpdateAccountPasswordPolicy', { AllowUsersToChangePassword: true });
    may();
    const deny = testPolicy('iam:ChangePassword').replace('Allow', 'Deny');
    await my.run('PutUserPolicy', { UserName: 'ana', PolicyName: 'no', PolicyDocument: deny });
    assert.throws(may, { code: 'AccessDeniedException' });
  });

  test('the policy is told, and gone when it is deleted', async () => {
    const my = await testAccount();
    await assert.rejects(my.run('GetAccountPasswordPolicy'), {
      code: 'NoSuchEntity',
      message: 'The Password Policy with domain name 000000000000 cannot be found.',
    });
    await my.run('UpdateAccountPasswordPolicy', { MaxPasswordAge: 90 });
    const { PasswordPolicy } = await my.run<{ PasswordPolicy: Record<string, unknown> }>('GetAccountPasswordPolicy');
    assert.deepEqual([PasswordPolicy['MinimumPasswordLength'], PasswordPolicy['ExpirePasswords'], PasswordPolicy['MaxPasswordAge']], [6, true, 90]);
    await my.run('DeleteAccountPasswordPolicy');
    await assert.rejects(my.run('DeleteAccountPasswordPolicy'), {
      code: 'NoSuchEntity',
      message: 'The account policy with name PasswordPolicy cannot be found.',
    });
  });
});
