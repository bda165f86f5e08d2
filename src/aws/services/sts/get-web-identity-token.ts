import { randomUUID } from 'node:crypto';
import type { GetWebIdentityTokenRequest, GetWebIdentityTokenResponse } from '@aws-sdk/client-sts';
import type { Call } from '../../gateway/call.ts';
import { AwsError } from '../../gateway/errors.ts';
import { defineAction } from '../../gateway/service.ts';
import { outboundOf, signOutbound } from '../../iam/outbound.ts';
import { invalid, sessionTags } from './sessions.ts';

const namespace = 'https://sts.amazonaws.com/';

/** What the token tells beside the standard claims (IAM user guide, token claims). */
function facts(call: Call, requestTags: Readonly<Record<string, string>> | undefined): Record<string, unknown> {
  const { caller } = call;
  const principalTags = call.identities.tags(caller);
  return {
    aws_account: call.account,
    source_region: call.region,
    principal_id: caller.roleArn ?? caller.arn,
    ...(Object.keys(principalTags).length > 0 ? { principal_tags: principalTags } : {}),
    ...(requestTags ? { request_tags: requestTags } : {}),
  };
}

/** A token by which services elsewhere know the caller; they get the keys from the issuer of its account. */
export const GetWebIdentityToken = defineAction<GetWebIdentityTokenRequest, GetWebIdentityTokenResponse>({
  conditions: ({ Audience, DurationSeconds = 300, SigningAlgorithm, Tags, SubjectMode = 'AWSIdentity' }) => ({
    'sts:IdentityTokenAudience': Audience,
    'sts:DurationSeconds': String(DurationSeconds),
    'sts:SigningAlgorithm': SigningAlgorithm,
    'sts:SubjectMode': SubjectMode,
    ...Object.fromEntries((Tags ?? []).map(({ Key, Value }) => [`aws:RequestTag/${Key ?? ''}`, Value])),
    ...(Tags?.length ? { 'aws:TagKeys': Tags.map(({ Key = '' }) => Key) } : {}),
  }),
  handle({ Audience = [], DurationSeconds = 300, SigningAlgorithm, Tags, SubjectMode = 'AWSIdentity', Scope }, call) {
    const outbound = outboundOf(call);
    if (outbound?.enabled !== true) {
      throw new AwsError('OutboundWebIdentityFederationDisabledException', 'Outbound web identity federation is not enabled for this account.');
    }
    if (SigningAlgorithm !== 'RS256' && SigningAlgorithm !== 'ES384') throw invalid('SigningAlgorithm must be RS256 or ES384.');
    // Sessions here know of no identity beyond their own.
    if (SubjectMode === 'OriginIdentity') throw invalid('The calling session has no aws:OriginIdentity/Subject in its trusted identity propagation context.');
    if (Scope !== undefined) throw invalid('Scope can be specified only when SubjectMode is OriginIdentity.');
    const now = call.clock.now();
    const expiration = now + DurationSeconds * 1000;
    if (expiration > (call.caller.session?.expires ?? Infinity)) {
      throw new AwsError('SessionDurationEscalationException', 'The requested token duration would extend the session beyond its original expiration time.');
    }
    const claims = {
      iss: outbound.issuer,
      aud: Audience.length === 1 ? Audience[0] : Audience,
      sub: call.caller.roleArn ?? call.caller.arn,
      iat: Math.floor(now / 1000),
      exp: Math.floor(expiration / 1000),
      jti: randomUUID(),
      [namespace]: facts(call, sessionTags(Tags)),
    };
    return { WebIdentityToken: signOutbound(outbound, SigningAlgorithm, claims, call.secrets), Expiration: new Date(expiration) };
  },
});
