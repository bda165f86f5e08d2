import type {
  DecodeAuthorizationMessageRequest,
  DecodeAuthorizationMessageResponse,
  GetAccessKeyInfoRequest,
  GetAccessKeyInfoResponse,
  GetFederationTokenRequest,
  GetFederationTokenResponse,
  GetSessionTokenRequest,
  GetSessionTokenResponse,
} from '@aws-sdk/client-sts';
import type { Call } from '../../gateway/call.ts';
import { decodeAuthorizationFailure } from '../../gateway/authorization-message.ts';
import { AwsError } from '../../gateway/errors.ts';
import { defineAction } from '../../gateway/service.ts';
import { accountOfKey } from '../../iam/keys.ts';
import { useMfa } from '../../iam/mfa.ts';
import { checkDuration, checkSessionName, credentialsOf, sessionPolicies, sessionTags } from './sessions.ts';

const [twelveHours, day] = [43_200, 129_600];

function refuseSessions({ caller }: Call, action: string): void {
  if (caller.session) throw new AwsError('AccessDenied', `Cannot call ${action} with session credentials`, { status: 403 });
}

export const GetSessionToken = defineAction<GetSessionTokenRequest, GetSessionTokenResponse>({
  // A user may always have short-lived credentials of his own.
  permissions: () => [],
  async handle({ DurationSeconds, ...mfa }, call) {
    refuseSessions(call, 'GetSessionToken');
    const seconds = checkDuration(DurationSeconds, call.caller.type === 'root' ? 3600 : twelveHours, call.caller.type === 'root' ? 3600 : day);
    const { accessKeyId: _long, ...caller } = call.caller;
    const proven = await useMfa(call, mfa);
    const issued = call.clock.now();
    return { Credentials: credentialsOf(call, caller, { issued, expires: issued + seconds * 1000, mfaAt: proven ? issued : undefined }) };
  },
});

export const GetFederationToken = defineAction<GetFederationTokenRequest, GetFederationTokenResponse>({
  resources: ({ Name = '' }, call) => [`arn:${call.partition}:sts::${call.account}:federated-user/${Name}`],
  handle({ Name = '', DurationSeconds, Policy, PolicyArns, Tags }, call) {
    refuseSessions(call, 'GetFederationToken');
    checkSessionName(Name, 'name');
    const seconds = checkDuration(DurationSeconds, call.caller.type === 'root' ? 3600 : twelveHours, call.caller.type === 'root' ? 3600 : day);
    const arn = `arn:${call.partition}:sts::${call.account}:federated-user/${Name}`;
    const userId = `${call.account}:${Name}`;
    // Without a policy of its own such a session may do nothing.
    const policies = sessionPolicies(call, Policy, PolicyArns) ?? [];
    const userArn = call.caller.type === 'user' ? call.caller.arn : undefined;
    const session = { issued: call.clock.now(), expires: call.clock.now() + seconds * 1000, policies, tags: sessionTags(Tags), userArn };
    const caller = { type: 'federated' as const, arn, account: call.account, userId };
    return { Credentials: credentialsOf(call, caller, session), FederatedUser: { FederatedUserId: userId, Arn: arn }, PackedPolicySize: 0 };
  },
});

export const GetAccessKeyInfo = defineAction<GetAccessKeyInfoRequest, GetAccessKeyInfoResponse>({
  handle({ AccessKeyId = '' }, call) {
    const account = AccessKeyId === 'test' ? call.account : accountOfKey(AccessKeyId);
    if (account === undefined) throw new AwsError('ValidationError', `The access key id ${AccessKeyId} is not valid.`);
    return { Account: account };
  },
});

export const DecodeAuthorizationMessage = defineAction<DecodeAuthorizationMessageRequest, DecodeAuthorizationMessageResponse>({
  handle({ EncodedMessage = '' }, call) {
    const text = decodeAuthorizationFailure(EncodedMessage, call.secrets);
    if (text === undefined) throw new AwsError('InvalidAuthorizationMessageException', 'Message is not valid');
    return { DecodedMessage: text };
  },
});
