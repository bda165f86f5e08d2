import type { GetScopedCredentialsRequest, GetScopedCredentialsResponse } from '@aws-sdk/client-sts';
import { AwsError } from '../../gateway/errors.ts';
import { defineAction } from '../../gateway/service.ts';
import { credentialsOf, invalid, sessionPolicies } from './sessions.ts';

/** Policies that one inside the other narrow a session. */
const most = 3;

/** The session of the caller once more, with less. Whoever has a session may have less of it: it needs no permission. */
export const GetScopedCredentials = defineAction<GetScopedCredentialsRequest, GetScopedCredentialsResponse>({
  permissions: () => [],
  handle({ Policy, DurationSeconds }, call) {
    const { accessKeyId: _own, session, ...caller } = call.caller;
    if (!session) throw new AwsError('InvalidSubjectCredentials', 'GetScopedCredentials must be called with temporary security credentials.');
    if (Policy === undefined && DurationSeconds === undefined) throw invalid('At least one of Policy or DurationSeconds must be specified.');
    const expires = DurationSeconds === undefined ? session.expires : call.clock.now() + DurationSeconds * 1000;
    if (expires > session.expires) {
      throw new AwsError('InsufficientSessionLifetime', 'The requested duration exceeds the remaining lifetime of the calling session.');
    }
    const scopes = [...(session.scopes ?? []), ...(sessionPolicies(call, Policy, undefined) ?? [])];
    if (scopes.length > most) throw new AwsError('AccessDenied', `A session can have ${most} scope-down policies at most.`, { status: 403 });
    const sourceIdentity = session.keys?.['aws:SourceIdentity'];
    return {
      Credentials: credentialsOf(call, caller, { ...session, expires, scopes }),
      SessionInfo: { ScopedSessionId: caller.userId, Arn: caller.arn },
      ScopedPoliciesCount: scopes.length,
      ...(sourceIdentity === undefined ? {} : { SourceIdentity: sourceIdentity }),
    };
  },
});
