import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadAuthentication, parseAuthentication, type OidcFlags } from './authentication.ts';
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
      uidClaim: 'id',
      requiredClaims: { hd: 'us' },
    });
  });
  it('says which field is wrong, and ignores nothing', async () => {
    const refused = (text: string) => (error: unknown) => error instanceof UserError && error.message === `f: ${text}`;
    await assert.rejects(parse(issuer), refused('jwt[0].claimMappings.username: Required value'));
    await assert.rejects(parse('- issuer: {audiences: [a]}\n'), refused('jwt[0].issuer.url: Required value'));
    await assert.rejects(
      parse(`${issuer}  claimMappings:\n    username: {expression: claims.sub}\n`),
      refused('jwt[0].claimMappings.username.expression: CEL expressions are not implemented here: use claim and prefix'),
    );
    await assert.rejects(parseAuthentication('kind: Other', 'f'), refused('kind: must be AuthenticationConfiguration (apiVersion apiserver.config.k8s.io/v1)'));
  });
});
