import { readFileSync } from 'node:fs';
import { defaultAlgorithms, parseTokenFile, signatureAlgorithms, type OidcIssuer, type StaticToken } from '#apiserver';
import { parseAuthentication } from './authentication-file.ts';
import { UserError } from './errors.ts';

/** How users prove who they are, besides certificates and service accounts: the flags of kube-apiserver by the same names. */
export interface AuthenticationOptions {
  readonly tokenAuthFile?: string | undefined;
  /** Files of further keys whose service-account tokens are good. */
  readonly serviceAccountKeyFiles?: readonly string[] | undefined;
  readonly serviceAccountIssuer?: string | undefined;
  /** File of an AuthenticationConfiguration; not together with the --oidc flags. */
  readonly authenticationConfig?: string | undefined;
  readonly oidc?: OidcFlags | undefined;
}
export interface OidcFlags {
  readonly issuerUrl: string;
  readonly clientId: string;
  readonly caFile?: string | undefined;
  readonly usernameClaim?: string | undefined;
  readonly usernamePrefix?: string | undefined;
  readonly groupsClaim?: string | undefined;
  readonly groupsPrefix?: string | undefined;
  readonly requiredClaims?: readonly string[] | undefined;
  readonly signingAlgs?: string | undefined;
}
export interface Authentication {
  readonly tokens: readonly StaticToken[];
  readonly verifyKeys: readonly string[];
  readonly issuer?: string;
  readonly oidc: readonly OidcIssuer[];
}

/** Reads the files that the options name. Throws UserError. */
export async function loadAuthentication(options: AuthenticationOptions = {}): Promise<Authentication> {
  const { tokenAuthFile, serviceAccountKeyFiles = [], serviceAccountIssuer, authenticationConfig, oidc } = options;
  if (oidc && authenticationConfig) throw new UserError('--authentication-config and the --oidc options exclude each other');
  return {
    tokens: tokenAuthFile ? readTokens(tokenAuthFile) : [],
    verifyKeys: serviceAccountKeyFiles.map((file) => read(file, 'service-account key')),
    ...(serviceAccountIssuer ? { issuer: serviceAccountIssuer } : {}),
    oidc: oidc
      ? [fromFlags(oidc)]
      : authenticationConfig
        ? await parseAuthentication(read(authenticationConfig, 'authentication configuration'), authenticationConfig)
        : [],
  };
}

function read(file: string, what: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UserError(`the ${what} cannot be read: ${(error as Error).message}`);
  }
}
function readTokens(file: string): StaticToken[] {
  try {
    return parseTokenFile(read(file, 'token file'));
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${file}: ${(error as Error).message}`);
  }
}

function fromFlags(flags: OidcFlags): OidcIssuer {
  const { issuerUrl, clientId, caFile, usernameClaim = 'sub', usernamePrefix, groupsClaim, groupsPrefix = '', requiredClaims = [], signingAlgs } = flags;
  const pairs = requiredClaims.map((pair): [string, string] => {
    const equals = pair.indexOf('=');
    if (equals < 1) throw new UserError(`--oidc-required-claim ${pair}: must be claim=value`);
    return [pair.slice(0, equals), pair.slice(equals + 1)];
  });
  const prefix = usernamePrefix ?? (usernameClaim === 'email' ? '' : `${issuerUrl}#`);
  return {
    url: httpsUrl(issuerUrl, '--oidc-issuer-url'),
    ...(caFile ? { certificateAuthority: read(caFile, 'CA of the OIDC issuer') } : {}),
    audiences: [clientId],
    signingAlgorithms: signingAlgs ? algorithms(signingAlgs.split(',')) : defaultAlgorithms,
    // A dash stands for none, as an empty flag could not be told from a missing one.
    username: { claim: usernameClaim, prefix: prefix === '-' ? '' : prefix },
    ...(groupsClaim ? { groups: { claim: groupsClaim, prefix: groupsPrefix } } : {}),
    requiredClaims: Object.fromEntries(pairs),
  };
}
function httpsUrl(url: string, what: string): string {
  if (URL.canParse(url) && new URL(url).protocol === 'https:') return url;
  throw new UserError(`${what} ${url}: must be an https URL`);
}
function algorithms(names: readonly string[]): readonly string[] {
  const unknown = names.find((name) => !signatureAlgorithms.includes(name));
  if (unknown !== undefined) throw new UserError(`--oidc-signing-algs ${unknown}: one of ${signatureAlgorithms.join(', ')}`);
  return names;
}
