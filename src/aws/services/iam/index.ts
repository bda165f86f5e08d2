import {
  IAMAccessKey,
  IAMAccount,
  IAMGroup,
  IAMInstanceProfile,
  IAMMFADevice,
  IAMOIDCProvider,
  IAMPolicy,
  IAMReport,
  IAMRole,
  IAMSAMLProvider,
  IAMServerCertificate,
  IAMServiceCredential,
  IAMSigningCertificate,
  IAMSSHPublicKey,
  IAMUse,
  IAMUser,
} from '#kinds';
import { defineService, type Service } from '../../gateway/service.ts';
import { accessAdvisorActions } from './access-advisor.ts';
import { accessKeyActions } from './access-keys.ts';
import { accountActions } from './account.ts';
import { accountSummaryActions } from './account-summary.ts';
import { credentialReportActions } from './credential-report.ts';
import { groupActions } from './groups.ts';
import { holderActions } from './holders.ts';
import { instanceProfileActions } from './instance-profiles.ts';
import { loginProfileActions } from './login-profiles.ts';
import { mfaDeviceActions } from './mfa-devices.ts';
import { oidcProviderActions } from './oidc-providers.ts';
import { organizationsActions } from './organizations.ts';
import { outboundFederationActions } from './outbound-federation.ts';
import { passwordPolicyActions } from './password-policy.ts';
import { policyActions } from './policies.ts';
import { roleActions } from './roles.ts';
import { samlProviderActions } from './saml-providers.ts';
import { serverCertificateActions } from './server-certificates.ts';
import { serviceCredentialActions } from './service-credentials.ts';
import { serviceLinkedRoleActions } from './service-linked-roles.ts';
import { signingCertificateActions } from './signing-certificates.ts';
import { simulateActions } from './simulate.ts';
import { sshPublicKeyActions } from './ssh-public-keys.ts';
import { userActions } from './users.ts';

export const service: Service = defineService({
  contract: 'iam',
  global: true,
  kinds: [
    IAMAccessKey,
    IAMAccount,
    IAMGroup,
    IAMInstanceProfile,
    IAMMFADevice,
    IAMOIDCProvider,
    IAMPolicy,
    IAMReport,
    IAMRole,
    IAMSAMLProvider,
    IAMServerCertificate,
    IAMServiceCredential,
    IAMSigningCertificate,
    IAMSSHPublicKey,
    IAMUse,
    IAMUser,
  ],
  actions: {
    ...accessAdvisorActions,
    ...accessKeyActions,
    ...accountActions,
    ...accountSummaryActions,
    ...credentialReportActions,
    ...groupActions,
    ...holderActions,
    ...instanceProfileActions,
    ...loginProfileActions,
    ...mfaDeviceActions,
    ...oidcProviderActions,
    ...organizationsActions,
    ...outboundFederationActions,
    ...passwordPolicyActions,
    ...policyActions,
    ...roleActions,
    ...samlProviderActions,
    ...serverCertificateActions,
    ...serviceCredentialActions,
    ...serviceLinkedRoleActions,
    ...signingCertificateActions,
    ...simulateActions,
    ...sshPublicKeyActions,
    ...userActions,
  },
});
