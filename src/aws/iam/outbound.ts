import { createPrivateKey, generateKeyPair, randomUUID, sign, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { IAMAccount, type IamOutboundKey, type IamOutboundSpec } from '#kinds';
import type { Call } from '../gateway/call.ts';
import { jsonPage, type Page } from '../gateway/pages.ts';
import type { State } from '../state/state.ts';
import { globalRegion } from '../state/table.ts';
import type { Sealer } from './keys.ts';

const generate = promisify(generateKeyPair);
const pages = '/_batuta/issuers/';
const at = (account: string) => ({ account, region: globalRegion });

/** How this account vouches for its users and roles elsewhere; undefined when it never did. */
export const outboundOf = (call: Pick<Call, 'state' | 'account'>): IamOutboundSpec | undefined =>
  call.state.table(IAMAccount).get(at(call.account), 'account')?.outbound;

/** Keys and a URL of an issuer; the URL is one of this gateway, as the client reaches it. */
export async function newOutbound(call: Pick<Call, 'secrets' | 'endpoint'>): Promise<IamOutboundSpec> {
  const [rsa, ec] = await Promise.all([generate('rsa', { modulusLength: 2048 }), generate('ec', { namedCurve: 'P-384' })]);
  const keep = (alg: IamOutboundKey['alg'], { privateKey, publicKey }: { privateKey: KeyObject; publicKey: KeyObject }): IamOutboundKey => ({
    alg,
    kid: randomUUID(),
    sealedPrivateKey: call.secrets.seal(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()),
    publicKey: publicKey.export({ format: 'jwk' }) as Record<string, string>,
  });
  const id = randomUUID();
  return { id, issuer: `${call.endpoint}${pages}${id}`, enabled: true, keys: [keep('RS256', rsa), keep('ES384', ec)] };
}

/** A signed token (RFC 7519). */
export function signOutbound({ keys }: IamOutboundSpec, alg: IamOutboundKey['alg'], claims: object, secrets: Sealer): string {
  const found = keys.find((one) => one.alg === alg);
  const pem = found && secrets.open(found.sealedPrivateKey);
  if (!found || pem === undefined) throw new Error(`the key of ${alg} does not open`);
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${encode({ alg, typ: 'JWT', kid: found.kid })}.${encode(claims)}`;
  const key = createPrivateKey(pem);
  const signature = alg === 'RS256' ? sign('sha256', Buffer.from(signed), key) : sign('sha384', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' });
  return `${signed}.${signature.toString('base64url')}`;
}

/** What verifiers of tokens ask an issuer for: its discovery document and its public keys (OpenID Connect Discovery). */
export function issuerPages(state: State): Page[] {
  const answer: Page['answer'] = async ({ path }) => {
    await state.ready([IAMAccount]);
    const [id = '', ...document] = path.slice(pages.length).split('/');
    const found = state
      .table(IAMAccount)
      .all()
      .find(({ outbound }) => outbound?.enabled === true && outbound.id === id)?.outbound;
    if (found && document.join('/') === '.well-known/openid-configuration') return jsonPage(200, discovery(found));
    if (found && document.join('/') === '.well-known/jwks.json') return jsonPage(200, { keys: found.keys.map(jwk) });
    return jsonPage(404, { message: 'there is no such issuer' });
  };
  return [{ path: pages, below: true, method: 'GET', answer }];
}
const jwk = ({ alg, kid, publicKey }: IamOutboundKey): object => ({ ...publicKey, alg, kid, use: 'sig' });
const discovery = ({ issuer, keys }: IamOutboundSpec): object => ({
  issuer,
  jwks_uri: `${issuer}/.well-known/jwks.json`,
  response_types_supported: ['id_token'],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: keys.map(({ alg }) => alg),
  claims_supported: ['sub', 'aud', 'exp', 'iat', 'iss', 'jti'],
});
