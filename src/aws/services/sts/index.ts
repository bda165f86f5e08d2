import { IAMAccount, IAMMFADevice, IAMOIDCProvider, IAMRole, IAMSAMLProvider } from '#kinds';
import { defineService, type Service } from '../../gateway/service.ts';
import { AssumeRole } from './assume-role.ts';
import { AssumeRoleWithSAML } from './assume-role-with-saml.ts';
import { AssumeRoleWithWebIdentity } from './assume-role-with-web-identity.ts';
import { AssumeRoot } from './assume-root.ts';
import { GetCallerIdentity } from './get-caller-identity.ts';
import { GetScopedCredentials } from './get-scoped-credentials.ts';
import { GetWebIdentityToken } from './get-web-identity-token.ts';
import { DecodeAuthorizationMessage, GetAccessKeyInfo, GetFederationToken, GetSessionToken } from './tokens.ts';

export const service: Service = defineService({
  contract: 'sts',
  kinds: [IAMRole, IAMOIDCProvider, IAMMFADevice, IAMSAMLProvider, IAMAccount],
  actions: {
    AssumeRole,
    AssumeRoleWithSAML,
    AssumeRoleWithWebIdentity,
    AssumeRoot,
    GetScopedCredentials,
    GetWebIdentityToken,
    DecodeAuthorizationMessage,
    GetAccessKeyInfo,
    GetCallerIdentity,
    GetFederationToken,
    GetSessionToken,
  },
});
