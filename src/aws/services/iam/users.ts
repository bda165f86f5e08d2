import type * as Iam from '@aws-sdk/client-iam';
import { IAMAccessKey, type IamUserSpec } from '#kinds';
import type { Call } from '../../gateway/call.ts';

import { defineAction } from '../../gateway/service.ts';
import { newUniqueId } from '../../iam/keys.ts';
import {
  boundaryType,
  change,
  checkName,
  checkPath,
  conflict,
  date,
  exists,
  getPolicy,
  getUser,
  iamArn,
  iamId,
  invalid,
  noUser,
  now,
  paginate,
  pathArn,
  place,
  readTags,
  requestTags,
  resourceTags,
  underPath,
  users,
  writeTags,
} from './support.ts';
import { checkOwnsNothing, moveOwned, ownedBy } from './owned.ts';
import { tagActions } from './tags.ts';

export const userOf = (user: IamUserSpec): Iam.User => ({
  Path: user.path,
  UserName: user.userName,
  UserId: user.userId,
  Arn: user.arn,
  CreateDate: date(user.createDate),
  ...(user.passwordLastUsed === undefined ? {} : { PasswordLastUsed: date(user.passwordLastUsed) }),
  ...(user.boundary === undefined ? {} : { PermissionsBoundary: { PermissionsBoundaryType: boundaryType, PermissionsBoundaryArn: user.boundary } }),
  ...(user.tags.length > 0 ? { Tags: writeTags(user.tags) } : {}),
});

/** The name that a call means: without one, the caller's own. */
export function callerName(call: Call, name: string | undefined): string {
  if (name !== undefined) return name;
  if (call.caller.type === 'user') return call.caller.arn.slice(call.caller.arn.lastIndexOf('/') + 1);
  throw invalid('Must specify userName when calling with non-User credentials');
}
type Named = { UserName?: string | undefined };
/** The ARN of the user that a call is about, whether there is one or not. */
export const userResource = (input: Named, call: Call): string[] => {
  const name = input.UserName ?? (call.caller.type === 'user' ? call.caller.arn.slice(call.caller.arn.lastIndexOf('/') + 1) : undefined);
  if (name === undefined) return [call.caller.arn];
  return [users(call).get(place(call), iamId(name))?.arn ?? iamArn(call, `user/${name}`)];
};
const own = (input: Named, call: Call) => resourceTags(input.UserName === undefined ? undefined : users(call).get(place(call), iamId(input.UserName))?.tags);

export const userActions = {
  CreateUser: defineAction<Iam.CreateUserRequest, Iam.CreateUserResponse>({
    resources: ({ UserName = '', Path }, call) => [pathArn(call, 'user', Path, UserName)],
    conditions: ({ Tags, PermissionsBoundary }) => ({ ...requestTags(Tags), 'iam:PermissionsBoundary': PermissionsBoundary }),
    handle: ({ UserName = '', Path, PermissionsBoundary, Tags }, call) =>
      change(call, async () => {
        checkName('userName', UserName, 64);
        const path = checkPath(Path);
        const user: IamUserSpec = {
          userName: UserName,
          userId: newUniqueId('AIDA'),
          arn: pathArn(call, 'user', path, UserName),
          path,
          createDate: now(call),
          attached: [],
          inline: {},
          tags: readTags(Tags),
          groups: [],
          ...(PermissionsBoundary === undefined ? {} : { boundary: getPolicy(call, PermissionsBoundary).arn }),
        };
        if (!(await users(call).create(place(call), iamId(UserName), user))) throw exists(`User with name ${UserName} already exists.`);
        return { User: userOf(user) };
      }),
  }),
  GetUser: defineAction<Iam.GetUserRequest, Iam.GetUserResponse>({
    resources: userResource,
    conditions: own,
    handle({ UserName }, call) {
      if (UserName === undefined && call.caller.type === 'root') {
        return { User: { Path: '/', UserName: 'root', UserId: call.account, Arn: call.caller.arn, CreateDate: new Date(0) } };
      }
      return { User: userOf(getUser(call, callerName(call, UserName))) };
    },
  }),
  ListUsers: defineAction<Iam.ListUsersRequest, Iam.ListUsersResponse>({
    resources: ({ PathPrefix }, call) => [iamArn(call, `user${PathPrefix ?? '/'}`)],
    handle({ PathPrefix, ...input }, call) {
      const { page, ...rest } = paginate(underPath(users(call).list(place(call)), PathPrefix), input);
      return { Users: page.map((user) => ({ ...userOf(user), Tags: undefined })), ...rest };
    },
  }),
  UpdateUser: defineAction<Iam.UpdateUserRequest, void>({
    resources: ({ UserName, NewUserName, NewPath }, call) => [
      ...userResource({ UserName }, call),
      ...(NewUserName === undefined ? [] : [pathArn(call, 'user', NewPath ?? users(call).get(place(call), iamId(UserName ?? ''))?.path, NewUserName)]),
    ],
    handle: ({ UserName = '', NewUserName, NewPath }, call) =>
      change(call, async () => {
        const old = getUser(call, UserName);
        const path = NewPath === undefined ? old.path : checkPath(NewPath);
        const userName = NewUserName ?? old.userName;
        checkName('newUserName', userName, 64);
        const next = { ...old, userName, path, arn: pathArn(call, 'user', path, userName) };
        if (iamId(userName) === iamId(UserName)) {
          await users(call).update(place(call), iamId(UserName), () => next);
          return moveOwned(call, old.userName, userName);
        }
        if (!(await users(call).create(place(call), iamId(userName), next))) throw exists(`User with name ${userName} already exists.`);
        await moveOwned(call, old.userName, userName);
        await users(call).delete(place(call), iamId(UserName));
      }),
  }),
  DeleteUser: defineAction<Iam.DeleteUserRequest, void>({
    resources: userResource,
    conditions: own,
    handle: ({ UserName = '' }, call) =>
      change(call, async () => {
        const user = getUser(call, UserName);
        if (user.login) throw conflict('Cannot delete entity, must delete login profile first.');
        checkOwnsNothing(call, user.userName);
        if (user.groups.length > 0) throw conflict('Cannot delete entity, must remove users from group first.');
        if (user.attached.length > 0) throw conflict('Cannot delete entity, must detach all policies first.');
        if (Object.keys(user.inline).length > 0) throw conflict('Cannot delete entity, must delete policies first.');
        await users(call).delete(place(call), iamId(UserName));
      }),
  }),
  ...tagActions({
    name: 'User',
    key: 'UserName',
    resource: (call, name) => userResource({ UserName: name }, call)[0] ?? '',
    find: (call, name) => users(call).get(place(call), iamId(name)),
    get: getUser,
    retag: (call, name, next) => updateUser(call, name, (user) => ({ ...user, tags: next(user.tags) })),
  }),
};

/** Changes a user. Throws AwsError (NoSuchEntity). */
export async function updateUser(call: Call, name: string, next: (user: IamUserSpec) => IamUserSpec): Promise<IamUserSpec> {
  const updated = await change(call, () => users(call).update(place(call), iamId(name), next));
  if (!updated) throw noUser(name);
  return updated;
}

export const keys = (call: Call) => call.state.table(IAMAccessKey);
/** Access keys of a user, oldest first. */
export const keysOf = (call: Call, userName: string) => ownedBy(call, IAMAccessKey, userName).toSorted((a, b) => (a.createDate < b.createDate ? -1 : 1));
