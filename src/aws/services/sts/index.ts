import { IAMMFADevice, IAMOIDCProvider, IAMRole, IAMSAMLProvider } from '#kinds';
import { defineService, type Service } from '../../gateway/service.ts';
import { AssumeRole } from './assume-role.ts';
import { AssumeRoleWithSAML } from './assume-role-with-saml.ts';
import { AssumeRoleWithWebIdentity } from './assume-role-with-web-identity.ts';
import { GetCallerIdentity } from './get-caller-identity.ts';
import { DecodeAuthorizationMessage, GetAccessKeyInfo, GetFederationToken, GetSessionToken } from './tokens.ts';

export const service: Service = defineService({
  contract: 'sts',
  kinds: [IAMRole, IAMOIDCProvider, IAMMFADevice, IAMSAMLProvider],
  actions: {
    AssumeRole,
    AssumeRoleWithSAML,
    AssumeRoleWithWebIdentity,
    DecodeAuthorizationMessage,
    GetAccessKeyInfo,
    GetCallerIdentity,
    GetFederationToken,
    GetSessionToken,
  },
});
