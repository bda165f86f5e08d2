import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import type { Caller } from '../../gateway/call.ts';
import type { Action } from '../../gateway/service.ts';
import { openSession } from '../../iam/sessions.ts';
import { testAccount } from '../iam/testing.ts';
import { service } from './index.ts';
import { testProvider, type ResponseOptions } from './saml/testing.ts';

const RoleArn = 'arn:aws:iam::000000000000:role/App';
const PrincipalArn = 'arn:aws:iam::000000000000:saml-provider/idp';
const nobody: Caller = { type: 'anonymous', arn: '', account: '', userId: '', accessKeyId: '' };
interface Answer {
  Credentials: { AccessKeyId: string; SessionToken: string; Expiration: Date };
  AssumedRoleUser: { Arn: string };
  [name: string]: unknown;
}
async function setUp(statement: object = {}) {
  const my = await testAccount();
  const idp = testProvider(() => my.clock.now());
  await my.run('CreateSAMLProvider', { Name: 'idp', SAMLMetadataDocument: idp.metadata });
  const trust = {
    Effect: 'Allow',
    Principal: { Federated: PrincipalArn },
    Action: 'sts:AssumeRoleWithSAML',
    Condition: { StringEquals: { 'SAML:aud': 'https://signin.aws.amazon.com/saml' } },
    ...statement,
  };
  await my.run('CreateRole', { RoleName: 'App', AssumeRolePolicyDocument: JSON.stringify({ Version: '2012-10-17', Statement: [trust] }) });
  const attributes = { Role: [`${PrincipalArn}, ${RoleArn}`], RoleSessionName: ['ana@example.com'] };
  const call = { ...my.call('AssumeRoleWithSAML', { caller: nobody, account: '' }), service: 'sts' };
  const assume = async ({ attributes: more, ...options }: ResponseOptions = {}, input: object = {}) => {
    const SAMLAssertion = idp.respond({ ...options, attributes: { ...attributes, ...more } });
    const action = service.actions['AssumeRoleWithSAML'] as unknown as Action<object>;
    return (await action.handle({ RoleArn, PrincipalArn, SAMLAssertion, ...input }, call)) as Answer;
  };
  return { my, idp, assume, call };
}

describe('AssumeRoleWithSAML', () => {
  test('gives a session of the role that a signed assertion names', async () => {
    const { my, assume, call } = await setUp();
    for (const sign of ['Assertion', 'Response'] as const) {
      const { Credentials, AssumedRoleUser, ...rest } = await assume({ sign });
      assert.equal(AssumedRoleUser.Arn, 'arn:aws:sts::000000000000:assumed-role/App/ana@example.com');
      assert.equal(Credentials.Expiration.getTime(), my.clock.now() + 3_600_000);
      assert.deepEqual(rest, {
        Subject: 'ana',
        SubjectType: 'persistent',
        Issuer: 'https://idp.example',
        Audience: 'https://signin.aws.amazon.com/saml',
        NameQualifier: rest['NameQualifier'],
      });
      const { caller } = openSession(call.tokens, Credentials.AccessKeyId, Credentials.SessionToken) ?? {};
      assert.deepEqual([caller?.session?.keys?.['saml:sub'], caller?.session?.keys?.['aws:FederatedProvider']], ['ana', PrincipalArn]);
    }
    const short = await assume({ sessionEnd: my.clock.now() + 1000_000 });
    assert.equal(short.Credentials.Expiration.getTime(), my.clock.now() + 1000_000);
  });

  test('believes nothing that is not signed by the provider', async () => {
    const { my, idp, assume } = await setUp();
    const refuse = (options: ResponseOptions, message: string, input: object = {}) =>
      assert.rejects(assume(options, input), { code: 'InvalidIdentityToken', message });
    const unsigned = 'Response signature invalid';
    await refuse({ sign: 'nothing' }, unsigned);
    await refuse({ algorithm: 'sha1' }, unsigned);
    await refuse({ forge: (xml) => xml.replace('>ana<', '>root<') }, unsigned);
    const other = testProvider(() => my.clock.now());
    const attributes = { Role: [`${RoleArn},${PrincipalArn}`], RoleSessionName: ['ana'] };
    await refuse({}, unsigned, { SAMLAssertion: other.respond({ attributes }) });
    await refuse({ forge: (xml) => `<!DOCTYPE a [<!ENTITY b "c">]>${xml}` }, 'Invalid base64 SAMLResponse');
    await refuse({}, 'Invalid base64 SAMLResponse', { SAMLAssertion: 'AAAA' });
    // An assertion of the attacker's before or around the signed one changes nothing.
    const forged = /<saml:Assertion .*<\/saml:Assertion>/s.exec(
      Buffer.from(idp.respond({ sign: 'nothing', attributes: { ...attributes, RoleSessionName: ['eve'] } })).toString(),
    );
    const wrap = (xml: string): string => xml.replace('<saml:Assertion', `${(forged?.[0] ?? '').replace('ID="a1"', 'ID="a2"')}<saml:Assertion`);
    assert.match((await assume({ forge: wrap })).AssumedRoleUser.Arn, /ana@example.com$/);
    await refuse({ forge: (xml) => xml.replace('<saml:Assertion', '<saml:Assertion ID="a1"/><saml:Assertion') }, unsigned);
  });

  test('asks that it is for AWS, of now, and of that issuer', async () => {
    const { my, assume } = await setUp();
    const now = my.clock.now();
    await assert.rejects(assume({ issued: now - 301_000 }), { code: 'ExpiredTokenException', message: 'Token must be redeemed within 5 minutes of issuance' });
    const refuse = (options: ResponseOptions, message: RegExp) => assert.rejects(assume(options), { code: 'InvalidIdentityToken', message });
    await refuse({ issued: now + 301_000 }, /not yet valid/);
    await refuse({ audience: 'https://other.example' }, /required audience/);
    await refuse({ recipient: 'https://signin.aws.amazon.com.evil.example/saml' }, /required recipient/);
    await refuse({ issuer: 'https://other.example' }, /Issuer not present in specified provider/);
    await refuse({ status: 'Requester' }, /success status/);
    await refuse({ attributes: { RoleSessionName: [] } }, /RoleSessionName is required in AuthnResponse/);
    await assume({ recipient: 'https://eu-west-1.signin.aws.amazon.com/saml', audience: 'https://signin.aws.amazon.com/saml' }).then(
      () => assert.fail('the trust policy names another audience'),
      (error: { code?: string }) => assert.equal(error.code, 'AccessDenied'),
    );
  });

  test('gives only roles that the assertion names and that trust the provider', async () => {
    const { assume, my } = await setUp();
    const denied = { code: 'AccessDenied', message: 'Not authorized to perform sts:AssumeRoleWithSAML' };
    await assert.rejects(assume({ attributes: { Role: [`${RoleArn}x,${PrincipalArn}`] } }), denied);
    await assert.rejects(assume({ attributes: { 'PrincipalTag:Team': ['a'] } }), denied);
    await assert.rejects(assume({}, { PrincipalArn: `${PrincipalArn}x` }), { code: 'InvalidIdentityToken' });
    await my.run('UpdateAssumeRolePolicy', {
      RoleName: 'App',
      PolicyDocument: JSON.stringify({
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Principal: { Federated: `${PrincipalArn}2` }, Action: 'sts:*' }],
      }),
    });
    await assert.rejects(assume(), denied);
  });

  test('hands on tags and a source identity where the trust policy lets it', async () => {
    const { assume, call } = await setUp({ Action: ['sts:AssumeRoleWithSAML', 'sts:TagSession', 'sts:SetSourceIdentity'], Condition: {} });
    const made = await assume({ attributes: { 'PrincipalTag:Team': ['a'], TransitiveTagKeys: ['Team'], SourceIdentity: ['ana'] } });
    assert.equal(made['SourceIdentity'], 'ana');
    const { session } = openSession(call.tokens, made.Credentials.AccessKeyId, made.Credentials.SessionToken)?.caller ?? {};
    assert.deepEqual([session?.tags, session?.transitiveTags, session?.keys?.['aws:SourceIdentity']], [{ Team: 'a' }, ['Team'], 'ana']);
  });
});

test('providers of SAML are made from metadata with a certificate, without encryption', async () => {
  const my = await testAccount();
  const { metadata } = testProvider(() => 0);
  const create = (more: object) => my.run('CreateSAMLProvider', { Name: 'idp', SAMLMetadataDocument: metadata, ...more });
  await assert.rejects(create({ SAMLMetadataDocument: '<EntityDescriptor entityID="a"/>' }), { code: 'InvalidInput', message: 'Could not parse metadata' });
  await assert.rejects(create({ AssertionEncryptionMode: 'Required' }), { code: 'NotImplemented' });
  await create({});
  await assert.rejects(create({}), { code: 'EntityAlreadyExists' });
});
