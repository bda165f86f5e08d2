import type * as Iam from '@aws-sdk/client-iam';
import { IAMAccount, IAMInstanceProfile, IAMOIDCProvider, IAMSAMLProvider, type IamAccountSpec, type IamPasswordPolicy, type IamPrincipal } from '#kinds';
import type { Call } from '../../gateway/call.ts';
import { defineAction } from '../../gateway/service.ts';
import { instanceProfileOf } from './instance-profiles.ts';
import { policyOf } from './policies.ts';
import { roleOf } from './roles.ts';
import {
  awsManagedPolicies,
  boundaryType,
  date,
  encodeDocument,
  exists,
  findPolicy,
  groups,
  invalid,
  noSuch,
  paginate,
  place,
  policies,
  roles,
  users,
  writeTags,
} from './support.ts';

const account = (call: Call): IamAccountSpec => call.state.table(IAMAccount).get(place(call), 'account') ?? {};
const put = (call: Call, next: (current: IamAccountSpec) => IamAccountSpec): Promise<IamAccountSpec> =>
  call.state.table(IAMAccount).put(place(call), 'account', (current) => next(current ?? {}));

const inlineOf = ({ inline }: IamPrincipal) =>
  Object.entries(inline).map(([name, document]) => ({ PolicyName: name, PolicyDocument: encodeDocument(document) }));
const attachedOf = (call: Call, { attached }: IamPrincipal) => attached.map((arn) => ({ PolicyArn: arn, PolicyName: findPolicy(call, arn)?.policyName }));
const boundaryOf = ({ boundary }: IamPrincipal) =>
  boundary === undefined ? {} : { PermissionsBoundary: { PermissionsBoundaryType: boundaryType, PermissionsBoundaryArn: boundary } };

/** Every thing of the account with all that belongs to it. */
function* details(call: Call, filter: readonly string[] | undefined): Generator<Readonly<Record<string, object>>> {
  const wants = (type: string): boolean => filter === undefined || filter.length === 0 || filter.includes(type);
  const at = place(call);
  if (wants('User')) {
    for (const user of users(call).list(at)) {
      yield {
        UserDetailList: {
          Path: user.path,
          UserName: user.userName,
          UserId: user.userId,
          Arn: user.arn,
          CreateDate: date(user.createDate),
          UserPolicyList: inlineOf(user),
          GroupList: user.groups,
          AttachedManagedPolicies: attachedOf(call, user),
          Tags: writeTags(user.tags),
          ...boundaryOf(user),
        },
      };
    }
  }
  if (wants('Group')) {
    for (const group of groups(call).list(at)) {
      yield {
        GroupDetailList: {
          Path: group.path,
          GroupName: group.groupName,
          GroupId: group.groupId,
          Arn: group.arn,
          CreateDate: date(group.createDate),
          GroupPolicyList: inlineOf(group),
          AttachedManagedPolicies: attachedOf(call, group),
        },
      };
    }
  }
  if (wants('Role')) {
    const profiles = call.state.table(IAMInstanceProfile).list(at);
    for (const role of roles(call).list(at)) {
      const { MaxSessionDuration: _m, Description: _d, ...shown } = roleOf(role);
      yield {
        RoleDetailList: {
          ...shown,
          Tags: writeTags(role.tags),
          InstanceProfileList: profiles.filter((one) => one.roles.includes(role.roleName)).map((one) => instanceProfileOf(call, one)),
          RolePolicyList: inlineOf(role),
          AttachedManagedPolicies: attachedOf(call, role),
        },
      };
    }
  }
  const managed = [...(wants('LocalManagedPolicy') ? policies(call).list(at) : []), ...(wants('AWSManagedPolicy') ? awsManagedPolicies() : [])];
  for (const policy of managed) {
    const shown = policyOf(call, policy);
    // Of AWS's own only those that are in use.
    if (policy.arn.includes(':iam::aws:') && shown.AttachmentCount === 0 && shown.PermissionsBoundaryUsageCount === 0) continue;
    const versions = policy.versions.map(({ id, document, createDate }) => ({
      Document: encodeDocument(document),
      VersionId: id,
      IsDefaultVersion: id === policy.defaultVersionId,
      CreateDate: date(createDate),
    }));
    yield { Policies: { ...shown, PolicyVersionList: versions } };
  }
}

const passwordDefaults: IamPasswordPolicy = {
  minimumPasswordLength: 6,
  requireSymbols: false,
  requireNumbers: false,
  requireUppercaseCharacters: false,
  requireLowercaseCharacters: false,
  allowUsersToChangePassword: false,
};

export const accountActions = {
  CreateAccountAlias: defineAction<Iam.CreateAccountAliasRequest, void>({
    async handle({ AccountAlias = '' }, call) {
      if (!/^[a-z0-9](?:[a-z0-9]|-(?!-)){1,61}[a-z0-9]$/.test(AccountAlias)) {
        throw invalid('The specified value for accountAlias is invalid. It must contain only digits, lowercase letters and hyphens.');
      }
      await put(call, (current) => {
        if (current.alias !== undefined && current.alias !== AccountAlias) return { ...current, alias: AccountAlias };
        if (current.alias === AccountAlias) throw exists(`The account alias ${AccountAlias} already exists.`);
        return { ...current, alias: AccountAlias };
      });
    },
  }),
  DeleteAccountAlias: defineAction<Iam.DeleteAccountAliasRequest, void>({
    async handle({ AccountAlias = '' }, call) {
      await put(call, ({ alias, ...rest }) => {
        if (alias !== AccountAlias) throw noSuch(`The account alias ${AccountAlias} does not exist.`);
        return rest;
      });
    },
  }),
  ListAccountAliases: defineAction<Iam.ListAccountAliasesRequest, Iam.ListAccountAliasesResponse>({
    handle(_input, call) {
      const { alias } = account(call);
      return { AccountAliases: alias === undefined ? [] : [alias], IsTruncated: false };
    },
  }),
  GetAccountPasswordPolicy: defineAction<Record<string, never>, Iam.GetAccountPasswordPolicyResponse>({
    handle(_input, call) {
      const found = account(call).passwordPolicy;
      if (!found) throw noSuch(`The Password Policy with domain name ${call.account} cannot be found.`);
      return {
        PasswordPolicy: {
          MinimumPasswordLength: found.minimumPasswordLength,
          RequireSymbols: found.requireSymbols,
          RequireNumbers: found.requireNumbers,
          RequireUppercaseCharacters: found.requireUppercaseCharacters,
          RequireLowercaseCharacters: found.requireLowercaseCharacters,
          AllowUsersToChangePassword: found.allowUsersToChangePassword,
          ExpirePasswords: found.maxPasswordAge !== undefined,
          MaxPasswordAge: found.maxPasswordAge,
          PasswordReusePrevention: found.passwordReusePrevention,
          HardExpiry: found.hardExpiry,
        },
      };
    },
  }),
  UpdateAccountPasswordPolicy: defineAction<Iam.UpdateAccountPasswordPolicyRequest, void>({
    async handle(input, call) {
      const length = input.MinimumPasswordLength ?? passwordDefaults.minimumPasswordLength;
      if (length < 6 || length > 128)
        throw invalid(`Value '${length}' at 'minimumPasswordLength' failed to satisfy constraint: Member must have value between 6 and 128`);
      const passwordPolicy: IamPasswordPolicy = {
        minimumPasswordLength: length,
        requireSymbols: input.RequireSymbols ?? false,
        requireNumbers: input.RequireNumbers ?? false,
        requireUppercaseCharacters: input.RequireUppercaseCharacters ?? false,
        requireLowercaseCharacters: input.RequireLowercaseCharacters ?? false,
        allowUsersToChangePassword: input.AllowUsersToChangePassword ?? false,
        ...(input.MaxPasswordAge ? { maxPasswordAge: input.MaxPasswordAge } : {}),
        ...(input.PasswordReusePrevention ? { passwordReusePrevention: input.PasswordReusePrevention } : {}),
        ...(input.HardExpiry === undefined ? {} : { hardExpiry: input.HardExpiry }),
      };
      await put(call, (current) => ({ ...current, passwordPolicy }));
    },
  }),
  DeleteAccountPasswordPolicy: defineAction<Record<string, never>, void>({
    async handle(_input, call) {
      await put(call, ({ passwordPolicy, ...rest }) => {
        if (!passwordPolicy) throw noSuch('The account policy with name PasswordPolicy cannot be found.');
        return rest;
      });
    },
  }),
  GetAccountSummary: defineAction<Record<string, never>, Iam.GetAccountSummaryResponse>({
    handle(_input, call) {
      const at = place(call);
      const providers = call.state.table(IAMOIDCProvider).list(at).length + call.state.table(IAMSAMLProvider).list(at).length;
      const own = policies(call).list(at);
      return {
        SummaryMap: {
          Users: users(call).list(at).length,
          UsersQuota: 5000,
          Groups: groups(call).list(at).length,
          GroupsQuota: 300,
          Roles: roles(call).list(at).length,
          RolesQuota: 1000,
          Policies: own.length,
          PoliciesQuota: 1500,
          PolicyVersionsInUse: own.reduce((sum, one) => sum + one.versions.length, 0),
          PolicyVersionsInUseQuota: 10_000,
          InstanceProfiles: call.state.table(IAMInstanceProfile).list(at).length,
          InstanceProfilesQuota: 1000,
          Providers: providers,
          AccessKeysPerUserQuota: 2,
          AttachedPoliciesPerGroupQuota: 10,
          AttachedPoliciesPerRoleQuota: 10,
          AttachedPoliciesPerUserQuota: 10,
          GroupsPerUserQuota: 10,
          VersionsPerPolicyQuota: 5,
          PolicySizeQuota: 6144,
          UserPolicySizeQuota: 2048,
          GroupPolicySizeQuota: 5120,
          RolePolicySizeQuota: 10_240,
          AssumeRolePolicySizeQuota: 2048,
          AccountMFAEnabled: 0,
          AccountAccessKeysPresent: 1,
          AccountSigningCertificatesPresent: 0,
          AccountPasswordPresent: 0,
          MFADevices: 0,
          MFADevicesInUse: 0,
          ServerCertificates: 0,
          ServerCertificatesQuota: 20,
          SigningCertificatesPerUserQuota: 2,
          GlobalEndpointTokenVersion: 1,
        },
      };
    },
  }),
  GetAccountAuthorizationDetails: defineAction<Iam.GetAccountAuthorizationDetailsRequest, Iam.GetAccountAuthorizationDetailsResponse>({
    handle({ Filter, ...input }, call) {
      const { page, ...rest } = paginate([...details(call, Filter)], input);
      const lists: Record<string, object[]> = { UserDetailList: [], GroupDetailList: [], RoleDetailList: [], Policies: [] };
      for (const one of page) for (const [list, value] of Object.entries(one)) lists[list]?.push(value);
      return { ...lists, ...rest };
    },
  }),
};
