import type { AssumeRoleWithWebIdentityRequest, AssumeRoleWithWebIdentityResponse } from '@aws-sdk/client-sts';
import { IAMOIDCProvider } from '#kinds';
import type { Call } from '../../gateway/call.ts';
import { AwsError } from '../../gateway/errors.ts';
import { defineAction } from '../../gateway/service.ts';
import { globalRegion } from '../../state/table.ts';
import { trustedRole } from './federated.ts';
import { assumeRole, accountOfArn, checkDuration, checkSessionName, roleByArn, sessionPolicies } from './sessions.ts';
import { parseToken, verifyToken, type Claims } from './web-token.ts';

const rejected = (message: string): AwsError => new AwsError('InvalidIdentityToken', message);

/** Needs no signature: the token says who calls. Nothing of it is believed before its own signature holds. */
export const AssumeRoleWithWebIdentity = defineAction<AssumeRoleWithWebIdentityRequest, AssumeRoleWithWebIdentityResponse>({
  authentication: 'optional',
  permissions: () => [],
  async handle({ RoleArn = '', RoleSessionName = '', WebIdentityToken = '', DurationSeconds, Policy, PolicyArns }, call) {
    checkSessionName(RoleSessionName, 'roleSessionName');
    const account = accountOfArn(RoleArn);
    const token = parseToken(WebIdentityToken);
    if (!token) throw rejected('The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)');
    const url = token.claims.iss.replace('https://', '').replace(/\/$/, '');
    const provider = call.state.table(IAMOIDCProvider).get({ account, region: globalRegion }, url);
    if (!provider) throw rejected(`No OpenIDConnect provider found in your account for ${token.claims.iss}`);
    const claims = await verifyToken(token, call);
    const audience = claims.aud.find((one) => provider.clientIds.includes(one));
    if (audience === undefined) throw rejected('Incorrect token audience');
    const keys = claimKeys(url, claims, audience);
    const role = trustedRole(call, {
      role: roleByArn(call, RoleArn),
      roleArn: RoleArn,
      providerArn: provider.arn,
      actions: ['sts:AssumeRoleWithWebIdentity'],
      keys,
    });
    const seconds = checkDuration(DurationSeconds, 3600, role.maxSessionDuration);
    const own: Call = { ...call, account };
    const made = assumeRole(own, role, RoleSessionName, {
      expires: call.clock.now() + seconds * 1000,
      policies: sessionPolicies(own, Policy, PolicyArns),
      keys: { ...keys, 'aws:FederatedProvider': provider.arn },
    });
    return { ...made, SubjectFromWebIdentityToken: claims.sub, Audience: audience, Provider: provider.arn };
  },
});

/** `ISSUER:sub`, `ISSUER:aud` and what else a trust policy may ask of a token. */
function claimKeys(url: string, claims: Claims, audience: string): Record<string, string> {
  const amr = claims.other['amr'];
  return { [`${url}:sub`]: claims.sub, [`${url}:aud`]: audience, ...(typeof amr === 'string' ? { [`${url}:amr`]: amr } : {}) };
}
