import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, it } from 'node:test';
import { FakeClock } from '#base';
import type { KubeObject } from '#machinery';
import { TokenSigner, type Claims } from '../../pki/jwt.ts';
import type { ObjectReader, TokenAuthenticator, TokenVerdict } from '../../types.ts';
import { bearerAuthenticator, tokenUnion } from './bearer.ts';
import { bootstrapTokens } from './bootstrap.ts';
import { serviceAccountTokens } from './service-account.ts';
import { parseTokenFile, staticTokens } from './static.ts';

const own = ['api'];
function readerOf(objects: Record<string, KubeObject>): ObjectReader {
  return { get: (_group, plural, namespace, name) => objects[`${plural} ${namespace ?? ''} ${name}`], list: () => [], observe: () => {} };
}
const userOf = (verdict: TokenVerdict): string | undefined => (verdict && 'user' in verdict ? verdict.user.username : undefined);
const errorOf = (verdict: TokenVerdict): string | undefined => (verdict && 'error' in verdict ? verdict.error : undefined);
const ask = (sort: TokenAuthenticator, token: string, audiences = own): TokenVerdict => {
  const verdict = sort.review(token, audiences);
  assert.ok(!(verdict instanceof Promise));
  return verdict;
};
const ecKey = (): string => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const rsaKey = (): string => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const base64 = (value: string): string => Buffer.from(value).toString('base64');

describe('service-account tokens', () => {
  const clock = new FakeClock();
  const now = Math.floor(clock.now() / 1000);
  const key = ecKey();
  const signer = new TokenSigner(key, 'issuer');
  const alive = {
    'serviceaccounts a robot': { metadata: { uid: 'u1' } },
    'pods a p': { metadata: { uid: 'p1' } },
    'secrets a s': { metadata: { uid: 's1' } },
    'nodes  n': { metadata: { uid: 'n1' } },
  };
  const claims = (over: Partial<Claims> = {}, bound: object = {}): Claims => ({
    iss: 'issuer',
    sub: 'system:serviceaccount:a:robot',
    aud: own,
    exp: now + 600,
    iat: now,
    nbf: now,
    jti: 'j',
    'kubernetes.io': { namespace: 'a', serviceaccount: { name: 'robot', uid: 'u1' }, ...bound },
    ...over,
  });
  const sort = (objects: Record<string, KubeObject> = alive, by = signer): TokenAuthenticator => {
    const out = serviceAccountTokens({ signer: by, audiences: own, clock });
    out.start?.(readerOf(objects));
    return out;
  };
  it('name the account, its groups, and what they are bound to', () => {
    const verdict = ask(sort(), signer.sign(claims({}, { pod: { name: 'p', uid: 'p1' }, node: { name: 'n', uid: 'n1' } })));
    assert.deepEqual(verdict, {
      user: {
        username: 'system:serviceaccount:a:robot',
        uid: 'u1',
        groups: ['system:serviceaccounts', 'system:serviceaccounts:a', 'system:authenticated'],
        extra: {
          'authentication.kubernetes.io/credential-id': ['JTI=j'],
          'authentication.kubernetes.io/node-name': ['n'],
          'authentication.kubernetes.io/node-uid': ['n1'],
          'authentication.kubernetes.io/pod-name': ['p'],
          'authentication.kubernetes.io/pod-uid': ['p1'],
        },
      },
      audiences: own,
    });
  });
  const invalidated = 'service account token has been invalidated';
  const cases: [string, Partial<Claims>, object, Record<string, KubeObject>, string | undefined][] = [
    ['alive', {}, {}, alive, undefined],
    ['expired', { exp: now - 1 }, {}, alive, 'invalid bearer token'],
    ['not yet valid', { nbf: now + 120 }, {}, alive, 'invalid bearer token'],
    ['for others', { aud: ['vault'] }, {}, alive, 'token audiences ["vault"] is invalid for the target audiences ["api"]'],
    ['without claims', { 'kubernetes.io': undefined as never }, {}, alive, 'invalid bearer token'],
    ['of no account', {}, {}, {}, invalidated],
    ['of another account of the name', {}, {}, { 'serviceaccounts a robot': { metadata: { uid: 'u2' } } }, invalidated],
    ['bound to a pod that is gone', {}, { pod: { name: 'q', uid: 'p1' } }, alive, invalidated],
    ['bound to another pod of the name', {}, { pod: { name: 'p', uid: 'p2' } }, alive, invalidated],
    ['bound to a Secret that is gone', {}, { secret: { name: 't', uid: 's1' } }, alive, invalidated],
    ['bound to a node that is gone', {}, { node: { name: 'm', uid: 'n1' } }, alive, invalidated],
    ['bound to a pod whose node is gone', {}, { pod: { name: 'p', uid: 'p1' }, node: { name: 'm', uid: 'n1' } }, alive, undefined],
    [
      'bound to a pod that has been going for long',
      {},
      { pod: { name: 'p', uid: 'p1' } },
      { ...alive, 'pods a p': { metadata: { uid: 'p1', deletionTimestamp: new Date(clock.now() - 61_000).toISOString() } } },
      invalidated,
    ],
    [
      'bound to a pod that is going just now',
      {},
      { pod: { name: 'p', uid: 'p1' } },
      { ...alive, 'pods a p': { metadata: { uid: 'p1', deletionTimestamp: new Date(clock.now() - 1000).toISOString() } } },
      undefined,
    ],
  ];
  for (const [what, over, bound, objects, expected] of cases)
    it(`${what}: ${expected ?? 'accepted'}`, () => assert.equal(errorOf(ask(sort(objects), signer.sign(claims(over, bound)))), expected));

  it('count for the audiences that both name', () => {
    const verdict = ask(sort(), signer.sign(claims({ aud: ['vault', 'api'] })), ['x', 'vault']);
    assert.deepEqual(verdict && 'audiences' in verdict && verdict.audiences, ['vault']);
  });
  it('of other issuers and other texts are not theirs', () => {
    for (const token of [signer.sign(claims({ iss: 'other' })), 'x', 'a.b.c', '']) assert.equal(ask(sort(), token), undefined);
  });
  it('signed by other keys, or with the algorithm changed, are refused', () => {
    const token = new TokenSigner(ecKey(), 'issuer').sign(claims());
    assert.equal(errorOf(ask(sort(), token)), 'invalid bearer token');
    const [, body = ''] = signer.sign(claims()).split('.');
    for (const alg of ['none', 'HS256', 'RS256']) {
      const header = Buffer.from(JSON.stringify({ alg })).toString('base64url');
      assert.equal(errorOf(ask(sort(), `${header}.${body}.AAAA`)), 'invalid bearer token', alg);
    }
  });
  it('of former keys are good as long as these are given', () => {
    const former = rsaKey();
    const token = new TokenSigner(former, 'issuer').sign(claims());
    const rotated = new TokenSigner(key, 'issuer', [former, key]);
    assert.equal(userOf(ask(sort(alive, rotated), token)), 'system:serviceaccount:a:robot');
    assert.deepEqual([rotated.algorithms, rotated.jwks().keys.length], [['ES256', 'RS256'], 2]);
    assert.equal(JSON.stringify(rotated.jwks()).includes('"d"'), false, 'no private key is shown');
    assert.throws(() => new TokenSigner(key, 'issuer', ['nonsense']));
  });
  it('of Secrets are good as long as the Secret holds them', () => {
    const token = signer.signLegacy({ namespace: 'a', secret: 's', serviceaccount: { name: 'robot', uid: 'u1' } });
    const secret = (over: object = {}, labels: Record<string, string> = {}) => ({
      ...alive,
      'secrets a s': { metadata: { labels }, data: { token: base64(token) }, ...over },
    });
    assert.equal(userOf(ask(sort(secret()), token)), 'system:serviceaccount:a:robot');
    assert.equal(ask(sort(secret()), token, ['vault']), undefined, 'they are for this server only');
    for (const objects of [
      alive,
      secret({ data: { token: base64('other') } }),
      secret({}, { 'kubernetes.io/legacy-token-invalid-since': '2026-01-01' }),
      { 'secrets a s': secret()['secrets a s'] },
    ])
      assert.equal(errorOf(ask(sort(objects), token)), invalidated);
    const forged = new TokenSigner(ecKey(), 'issuer').signLegacy({ namespace: 'a', secret: 's', serviceaccount: { name: 'robot', uid: 'u1' } });
    assert.equal(errorOf(ask(sort(secret()), forged)), 'invalid bearer token');
  });
  it('of Secrets have their use noted once a day', () => {
    const used: string[] = [];
    const token = signer.signLegacy({ namespace: 'a', secret: 's', serviceaccount: { name: 'robot', uid: 'u1' } });
    for (const label of ['2025-12-31', '2026-01-01']) {
      const out = serviceAccountTokens({ signer, audiences: own, clock, legacyTokenUsed: (...args) => used.push(args.join(' ')) });
      out.start?.(
        readerOf({
          ...alive,
          'secrets a s': { metadata: { labels: { 'kubernetes.io/legacy-token-last-used': label } }, data: { token: base64(token) } } as KubeObject,
        }),
      );
      ask(out, token);
    }
    assert.deepEqual(used, ['a s 2026-01-01']);
  });
});

describe('bootstrap tokens', () => {
  const clock = new FakeClock();
  const token = 'abcdef.0123456789abcdef';
  const secret = (over: Record<string, string> = {}, type = 'bootstrap.kubernetes.io/token'): Record<string, KubeObject> => {
    const data = { 'token-id': 'abcdef', 'token-secret': '0123456789abcdef', 'usage-bootstrap-authentication': 'true', ...over };
    const encoded = Object.fromEntries(Object.entries(data).map(([name, value]) => [name, base64(value)]));
    return { 'secrets kube-system bootstrap-token-abcdef': { type, data: encoded } as KubeObject };
  };
  const review = (objects: Record<string, KubeObject>, text = token): TokenVerdict => {
    const sort = bootstrapTokens(own, clock);
    sort.start?.(readerOf(objects));
    return ask(sort, text);
  };
  it('name a user and its groups', () => {
    const verdict = review(secret({ 'auth-extra-groups': 'system:bootstrappers:w,system:bootstrappers:a' }));
    assert.deepEqual(verdict && 'user' in verdict && verdict.user, {
      username: 'system:bootstrap:abcdef',
      groups: ['system:bootstrappers', 'system:bootstrappers:a', 'system:bootstrappers:w', 'system:authenticated'],
    });
  });
  it('are refused when anything is wrong with them', () => {
    for (const objects of [
      {},
      secret({ 'token-secret': 'ffffffffffffffff' }),
      secret({ 'token-id': 'fffffd' }),
      secret({ expiration: '2025-01-01T00:00:00Z' }),
      secret({ expiration: 'soon' }),
      secret({ 'usage-bootstrap-authentication': 'false' }),
      secret({ 'auth-extra-groups': 'system:masters' }),
      secret({}, 'Opaque'),
    ])
      assert.equal(errorOf(review(objects)), 'invalid bearer token');
    assert.equal(userOf(review(secret({ expiration: '2027-01-01T00:00:00Z' }))), 'system:bootstrap:abcdef');
    assert.equal(review(secret(), 'abcdef.short'), undefined);
  });
});

describe('static tokens', () => {
  it('are read from a file of CSV', () => {
    assert.deepEqual(parseTokenFile('t1,ann,u1,"devs,ops"\n\n# a note\nt2,bob,\n"t,3",eve,u3,x\r\n'), [
      { token: 't1', user: { username: 'ann', uid: 'u1', groups: ['devs', 'ops'] } },
      { token: 't2', user: { username: 'bob', groups: [] } },
      { token: 't,3', user: { username: 'eve', uid: 'u3', groups: ['x'] } },
    ]);
    assert.throws(
      () => parseTokenFile('a,b\nsecret'),
      (error: Error) => error.message.startsWith('line 2: a token') && !error.message.includes('secret'),
    );
    assert.throws(() => parseTokenFile('a,b\na,c'), /line 2: this token was there before/);
  });
  it('are for the server’s own audiences', () => {
    const sort = staticTokens([{ token: 't', user: { username: 'ann', groups: [] } }], own);
    assert.deepEqual(ask(sort, 't'), { user: { username: 'ann', groups: ['system:authenticated'] }, audiences: own });
    assert.equal(ask(sort, 't', ['x']), undefined);
    assert.equal(ask(sort, 'u'), undefined);
  });
});

describe('bearer tokens', () => {
  const sort = (name: string, verdict: TokenVerdict | Promise<TokenVerdict>): TokenAuthenticator => ({ name, review: () => verdict });
  const ann = { user: { username: 'ann', groups: [] }, audiences: own };
  const identify = (sorts: TokenAuthenticator[], authorization: string | undefined = 'Bearer x') =>
    bearerAuthenticator(tokenUnion(sorts), own).authenticate({ certificate: undefined, authorization });
  it('are good when any sort knows them, late or not', async () => {
    assert.equal(identify([sort('a', undefined), sort('b', { error: 'x' }), sort('c', ann)]), ann.user);
    assert.equal(await identify([sort('a', Promise.resolve(undefined)), sort('b', ann)]), ann.user);
    assert.equal(await identify([sort('a', { error: 'x' }), sort('b', Promise.resolve(ann))]), ann.user);
    assert.equal(await identify([sort('a', Promise.resolve({ error: 'x' })), sort('b', undefined)]), false);
    assert.equal(identify([sort('a', undefined)]), false);
  });
  it('are read from the header, and only bearer ones', () => {
    for (const header of ['bearer x', 'BEARER   x ']) assert.equal(identify([sort('a', ann)], header), ann.user);
    for (const header of ['Basic x', 'Bearer', 'Bearer a b']) assert.equal(identify([sort('a', ann)], header), undefined);
    assert.equal(bearerAuthenticator(tokenUnion([]), own).authenticate({ certificate: undefined, authorization: undefined }), undefined);
  });
});
