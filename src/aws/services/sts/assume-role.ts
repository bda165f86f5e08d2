import type { AssumeRoleRequest, AssumeRoleResponse } from '@aws-sdk/client-sts';
import type { Call } from '../../gateway/call.ts';
import { AwsError } from '../../gateway/errors.ts';
import { defineAction, type Conditions, type Permission } from '../../gateway/service.ts';
import { readPolicy } from '../../iam/identities.ts';
import { proveMfa, useMfa } from '../../iam/mfa.ts';
import { assumeRole, checkDuration, checkSessionName, invalid, roleByArn, sessionPolicies, sessionTags } from './sessions.ts';

/** Seconds: sessions that were made by sessions are short. */
const chained = 3600;

function conditionsOf(input: AssumeRoleRequest, call: Call): Conditions {
  const tags = Object.entries(sessionTags(input.Tags) ?? {});
  return {
    'sts:ExternalId': input.ExternalId,
    'sts:RoleSessionName': input.RoleSessionName,
    'sts:SourceIdentity': input.SourceIdentity,
    ...Object.fromEntries(tags.map(([key, value]) => [`aws:RequestTag/${key}`, value])),
    ...(tags.length > 0 ? { 'aws:TagKeys': tags.map(([key]) => key) } : {}),
    ...(input.TransitiveTagKeys?.length ? { 'sts:TransitiveTagKeys': input.TransitiveTagKeys } : {}),
    ...Object.fromEntries(
      (roleByArn(call, input.RoleArn ?? '')?.tags ?? []).flatMap(({ key, value }) =>
        [`aws:ResourceTag/${key}`, `iam:ResourceTag/${key}`].map((name) => [name, value]),
      ),
    ),
  };
}

/** What the trust policy must allow: the role itself, and each thing that goes with it. */
export function trustPermissions(action: string, input: AssumeRoleRequest, call: Call): readonly Permission[] {
  const { RoleArn = '' } = input;
  const role = roleByArn(call, RoleArn);
  // A role that is not there looks like one that trusts nobody.
  const resourcePolicy = { name: RoleArn, policy: role ? readPolicy(role.trust, 'trust') : { version: '2012-10-17' as const, id: undefined, statements: [] } };
  // A device counts before the policy is asked; its code is used up once the policy has allowed.
  const mfa = proveMfa(call, input) ? { 'aws:MultiFactorAuthPresent': 'true', 'aws:MultiFactorAuthAge': '0' } : {};
  const conditions = { ...conditionsOf(input, call), ...mfa };
  const actions = [action, ...(input.Tags?.length ? ['sts:TagSession'] : []), ...(input.SourceIdentity === undefined ? [] : ['sts:SetSourceIdentity'])];
  return actions.map((one) => ({ action: one, resource: RoleArn, conditions, resourcePolicy, resourcePolicyDecides: true }));
}

export const AssumeRole = defineAction<AssumeRoleRequest, AssumeRoleResponse>({
  permissions: (input, call) => trustPermissions('sts:AssumeRole', input, call),
  async handle(input, call) {
    const { RoleArn = '', RoleSessionName = '', DurationSeconds, Policy, PolicyArns, Tags, TransitiveTagKeys, SourceIdentity } = input;
    checkSessionName(RoleSessionName, 'roleSessionName');
    const role = roleByArn(call, RoleArn);
    if (!role)
      throw new AwsError('AccessDenied', `User: ${call.caller.arn} is not authorized to perform: sts:AssumeRole on resource: ${RoleArn}`, { status: 403 });
    const before = call.caller.session;
    if (before && call.caller.type === 'role' && (DurationSeconds ?? chained) > chained) {
      throw invalid('The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.');
    }
    const seconds = checkDuration(DurationSeconds, 3600, role.maxSessionDuration);
    const inherited = Object.fromEntries((before?.transitiveTags ?? []).flatMap((key) => (before?.tags?.[key] === undefined ? [] : [[key, before.tags[key]]])));
    const tags = { ...sessionTags(Tags), ...inherited };
    const proven = await useMfa(call, input);
    const made = assumeRole(call, role, RoleSessionName, {
      expires: call.clock.now() + seconds * 1000,
      policies: sessionPolicies({ ...call, account: RoleArn.split(':')[4] ?? call.account }, Policy, PolicyArns),
      mfaAt: proven ? call.clock.now() : undefined,
      tags: Object.keys(tags).length > 0 ? tags : undefined,
      transitiveTags: [...(before?.transitiveTags ?? []), ...(TransitiveTagKeys ?? [])],
      keys: SourceIdentity === undefined ? before?.keys : { ...before?.keys, 'aws:SourceIdentity': SourceIdentity },
    });
    return {
      ...made,
      ...(Policy === undefined ? {} : { PackedPolicySize: Math.ceil((Policy.length / 2048) * 100) }),
      ...(SourceIdentity === undefined ? {} : { SourceIdentity }),
    };
  },
});
