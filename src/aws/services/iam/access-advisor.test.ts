import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import type { Call } from '../../gateway/call.ts';
import { testAccount, testPolicy, testTrust, type TestAccount } from './testing.ts';

const arn = (what: string): string => `arn:aws:iam::000000000000:${what}`;
/** ana is in a group that may use ECR; the role may use everything but IAM. Only ana did. */
async function setUp(): Promise<TestAccount & { uses: Partial<Call>; policy: string }> {
  const my = await testAccount();
  const { User } = await my.run<{ User: { UserId: string } }>('CreateUser', { UserName: 'ana' });
  await my.run('CreateGroup', { GroupName: 'dev' });
  await my.run('AddUserToGroup', { GroupName: 'dev', UserName: 'ana' });
  await my.run('PutUserPolicy', { UserName: 'ana', PolicyName: 'own', PolicyDocument: testPolicy('lambda:Get*') });
  const { Policy } = await my.run<{ Policy: { Arn: string } }>('CreatePolicy', { PolicyName: 'pulls', PolicyDocument: testPolicy('ecr:*') });
  await my.run('AttachGroupPolicy', { GroupName: 'dev', PolicyArn: Policy.Arn });
  await my.run('CreateRole', { RoleName: 'job', AssumeRolePolicyDocument: testTrust });
  const all = JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', NotAction: 'iam:*', Resource: '*' }] });
  await my.run('PutRolePolicy', { RoleName: 'job', PolicyName: 'all', PolicyDocument: all });
  const used = {
    services: { ecr: { date: '2025-12-31T00:00:00Z', region: 'eu-west-1', actions: { BatchGetImage: { date: '2025-12-31T00:00:00Z', region: 'eu-west-1' } } } },
  };
  return { ...my, policy: Policy.Arn, uses: { useOf: (_account, id) => (id === User.UserId ? used : undefined) } };
}
interface Details {
  ServicesLastAccessed: {
    ServiceNamespace: string;
    LastAuthenticatedEntity?: string;
    TotalAuthenticatedEntities: number;
    TrackedActionsLastAccessed?: { ActionName: string }[];
  }[];
}
async function details(my: Awaited<ReturnType<typeof setUp>>, Arn: string, more: object = {}) {
  const { JobId } = await my.run<{ JobId: string }>('GenerateServiceLastAccessedDetails', { Arn, ...more }, my.uses);
  return { JobId, services: (await my.run<Details>('GetServiceLastAccessedDetails', { JobId })).ServicesLastAccessed };
}

describe('last accessed services', () => {
  test('of a user are those that its and its groups policies allow', async () => {
    const my = await setUp();
    const { services } = await details(my, arn('user/ana'), { Granularity: 'ACTION_LEVEL' });
    assert.deepEqual(services, [
      {
        ServiceName: 'Amazon Elastic Container Registry',
        ServiceNamespace: 'ecr',
        LastAuthenticated: new Date(Date.UTC(2025, 11, 31)),
        LastAuthenticatedEntity: arn('user/ana'),
        LastAuthenticatedRegion: 'eu-west-1',
        TotalAuthenticatedEntities: 1,
        TrackedActionsLastAccessed: [
          {
            ActionName: 'BatchGetImage',
            LastAccessedEntity: arn('user/ana'),
            LastAccessedTime: new Date(Date.UTC(2025, 11, 31)),
            LastAccessedRegion: 'eu-west-1',
          },
        ],
      },
      { ServiceName: 'lambda', ServiceNamespace: 'lambda', TotalAuthenticatedEntities: 0 },
    ]);
  });

  test('of a group and of a policy are told by who used them', async () => {
    const my = await setUp();
    for (const source of [arn('group/dev'), my.policy]) {
      const { JobId, services } = await details(my, source);
      assert.deepEqual(
        services.map((one) => [one.ServiceNamespace, one.LastAuthenticatedEntity, one.TrackedActionsLastAccessed]),
        [['ecr', arn('user/ana'), undefined]],
      );
      const { EntityDetailsList: list } = await my.run<{ EntityDetailsList: { EntityInfo: { Name: string } }[] }>('GetServiceLastAccessedDetailsWithEntities', {
        JobId,
        ServiceNamespace: 'ecr',
      });
      assert.deepEqual(
        list.map(({ EntityInfo }) => EntityInfo.Name),
        ['ana'],
      );
      await assert.rejects(my.run('GetServiceLastAccessedDetailsWithEntities', { JobId, ServiceNamespace: 's3' }), { code: 'NoSuchEntity' });
    }
  });

  test('of a role that may do everything but IAM are all but IAM; reports go after a week', async () => {
    const my = await setUp();
    const { JobId, services } = await details(my, arn('role/job'));
    const names = services.map((one) => one.ServiceNamespace);
    assert.deepEqual([names.includes('s3'), names.includes('iam')], [true, false]);
    await my.clock.advance(8 * 24 * 60 * 60 * 1000);
    await assert.rejects(my.run('GetServiceLastAccessedDetails', { JobId }), { code: 'NoSuchEntity' });
    await details(my, arn('role/job'));
    await assert.rejects(my.run('GenerateServiceLastAccessedDetails', { Arn: arn('user/none') }), { code: 'NoSuchEntity' });
    await assert.rejects(my.run('GenerateServiceLastAccessedDetails', { Arn: arn('mfa/none') }), { code: 'ValidationError' });
  });

  test('the policies that grant access to a service, inline ones with their holder', async () => {
    const my = await setUp();
    const { PoliciesGrantingServiceAccess: found } = await my.run<{ PoliciesGrantingServiceAccess: object[] }>('ListPoliciesGrantingServiceAccess', {
      Arn: arn('user/ana'),
      ServiceNamespaces: ['ecr', 'lambda', 's3'],
    });
    assert.deepEqual(found, [
      { ServiceNamespace: 'ecr', Policies: [{ PolicyName: 'pulls', PolicyType: 'MANAGED', PolicyArn: my.policy }] },
      { ServiceNamespace: 'lambda', Policies: [{ PolicyName: 'own', PolicyType: 'INLINE', EntityType: 'USER', EntityName: 'ana' }] },
      { ServiceNamespace: 's3', Policies: [] },
    ]);
  });
});
