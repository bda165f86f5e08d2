import assert from 'node:assert/strict';
import { createPublicKey, verify, type JsonWebKey } from 'node:crypto';
import test, { describe } from 'node:test';
import { encodedRefusal } from '../../gateway/authorization-message.ts';
import { authorize } from '../../gateway/authorize.ts';
import type { Call, Caller } from '../../gateway/call.ts';
import { findPage } from '../../gateway/pages.ts';
import type { Action } from '../../gateway/service.ts';
import type { CallRequest } from '../../protocol/types.ts';
import { issuerPages } from '../../iam/outbound.ts';
import { openSession } from '../../iam/sessions.ts';
import { testAccount, testPolicy, type TestAccount } from '../iam/testing.ts';
import { service } from './index.ts';

const account = '000000000000';
/** A call of STS, with its permissions asked. */
async function run<T>(my: TestAccount, name: string, input: object, more: Partial<Call> = {}): Promise<T> {
  const action = service.actions[name] as unknown as Action<object>;
  const call: Call = { ...my.call(name, more), service: 'sts' };
  authorize({ call, service, action: action as never, input: input as never, identities: call.identities });
  return (await action.handle(input, call)) as T;
}
interface Made {
  Credentials: { AccessKeyId: string; SessionToken: string; Expiration: Date };
  ScopedPoliciesCount?: number;
}
const callerOf = (my: TestAccount, { Credentials: { AccessKeyId, SessionToken } }: Made): Caller => {
  const found = openSession(my.call('any').tokens, AccessKeyId, SessionToken);
  assert.ok(found);
  return found.caller;
};
/** A session of a role that may do everything with S3 and IAM. */
async function session(my: TestAccount): Promise<Made> {
  const trust = JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal: { AWS: account }, Action: 'sts:AssumeRole' }] });
  await my.run('CreateRole', { RoleName: 'r', AssumeRolePolicyDocument: trust, Tags: [{ Key: 'Team', Value: 'a' }] });
  const document = JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: ['s3:*', 'iam:*', 'sts:*'], Resource: '*' }] });
  await my.run('PutRolePolicy', { RoleName: 'r', PolicyName: 'p', PolicyDocument: document });
  return run(my, 'AssumeRole', { RoleArn: `arn:aws:iam::${account}:role/r`, RoleSessionName: 'one' });
}

describe('GetWebIdentityToken', () => {
  const page = async (my: TestAccount, url: string, below: string) => {
    const request = { method: 'GET', path: new URL(`${url}/.well-known/${below}`).pathname } as CallRequest;
    const found = findPage(issuerPages(my.call('any').state), request);
    assert.ok(found);
    const { status, body } = await found.answer(request, my.call('any').source);
    return { status, body: JSON.parse(body as string) as { jwks_uri?: string; issuer?: string; keys?: (JsonWebKey & { kid: string })[] } };
  };

  test('gives tokens that verify with the keys of the issuer of the account', async () => {
    const my = await testAccount();
    await assert.rejects(run(my, 'GetWebIdentityToken', { Audience: ['a'], SigningAlgorithm: 'RS256' }), {
      code: 'OutboundWebIdentityFederationDisabledException',
    });
    const { IssuerIdentifier: issuer } = await my.run<{ IssuerIdentifier: string }>('EnableOutboundWebIdentityFederation');
    await assert.rejects(my.run('EnableOutboundWebIdentityFederation'), { code: 'FeatureEnabled' });
    const { body: discovery } = await page(my, issuer, 'openid-configuration');
    assert.deepEqual([discovery.issuer, discovery.jwks_uri], [issuer, `${issuer}/.well-known/jwks.json`]);
    const { keys = [] } = (await page(my, issuer, 'jwks.json')).body;
    const caller = callerOf(my, await session(my));
    for (const [SigningAlgorithm, hash] of [
      ['RS256', 'sha256'],
      ['ES384', 'sha384'],
    ] as const) {
      const input = { Audience: ['https://other.example'], SigningAlgorithm, Tags: [{ Key: 'job', Value: '7' }] };
      const { WebIdentityToken: token } = await run<{ WebIdentityToken: string }>(my, 'GetWebIdentityToken', input, { caller });
      const [head = '', body = '', signature = ''] = token.split('.');
      const header = JSON.parse(Buffer.from(head, 'base64url').toString()) as { alg: string; kid: string };
      const jwk = keys.find(({ kid }) => kid === header.kid);
      assert.ok(jwk && !('d' in jwk));
      const key = { key: createPublicKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' as const };
      assert.ok(verify(hash, Buffer.from(`${head}.${body}`), key, Buffer.from(signature, 'base64url')));
      const { jti: _any, ...claims } = JSON.parse(Buffer.from(body, 'base64url').toString()) as Record<string, unknown>;
      const now = my.clock.now() / 1000;
      const role = `arn:aws:iam::${account}:role/r`;
      assert.deepEqual(claims, {
        iss: issuer,
        aud: 'https://other.example',
        sub: role,
        iat: now,
        exp: now + 300,
        'https://sts.amazonaws.com/': {
          aws_account: account,
          source_region: 'us-east-1',
          principal_id: role,
          principal_tags: { Team: 'a' },
          request_tags: { job: '7' },
        },
      });
    }
    await my.clock.advance(3_500_000);
    const late = run(my, 'GetWebIdentityToken', { Audience: ['a'], SigningAlgorithm: 'ES384' }, { caller });
    await assert.rejects(late, { code: 'SessionDurationEscalationException' });
    await assert.rejects(run(my, 'GetWebIdentityToken', { Audience: ['a'], SigningAlgorithm: 'none' }), { code: 'ValidationError' });
    await assert.rejects(run(my, 'GetWebIdentityToken', { Audience: ['a'], SigningAlgorithm: 'RS256', SubjectMode: 'OriginIdentity' }), {
      code: 'ValidationError',
    });
    await my.run('DisableOutboundWebIdentityFederation');
    assert.equal((await page(my, issuer, 'jwks.json')).status, 404);
    await assert.rejects(my.run('GetOutboundWebIdentityFederationInfo'), { code: 'FeatureDisabled' });
    assert.equal((await my.run<{ IssuerIdentifier: string }>('EnableOutboundWebIdentityFederation')).IssuerIdentifier, issuer);
  });
});

describe('GetScopedCredentials', () => {
  test('narrows a session, again and again, and never widens it', async () => {
    const my = await testAccount();
    const first = await session(my);
    const scope = (from: Made, input: object) => run<Made>(my, 'GetScopedCredentials', input, { caller: callerOf(my, from) });
    const wide = await scope(first, { Policy: testPolicy('s3:*') });
    const narrow = await scope(wide, { Policy: testPolicy('*', 'arn:aws:s3:::one/*') });
    assert.equal(narrow.ScopedPoliciesCount, 2);
    const may = (from: Made, action: string, resource: string): boolean => {
      const call = my.call('any', { caller: callerOf(my, from) });
      try {
        authorize({ call, service, action: { permissions: () => [{ action, resource }], handle: () => {} } as never, input: {}, identities: call.identities });
        return true;
      } catch {
        return false;
      }
    };
    const asked = [
      ['s3:GetObject', 'arn:aws:s3:::one/a'],
      ['s3:GetObject', 'arn:aws:s3:::two/a'],
      ['iam:ListUsers', '*'],
    ] as const;
    assert.deepEqual(
      [first, wide, narrow].map((from) => asked.map(([action, resource]) => may(from, action, resource))),
      [
        [true, true, true],
        [true, true, false],
        [true, false, false],
      ],
    );
    const third = await scope(narrow, { Policy: testPolicy('*') });
    await assert.rejects(scope(third, { Policy: testPolicy('*') }), { code: 'AccessDenied' });
    assert.equal((await scope(third, { DurationSeconds: 60 })).Credentials.Expiration.getTime(), my.clock.now() + 60_000);
    await assert.rejects(scope(first, { DurationSeconds: 3601 }), { code: 'InsufficientSessionLifetime' });
    await assert.rejects(scope(first, {}), { code: 'ValidationError' });
    await assert.rejects(scope(first, { Policy: '{}' }), { code: 'MalformedPolicyDocument' });
    await assert.rejects(run(my, 'GetScopedCredentials', { DurationSeconds: 60 }), { code: 'InvalidSubjectCredentials' });
  });
});

describe('DecodeAuthorizationMessage', () => {
  test('opens the reason of a refusal, and no other thing that is sealed', async () => {
    const my = await testAccount();
    const call = my.call('StopInstances', { caller: { type: 'user', arn: `arn:aws:iam::${account}:user/bob`, account, userId: 'AIDA1', accessKeyId: 'AKIA' } });
    const resource = `arn:aws:ec2:us-east-1:${account}:instance/i-1`;
    const refusal = encodedRefusal(call.secrets)(
      call,
      { action: 'ec2:StopInstances', resource, conditions: { 'ec2:Tenancy': 'default' } },
      { effect: 'implicitDeny', by: undefined, lacking: 'identity' },
    );
    assert.equal(refusal.code, 'UnauthorizedOperation');
    const EncodedMessage = refusal.message.split('Encoded authorization failure message: ')[1];
    const { DecodedMessage } = await run<{ DecodedMessage: string }>(my, 'DecodeAuthorizationMessage', { EncodedMessage });
    assert.deepEqual(JSON.parse(DecodedMessage), {
      allowed: false,
      explicitDeny: false,
      matchedStatements: { items: [] },
      failures: { items: [] },
      context: {
        principal: { id: 'AIDA1', name: 'bob', arn: `arn:aws:iam::${account}:user/bob` },
        action: 'ec2:StopInstances',
        resource,
        conditions: { items: [{ key: 'ec2:Tenancy', values: { items: [{ value: 'default' }] } }] },
      },
    });
    const wrong = { code: 'InvalidAuthorizationMessageException' };
    const secret = Buffer.from(call.secrets.seal('a secret access key'), 'base64').toString('base64url');
    await assert.rejects(run(my, 'DecodeAuthorizationMessage', { EncodedMessage: secret }), wrong);
    await assert.rejects(run(my, 'DecodeAuthorizationMessage', { EncodedMessage: 'x' }), wrong);
  });
});

describe('an account that is in no organization', () => {
  test('manages no root users of others', async () => {
    const my = await testAccount();
    const input = { TargetPrincipal: '111111111111', TaskPolicyArn: { arn: 'arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials' } };
    await assert.rejects(run(my, 'AssumeRoot', input), {
      code: 'AccessDenied',
      message: `User: arn:aws:iam::${account}:root is not authorized to perform: sts:AssumeRoot on resource: arn:aws:iam::111111111111:root`,
    });
    for (const action of ['EnableOrganizationsRootSessions', 'DisableOrganizationsRootCredentialsManagement', 'ListOrganizationsFeatures']) {
      await assert.rejects(my.run(action), { code: 'OrganizationNotFoundException' });
    }
  });
});
