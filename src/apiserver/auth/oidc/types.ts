import type { TokenExpression } from './expressions.ts';

/** Where a value comes from: a claim as it is, or an expression over all of them. */
export type ClaimMapping = { readonly claim: string; readonly prefix: string } | TokenExpression;
export interface TokenRule {
  readonly test: TokenExpression;
  readonly message: string;
}
/** One issuer whose ID tokens are trusted (`jwt` of an AuthenticationConfiguration; the --oidc-* flags make one too). */
export interface OidcIssuer {
  readonly url: string;
  /** Where the discovery document is, when it is not at the issuer's well-known path. */
  readonly discoveryUrl?: string;
  /** PEM; without it the roots that Node carries are trusted. */
  readonly certificateAuthority?: string;
  /** Clients for which tokens may be issued; one of them must be in `aud`. */
  readonly audiences: readonly string[];
  readonly signingAlgorithms: readonly string[];
  readonly username: ClaimMapping;
  readonly groups?: ClaimMapping;
  readonly uid?: ClaimMapping;
  readonly extra?: readonly { readonly key: string; readonly value: TokenExpression }[];
  readonly requiredClaims: { readonly [claim: string]: string };
  /** What must hold of the claims, and of the user that they make. */
  readonly claimRules?: readonly TokenRule[];
  readonly userRules?: readonly TokenRule[];
}
export const defaultAlgorithms: readonly string[] = ['RS256'];
