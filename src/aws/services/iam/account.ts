import type * as Iam from '@aws-sdk/client-iam';
import { IAMInstanceProfile, type IamPrincipal } from '#kinds';
import type { Call } from '../../gateway/call.ts';
import { defineAction } from '../../gateway/service.ts';
import { accountOf, updateAccount } from './account-settings.ts';
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

export const accountActions = {
  CreateAccountAlias: defineAction<Iam.CreateAccountAliasRequest, void>({
    async handle({ AccountAlias = '' }, call) {
      if (!/^[a-z0-9](?:[a-z0-9]|-(?!-)){1,61}[a-z0-9]$/.test(AccountAlias)) {
        throw invalid('The specified value for accountAlias is invalid. It must contain only digits, lowercase letters and hyphens.');
      }
      await updateAccount(call, (current) => {
        if (current.alias !== undefined && current.alias !== AccountAlias) return { ...current, alias: AccountAlias };
        if (current.alias === AccountAlias) throw exists(`The account alias ${AccountAlias} already exists.`);
        return { ...current, alias: AccountAlias };
      });
    },
  }),
  DeleteAccountAlias: defineAction<Iam.DeleteAccountAliasRequest, void>({
    async handle({ AccountAlias = '' }, call) {
      await updateAccount(call, ({ alias, ...rest }) => {
        if (alias !== AccountAlias) throw noSuch(`The account alias ${AccountAlias} does not exist.`);
        return rest;
      });
    },
  }),
  ListAccountAliases: defineAction<Iam.ListAccountAliasesRequest, Iam.ListAccountAliasesResponse>({
    handle(_input, call) {
      const { alias } = accountOf(call);
      return { AccountAliases: alias === undefined ? [] : [alias], IsTruncated: false };
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
