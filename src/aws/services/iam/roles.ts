import type * as Iam from '@aws-sdk/client-iam';
import { IAMInstanceProfile, type IamRoleSpec } from '#kinds';
import type { Call } from '../../gateway/call.ts';
import { AwsError } from '../../gateway/errors.ts';
import { defineAction } from '../../gateway/service.ts';
import { newUniqueId } from '../../iam/keys.ts';
import {
  boundaryType,
  change,
  checkDocument,
  checkName,
  checkPath,
  conflict,
  date,
  encodeDocument,
  exists,
  getPolicy,
  getRole,
  iamArn,
  iamId,
  invalid,
  noRole,
  now,
  paginate,
  pathArn,
  place,
  readTags,
  requestTags,
  resourceTags,
  roles,
  underPath,
  writeTags,
} from './support.ts';
import { tagActions } from './tags.ts';

export const roleOf = (role: IamRoleSpec): Iam.Role => ({
  Path: role.path,
  RoleName: role.roleName,
  RoleId: role.roleId,
  Arn: role.arn,
  CreateDate: date(role.createDate),
  AssumeRolePolicyDocument: encodeDocument(role.trust),
  ...(role.description === undefined ? {} : { Description: role.description }),
  MaxSessionDuration: role.maxSessionDuration,
  ...(role.boundary === undefined ? {} : { PermissionsBoundary: { PermissionsBoundaryType: boundaryType, PermissionsBoundaryArn: role.boundary } }),
  ...(role.tags.length > 0 ? { Tags: writeTags(role.tags) } : {}),
  RoleLastUsed: role.lastUsed ? { LastUsedDate: date(role.lastUsed.date), Region: role.lastUsed.region } : {},
});

type Named = { RoleName?: string | undefined };
export const roleResource = ({ RoleName = '' }: Named, call: Call): string[] => [
  roles(call).get(place(call), iamId(RoleName))?.arn ?? iamArn(call, `role/${RoleName}`),
];
const own = ({ RoleName = '' }: Named, call: Call) => resourceTags(roles(call).get(place(call), iamId(RoleName))?.tags);
const trustSize = 2048;

function checkDuration(seconds: number | undefined): number {
  const value = seconds ?? 3600;
  if (value < 3600 || value > 43_200) {
    const bound = value < 3600 ? 'greater than or equal to 3600' : 'less than or equal to 43200';
    throw invalid(`1 validation error detected: Value '${value}' at 'maxSessionDuration' failed to satisfy constraint: Member must have value ${bound}`);
  }
  return value;
}
/** Service-linked roles belong to their services. */
export const serviceLinkedPath = '/aws-service-role/';
function checkModifiable(role: IamRoleSpec): void {
  if (!role.path.startsWith(serviceLinkedPath)) return;
  throw new AwsError('UnmodifiableEntity', `Cannot perform the operation on the protected role '${role.roleName}' - this role is only modifiable by AWS`);
}

async function updateRole(call: Call, name: string, next: (role: IamRoleSpec) => IamRoleSpec): Promise<IamRoleSpec> {
  const updated = await change(call, () => roles(call).update(place(call), iamId(name), next));
  if (!updated) throw noRole(name);
  return updated;
}

export const roleActions = {
  CreateRole: defineAction<Iam.CreateRoleRequest, Iam.CreateRoleResponse>({
    resources: ({ RoleName = '', Path }, call) => [pathArn(call, 'role', Path, RoleName)],
    conditions: ({ Tags, PermissionsBoundary }) => ({ ...requestTags(Tags), 'iam:PermissionsBoundary': PermissionsBoundary }),
    handle: ({ RoleName = '', Path, AssumeRolePolicyDocument = '', Description, MaxSessionDuration, PermissionsBoundary, Tags }, call) =>
      change(call, async () => {
        checkName('roleName', RoleName, 64);
        const path = checkPath(Path);
        if (path.startsWith(serviceLinkedPath)) throw invalid('The specified value for path is reserved for service-linked roles.');
        const role: IamRoleSpec = {
          roleName: RoleName,
          roleId: newUniqueId('AROA'),
          arn: pathArn(call, 'role', path, RoleName),
          path,
          createDate: now(call),
          attached: [],
          inline: {},
          tags: readTags(Tags),
          trust: checkDocument(AssumeRolePolicyDocument, 'trust', trustSize),
          maxSessionDuration: checkDuration(MaxSessionDuration),
          ...(Description === undefined || Description === '' ? {} : { description: Description }),
          ...(PermissionsBoundary === undefined ? {} : { boundary: getPolicy(call, PermissionsBoundary).arn }),
        };
        if (!(await roles(call).create(place(call), iamId(RoleName), role))) throw exists(`Role with name ${RoleName} already exists.`);
        const { RoleLastUsed: _not, ...made } = roleOf(role);
        return { Role: made };
      }),
  }),
  GetRole: defineAction<Iam.GetRoleRequest, Iam.GetRoleResponse>({
    resources: roleResource,
    conditions: own,
    handle: ({ RoleName = '' }, call) => ({ Role: roleOf(getRole(call, RoleName)) }),
  }),
  ListRoles: defineAction<Iam.ListRolesRequest, Iam.ListRolesResponse>({
    resources: ({ PathPrefix }, call) => [iamArn(call, `role${PathPrefix ?? '/'}`)],
    handle({ PathPrefix, ...input }, call) {
      const { page, ...rest } = paginate(underPath(roles(call).list(place(call)), PathPrefix), input);
      return { Roles: page.map((role) => ({ ...roleOf(role), Tags: undefined, PermissionsBoundary: undefined, RoleLastUsed: undefined })), ...rest };
    },
  }),
  UpdateRole: defineAction<Iam.UpdateRoleRequest, Iam.UpdateRoleResponse>({
    resources: roleResource,
    conditions: own,
    async handle({ RoleName = '', Description, MaxSessionDuration }, call) {
      await updateRole(call, RoleName, ({ description, ...role }) => {
        // Of a service-linked role one may tell what it is for, and nothing else.
        if (MaxSessionDuration !== undefined) checkModifiable(role);
        const text = Description ?? description;
        return {
          ...role,
          ...(text === undefined || text === '' ? {} : { description: text }),
          maxSessionDuration: MaxSessionDuration === undefined ? role.maxSessionDuration : checkDuration(MaxSessionDuration),
        };
      });
      return {};
    },
  }),
  UpdateRoleDescription: defineAction<Iam.UpdateRoleDescriptionRequest, Iam.UpdateRoleDescriptionResponse>({
    resources: roleResource,
    conditions: own,
    handle: async ({ RoleName = '', Description = '' }, call) => ({
      Role: roleOf(await updateRole(call, RoleName, (role) => ({ ...role, description: Description }))),
    }),
  }),
  UpdateAssumeRolePolicy: defineAction<Iam.UpdateAssumeRolePolicyRequest, void>({
    resources: roleResource,
    conditions: own,
    async handle({ RoleName = '', PolicyDocument = '' }, call) {
      const trust = checkDocument(PolicyDocument, 'trust', trustSize);
      await updateRole(call, RoleName, (role) => {
        checkModifiable(role);
        return { ...role, trust };
      });
    },
  }),
  DeleteRole: defineAction<Iam.DeleteRoleRequest, void>({
    resources: roleResource,
    conditions: own,
    handle: ({ RoleName = '' }, call) =>
      change(call, async () => {
        const role = getRole(call, RoleName);
        checkModifiable(role);
        const profiles = call.state.table(IAMInstanceProfile).list(place(call));
        if (profiles.some((one) => one.roles.includes(role.roleName))) throw conflict('Cannot delete entity, must remove roles from instance profile first.');
        if (role.attached.length > 0) throw conflict('Cannot delete entity, must detach all policies first.');
        if (Object.keys(role.inline).length > 0) throw conflict('Cannot delete entity, must delete policies first.');
        await roles(call).delete(place(call), iamId(RoleName));
      }),
  }),
  ...tagActions({
    name: 'Role',
    key: 'RoleName',
    resource: (call, name) => roleResource({ RoleName: name }, call)[0] ?? '',
    find: (call, name) => roles(call).get(place(call), iamId(name)),
    get: getRole,
    retag: (call, name, next) => updateRole(call, name, (role) => ({ ...role, tags: next(role.tags) })),
  }),
};
