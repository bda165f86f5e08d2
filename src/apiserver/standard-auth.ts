import { silentLogger, type Clock, type Logger, type Random } from '#base';
import { certificateApproval, certificateRequester, certificateSigning, certificateSubjectRestriction } from './admission/certificates.ts';
import { rbacEscalation } from './admission/rbac-escalation.ts';
import { certificateAuthenticator } from './auth/certificates.ts';
import { oidcTokens } from './auth/oidc/oidc.ts';
import type { OidcIssuer } from './auth/oidc/types.ts';
import { requestHeaderAuthenticator } from './auth/request-header.ts';
import { standardAuthorizer } from './auth/standard-authorizer.ts';
import { bearerAuthenticator, tokenUnion } from './auth/tokens/bearer.ts';
import { bootstrapTokens } from './auth/tokens/bootstrap.ts';
import { serviceAccountTokens } from './auth/tokens/service-account.ts';
import { staticTokens, type StaticToken } from './auth/tokens/static.ts';
import { Outbound } from './outbound/outbound.ts';
import { TokenSigner } from './pki/jwt.ts';
import { proxyName } from './pki/pki.ts';
import { reviews } from './subresources/reviews.ts';
import { serviceAccountToken } from './subresources/token.ts';
import type { AdmissionPlugin, Authenticator, Authorizer, SubresourceHandler, VirtualResource } from './types.ts';

export interface AuthOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** PEM of the CA of client certificates; none = nobody has one. */
  readonly clientCa?: string;
  /** PEM of the CA of proxies that vouch for users; none = nobody does. */
  readonly proxyCa?: string;
  /** PEM of the key that signs service-account tokens. */
  readonly tokenKey: string;
  /** PEM of further keys whose tokens are good: those used before, and the next one. */
  readonly verifyKeys?: readonly string[];
  /** `iss` of the tokens; their default audience too. */
  readonly issuer?: string;
  readonly tokens?: readonly StaticToken[];
  /** Issuers of ID tokens. */
  readonly oidc?: readonly OidcIssuer[];
  readonly log?: Logger;
  /** Told that the token of a Secret was used, once a day. */
  legacyTokenUsed?(namespace: string, secret: string, day: string): void;
}
export interface AuthParts {
  readonly authenticators: readonly Authenticator[];
  readonly authorizer: Authorizer;
  readonly signer: TokenSigner;
  /** Checks of what is granted and asked for, which come where kube-apiserver's registries and last plugins are. */
  readonly admission: readonly AdmissionPlugin[];
  readonly subresources: readonly SubresourceHandler[];
  readonly virtual: readonly VirtualResource[];
}

/** Who asks, what he may do, and the API about both. */
export function authParts(options: AuthOptions): AuthParts {
  const { clock, random, issuer = 'https://kubernetes.default.svc.cluster.local', legacyTokenUsed, log = silentLogger } = options;
  let outbound: Outbound | undefined;
  const { authorizer, policy } = standardAuthorizer();
  const signer = new TokenSigner(options.tokenKey, issuer, options.verifyKeys);
  const audiences = [issuer];
  const tokens = tokenUnion([
    staticTokens(options.tokens ?? [], audiences),
    serviceAccountTokens({ signer, audiences, clock, ...(legacyTokenUsed ? { legacyTokenUsed } : {}) }),
    bootstrapTokens(audiences, clock),
    ...(options.oidc ?? []).map((trusted) => oidcTokens({ issuer: trusted, outbound: (outbound ??= new Outbound(clock)), clock, log, own: audiences })),
  ]);
  return {
    authenticators: [
      ...(options.proxyCa ? [requestHeaderAuthenticator({ ca: options.proxyCa, allowedNames: [proxyName], clock })] : []),
      ...(options.clientCa ? [certificateAuthenticator(options.clientCa, clock)] : []),
      bearerAuthenticator(tokens, audiences),
    ],
    authorizer,
    signer,
    admission: [
      certificateRequester(clock),
      certificateApproval(authorizer),
      certificateSigning(authorizer),
      certificateSubjectRestriction(),
      rbacEscalation(policy, authorizer),
    ],
    subresources: [serviceAccountToken({ signer, audiences, clock, random })],
    virtual: reviews({ authorizer, tokens, audiences, clock }),
  };
}
