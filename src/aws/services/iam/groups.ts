import type * as Iam from '@aws-sdk/client-iam';
import type { IamGroupSpec } from '#kinds';
import type { Call } from '../../gateway/call.ts';
import { defineAction } from '../../gateway/service.ts';
import { newUniqueId } from '../../iam/keys.ts';
import {
  change,
  checkName,
  checkPath,
  conflict,
  date,
  exists,
  getGroup,
  getUser,
  groups,
  iamArn,
  iamId,
  limit,
  noUser,
  now,
  paginate,
  pathArn,
  place,
  underPath,
  users,
} from './support.ts';
import { userOf, userResource } from './users.ts';

const groupOf = (group: IamGroupSpec): Iam.Group => ({
  Path: group.path,
  GroupName: group.groupName,
  GroupId: group.groupId,
  Arn: group.arn,
  CreateDate: date(group.createDate),
});
const members = (call: Call, groupName: string) =>
  users(call)
    .list(place(call))
    .filter((user) => user.groups.includes(groupName));
type Named = { GroupName?: string | undefined };
const groupResource = ({ GroupName = '' }: Named, call: Call): string[] => [
  groups(call).get(place(call), iamId(GroupName))?.arn ?? iamArn(call, `group/${GroupName}`),
];
const mostGroups = 10;

export const groupActions = {
  CreateGroup: defineAction<Iam.CreateGroupRequest, Iam.CreateGroupResponse>({
    resources: ({ GroupName = '', Path }, call) => [pathArn(call, 'group', Path, GroupName)],
    async handle({ GroupName = '', Path }, call) {
      checkName('groupName', GroupName, 128);
      const path = checkPath(Path);
      const group: IamGroupSpec = {
        groupName: GroupName,
        groupId: newUniqueId('AGPA'),
        arn: pathArn(call, 'group', path, GroupName),
        path,
        createDate: now(call),
        attached: [],
        inline: {},
        tags: [],
      };
      if (!(await groups(call).create(place(call), iamId(GroupName), group))) throw exists(`Group with name ${GroupName} already exists.`);
      return { Group: groupOf(group) };
    },
  }),
  GetGroup: defineAction<Iam.GetGroupRequest, Iam.GetGroupResponse>({
    resources: groupResource,
    handle({ GroupName = '', ...input }, call) {
      const group = getGroup(call, GroupName);
      const { page, ...rest } = paginate(members(call, group.groupName), input);
      return { Group: groupOf(group), Users: page.map((user) => ({ ...userOf(user), Tags: undefined })), ...rest };
    },
  }),
  ListGroups: defineAction<Iam.ListGroupsRequest, Iam.ListGroupsResponse>({
    resources: ({ PathPrefix }, call) => [iamArn(call, `group${PathPrefix ?? '/'}`)],
    handle({ PathPrefix, ...input }, call) {
      const { page, ...rest } = paginate(underPath(groups(call).list(place(call)), PathPrefix), input);
      return { Groups: page.map(groupOf), ...rest };
    },
  }),
  UpdateGroup: defineAction<Iam.UpdateGroupRequest, void>({
    resources: groupResource,
    handle: ({ GroupName = '', NewGroupName, NewPath }, call) =>
      change(call, async () => {
        const old = getGroup(call, GroupName);
        const groupName = NewGroupName ?? old.groupName;
        checkName('newGroupName', groupName, 128);
        const path = NewPath === undefined ? old.path : checkPath(NewPath);
        const next = { ...old, groupName, path, arn: pathArn(call, 'group', path, groupName) };
        if (iamId(groupName) === iamId(GroupName)) await groups(call).update(place(call), iamId(GroupName), () => next);
        else if (!(await groups(call).create(place(call), iamId(groupName), next))) throw exists(`Group with name ${groupName} already exists.`);
        for (const user of members(call, old.groupName)) {
          await users(call).update(place(call), iamId(user.userName), (one) => ({
            ...one,
            groups: one.groups.map((name) => (name === old.groupName ? groupName : name)),
          }));
        }
        if (iamId(groupName) !== iamId(GroupName)) await groups(call).delete(place(call), iamId(GroupName));
      }),
  }),
  DeleteGroup: defineAction<Iam.DeleteGroupRequest, void>({
    resources: groupResource,
    handle: ({ GroupName = '' }, call) =>
      change(call, async () => {
        const group = getGroup(call, GroupName);
        if (members(call, group.groupName).length > 0) throw conflict('Cannot delete entity, must remove users from group first.');
        if (group.attached.length > 0) throw conflict('Cannot delete entity, must detach all policies first.');
        if (Object.keys(group.inline).length > 0) throw conflict('Cannot delete entity, must delete policies first.');
        await groups(call).delete(place(call), iamId(GroupName));
      }),
  }),
  AddUserToGroup: defineAction<Iam.AddUserToGroupRequest, void>({
    resources: groupResource,
    handle: ({ GroupName = '', UserName = '' }, call) =>
      change(call, async () => {
        const { groupName } = getGroup(call, GroupName);
        const found = await users(call).update(place(call), iamId(UserName), (user) => {
          if (user.groups.includes(groupName)) return user;
          if (user.groups.length >= mostGroups) throw limit(`Cannot exceed quota for GroupsPerUser: ${mostGroups}`);
          return { ...user, groups: [...user.groups, groupName] };
        });
        if (!found) throw noUser(UserName);
      }),
  }),
  RemoveUserFromGroup: defineAction<Iam.RemoveUserFromGroupRequest, void>({
    resources: groupResource,
    handle: ({ GroupName = '', UserName = '' }, call) =>
      change(call, async () => {
        const { groupName } = getGroup(call, GroupName);
        getUser(call, UserName);
        await users(call).update(place(call), iamId(UserName), (user) => {
          if (!user.groups.includes(groupName)) throw noUser(UserName);
          return { ...user, groups: user.groups.filter((name) => name !== groupName) };
        });
      }),
  }),
  ListGroupsForUser: defineAction<Iam.ListGroupsForUserRequest, Iam.ListGroupsForUserResponse>({
    resources: userResource,
    handle({ UserName = '', ...input }, call) {
      const found = getUser(call, UserName).groups.flatMap((name) => groups(call).get(place(call), iamId(name)) ?? []);
      const { page, ...rest } = paginate(found, input);
      return { Groups: page.map(groupOf), ...rest };
    },
  }),
};
