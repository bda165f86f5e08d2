import type * as Iam from '@aws-sdk/client-iam';
import { IAMInstanceProfile, type IamInstanceProfileSpec } from '#kinds';
import type { Call } from '../../gateway/call.ts';
import { defineAction } from '../../gateway/service.ts';
import { newUniqueId } from '../../iam/keys.ts';
import { roleOf, roleResource } from './roles.ts';
import {
  change,
  checkName,
  checkPath,
  conflict,
  date,
  exists,
  getRole,
  iamArn,
  iamId,
  limit,
  noSuch,
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

const profiles = (call: Call) => call.state.table(IAMInstanceProfile);
type Named = { InstanceProfileName?: string | undefined };
const missing = (name: string) => noSuch(`Instance Profile ${name} cannot be found.`);
function getProfile(call: Call, name: string): IamInstanceProfileSpec {
  const found = profiles(call).get(place(call), iamId(name));
  if (!found) throw missing(name);
  return found;
}
const resource = ({ InstanceProfileName = '' }: Named, call: Call): string[] => [
  profiles(call).get(place(call), iamId(InstanceProfileName))?.arn ?? iamArn(call, `instance-profile/${InstanceProfileName}`),
];
const own = ({ InstanceProfileName = '' }: Named, call: Call) => resourceTags(profiles(call).get(place(call), iamId(InstanceProfileName))?.tags);

export const instanceProfileOf = (call: Call, profile: IamInstanceProfileSpec): Iam.InstanceProfile => ({
  Path: profile.path,
  InstanceProfileName: profile.instanceProfileName,
  InstanceProfileId: profile.instanceProfileId,
  Arn: profile.arn,
  CreateDate: date(profile.createDate),
  Roles: profile.roles.flatMap((name) => {
    const role = roles(call).get(place(call), iamId(name));
    return role ? [{ ...roleOf(role), RoleLastUsed: undefined, Tags: undefined }] : [];
  }),
  ...(profile.tags.length > 0 ? { Tags: writeTags(profile.tags) } : {}),
});

function modify(call: Call, name: string, next: (profile: IamInstanceProfileSpec) => IamInstanceProfileSpec): Promise<void> {
  return change(call, async () => {
    if (!(await profiles(call).update(place(call), iamId(name), next))) throw missing(name);
  });
}

export const instanceProfileActions = {
  CreateInstanceProfile: defineAction<Iam.CreateInstanceProfileRequest, Iam.CreateInstanceProfileResponse>({
    resources: ({ InstanceProfileName = '', Path }, call) => [pathArn(call, 'instance-profile', Path, InstanceProfileName)],
    conditions: ({ Tags }) => requestTags(Tags),
    async handle({ InstanceProfileName = '', Path, Tags }, call) {
      checkName('instanceProfileName', InstanceProfileName, 128);
      const path = checkPath(Path);
      const profile: IamInstanceProfileSpec = {
        instanceProfileName: InstanceProfileName,
        instanceProfileId: newUniqueId('AIPA'),
        arn: pathArn(call, 'instance-profile', path, InstanceProfileName),
        path,
        createDate: now(call),
        roles: [],
        tags: readTags(Tags),
      };
      if (!(await profiles(call).create(place(call), iamId(InstanceProfileName), profile)))
        throw exists(`Instance Profile ${InstanceProfileName} already exists.`);
      return { InstanceProfile: instanceProfileOf(call, profile) };
    },
  }),
  GetInstanceProfile: defineAction<Iam.GetInstanceProfileRequest, Iam.GetInstanceProfileResponse>({
    resources: resource,
    conditions: own,
    handle: ({ InstanceProfileName = '' }, call) => ({ InstanceProfile: instanceProfileOf(call, getProfile(call, InstanceProfileName)) }),
  }),
  ListInstanceProfiles: defineAction<Iam.ListInstanceProfilesRequest, Iam.ListInstanceProfilesResponse>({
    resources: ({ PathPrefix }, call) => [iamArn(call, `instance-profile${PathPrefix ?? '/'}`)],
    handle({ PathPrefix, ...input }, call) {
      const { page, ...rest } = paginate(underPath(profiles(call).list(place(call)), PathPrefix), input);
      return { InstanceProfiles: page.map((one) => ({ ...instanceProfileOf(call, one), Tags: undefined })), ...rest };
    },
  }),
  ListInstanceProfilesForRole: defineAction<Iam.ListInstanceProfilesForRoleRequest, Iam.ListInstanceProfilesForRoleResponse>({
    resources: roleResource,
    handle({ RoleName = '', ...input }, call) {
      const { roleName } = getRole(call, RoleName);
      const { page, ...rest } = paginate(
        profiles(call)
          .list(place(call))
          .filter((one) => one.roles.includes(roleName)),
        input,
      );
      return { InstanceProfiles: page.map((one) => ({ ...instanceProfileOf(call, one), Tags: undefined })), ...rest };
    },
  }),
  DeleteInstanceProfile: defineAction<Iam.DeleteInstanceProfileRequest, void>({
    resources: resource,
    conditions: own,
    handle: ({ InstanceProfileName = '' }, call) =>
      change(call, async () => {
        if (getProfile(call, InstanceProfileName).roles.length > 0) throw conflict('Cannot delete entity, must remove roles from instance profile first.');
        await profiles(call).delete(place(call), iamId(InstanceProfileName));
      }),
  }),
  AddRoleToInstanceProfile: defineAction<Iam.AddRoleToInstanceProfileRequest, void>({
    // Whoever puts a role where instances get it must be allowed to pass it.
    permissions: (input, call) => [
      { action: 'iam:AddRoleToInstanceProfile', resource: resource(input, call)[0] ?? '*' },
      { action: 'iam:PassRole', resource: roleResource(input, call)[0] ?? '*' },
    ],
    handle: ({ InstanceProfileName = '', RoleName = '' }, call) =>
      modify(call, InstanceProfileName, (profile) => {
        const { roleName } = getRole(call, RoleName);
        if (profile.roles.length > 0) throw limit('Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1');
        return { ...profile, roles: [roleName] };
      }),
  }),
  RemoveRoleFromInstanceProfile: defineAction<Iam.RemoveRoleFromInstanceProfileRequest, void>({
    resources: resource,
    conditions: own,
    handle: ({ InstanceProfileName = '', RoleName = '' }, call) =>
      modify(call, InstanceProfileName, (profile) => {
        if (!profile.roles.some((name) => iamId(name) === iamId(RoleName))) throw noSuch(`Role ${RoleName} cannot be found.`);
        return { ...profile, roles: profile.roles.filter((name) => iamId(name) !== iamId(RoleName)) };
      }),
  }),
  ...tagActions({
    name: 'InstanceProfile',
    key: 'InstanceProfileName',
    resource: (call, name) => resource({ InstanceProfileName: name }, call)[0] ?? '',
    find: (call, name) => profiles(call).get(place(call), iamId(name)),
    get: getProfile,
    retag: (call, name, next) => modify(call, name, (profile) => ({ ...profile, tags: next(profile.tags) })),
  }),
};
