import type { JsonWebKey } from 'node:crypto';
import type { ControlPlane } from './control-plane.ts';

type Key = JsonWebKey & { readonly kid?: string };
interface Discovery {
  readonly issuer?: string;
  readonly jwks_uri?: string;
}
/** How long an issuer may take, ms. */
const patience = 5000;

/** The public keys of an issuer of tokens: this cluster's own, which needs no network, or whoever's by OIDC discovery. */
export async function issuerKeys(own: ControlPlane['issuer'], issuer: string): Promise<readonly Key[]> {
  if (own.url === issuer) return own.keys();
  const base = new URL(issuer);
  if (base.protocol !== 'https:') throw new Error(`issuer ${issuer} is not https`);
  const discovery = await fetchJson<Discovery>(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`);
  if (discovery.issuer !== issuer || discovery.jwks_uri === undefined || !discovery.jwks_uri.startsWith('https://'))
    throw new Error(`issuer ${issuer} does not say where its keys are`);
  return (await fetchJson<{ keys?: Key[] }>(discovery.jwks_uri)).keys ?? [];
}

async function fetchJson<T>(url: string): Promise<T> {
  const answer = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(patience) });
  if (!answer.ok) throw new Error(`${url} answers ${answer.status}`);
  return (await answer.json()) as T;
}
