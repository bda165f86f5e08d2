import type * as Iam from '@aws-sdk/client-iam';
import type { IamOutboundSpec } from '#kinds';
import type { Call } from '../../gateway/call.ts';
import { AwsError } from '../../gateway/errors.ts';
import { defineAction } from '../../gateway/service.ts';
import { newOutbound, outboundOf } from '../../iam/outbound.ts';
import { updateAccount } from './account-settings.ts';
import { change } from './support.ts';

function enabled(call: Call): IamOutboundSpec {
  const found = outboundOf(call);
  if (found?.enabled !== true) throw new AwsError('FeatureDisabled', 'Outbound web identity federation is not enabled for this account.');
  return found;
}

/** Tokens of STS for services elsewhere: on and off. The issuer of an account stays the same. */
export const outboundFederationActions = {
  EnableOutboundWebIdentityFederation: defineAction<Record<string, never>, Iam.EnableOutboundWebIdentityFederationResponse>({
    handle: (_input, call) =>
      change(call, async () => {
        const before = outboundOf(call);
        if (before?.enabled) throw new AwsError('FeatureEnabled', 'Outbound web identity federation is already enabled for this account.');
        const outbound = before ? { ...before, enabled: true } : await newOutbound(call);
        await updateAccount(call, (current) => ({ ...current, outbound }));
        return { IssuerIdentifier: outbound.issuer };
      }),
  }),
  DisableOutboundWebIdentityFederation: defineAction<Record<string, never>, void>({
    handle: (_input, call) =>
      change(call, async () => {
        const outbound = { ...enabled(call), enabled: false };
        await updateAccount(call, (current) => ({ ...current, outbound }));
      }),
  }),
  GetOutboundWebIdentityFederationInfo: defineAction<Record<string, never>, Iam.GetOutboundWebIdentityFederationInfoResponse>({
    handle: (_input, call) => ({ IssuerIdentifier: enabled(call).issuer, JwtVendingEnabled: true }),
  }),
};
