import type { AssumedRoleUser, Credentials, PolicyDescriptorType, Tag } from '@aws-sdk/client-sts';
import { IAMRole, type IamRoleSpec } from '#kinds';
import type { Call, Caller, SessionFacts } from '../../gateway/call.ts';
import { AwsError } from '../../gateway/errors.ts';
import { iamId, managedPolicyDocument } from '../../iam/identities.ts';
import { parsePolicy, PolicyError } from '../../iam/policy/document.ts';
import { issueSession } from '../../iam/sessions.ts';
import { globalRegion } from '../../state/table.ts';

export const invalid = (message: string): AwsError => new AwsError('ValidationError', message);

/** Seconds, within bounds. Throws AwsError. */
export function checkDuration(seconds: number | undefined, fallback: number, most: number): number {
  const value = seconds ?? fallback;
  if (value < 900) {
    throw invalid(
      `1 validation error detected: Value '${value}' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900`,
    );
  }
  if (value > most) throw invalid('The requested DurationSeconds exceeds the MaxSessionDuration set for this role.');
  return value;
}
export function checkSessionName(name: string, at: string): void {
  if (!/^[\w+=,.@-]{2,64}$/.test(name)) {
    throw invalid(
      `1 validation error detected: Value '${name}' at '${at}' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*`,
    );
  }
}

/** The policies that a session is limited to; undefined when none are given. */
export function sessionPolicies(call: Call, policy: string | undefined, arns: readonly PolicyDescriptorType[] | undefined): string[] | undefined {
  if (policy === undefined && !arns?.length) return undefined;
  if ((arns?.length ?? 0) > 10) throw new AwsError('LimitExceeded', 'Cannot exceed quota for PolicyArns: 10');
  const managed = (arns ?? []).map(({ arn = '' }) => {
    const document = managedPolicyDocument(call.state, call.account, arn);
    if (document === undefined) throw new AwsError('NoSuchEntity', `Policy ${arn} does not exist or is not attachable.`, { status: 404 });
    return document;
  });
  if (policy !== undefined) {
    if (policy.length > 2048) throw new AwsError('PackedPolicyTooLarge', `Serialized token too large for session: ${policy.length} characters`);
    try {
      parsePolicy(policy, 'identity');
    } catch (error) {
      if (error instanceof PolicyError) throw new AwsError('MalformedPolicyDocument', error.message);
      throw error;
    }
    managed.push(policy);
  }
  return managed;
}

export function sessionTags(tags: readonly Tag[] | undefined): Record<string, string> | undefined {
  if (!tags?.length) return undefined;
  if (tags.length > 50) throw new AwsError('PackedPolicyTooLarge', 'A session can have 50 tags at most');
  const out: Record<string, string> = {};
  for (const { Key = '', Value = '' } of tags) {
    if (Object.keys(out).some((key) => key.toLowerCase() === Key.toLowerCase()))
      throw invalid('Duplicate tag keys found. Please note that Tag keys are case insensitive.');
    out[Key] = Value;
  }
  return out;
}

export const credentialsOf = (call: Call, caller: Omit<Caller, 'accessKeyId'>, session: SessionFacts): Credentials => {
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = issueSession(call.tokens, caller, session);
  return { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, SessionToken: sessionToken, Expiration: expiration };
};

/** A role by its ARN, in whichever account it is; undefined when there is none. */
export function roleByArn(call: Pick<Call, 'state'>, arn: string): IamRoleSpec | undefined {
  const match = /^arn:[\w-]+:iam::(\d{12}):role\/(?:.*\/)?([^/]+)$/.exec(arn);
  const found = match && call.state.table(IAMRole).get({ account: match[1] as string, region: globalRegion }, iamId(match[2] as string));
  return found?.arn === arn ? found : undefined;
}
export const accountOfArn = (arn: string): string => arn.split(':')[4] ?? '';

/** The session of a role: credentials and who their holder is. */
export function assumeRole(
  call: Call,
  role: IamRoleSpec,
  name: string,
  session: Omit<SessionFacts, 'issued' | 'name'>,
): { Credentials: Credentials; AssumedRoleUser: AssumedRoleUser } {
  const account = accountOfArn(role.arn);
  const arn = `arn:${call.partition}:sts::${account}:assumed-role/${role.roleName}/${name}`;
  const userId = `${role.roleId}:${name}`;
  const caller = { type: 'role' as const, arn, account, roleArn: role.arn, userId };
  const facts = { ...session, issued: call.clock.now(), name };
  call.roleUsed(role.arn);
  return { Credentials: credentialsOf(call, caller, facts), AssumedRoleUser: { AssumedRoleId: userId, Arn: arn } };
}
