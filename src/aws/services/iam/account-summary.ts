import type * as Iam from '@aws-sdk/client-iam';
import { IAMInstanceProfile, IAMMFADevice, IAMOIDCProvider, IAMSAMLProvider, IAMServerCertificate } from '#kinds';
import type { Call } from '../../gateway/call.ts';
import { defineAction } from '../../gateway/service.ts';
import { accountOf, updateAccount } from './account-settings.ts';
import { groups, place, policies, roles, users } from './support.ts';

/** What an account may have (IAM user guide, IAM and STS quotas). */
const quotas = {
  UsersQuota: 5000,
  GroupsQuota: 300,
  RolesQuota: 1000,
  PoliciesQuota: 1500,
  PolicyVersionsInUseQuota: 10_000,
  InstanceProfilesQuota: 1000,
  ServerCertificatesQuota: 20,
  AccessKeysPerUserQuota: 2,
  SigningCertificatesPerUserQuota: 2,
  GroupsPerUserQuota: 10,
  VersionsPerPolicyQuota: 5,
  AttachedPoliciesPerGroupQuota: 10,
  AttachedPoliciesPerRoleQuota: 10,
  AttachedPoliciesPerUserQuota: 10,
  PolicySizeQuota: 6144,
  UserPolicySizeQuota: 2048,
  GroupPolicySizeQuota: 5120,
  RolePolicySizeQuota: 10_240,
  AssumeRolePolicySizeQuota: 2048,
};

function counts(call: Call): Record<string, number> {
  const at = place(call);
  const own = policies(call).list(at);
  const devices = call.state.table(IAMMFADevice).list(at);
  const providers = call.state.table(IAMOIDCProvider).list(at).length + call.state.table(IAMSAMLProvider).list(at).length;
  return {
    Users: users(call).list(at).length,
    Groups: groups(call).list(at).length,
    Roles: roles(call).list(at).length,
    Policies: own.length,
    PolicyVersionsInUse: own.reduce((sum, one) => sum + one.versions.length, 0),
    InstanceProfiles: call.state.table(IAMInstanceProfile).list(at).length,
    ServerCertificates: call.state.table(IAMServerCertificate).list(at).length,
    Providers: providers,
    MFADevices: devices.length,
    MFADevicesInUse: devices.filter(({ userName }) => userName !== undefined).length,
    // Of the root user: it has the key `test`, no device, no password and no certificate.
    AccountMFAEnabled: 0,
    AccountAccessKeysPresent: 1,
    AccountPasswordPresent: 0,
    AccountSigningCertificatesPresent: 0,
    GlobalEndpointTokenVersion: accountOf(call).tokenVersion ?? 1,
  };
}

export const accountSummaryActions = {
  GetAccountSummary: defineAction<Record<string, never>, Iam.GetAccountSummaryResponse>({
    handle: (_input, call) => ({ SummaryMap: { ...counts(call), ...quotas } }),
  }),
  SetSecurityTokenServicePreferences: defineAction<Iam.SetSecurityTokenServicePreferencesRequest, void>({
    async handle({ GlobalEndpointTokenVersion }, call) {
      // Tokens are of one form here, whichever version is asked for; it is kept and told.
      await updateAccount(call, (current) => ({ ...current, tokenVersion: GlobalEndpointTokenVersion === 'v2Token' ? 2 : 1 }));
    },
  }),
};
