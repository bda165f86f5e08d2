import type * as Iam from '@aws-sdk/client-iam';
import type { IamPolicySpec, IamPolicyVersion, IamPrincipal } from '#kinds';
import type { Call } from '../../gateway/call.ts';
import { AwsError } from '../../gateway/errors.ts';
import { defineAction } from '../../gateway/service.ts';
import { newUniqueId } from '../../iam/keys.ts';
import {
  awsManagedPolicies,
  change,
  checkDocument,
  checkName,
  checkPath,
  conflict,
  date,
  encodeDocument,
  exists,
  findPolicy,
  getPolicy,
  groups,
  iamArn,
  iamId,
  limit,
  noSuch,
  now,
  paginate,
  pathArn,
  place,
  policies,
  readTags,
  requestTags,
  resourceTags,
  roles,
  underPath,
  users,
  writeTags,
} from './support.ts';
import { tagActions } from './tags.ts';

/** Users, groups and roles that a policy is attached to, and those that it is the boundary of. */
function usesOf(call: Call, arn: string) {
  const attached = <T extends IamPrincipal>(all: T[]): T[] => all.filter((one) => one.attached.includes(arn));
  const bounded = <T extends IamPrincipal>(all: T[]): T[] => all.filter((one) => one.boundary === arn);
  const [u, g, r] = [users(call).list(place(call)), groups(call).list(place(call)), roles(call).list(place(call))];
  return { users: attached(u), groups: attached(g), roles: attached(r), boundedUsers: bounded(u), boundedRoles: bounded(r) };
}
function countsOf(call: Call, arn: string): { attachments: number; boundaries: number } {
  const uses = usesOf(call, arn);
  return { attachments: uses.users.length + uses.groups.length + uses.roles.length, boundaries: uses.boundedUsers.length + uses.boundedRoles.length };
}

export function policyOf(call: Call, policy: IamPolicySpec): Iam.Policy {
  const { attachments, boundaries } = countsOf(call, policy.arn);
  return {
    PolicyName: policy.policyName,
    PolicyId: policy.policyId,
    Arn: policy.arn,
    Path: policy.path,
    DefaultVersionId: policy.defaultVersionId,
    AttachmentCount: attachments,
    PermissionsBoundaryUsageCount: boundaries,
    IsAttachable: true,
    ...(policy.description === undefined ? {} : { Description: policy.description }),
    CreateDate: date(policy.createDate),
    UpdateDate: date(policy.updateDate),
    ...(policy.tags.length > 0 ? { Tags: writeTags(policy.tags) } : {}),
  };
}
const versionOf = (policy: IamPolicySpec, version: IamPolicyVersion): Iam.PolicyVersion => ({
  Document: encodeDocument(version.document),
  VersionId: version.id,
  IsDefaultVersion: version.id === policy.defaultVersionId,
  CreateDate: date(version.createDate),
});

type Named = { PolicyArn?: string | undefined };
const policyResource = ({ PolicyArn = '' }: Named): string[] => [PolicyArn];
const own = ({ PolicyArn = '' }: Named, call: Call) =>
  resourceTags(policies(call).get(place(call), iamId(PolicyArn.slice(PolicyArn.lastIndexOf('/') + 1)))?.tags);
const mostVersions = 5;

/** Changes one of the account's own. */
function modify(call: Call, arn: string, next: (policy: IamPolicySpec) => IamPolicySpec): Promise<IamPolicySpec> {
  return change(call, async () => {
    const { policyName } = ownPolicy(call, arn);
    return (await policies(call).update(place(call), iamId(policyName), next)) as IamPolicySpec;
  });
}
function ownPolicy(call: Call, arn: string): IamPolicySpec {
  const policy = getPolicy(call, arn);
  if (arn.includes(':iam::aws:')) throw new AwsError('AccessDenied', `Policy ${arn} is managed by AWS and cannot be changed.`, { status: 403 });
  return policy;
}
const noVersion = (arn: string, id: string) => noSuch(`Policy ${arn} version ${id} does not exist or is not attachable.`);

export const policyActions = {
  CreatePolicy: defineAction<Iam.CreatePolicyRequest, Iam.CreatePolicyResponse>({
    resources: ({ PolicyName = '', Path }, call) => [pathArn(call, 'policy', Path, PolicyName)],
    conditions: ({ Tags }) => requestTags(Tags),
    async handle({ PolicyName = '', Path, PolicyDocument = '', Description, Tags }, call) {
      checkName('policyName', PolicyName, 128);
      const path = checkPath(Path);
      const at = now(call);
      const policy: IamPolicySpec = {
        policyName: PolicyName,
        policyId: newUniqueId('ANPA'),
        arn: pathArn(call, 'policy', path, PolicyName),
        path,
        ...(Description === undefined || Description === '' ? {} : { description: Description }),
        tags: readTags(Tags),
        createDate: at,
        updateDate: at,
        versions: [{ id: 'v1', document: checkDocument(PolicyDocument, 'identity'), createDate: at }],
        defaultVersionId: 'v1',
        lastVersion: 1,
      };
      if (!(await policies(call).create(place(call), iamId(PolicyName), policy))) {
        throw exists(`A policy called ${PolicyName} already exists. Duplicate names are not allowed.`);
      }
      return { Policy: policyOf(call, policy) };
    },
  }),
  GetPolicy: defineAction<Iam.GetPolicyRequest, Iam.GetPolicyResponse>({
    resources: policyResource,
    conditions: own,
    handle: ({ PolicyArn = '' }, call) => ({ Policy: policyOf(call, getPolicy(call, PolicyArn)) }),
  }),
  ListPolicies: defineAction<Iam.ListPoliciesRequest, Iam.ListPoliciesResponse>({
    resources: ({ PathPrefix }, call) => [iamArn(call, `policy${PathPrefix ?? '/'}`)],
    handle({ Scope = 'All', OnlyAttached, PathPrefix, PolicyUsageFilter, ...input }, call) {
      const all = [...(Scope === 'AWS' ? [] : policies(call).list(place(call))), ...(Scope === 'Local' ? [] : awsManagedPolicies())];
      const boundaries = PolicyUsageFilter === 'PermissionsBoundary';
      const found = underPath(all, PathPrefix).filter(({ arn }) => {
        if (!OnlyAttached && PolicyUsageFilter === undefined) return true;
        const counts = countsOf(call, arn);
        return boundaries ? counts.boundaries > 0 : counts.attachments > 0;
      });
      const { page, ...rest } = paginate(found, input);
      return { Policies: page.map((policy) => ({ ...policyOf(call, policy), Tags: undefined, Description: undefined })), ...rest };
    },
  }),
  DeletePolicy: defineAction<Iam.DeletePolicyRequest, void>({
    resources: policyResource,
    conditions: own,
    handle: ({ PolicyArn = '' }, call) =>
      change(call, async () => {
        const policy = ownPolicy(call, PolicyArn);
        const { attachments, boundaries } = countsOf(call, PolicyArn);
        if (attachments > 0) throw conflict('Cannot delete a policy attached to entities.');
        if (boundaries > 0) throw conflict('Cannot delete a policy that is used as a permissions boundary.');
        if (policy.versions.length > 1)
          throw conflict(
            "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.",
          );
        await policies(call).delete(place(call), iamId(policy.policyName));
      }),
  }),
  CreatePolicyVersion: defineAction<Iam.CreatePolicyVersionRequest, Iam.CreatePolicyVersionResponse>({
    resources: policyResource,
    conditions: own,
    async handle({ PolicyArn = '', PolicyDocument = '', SetAsDefault }, call) {
      const document = checkDocument(PolicyDocument, 'identity');
      const updated = await modify(call, PolicyArn, (policy) => {
        if (policy.versions.length >= mostVersions) {
          throw limit(`A managed policy can have up to ${mostVersions} versions. Before you create a new version, you must delete an existing version.`);
        }
        const id = `v${policy.lastVersion + 1}`;
        const versions = [...policy.versions, { id, document, createDate: now(call) }];
        return {
          ...policy,
          versions,
          lastVersion: policy.lastVersion + 1,
          updateDate: now(call),
          defaultVersionId: SetAsDefault ? id : policy.defaultVersionId,
        };
      });
      const made = updated.versions.at(-1) as IamPolicyVersion;
      return { PolicyVersion: { ...versionOf(updated, made), Document: undefined } };
    },
  }),
  GetPolicyVersion: defineAction<Iam.GetPolicyVersionRequest, Iam.GetPolicyVersionResponse>({
    resources: policyResource,
    conditions: own,
    handle({ PolicyArn = '', VersionId = '' }, call) {
      const policy = getPolicy(call, PolicyArn);
      const version = policy.versions.find(({ id }) => id === VersionId);
      if (!version) throw noVersion(PolicyArn, VersionId);
      return { PolicyVersion: versionOf(policy, version) };
    },
  }),
  ListPolicyVersions: defineAction<Iam.ListPolicyVersionsRequest, Iam.ListPolicyVersionsResponse>({
    resources: policyResource,
    conditions: own,
    handle({ PolicyArn = '', ...input }, call) {
      const policy = getPolicy(call, PolicyArn);
      const { page, ...rest } = paginate(policy.versions.toReversed(), input);
      return { Versions: page.map((version) => ({ ...versionOf(policy, version), Document: undefined })), ...rest };
    },
  }),
  SetDefaultPolicyVersion: defineAction<Iam.SetDefaultPolicyVersionRequest, void>({
    resources: policyResource,
    conditions: own,
    async handle({ PolicyArn = '', VersionId = '' }, call) {
      await modify(call, PolicyArn, (policy) => {
        if (!policy.versions.some(({ id }) => id === VersionId)) throw noVersion(PolicyArn, VersionId);
        return { ...policy, defaultVersionId: VersionId, updateDate: now(call) };
      });
    },
  }),
  DeletePolicyVersion: defineAction<Iam.DeletePolicyVersionRequest, void>({
    resources: policyResource,
    conditions: own,
    async handle({ PolicyArn = '', VersionId = '' }, call) {
      await modify(call, PolicyArn, (policy) => {
        if (!policy.versions.some(({ id }) => id === VersionId)) throw noVersion(PolicyArn, VersionId);
        if (policy.defaultVersionId === VersionId) throw conflict('Cannot delete the default version of a policy.');
        return { ...policy, versions: policy.versions.filter(({ id }) => id !== VersionId), updateDate: now(call) };
      });
    },
  }),
  ListEntitiesForPolicy: defineAction<Iam.ListEntitiesForPolicyRequest, Iam.ListEntitiesForPolicyResponse>({
    resources: policyResource,
    conditions: own,
    handle({ PolicyArn = '', EntityFilter, PathPrefix, PolicyUsageFilter, ...input }, call) {
      getPolicy(call, PolicyArn);
      const uses = usesOf(call, PolicyArn);
      const boundary = PolicyUsageFilter === 'PermissionsBoundary' || EntityFilter === undefined;
      const attached = PolicyUsageFilter !== 'PermissionsBoundary';
      const wants = (type: string): boolean => EntityFilter === undefined || EntityFilter === type;
      const all = [
        ...(wants('Group') && attached ? underPath(uses.groups, PathPrefix).map((one) => ({ group: { GroupName: one.groupName, GroupId: one.groupId } })) : []),
        ...(wants('User')
          ? underPath([...(attached ? uses.users : []), ...(boundary ? uses.boundedUsers : [])], PathPrefix).map((one) => ({
              user: { UserName: one.userName, UserId: one.userId },
            }))
          : []),
        ...(wants('Role')
          ? underPath([...(attached ? uses.roles : []), ...(boundary ? uses.boundedRoles : [])], PathPrefix).map((one) => ({
              role: { RoleName: one.roleName, RoleId: one.roleId },
            }))
          : []),
      ];
      const { page, ...rest } = paginate(all, input);
      return {
        PolicyGroups: page.flatMap((one) => ('group' in one ? [one.group] : [])),
        PolicyUsers: page.flatMap((one) => ('user' in one ? [one.user] : [])),
        PolicyRoles: page.flatMap((one) => ('role' in one ? [one.role] : [])),
        ...rest,
      };
    },
  }),
  ...tagActions({
    name: 'Policy',
    key: 'PolicyArn',
    resource: (_call, arn) => arn,
    find: (call, arn) => findPolicy(call, arn),
    get: getPolicy,
    retag: (call, arn, next) => modify(call, arn, (policy) => ({ ...policy, tags: next(policy.tags) })),
  }),
};
