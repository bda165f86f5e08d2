import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { testAccount, testPolicy } from './testing.ts';

describe('the credential report', () => {
  test('has a line of each user and is good for four hours', async () => {
    const my = await testAccount();
    await assert.rejects(my.run('GetCredentialReport'), { code: 'ReportNotPresent' });
    await my.run('CreateUser', { UserName: 'ana', Path: '/team/' });
    await my.run('CreateUser', { UserName: 'b,en' });
    await my.run('CreateLoginProfile', { UserName: 'ana', Password: 'Sesame-open-1' });
    const { AccessKey } = await my.run<{ AccessKey: { AccessKeyId: string } }>('CreateAccessKey', { UserName: 'ana' });
    const useOf = (_account: string, id: string) =>
      id === AccessKey.AccessKeyId ? { services: { s3: { date: '2026-01-01T00:00:01Z', region: 'eu-west-1', actions: {} } } } : undefined;
    assert.deepEqual(await my.run('GenerateCredentialReport', {}, { useOf }), {
      State: 'STARTED',
      Description: 'No report exists. Starting a new report generation task',
    });
    assert.deepEqual(await my.run('GenerateCredentialReport'), { State: 'COMPLETE' });
    const report = await my.run<{ Content: Buffer; ReportFormat: string; GeneratedTime: Date }>('GetCredentialReport');
    const [head, root, ana, ben] = report.Content.toString().split('\n');
    assert.equal(head?.split(',').length, 22);
    assert.match(root ?? '', /^<root_account>,arn:aws:iam::000000000000:root,/);
    assert.equal(
      ana,
      'ana,arn:aws:iam::000000000000:user/team/ana,2026-01-01T00:00:00+00:00,true,no_information,2026-01-01T00:00:00+00:00,N/A,false,' +
        'true,2026-01-01T00:00:00+00:00,2026-01-01T00:00:01+00:00,eu-west-1,s3,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A',
    );
    assert.match(ben ?? '', /^"b,en","arn:aws:iam::000000000000:user\/b,en",/);
    await my.clock.advance(4 * 60 * 60 * 1000);
    await assert.rejects(my.run('GetCredentialReport'), { code: 'ReportExpired' });
    assert.equal((await my.run<{ State: string }>('GenerateCredentialReport')).State, 'STARTED');
    await my.run('GetCredentialReport');
  });
});

describe('the summary of the account', () => {
  test('counts what there is, beside what there may be', async () => {
    const my = await testAccount();
    await my.run('CreateUser', { UserName: 'ana' });
    await my.run('CreatePolicy', { PolicyName: 'p', PolicyDocument: testPolicy('s3:*') });
    await my.run('CreateVirtualMFADevice', { VirtualMFADeviceName: 'd' });
    await my.run('SetSecurityTokenServicePreferences', { GlobalEndpointTokenVersion: 'v2Token' });
    const { SummaryMap: map } = await my.run<{ SummaryMap: Record<string, number> }>('GetAccountSummary');
    assert.deepEqual(
      ['Users', 'UsersQuota', 'Policies', 'MFADevices', 'MFADevicesInUse', 'GlobalEndpointTokenVersion'].map((name) => map[name]),
      [1, 5000, 1, 1, 0, 2],
    );
  });
});

describe('the last use of an access key', () => {
  test('is what the gateway saw of it', async () => {
    const my = await testAccount();
    await my.run('CreateUser', { UserName: 'ana' });
    const { AccessKey } = await my.run<{ AccessKey: { AccessKeyId: string } }>('CreateAccessKey', { UserName: 'ana' });
    const last = (more = {}) => my.run<{ UserName: string; AccessKeyLastUsed: object }>('GetAccessKeyLastUsed', AccessKey, more);
    assert.deepEqual(await last(), { UserName: 'ana', AccessKeyLastUsed: { ServiceName: 'N/A', Region: 'N/A', LastUsedDate: undefined } });
    const useOf = () => ({ services: { ecr: { date: '2026-01-01T00:00:01Z', region: 'eu-west-1', actions: {} } } });
    assert.deepEqual((await last({ useOf })).AccessKeyLastUsed, {
      LastUsedDate: new Date(Date.UTC(2026, 0, 1, 0, 0, 1)),
      ServiceName: 'ecr',
      Region: 'eu-west-1',
    });
    await assert.rejects(my.run('GetAccessKeyLastUsed', { AccessKeyId: 'AKIAX' }), {
      code: 'NoSuchEntity',
      message: 'The Access Key with id AKIAX cannot be found.',
    });
  });
});
