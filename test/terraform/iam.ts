import assert from 'node:assert/strict';
import type { IAM } from '@aws-sdk/client-iam';
import type { STS } from '@aws-sdk/client-sts';
import { test } from 'node:test';
import { maybe, refuses, replay } from './replay.ts';

const trust = (service: string): string =>
  JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal: { Service: service }, Action: 'sts:AssumeRole' }] });
const allow = (action: string): string => JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: action, Resource: '*' }] });
const decoded = (text = ''): unknown => JSON.parse(decodeURIComponent(text)) as unknown;

/** The IAM resources of the provider: internal/service/iam of its sources. */
export function iamReplays(clients: () => { iam: IAM; sts: STS }): void {
  const iam = (): IAM => clients().iam;
  const arnOf = (kind: string): string => `arn:aws:iam::000000000000:${kind}`;

  test('the provider itself, and aws_caller_identity', async () => {
    const identity = await clients().sts.getCallerIdentity({});
    assert.deepEqual([identity.Account, identity.Arn, identity.UserId], ['000000000000', 'arn:aws:iam::000000000000:root', '000000000000']);
    await iam().getUser({});
    await iam().listRoles({ MaxItems: 1 });
  });

  const RoleName = 'tf-role';
  const readRole = async (): Promise<object> => {
    const { Role } = await iam().getRole({ RoleName });
    return {
      role: { ...Role, AssumeRolePolicyDocument: decoded(Role?.AssumeRolePolicyDocument) },
      inline: await iam().listRolePolicies({ RoleName }),
      attached: await iam().listAttachedRolePolicies({ RoleName }),
    };
  };
  replay({
    name: 'aws_iam_role',
    create: () =>
      iam().createRole({
        RoleName,
        Path: '/',
        MaxSessionDuration: 3600,
        Description: 'one',
        AssumeRolePolicyDocument: trust('ecs-tasks.amazonaws.com'),
        Tags: [{ Key: 'a', Value: '1' }],
      }),
    read: readRole,
    wanted: {
      role: {
        Path: '/',
        MaxSessionDuration: 3600,
        Description: 'one',
        AssumeRolePolicyDocument: JSON.parse(trust('ecs-tasks.amazonaws.com')) as object,
        Tags: [{ Key: 'a', Value: '1' }],
      },
    },
    update: async () => {
      await iam().updateAssumeRolePolicy({ RoleName, PolicyDocument: trust('ec2.amazonaws.com') });
      await iam().updateRole({ RoleName, MaxSessionDuration: 7200, Description: 'two' });
      await iam().putRolePermissionsBoundary({ RoleName, PermissionsBoundary: 'arn:aws:iam::aws:policy/ReadOnlyAccess' });
      await iam().untagRole({ RoleName, TagKeys: ['a'] });
      await iam().tagRole({ RoleName, Tags: [{ Key: 'b', Value: '2' }] });
    },
    updated: {
      role: {
        MaxSessionDuration: 7200,
        Description: 'two',
        PermissionsBoundary: { PermissionsBoundaryArn: 'arn:aws:iam::aws:policy/ReadOnlyAccess' },
        Tags: [{ Key: 'b', Value: '2' }],
      },
    },
    delete: async () => {
      await iam().deleteRolePermissionsBoundary({ RoleName });
      await iam().listInstanceProfilesForRole({ RoleName });
      await iam().deleteRole({ RoleName });
    },
    gone: 'NoSuchEntityException',
  });
  const policy = arnOf('policy/tf-policy');
  const readPolicy = async (): Promise<object> => {
    const { Policy } = await iam().getPolicy({ PolicyArn: policy });
    const { PolicyVersion } = await iam().getPolicyVersion({ PolicyArn: policy, VersionId: Policy?.DefaultVersionId });
    return { Policy, document: decoded(PolicyVersion?.Document), tags: Policy?.Tags };
  };
  replay({
    name: 'aws_iam_policy, and its data source',
    create: () =>
      iam().createPolicy({ PolicyName: 'tf-policy', Path: '/', Description: 'd', PolicyDocument: allow('s3:GetObject'), Tags: [{ Key: 'a', Value: '1' }] }),
    read: readPolicy,
    wanted: { Policy: { Description: 'd', Path: '/', AttachmentCount: 0, DefaultVersionId: 'v1' }, document: JSON.parse(allow('s3:GetObject')) as object },
    update: async () => {
      for (let n = 0; n < 6; n++) {
        const { Versions = [] } = await iam().listPolicyVersions({ PolicyArn: policy });
        const oldest = Versions.filter((one) => one.IsDefaultVersion !== true).toSorted((a, b) => Number(a.CreateDate) - Number(b.CreateDate))[0];
        if (Versions.length >= 5) await iam().deletePolicyVersion({ PolicyArn: policy, VersionId: oldest?.VersionId });
        await iam().createPolicyVersion({ PolicyArn: policy, PolicyDocument: allow(`s3:Get${n}`), SetAsDefault: true });
      }
      const { Policies = [] } = await iam().listPolicies({ Scope: 'Local' });
      assert.ok(Policies.some((one) => one.Arn === policy));
    },
    updated: { Policy: { DefaultVersionId: 'v7' }, document: JSON.parse(allow('s3:Get5')) as object },
    delete: async () => {
      const { Versions = [] } = await iam().listPolicyVersions({ PolicyArn: policy });
      for (const { IsDefaultVersion, VersionId } of Versions) if (!IsDefaultVersion) await iam().deletePolicyVersion({ PolicyArn: policy, VersionId });
      await iam().deletePolicy({ PolicyArn: policy });
    },
    gone: 'NoSuchEntityException',
  });
  test("data aws_iam_policy of AWS's own", async () => {
    const { Policy } = await iam().getPolicy({ PolicyArn: 'arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy' });
    const { PolicyVersion } = await iam().getPolicyVersion({ PolicyArn: Policy?.Arn, VersionId: Policy?.DefaultVersionId });
    assert.ok(decoded(PolicyVersion?.Document));
  });

  const inRole =
    <T>(work: (name: string) => Promise<T>) =>
    async (): Promise<T> =>
      work('tf-host');
  test('a role that others are attached to', () =>
    iam()
      .createRole({ RoleName: 'tf-host', AssumeRolePolicyDocument: trust('ec2.amazonaws.com') })
      .then(() => {}));
  replay({
    name: 'aws_iam_role_policy',
    create: () => iam().putRolePolicy({ RoleName: 'tf-host', PolicyName: 'inline', PolicyDocument: allow('s3:*') }),
    read: async () => ({ document: decoded((await iam().getRolePolicy({ RoleName: 'tf-host', PolicyName: 'inline' })).PolicyDocument) }),
    wanted: { document: JSON.parse(allow('s3:*')) as object },
    delete: () => iam().deleteRolePolicy({ RoleName: 'tf-host', PolicyName: 'inline' }),
    gone: 'NoSuchEntityException',
  });
  const readOnly = 'arn:aws:iam::aws:policy/ReadOnlyAccess';
  replay({
    name: 'aws_iam_role_policy_attachment',
    create: inRole((role) => iam().attachRolePolicy({ RoleName: role, PolicyArn: readOnly })),
    read: inRole((role) => iam().listAttachedRolePolicies({ RoleName: role })),
    wanted: { AttachedPolicies: [{ PolicyArn: readOnly }] },
    delete: async () => {
      await refuses('DeleteConflictException', iam().deleteRole({ RoleName: 'tf-host' }));
      await iam().detachRolePolicy({ RoleName: 'tf-host', PolicyArn: readOnly });
      await refuses('NoSuchEntityException', iam().detachRolePolicy({ RoleName: 'tf-host', PolicyArn: readOnly }));
    },
    gone: { AttachedPolicies: [] },
  });
  const profile = { InstanceProfileName: 'tf-profile' };
  replay({
    name: 'aws_iam_instance_profile',
    create: async () => {
      await iam().createInstanceProfile({ ...profile, Path: '/', Tags: [{ Key: 'a', Value: '1' }] });
      await iam().addRoleToInstanceProfile({ ...profile, RoleName: 'tf-host' });
    },
    read: () => iam().getInstanceProfile(profile),
    wanted: { InstanceProfile: { Path: '/', Roles: [{ RoleName: 'tf-host' }], Tags: [{ Key: 'a', Value: '1' }] } },
    delete: async () => {
      await iam().removeRoleFromInstanceProfile({ ...profile, RoleName: 'tf-host' });
      await iam().deleteInstanceProfile(profile);
      await iam().deleteRole({ RoleName: 'tf-host' });
    },
    gone: 'NoSuchEntityException',
  });

  test('a user that others belong to', () =>
    iam()
      .createUser({ UserName: 'tf-owner' })
      .then(() => {}));
  replay({
    name: 'aws_iam_user, renamed and force_destroyed',
    create: () => iam().createUser({ UserName: 'tf-user', Path: '/', Tags: [{ Key: 'a', Value: '1' }] }),
    read: async () =>
      iam().getUser({
        UserName: (await maybe(iam().getUser({ UserName: 'tf-renamed' }), 'NoSuchEntityException')) === 'NoSuchEntityException' ? 'tf-user' : 'tf-renamed',
      }),
    wanted: { User: { UserName: 'tf-user', Path: '/', Tags: [{ Key: 'a', Value: '1' }] } },
    update: () => iam().updateUser({ UserName: 'tf-user', NewUserName: 'tf-renamed', NewPath: '/team/' }),
    updated: { User: { UserName: 'tf-renamed', Path: '/team/', Arn: arnOf('user/team/tf-renamed') } },
    delete: async () => {
      const user = { UserName: 'tf-renamed' };
      await iam().listGroupsForUser(user);
      await iam().listAttachedUserPolicies(user);
      await iam().listUserPolicies(user);
      await iam().listAccessKeys(user);
      await iam().listSSHPublicKeys(user);
      await iam().listVirtualMFADevices({});
      await iam().listMFADevices(user);
      await maybe(iam().deleteLoginProfile(user), 'NoSuchEntityException');
      await iam().listSigningCertificates(user);
      await iam().listServiceSpecificCredentials(user);
      await iam().deleteUser(user);
    },
    gone: 'NoSuchEntityException',
  });
  replay({
    name: 'aws_iam_user_policy',
    create: () => iam().putUserPolicy({ UserName: 'tf-owner', PolicyName: 'inline', PolicyDocument: allow('s3:*') }),
    read: async () => ({ document: decoded((await iam().getUserPolicy({ UserName: 'tf-owner', PolicyName: 'inline' })).PolicyDocument) }),
    wanted: { document: JSON.parse(allow('s3:*')) as object },
    delete: () => iam().deleteUserPolicy({ UserName: 'tf-owner', PolicyName: 'inline' }),
    gone: 'NoSuchEntityException',
  });
  replay({
    name: 'aws_iam_access_key',
    create: () => iam().createAccessKey({ UserName: 'tf-owner' }),
    read: () => iam().listAccessKeys({ UserName: 'tf-owner' }),
    wanted: { AccessKeyMetadata: [{ Status: 'Active' }] },
    update: async () => {
      const { AccessKeyMetadata: [key] = [] } = await iam().listAccessKeys({ UserName: 'tf-owner' });
      await iam().updateAccessKey({ UserName: 'tf-owner', AccessKeyId: key?.AccessKeyId, Status: 'Inactive' });
    },
    updated: { AccessKeyMetadata: [{ Status: 'Inactive' }] },
    delete: async () => {
      const { AccessKeyMetadata: [key] = [] } = await iam().listAccessKeys({ UserName: 'tf-owner' });
      await iam().deleteAccessKey({ UserName: 'tf-owner', AccessKeyId: key?.AccessKeyId });
    },
    gone: { AccessKeyMetadata: [] },
  });
  const GroupName = 'tf-group';
  replay({
    name: 'aws_iam_group and aws_iam_group_membership',
    create: async () => {
      await iam().createGroup({ GroupName, Path: '/' });
      await iam().addUserToGroup({ GroupName, UserName: 'tf-owner' });
    },
    read: () => iam().getGroup({ GroupName }),
    wanted: { Group: { GroupName, Path: '/' }, Users: [{ UserName: 'tf-owner' }] },
    delete: async () => {
      await refuses('DeleteConflictException', iam().deleteGroup({ GroupName }));
      await iam().removeUserFromGroup({ GroupName, UserName: 'tf-owner' });
      await iam().deleteGroup({ GroupName });
      await iam().deleteUser({ UserName: 'tf-owner' });
      await refuses('NoSuchEntityException', iam().listAccessKeys({ UserName: 'tf-owner' }));
    },
    gone: 'NoSuchEntityException',
  });

  const oidc = { OpenIDConnectProviderArn: arnOf('oidc-provider/token.example') };
  replay({
    name: 'aws_iam_openid_connect_provider',
    create: () =>
      iam().createOpenIDConnectProvider({
        Url: 'https://token.example',
        ClientIDList: ['sts.amazonaws.com'],
        ThumbprintList: ['a'.repeat(40)],
        Tags: [{ Key: 'a', Value: '1' }],
      }),
    read: () => iam().getOpenIDConnectProvider(oidc),
    wanted: { Url: 'token.example', ClientIDList: ['sts.amazonaws.com'], ThumbprintList: ['a'.repeat(40)], Tags: [{ Key: 'a', Value: '1' }] },
    update: async () => {
      await iam().updateOpenIDConnectProviderThumbprint({ ...oidc, ThumbprintList: ['b'.repeat(40)] });
      await iam().addClientIDToOpenIDConnectProvider({ ...oidc, ClientID: 'other' });
      await iam().removeClientIDFromOpenIDConnectProvider({ ...oidc, ClientID: 'sts.amazonaws.com' });
    },
    updated: { ClientIDList: ['other'], ThumbprintList: ['b'.repeat(40)] },
    delete: () => iam().deleteOpenIDConnectProvider(oidc),
    gone: 'NoSuchEntityException',
  });
  const saml = { SAMLProviderArn: arnOf('saml-provider/tf') };
  const metadata = (id: string): string =>
    `<?xml version="1.0"?><EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="${id}"><IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><KeyDescriptor use="signing"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>MIIB</X509Certificate></X509Data></KeyInfo></KeyDescriptor><SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.example/sso"/></IDPSSODescriptor></EntityDescriptor>${' '.repeat(1000)}`;
  replay({
    name: 'aws_iam_saml_provider',
    create: () => iam().createSAMLProvider({ Name: 'tf', SAMLMetadataDocument: metadata('https://one.example'), Tags: [{ Key: 'a', Value: '1' }] }),
    read: () => iam().getSAMLProvider(saml),
    wanted: { SAMLMetadataDocument: metadata('https://one.example') },
    update: () => iam().updateSAMLProvider({ ...saml, SAMLMetadataDocument: metadata('https://two.example') }),
    updated: { SAMLMetadataDocument: metadata('https://two.example') },
    delete: () => iam().deleteSAMLProvider(saml),
    gone: 'NoSuchEntityException',
  });
  replay({
    name: 'aws_iam_account_alias',
    create: () => iam().createAccountAlias({ AccountAlias: 'tf-alias' }),
    read: () => iam().listAccountAliases({}),
    wanted: { AccountAliases: ['tf-alias'] },
    delete: () => iam().deleteAccountAlias({ AccountAlias: 'tf-alias' }),
    gone: { AccountAliases: [] },
  });
  replay({
    name: 'aws_iam_account_password_policy',
    create: () => iam().updateAccountPasswordPolicy({ MinimumPasswordLength: 9, RequireNumbers: true, AllowUsersToChangePassword: true }),
    read: () => iam().getAccountPasswordPolicy({}),
    wanted: { PasswordPolicy: { MinimumPasswordLength: 9, RequireNumbers: true, AllowUsersToChangePassword: true, ExpirePasswords: false } },
    delete: () => iam().deleteAccountPasswordPolicy({}),
    gone: 'NoSuchEntityException',
  });
  replay({
    name: 'aws_iam_service_linked_role',
    create: () => iam().createServiceLinkedRole({ AWSServiceName: 'ecs.amazonaws.com' }),
    read: async () => (await iam().getRole({ RoleName: 'AWSServiceRoleForECS' })).Role ?? {},
    wanted: { Path: '/aws-service-role/ecs.amazonaws.com/', Arn: arnOf('role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS') },
    update: () => iam().updateRole({ RoleName: 'AWSServiceRoleForECS', Description: 'd' }),
    updated: { Description: 'd' },
    delete: async () => {
      const { DeletionTaskId } = await iam().deleteServiceLinkedRole({ RoleName: 'AWSServiceRoleForECS' });
      const { Status } = await iam().getServiceLinkedRoleDeletionStatus({ DeletionTaskId });
      assert.equal(Status, 'SUCCEEDED');
    },
    gone: 'NoSuchEntityException',
  });
}
