import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadAuthentication, type OidcFlags } from './authentication.ts';
import { parseAuthentication } from './authentication-file.ts';
import type { TokenExpression } from '#apiserver';
import { UserError } from './errors.ts';

describe('the --oidc options', () => {
  const flags = async (more: Partial<OidcFlags> = {}) => (await loadAuthentication({ oidc: { issuerUrl: 'https://issuer', clientId: 'me', ...more } })).oidc[0];
  it('prefix user names with the issuer, unless told otherwise', async () => {
    const prefix = async (more: Partial<OidcFlags>) => (await flags(more))?.username;
    assert.deepEqual(await prefix({}), { claim: 'sub', prefix: 'https://issuer#' });
    assert.deepEqual(await prefix({ usernameClaim: 'email' }), { claim: 'email', prefix: '' });
    assert.deepEqual(await prefix({ usernamePrefix: '-' }), { claim: 'sub', prefix: '' });
    assert.deepEqual(await prefix({ usernamePrefix: 'x:' }), { claim: 'sub', prefix: 'x:' });
  });
  it('are refused where they are wrong', async () => {
    const refused = (text: RegExp) => (error: unknown) => error instanceof UserError && text.test(error.message);
    await assert.rejects(flags({ issuerUrl: 'http://issuer' }), refused(/must be an https URL/));
    await assert.rejects(flags({ requiredClaims: ['x'] }), refused(/--oidc-required-claim x: must be claim=value/));
    await assert.rejects(flags({ signingAlgs: 'HS256' }), refused(/--oidc-signing-algs HS256: one of RS256/));
    await assert.rejects(flags({ caFile: '/nowhere/ca' }), refused(/the CA of the OIDC issuer cannot be read/));
    await assert.rejects(loadAuthentication({ tokenAuthFile: '/nowhere/tokens' }), refused(/the token file cannot be read/));
    assert.deepEqual((await flags({ requiredClaims: ['a=b=c'] }))?.requiredClaims, { a: 'b=c' });
  });
});

describe('an AuthenticationConfiguration', () => {
  const parse = (jwt: string) => parseAuthentication(`apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\njwt:\n${jwt}`, 'f');
  const issuer = '- issuer:\n    url: https://issuer\n    audiences: [a, b]\n    certificateAuthority: CA\n';
  it('names issuers and mappings', async () => {
    const [one] = await parse(
      `${issuer}  claimMappings:\n    username: {claim: sub, prefix: 'x:'}\n    groups: {claim: roles, prefix: ''}\n    uid: {claim: id}\n  claimValidationRules:\n  - {claim: hd, requiredValue: us}\n`,
    );
    assert.deepEqual(one, {
      url: 'https://issuer',
      certificateAuthority: 'CA',
      audiences: ['a', 'b'],
      signingAlgorithms: ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512'],
      username: { claim: 'sub', prefix: 'x:' },
      groups: { claim: 'roles', prefix: '' },
      uid: { claim: 'id', prefix: '' },
      extra: [],
      requiredClaims: { hd: 'us' },
      claimRules: [],
      userRules: [],
    });
  });
  it('has expressions, compiled at once', async () => {
    const [one] = await parse(
      `${issuer}  claimMappings:
    username: {expression: 'claims.email'}
    groups: {expression: 'claims.roles.split(",")'}
    uid: {expression: 'claims.id'}
    extra: [{key: example.org/team, valueExpression: claims.team}]
  claimValidationRules:
  - {expression: 'claims.email_verified == true', message: verify it}
  userValidationRules:
  - {expression: '!user.username.startsWith("system:")', message: not you}
`,
    );
    const claims = { email: 'a@b', roles: 'x,y', id: '7', team: ['t'], email_verified: false };
    const run = (expression: unknown, value: unknown): unknown => (expression as TokenExpression).evaluate(value as never);
    assert.equal(run(one?.username, claims), 'a@b');
    assert.deepEqual(run(one?.groups, claims), ['x', 'y']);
    assert.equal(run(one?.uid, claims), '7');
    assert.deepEqual(
      one?.extra?.map(({ key, value }) => [key, run(value, claims)]),
      [['example.org/team', ['t']]],
    );
    assert.deepEqual(
      [one?.claimRules, one?.userRules].map((rules, i) => rules?.map(({ test, message }) => [message, run(test, i ? { username: 'ann' } : claims)])),
      [[['verify it', false]], [['not you', true]]],
    );
    assert.throws(() => run(one?.uid, {}), /expression 'claims\.id' resulted in error: no such key: id/);
  });
  it('says which field is wrong, and ignores nothing', async () => {
    const refused = (text: string) => (error: unknown) => error instanceof UserError && error.message === `f: ${text}`;
    await assert.rejects(parse(issuer), refused('jwt[0].claimMappings.username: Required value'));
    await assert.rejects(parse('- issuer: {audiences: [a]}\n'), refused('jwt[0].issuer.url: Required value'));
    const mapped = (mappings: string, rest = ''): Promise<unknown> => parse(`${issuer}  claimMappings:\n    ${mappings}\n${rest}`);
    const either = "expression can't be set when claim or prefix is set";
    await assert.rejects(mapped('username: {expression: claims.sub, claim: sub}'), refused(`jwt[0].claimMappings.username: ${either}`));
    await assert.rejects(mapped('username: {}'), refused('jwt[0].claimMappings.username: claim or expression is required'));
    await assert.rejects(
      mapped("username: {expression: '1'}"),
      refused('jwt[0].claimMappings.username.expression: compilation failed: must evaluate to string'),
    );
    await assert.rejects(
      mapped('username: {expression: user.username}'),
      /jwt\[0\]\.claimMappings\.username\.expression: compilation failed: .*undeclared reference to 'user'/s,
    );
    await assert.rejects(mapped('username: {expression: claims.email}'), /claims\.email_verified must be used in claimMappings\.username\.expression/);
    const sub = 'username: {expression: claims.sub}';
    await assert.rejects(
      mapped(`${sub}\n    extra: [{key: Foo, valueExpression: "'x'"}]`),
      /jwt\[0\]\.claimMappings\.extra\[0\]\.key: must be a domain-prefixed path/,
    );
    await assert.rejects(
      mapped(sub, "  claimValidationRules: [{expression: '1'}]\n"),
      /claimValidationRules\[0\]\.expression: compilation failed: must evaluate to bool/,
    );
    await assert.rejects(
      mapped(sub, "  userValidationRules: [{expression: 'user.name'}]\n"),
      /userValidationRules\[0\]\.expression: compilation failed: .*undefined field 'name'/s,
    );
    await assert.rejects(parseAuthentication('kind: Other', 'f'), refused('kind: must be AuthenticationConfiguration (apiVersion apiserver.config.k8s.io/v1)'));
  });
});
