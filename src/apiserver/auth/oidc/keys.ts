import { createPublicKey, type KeyObject } from 'node:crypto';
import type { Clock } from '#base';
import type { Outbound } from '../../outbound/outbound.ts';
import type { Target } from '../../outbound/target.ts';
import type { OidcIssuer } from './types.ts';

export interface SigningKey {
  readonly kid: string | undefined;
  readonly key: KeyObject;
}
/** An unknown key id may be a new key, or a forged token: the issuer is asked again this often at most. */
const refetchMs = 10_000;
const timeoutMs = 10_000;

/** The keys of an issuer, found by its discovery document when first needed, and again when a token names an unknown one. */
export class IssuerKeys {
  readonly #issuer: OidcIssuer;
  readonly #outbound: Outbound;
  readonly #clock: Clock;
  #keys: readonly SigningKey[] | undefined;
  #fetched = Number.NEGATIVE_INFINITY;
  #fetching: Promise<readonly SigningKey[]> | undefined;
  constructor(issuer: OidcIssuer, outbound: Outbound, clock: Clock) {
    this.#issuer = issuer;
    this.#outbound = outbound;
    this.#clock = clock;
  }
  /** The keys that may have signed a token with this `kid`; a promise when the issuer has to be asked. Rejects when it cannot be. */
  candidates(kid: string | undefined): readonly SigningKey[] | Promise<readonly SigningKey[]> {
    const known = this.#matching(kid);
    if (known.length > 0 || (this.#keys && this.#clock.now() - this.#fetched < refetchMs)) return known;
    this.#fetching ??= this.#fetch().finally(() => (this.#fetching = undefined));
    return this.#fetching.then(() => this.#matching(kid));
  }
  #matching(kid: string | undefined): readonly SigningKey[] {
    return (this.#keys ?? []).filter((candidate) => kid === undefined || candidate.kid === undefined || candidate.kid === kid);
  }
  async #fetch(): Promise<readonly SigningKey[]> {
    const { url, discoveryUrl = `${url.replace(/\/$/, '')}/.well-known/openid-configuration` } = this.#issuer;
    const document = (await this.#get(discoveryUrl)) as { issuer?: unknown; jwks_uri?: unknown };
    if (document.issuer !== url) throw new Error(`oidc: issuer did not match the issuer returned by provider, expected ${JSON.stringify(url)}`);
    if (typeof document.jwks_uri !== 'string') throw new Error('oidc: the discovery document has no jwks_uri');
    const { keys } = (await this.#get(document.jwks_uri)) as { keys?: unknown };
    this.#keys = Array.isArray(keys) ? keys.flatMap(readKey) : [];
    this.#fetched = this.#clock.now();
    return this.#keys;
  }
  async #get(url: string): Promise<object> {
    const { hostname, host, port, pathname, search, origin, protocol } = new URL(url);
    if (protocol !== 'https:') throw new Error(`oidc: ${url} is not an https URL`);
    const ca = this.#issuer.certificateAuthority;
    const name = hostname.replace(/^\[|\]$/g, '');
    const target: Target = {
      origin: port || host.endsWith(']') ? origin : `${origin}:443`,
      path: '',
      servername: name,
      tls: ca === undefined ? {} : { ca },
      address: () => ({ host: name, port: port ? Number(port) : 443 }),
    };
    const answer = await this.#outbound.call(target, { method: 'GET', path: pathname + search, timeoutMs, maxBytes: 1024 * 1024 });
    if (answer.status !== 200) throw new Error(`oidc: ${url} answered with status ${answer.status}`);
    const value = JSON.parse(answer.body.toString()) as unknown;
    if (typeof value !== 'object' || value === null) throw new Error(`oidc: ${url} did not answer with a JSON object`);
    return value;
  }
}

/** Keys of sorts that sign nothing we know are left out. */
function readKey(jwk: unknown): SigningKey[] {
  const { kid, use } = (jwk ?? {}) as { kid?: unknown; use?: unknown };
  if (use !== undefined && use !== 'sig') return [];
  try {
    return [{ kid: typeof kid === 'string' ? kid : undefined, key: createPublicKey({ key: jwk as never, format: 'jwk' }) }];
  } catch {
    return [];
  }
}
