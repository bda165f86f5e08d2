import { IAMAccessKey, IAMAccount, IAMGroup, IAMInstanceProfile, IAMOIDCProvider, IAMPolicy, IAMRole, IAMSAMLProvider, IAMUser } from '#kinds';
import { defineService, type Service } from '../../gateway/service.ts';
import { accessKeyActions } from './access-keys.ts';
import { accountActions } from './account.ts';
import { groupActions } from './groups.ts';
import { holderActions } from './holders.ts';
import { instanceProfileActions } from './instance-profiles.ts';
import { loginProfileActions } from './login-profiles.ts';
import { oidcProviderActions } from './oidc-providers.ts';
import { policyActions } from './policies.ts';
import { roleActions } from './roles.ts';
import { samlProviderActions } from './saml-providers.ts';
import { serviceLinkedRoleActions } from './service-linked-roles.ts';
import { simulateActions } from './simulate.ts';
import { userActions } from './users.ts';

export const service: Service = defineService({
  contract: 'iam',
  global: true,
  kinds: [IAMAccessKey, IAMAccount, IAMGroup, IAMInstanceProfile, IAMOIDCProvider, IAMPolicy, IAMRole, IAMSAMLProvider, IAMUser],
  actions: {
    ...accessKeyActions,
    ...accountActions,
    ...groupActions,
    ...holderActions,
    ...instanceProfileActions,
    ...loginProfileActions,
    ...oidcProviderActions,
    ...policyActions,
    ...roleActions,
    ...samlProviderActions,
    ...serviceLinkedRoleActions,
    ...simulateActions,
    ...userActions,
  },
});
