import { randomBytes, scryptSync } from 'node:crypto';
import type * as Iam from '@aws-sdk/client-iam';
import type { IamUserSpec } from '#kinds';
import type { Call } from '../../gateway/call.ts';
import { AwsError } from '../../gateway/errors.ts';
import { defineAction } from '../../gateway/service.ts';
import { change, date, exists, getUser, iamId, noSuch, now, place, users } from './support.ts';
import { callerName, userResource } from './users.ts';

function hash(password: string): string {
  if (password.length < 6 || password.length > 128) throw new AwsError('PasswordPolicyViolation', 'Password should have a minimum length of 6');
  const salt = randomBytes(16);
  return `${salt.toString('hex')}:${scryptSync(password, salt, 32).toString('hex')}`;
}
const missing = (name: string) => noSuch(`Login Profile for User ${name} cannot be found.`);
const profileOf = ({ userName, login }: IamUserSpec): Iam.LoginProfile => {
  if (!login) throw missing(userName);
  return { UserName: userName, CreateDate: date(login.createDate), PasswordResetRequired: login.resetRequired };
};
async function modify(call: Call, name: string, next: (user: IamUserSpec) => IamUserSpec): Promise<IamUserSpec> {
  getUser(call, name);
  return (await change(call, () => users(call).update(place(call), iamId(name), next))) as IamUserSpec;
}

/** Passwords are kept as hashes; there is nothing here yet that asks for them. */
export const loginProfileActions = {
  CreateLoginProfile: defineAction<Iam.CreateLoginProfileRequest, Iam.CreateLoginProfileResponse>({
    resources: userResource,
    async handle({ UserName, Password = '', PasswordResetRequired }, call) {
      const name = callerName(call, UserName);
      const login = { createDate: now(call), hash: hash(Password), resetRequired: PasswordResetRequired ?? false };
      const updated = await modify(call, name, (user) => {
        if (user.login) throw exists(`Login Profile for user ${name} already exists.`);
        return { ...user, login };
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
      const fresh = Password === undefined ? undefined : hash(Password);
      await modify(call, UserName, (user) => {
        if (!user.login) throw missing(UserName);
        return { ...user, login: { ...user.login, hash: fresh ?? user.login.hash, resetRequired: PasswordResetRequired ?? user.login.resetRequired } };
      });
    },
  }),
  DeleteLoginProfile: defineAction<Iam.DeleteLoginProfileRequest, void>({
    resources: userResource,
    async handle({ UserName }, call) {
      const name = callerName(call, UserName);
      await modify(call, name, ({ login, ...user }) => {
        if (!login) throw missing(name);
        return user;
      });
    },
  }),
};
