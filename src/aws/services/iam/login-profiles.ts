import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import type * as Iam from '@aws-sdk/client-iam';
import type { IamUserSpec } from '#kinds';
import type { Call } from '../../gateway/call.ts';
import { AwsError } from '../../gateway/errors.ts';
import { defineAction, type Permission } from '../../gateway/service.ts';
import { readPolicy } from '../../iam/identities.ts';
import { accountOf } from './account-settings.ts';
import { checkPassword, passwordEnd } from './password-policy.ts';
import { date, exists, getUser, noSuch, now } from './support.ts';
import { callerName, updateUser, userResource } from './users.ts';

type Login = NonNullable<IamUserSpec['login']>;
const derive = promisify<string, Buffer, number, Buffer>(scrypt);
/** Passwords of before that are kept: no policy asks for more. */
const mostPrevious = 24;

async function hashOf(password: string): Promise<string> {
  const salt = randomBytes(16);
  return `${salt.toString('hex')}:${(await derive(password, salt, 32)).toString('hex')}`;
}
async function matches(password: string, hash: string): Promise<boolean> {
  const [salt = '', digest = ''] = hash.split(':');
  return timingSafeEqual(await derive(password, Buffer.from(salt, 'hex'), 32), Buffer.from(digest, 'hex'));
}
const missing = (name: string) => noSuch(`Login Profile for User ${name} cannot be found.`);
const profileOf = ({ userName, login }: IamUserSpec): Iam.LoginProfile => {
  if (!login) throw missing(userName);
  return { UserName: userName, CreateDate: date(login.createDate), PasswordResetRequired: login.resetRequired };
};

/** The hash of a password that may follow the user's last ones. Throws AwsError (PasswordPolicyViolation). */
async function nextHash(call: Call, password: string, { userName, login }: IamUserSpec): Promise<string> {
  checkPassword(call, password, userName);
  const last = login ? [login.hash, ...(login.previous ?? [])].slice(0, accountOf(call).passwordPolicy?.passwordReusePrevention ?? 0) : [];
  for (const hash of last) {
    if (await matches(password, hash))
      throw new AwsError('PasswordPolicyViolation', 'Policy constraint violation with password reuse prevention during password change.');
  }
  return hashOf(password);
}
const withPassword = (login: Login, hash: string, call: Call): Login => ({
  ...login,
  hash,
  changed: now(call),
  previous: [login.hash, ...(login.previous ?? [])].slice(0, mostPrevious),
});

/** Where the account allows its users to change their passwords, they need no permission, and a deny still holds. */
function changePermission(call: Call): Permission {
  const permission: Permission = { action: 'iam:ChangePassword', resource: call.caller.arn };
  if (call.caller.type !== 'user' || accountOf(call).passwordPolicy?.allowUsersToChangePassword !== true) return permission;
  const allows = JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: { AWS: call.caller.arn }, Action: 'iam:ChangePassword', Resource: '*' }],
  });
  return { ...permission, resourcePolicy: { name: 'account password policy', policy: readPolicy(allows, 'resource') } };
}

/** Passwords are kept as hashes; there is nothing here yet that asks for them. */
export const loginProfileActions = {
  CreateLoginProfile: defineAction<Iam.CreateLoginProfileRequest, Iam.CreateLoginProfileResponse>({
    resources: userResource,
    async handle({ UserName, Password = '', PasswordResetRequired }, call) {
      const name = callerName(call, UserName);
      const user = getUser(call, name);
      if (user.login) throw exists(`Login Profile for user ${name} already exists.`);
      const login: Login = { createDate: now(call), hash: await nextHash(call, Password, user), resetRequired: PasswordResetRequired ?? false };
      const updated = await updateUser(call, name, (current) => {
        if (current.login) throw exists(`Login Profile for user ${name} already exists.`);
        return { ...current, login };
      });
      return { LoginProfile: profileOf(updated) };
    },
  }),
  GetLoginProfile: defineAction<Iam.GetLoginProfileRequest, Iam.GetLoginProfileResponse>({
    resources: userResource,
    handle: ({ UserName }, call) => ({ LoginProfile: profileOf(getUser(call, callerName(call, UserName))) }),
  }),
  UpdateLoginProfile: defineAction<Iam.UpdateLoginProfileRequest, void>({
    resources: userResource,
    async handle({ UserName = '', Password, PasswordResetRequired }, call) {
      const user = getUser(call, UserName);
      if (!user.login) throw missing(UserName);
      const fresh = Password === undefined ? undefined : await nextHash(call, Password, user);
      await updateUser(call, UserName, (current) => {
        if (!current.login) throw missing(UserName);
        const login = fresh === undefined ? current.login : withPassword(current.login, fresh, call);
        return { ...current, login: { ...login, resetRequired: PasswordResetRequired ?? login.resetRequired } };
      });
    },
  }),
  DeleteLoginProfile: defineAction<Iam.DeleteLoginProfileRequest, void>({
    resources: userResource,
    async handle({ UserName }, call) {
      const name = callerName(call, UserName);
      await updateUser(call, name, ({ login, ...user }) => {
        if (!login) throw missing(name);
        return user;
      });
    },
  }),
  ChangePassword: defineAction<Iam.ChangePasswordRequest, void>({
    permissions: (_input, call) => [changePermission(call)],
    async handle({ OldPassword = '', NewPassword = '' }, call) {
      if (call.caller.type !== 'user') throw new AwsError('InvalidUserType', 'Only IAM Users can change their own password');
      const user = getUser(call, callerName(call, undefined));
      const before = user.login;
      if (!before) throw missing(user.userName);
      if (!(await matches(OldPassword, before.hash))) throw new AwsError('AccessDenied', 'The old password was incorrect.', { status: 403 });
      const end = passwordEnd(call, user);
      if (end && end.getTime() <= call.clock.now() && accountOf(call).passwordPolicy?.hardExpiry === true) {
        throw new AwsError('AccessDenied', 'The password has expired. Contact your administrator to have it reset.', { status: 403 });
      }
      const hash = await nextHash(call, NewPassword, user);
      await updateUser(call, user.userName, (current) => {
        // Somebody else was quicker: what was proved is the password of before no more.
        if (current.login?.hash !== before.hash) throw new AwsError('EntityTemporarilyUnmodifiable', 'The login profile is being changed. Try again.');
        return { ...current, login: { ...withPassword(current.login, hash, call), resetRequired: false } };
      });
    },
  }),
};
