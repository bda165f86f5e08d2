import assert from 'node:assert/strict';
import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { FakeClock, silentLogger, systemClock } from '#base';
import { Outbound } from '../../outbound/outbound.ts';
import { startServer, type TestServer } from '../../outbound/testing.ts';
import type { TokenVerdict } from '../../types.ts';
import { tokenExpression } from './expressions.ts';
import { oidcTokens } from './oidc.ts';
import type { OidcIssuer } from './types.ts';

interface Key {
  kid: string;
  alg: string;
  private: KeyObject;
  jwk: object;
}
function makeKey(kid: string, alg: 'RS256' | 'ES256'): Key {
  const pair = alg === 'RS256' ? generateKeyPairSync('rsa', { modulusLength: 2048 }) : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { kid, alg, private: pair.privateKey, jwk: { ...pair.publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' } };
}
const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
function token(key: Key, claims: object, header: object = {}): string {
  const body = `${encode({ alg: key.alg, kid: key.kid, ...header })}.${encode(claims)}`;
  return `${body}.${sign('sha256', Buffer.from(body), { key: key.private, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}
const own = ['api'];

describe('OpenID Connect', () => {
  const clock = new FakeClock();
  const now = Math.floor(clock.now() / 1000);
  const outbound = new Outbound(systemClock);
  const [rsa, ec, late] = [makeKey('r', 'RS256'), makeKey('e', 'ES256'), makeKey('l', 'RS256')];
  let server: TestServer;
  let published: object[] = [];
  let issuerName = '';
  let fetched: string[] = [];
  let status = 200;
  before(async () => {
    server = await startServer((request, response) => {
      fetched.push(request.url ?? '');
      response.statusCode = status;
      const at = `https://127.0.0.1:${server.port}`;
      const answer = request.url === '/.well-known/openid-configuration' ? { issuer: issuerName || at, jwks_uri: `${at}/keys` } : { keys: published };
      response.end(JSON.stringify(answer));
    });
  });
  after(async () => {
    outbound.close();
    await server.close();
  });

  const make = (over: Partial<OidcIssuer> = {}) => {
    published = [rsa.jwk, ec.jwk, { kty: 'oct', k: 'x' }, null as never];
    fetched = [];
    status = 200;
    issuerName = '';
    const issuer: OidcIssuer = {
      url: `https://127.0.0.1:${server.port}`,
      certificateAuthority: server.ca,
      audiences: ['client'],
      signingAlgorithms: ['RS256', 'ES256'],
      username: { claim: 'sub', prefix: 'oidc:' },
      groups: { claim: 'groups', prefix: 'g:' },
      requiredClaims: {},
      ...over,
    };
    const sort = oidcTokens({ issuer, outbound, clock, log: silentLogger, own });
    const claims = (more: object = {}): object => ({ iss: issuer.url, aud: 'client', sub: 'ann', exp: now + 600, ...more });
    return { sort, claims, ask: async (text: string, audiences = own): Promise<TokenVerdict> => sort.review(text, audiences) };
  };
  const userOf = (verdict: TokenVerdict) => (verdict && 'user' in verdict ? verdict.user : undefined);
  const errorOf = (verdict: TokenVerdict) => (verdict && 'error' in verdict ? verdict.error : undefined);

  it('makes users and groups of claims, asking for keys once', async () => {
    const { ask, claims } = make();
    const user = userOf(await ask(token(rsa, claims({ groups: ['devs', 'ops'], jti: 'x' }))));
    assert.deepEqual(user, {
      username: 'oidc:ann',
      groups: ['g:devs', 'g:ops', 'system:authenticated'],
      extra: { 'authentication.kubernetes.io/credential-id': ['JTI=x'] },
    });
    assert.deepEqual(userOf(await ask(token(ec, claims({ groups: 'one', aud: ['x', 'client'] }))))?.groups, ['g:one', 'system:authenticated']);
    assert.deepEqual(fetched, ['/.well-known/openid-configuration', '/keys']);
    assert.equal(await ask(token(rsa, claims()), ['vault']), undefined, 'they are for this server only');
  });
  it('refuses what is wrong, and says what', async () => {
    const { ask, claims } = make({ requiredClaims: { org: 'us' } });
    const good = { org: 'us' };
    const cases: [object, string][] = [
      [{ ...good, exp: now - 1 }, 'oidc: verify token: token is expired'],
      [{ ...good, exp: undefined }, 'oidc: verify token: the exp claim is missing'],
      [{ ...good, nbf: now + 900 }, 'oidc: verify token: current time before the nbf (not before) time'],
      [{ ...good, aud: 'other' }, 'oidc: verify token: expected audience in ["client"]'],
      [{}, 'oidc: required claim org not present in ID token'],
      [{ org: 'them' }, 'oidc: required claim org value does not match'],
      [{ ...good, sub: '' }, 'oidc: claim "sub" is missing or no text'],
      [{ ...good, sub: 7 }, 'oidc: claim "sub" is missing or no text'],
      [{ ...good, groups: [1] }, 'oidc: claim "groups" is no list of texts'],
    ];
    for (const [more, expected] of cases) assert.equal(errorOf(await ask(token(rsa, claims(more)))), expected);
    assert.ok(userOf(await ask(token(rsa, claims(good)))));
  });
  it('makes users by expressions, and asks rules of claims and users', async () => {
    const { ask, claims } = make({
      username: tokenExpression("'u:' + claims.sub", 'claims', 'text'),
      groups: tokenExpression('claims.?roles.orValue([])', 'claims', 'texts'),
      uid: tokenExpression('claims.id', 'claims', 'text'),
      extra: [
        { key: 'example.org/team', value: tokenExpression('claims.team', 'claims', 'texts') },
        { key: 'example.org/empty', value: tokenExpression("''", 'claims', 'texts') },
      ],
      claimRules: [{ test: tokenExpression('claims.exp - claims.iat <= 3600', 'claims', 'condition'), message: 'too long a life' }],
      userRules: [{ test: tokenExpression("user.groups.all(group, !group.startsWith('system:'))", 'user', 'condition'), message: 'groups of the system' }],
    });
    const good = { iat: now, id: '7', team: 'blue', roles: ['a', 'b'] };
    assert.deepEqual(userOf(await ask(token(rsa, claims(good)))), {
      username: 'u:ann',
      groups: ['a', 'b', 'system:authenticated'],
      uid: '7',
      extra: { 'example.org/team': ['blue'] },
    });
    const cases: [object, string][] = [
      [
        { ...good, roles: ['system:masters'] },
        "error evaluating user info validation rule: validation expression 'user.groups.all(group, !group.startsWith('system:'))' failed: groups of the system",
      ],
      [
        { ...good, iat: now - 7200 },
        "error evaluating claim validation expression: validation expression 'claims.exp - claims.iat <= 3600' failed: too long a life",
      ],
      [{ ...good, id: undefined }, "error evaluating uid claim expression: expression 'claims.id' resulted in error: no such key: id"],
      [{ ...good, id: 7 }, 'uid claim expression must return a string'],
      [{ ...good, roles: [1] }, 'groups claim expression must return a string or a list of strings'],
      [{ ...good, team: {} }, 'extra claim expression must return a string or a list of strings'],
    ];
    for (const [more, expected] of cases) assert.equal(errorOf(await ask(token(rsa, claims(more)))), `oidc: ${expected}`);
  });
  it('takes no address that is not verified', async () => {
    const { ask, claims } = make({ username: { claim: 'email', prefix: '' } });
    const name = async (more: object) => userOf(await ask(token(rsa, claims({ email: 'a@b', ...more }))))?.username;
    assert.deepEqual(
      [await name({}), await name({ email_verified: true }), await name({ email_verified: false }), await name({ email_verified: 'yes' })],
      ['a@b', 'a@b', undefined, undefined],
    );
  });
  it('refuses forged signatures, confused algorithms and foreign issuers', async () => {
    const { ask, claims } = make();
    const broken = 'oidc: verify token: failed to verify signature';
    assert.equal(errorOf(await ask(token({ ...late, kid: 'r' }, claims()))), broken);
    assert.equal(errorOf(await ask(token(rsa, claims(), { alg: 'ES256' }))), broken);
    assert.equal(errorOf(await ask(token(rsa, claims(), { alg: 'none' }))), 'oidc: verify token: the signing algorithm is not accepted');
    assert.equal(errorOf(await ask(token(rsa, claims(), { alg: 'HS256' }))), 'oidc: verify token: the signing algorithm is not accepted');
    assert.equal(await ask(token(rsa, claims({ iss: 'https://other' }))), undefined);
    assert.equal(await ask('no.jwt'), undefined);
  });
  it('finds new keys when tokens name them, and is not driven to ask for every forged name', async () => {
    const { ask, claims } = make();
    await ask(token(rsa, claims()));
    published = [...published, late.jwk];
    assert.ok(errorOf(await ask(token(late, claims()))), 'too soon after the last time');
    await clock.advance(11_000);
    assert.equal(userOf(await ask(token(late, claims())))?.username, 'oidc:ann');
    assert.equal(fetched.length, 4);
    for (let i = 0; i < 5; i++) await ask(token({ ...late, kid: `forged${i}` }, claims()));
    assert.equal(fetched.length, 4);
  });
  it('asks again after the issuer could not be asked', async () => {
    const { ask, claims } = make();
    status = 503;
    assert.equal(errorOf(await ask(token(rsa, claims()))), 'oidc: authenticator not initialized');
    status = 200;
    issuerName = 'https://impostor';
    assert.equal(errorOf(await ask(token(rsa, claims()))), 'oidc: authenticator not initialized');
    issuerName = '';
    assert.ok(userOf(await ask(token(rsa, claims()))));
  });
  it('trusts only its CA', async () => {
    const { sort, claims } = make();
    assert.ok(sort);
    const strict = oidcTokens({
      issuer: {
        ...(claims() as object),
        url: `https://127.0.0.1:${server.port}`,
        audiences: ['client'],
        signingAlgorithms: ['RS256'],
        username: { claim: 'sub', prefix: '' },
        requiredClaims: {},
      },
      outbound,
      clock,
      log: silentLogger,
      own,
    });
    assert.equal(errorOf(await strict.review(token(rsa, claims()), own)), 'oidc: authenticator not initialized');
  });
});
