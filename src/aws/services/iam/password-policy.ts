import type * as Iam from '@aws-sdk/client-iam';
import type { IamPasswordPolicy, IamUserSpec } from '#kinds';
import type { Call } from '../../gateway/call.ts';
import { AwsError } from '../../gateway/errors.ts';
import { defineAction } from '../../gateway/service.ts';
import { accountOf, updateAccount } from './account-settings.ts';
import { date, noSuch } from './support.ts';

const dayMs = 24 * 60 * 60 * 1000;
const signs = /[!@#$%^&*()_+\-=[\]{}|']/;
const violation = (what: string): AwsError => new AwsError('PasswordPolicyViolation', what);

/** Whether a password may be one in this account (IAM user guide, account password policy). Throws AwsError. */
export function checkPassword(call: Call, password: string, userName: string): void {
  const policy = accountOf(call).passwordPolicy;
  if (password.length > 128) throw violation('Password should have a maximum length of 128');
  if (!policy) return checkByDefault(call, password, userName);
  if (password.length < policy.minimumPasswordLength) throw violation(`Password should have a minimum length of ${policy.minimumPasswordLength}`);
  const wanted = [
    [policy.requireUppercaseCharacters, /[A-Z]/, 'uppercase letter'],
    [policy.requireLowercaseCharacters, /[a-z]/, 'lowercase letter'],
    [policy.requireNumbers, /[0-9]/, 'number'],
    [policy.requireSymbols, signs, 'symbol'],
  ] as const;
  for (const [required, pattern, what] of wanted) if (required && !pattern.test(password)) throw violation(`Password should have at least one ${what}`);
}
/** Of an account that has no policy of its own: eight characters of three sorts, and no name. */
function checkByDefault(call: Call, password: string, userName: string): void {
  if (password.length < 8) throw violation('Password should have a minimum length of 8');
  if ([/[A-Z]/, /[a-z]/, /[0-9]/, signs].filter((sort) => sort.test(password)).length < 3) {
    throw violation('Password should have at least three of: uppercase letters, lowercase letters, numbers and symbols');
  }
  if ([userName, accountOf(call).alias ?? call.account].some((name) => name.toLowerCase() === password.toLowerCase())) {
    throw violation('Password should not be the name of the account or of the user');
  }
}

/** When the password of a user ends; undefined when never. */
export function passwordEnd(call: Call, { login }: IamUserSpec): Date | undefined {
  const days = accountOf(call).passwordPolicy?.maxPasswordAge;
  return days === undefined || !login ? undefined : new Date(date(login.changed ?? login.createDate).getTime() + days * dayMs);
}

export const passwordPolicyActions = {
  GetAccountPasswordPolicy: defineAction<Record<string, never>, Iam.GetAccountPasswordPolicyResponse>({
    handle(_input, call) {
      const found = accountOf(call).passwordPolicy;
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
      const passwordPolicy: IamPasswordPolicy = {
        // What is not given is set back (IAM API reference).
        minimumPasswordLength: input.MinimumPasswordLength ?? 6,
        requireSymbols: input.RequireSymbols ?? false,
        requireNumbers: input.RequireNumbers ?? false,
        requireUppercaseCharacters: input.RequireUppercaseCharacters ?? false,
        requireLowercaseCharacters: input.RequireLowercaseCharacters ?? false,
        allowUsersToChangePassword: input.AllowUsersToChangePassword ?? false,
        ...(input.MaxPasswordAge ? { maxPasswordAge: input.MaxPasswordAge } : {}),
        ...(input.PasswordReusePrevention ? { passwordReusePrevention: input.PasswordReusePrevention } : {}),
        ...(input.HardExpiry === undefined ? {} : { hardExpiry: input.HardExpiry }),
      };
      await updateAccount(call, (current) => ({ ...current, passwordPolicy }));
    },
  }),
  DeleteAccountPasswordPolicy: defineAction<Record<string, never>, void>({
    async handle(_input, call) {
      await updateAccount(call, ({ passwordPolicy, ...rest }) => {
        if (!passwordPolicy) throw noSuch('The account policy with name PasswordPolicy cannot be found.');
        return rest;
      });
    },
  }),
};
