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
  readonly username: { readonly claim: string; readonly prefix: string };
  readonly groups?: { readonly claim: string; readonly prefix: string };
  readonly uidClaim?: string;
  readonly requiredClaims: { readonly [claim: string]: string };
}
export const defaultAlgorithms: readonly string[] = ['RS256'];
