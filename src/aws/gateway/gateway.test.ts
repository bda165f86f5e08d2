import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { createServer, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import test, { after, before, describe } from 'node:test';
import { FakeClock, seededRandom, silentLogger } from '#base';
import { createClient, createFakeApi } from '#client';
import { openAws, type AuditRecord, type Aws } from '#aws';
import { canonicalRequest, sha256 } from '../sigv4/canonical.ts';
import { headersOf, splitUrl } from '../sigv4/request.ts';
import { signingKey } from '../sigv4/verify.ts';

interface Keys {
  readonly id: string;
  readonly secret: string;
  readonly token?: string | undefined;
}
const root: Keys = { id: 'test', secret: 'test' };
const clock = new FakeClock();
const audited: AuditRecord[] = [];
let port = 0;
let aws: Aws;
const server = createServer((message, response) => void aws.handle(message, response));

function open(allowReset: boolean, { failing = false, origins = [] as string[] } = {}): Aws {
  const api = createFakeApi(clock);
  if (failing) api.list = () => Promise.reject(new Error('the store is gone'));
  const client = createClient(api, clock, silentLogger);
  return openAws({
    client,
    account: '000000000000',
    clock,
    random: seededRandom(1),
    log: silentLogger,
    key: Buffer.alloc(32, 7),
    version: 'test',
    allowReset,
    origins,
    issuerKeys: () => Promise.reject(new Error('no network')),
    audit: (record) => void audited.push(record),
  });
}
before(async () => {
  aws = open(false);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});
after(() => server.close());

interface Sent {
  readonly method?: string;
  readonly url?: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}
interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}
function send({ method = 'POST', url = '/', body = '', headers = {} }: Sent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({ host: '127.0.0.1', port, method, path: url, headers }, (incoming) => {
      let text = '';
      incoming.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: text }));
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

const basic = (ms: number): string => new Date(ms).toISOString().replaceAll(/[-:]|\.\d{3}/g, '');
/** Signs a request as a client would. */
function sign(keys: Keys, service: string, { method = 'POST', url = '/', body = '', headers = {} }: Sent): Sent {
  const date = basic(clock.now());
  const all: Record<string, string> = {
    ...headers,
    host: `127.0.0.1:${port}`,
    'x-amz-date': date,
    ...(keys.token ? { 'x-amz-security-token': keys.token } : {}),
  };
  const signedHeaders = Object.keys(all).toSorted();
  const { path, query } = splitUrl(url);
  const given = headersOf(Object.entries(all).flat());
  const canonical = canonicalRequest({ method, path, query, service, headers: given, signedHeaders, payloadHash: sha256(body) });
  const scope = `${date.slice(0, 8)}/us-east-1/${service}/aws4_request`;
  const signature = createHmac('sha256', signingKey(keys.secret, date.slice(0, 8), 'us-east-1', service)).update(
    `AWS4-HMAC-SHA256\n${date}\n${scope}\n${sha256(canonical)}`,
  );
  const authorization = `AWS4-HMAC-SHA256 Credential=${keys.id}/${scope}, SignedHeaders=${signedHeaders.join(';')}, Signature=${signature.digest('hex')}`;
  return { method, url, body, headers: { ...all, authorization } };
}
const form = { 'content-type': 'application/x-www-form-urlencoded' };
const versions: Readonly<Record<string, string>> = { sts: '2011-06-15', iam: '2010-05-08' };
const query = (service: string, action: string, input: Record<string, string> = {}): Sent => ({
  headers: form,
  body: String(new URLSearchParams({ Action: action, Version: versions[service] ?? '', ...input })),
});
const call = (keys: Keys, service: string, action: string, input: Record<string, string> = {}): Promise<Answer> =>
  send(sign(keys, service, query(service, action, input)));
const field = ({ body }: Answer, name: string): string => new RegExp(`<${name}>([^<]*)</${name}>`).exec(body)?.[1] ?? '';
async function refused(answer: Promise<Answer>, status: number, code: string, message?: RegExp): Promise<void> {
  const { status: given, body } = await answer;
  assert.equal(`${given} ${/<Code>([^<]*)/.exec(body)?.[1]}`, `${status} ${code}`, body);
  if (message) assert.match(body, message);
}
async function done(answer: Promise<Answer>): Promise<Answer> {
  const given = await answer;
  assert.equal(given.status, 200, given.body);
  return given;
}
async function newUser(name: string, ...statements: object[]): Promise<Keys> {
  await done(call(root, 'iam', 'CreateUser', { UserName: name }));
  if (statements.length > 0) {
    const document = JSON.stringify({ Version: '2012-10-17', Statement: statements });
    await done(call(root, 'iam', 'PutUserPolicy', { UserName: name, PolicyName: 'own', PolicyDocument: document }));
  }
  const key = await done(call(root, 'iam', 'CreateAccessKey', { UserName: name }));
  return { id: field(key, 'AccessKeyId'), secret: field(key, 'SecretAccessKey').replaceAll('&#x2F;', '/') };
}
const allow = (action: string | string[], resource = '*', more: object = {}): object => ({ Effect: 'Allow', Action: action, Resource: resource, ...more });

describe('nobody passes without a proof', () => {
  test('the key of root does', async () => assert.equal(field(await done(call(root, 'sts', 'GetCallerIdentity')), 'Arn'), 'arn:aws:iam::000000000000:root'));
  test('no signature', () => refused(send(query('sts', 'GetCallerIdentity')), 403, 'MissingAuthenticationToken'));
  test('a key that nobody has', () => refused(call({ id: 'AKIAIOSFODNN7EXAMPLE', secret: 'x' }, 'sts', 'GetCallerIdentity'), 403, 'InvalidClientTokenId'));
  test('the id of an account as a key', () => refused(call({ id: '123456789012', secret: 'test' }, 'sts', 'GetCallerIdentity'), 403, 'InvalidClientTokenId'));
  test('another secret', () => refused(call({ id: 'test', secret: 'Test' }, 'sts', 'GetCallerIdentity'), 403, 'SignatureDoesNotMatch'));
  test('root with a token', () => refused(call({ ...root, token: 'x' }, 'sts', 'GetCallerIdentity'), 403, 'InvalidClientTokenId'));
  test('another body than the signed one', () =>
    refused(send({ ...sign(root, 'iam', query('iam', 'ListUsers')), body: query('iam', 'ListRoles').body ?? '' }), 403, 'SignatureDoesNotMatch'));
  test('another query than the signed one', () =>
    refused(send({ ...sign(root, 'iam', query('iam', 'ListUsers')), url: '/?MaxItems=1' }), 403, 'SignatureDoesNotMatch'));
  test('a header of AWS that is not signed', () => {
    const signed = sign(root, 'sts', query('sts', 'GetCallerIdentity'));
    return refused(send({ ...signed, headers: { ...signed.headers, 'x-amz-extra': '1' } }), 403, 'SignatureDoesNotMatch', /not signed: x-amz-extra/);
  });
  test('the scope of another service', () => {
    const signed = sign(root, 'sts', query('iam', 'ListUsers'));
    const authorization = signed.headers?.['authorization']?.replace('/sts/', '/iam/') ?? '';
    return refused(send({ ...signed, headers: { ...signed.headers, authorization } }), 403, 'SignatureDoesNotMatch');
  });
  test('a request of a quarter of an hour ago', async () => {
    const signed = sign(root, 'sts', query('sts', 'GetCallerIdentity'));
    await clock.advance(15 * 60_000 + 1000);
    await refused(send(signed), 403, 'SignatureDoesNotMatch', /Signature expired/);
  });
  test('query parameters of a signature twice or in another case', async () => {
    for (const extra of ['X-Amz-Date=20260101T000000Z&X-Amz-Date=20260101T000000Z', 'x-amz-date=20260101T000000Z']) {
      await refused(
        send({ method: 'GET', url: `/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256&${extra}` }),
        400,
        'IncompleteSignature',
      );
    }
  });
  test('a parameter twice', async () => {
    const twice = { headers: form, body: 'Action=ListUsers&Version=2010-05-08&Action=ListRoles' };
    await refused(send(sign(root, 'iam', twice)), 400, 'MalformedInput');
    await refused(send(sign(root, 'iam', { ...query('iam', 'ListUsers'), url: '/?Action=ListRoles' })), 400, 'MalformedInput');
  });
  test('pages of the web are not root, whatever they sign', async () => {
    const signed = sign(root, 'sts', query('sts', 'GetCallerIdentity'));
    for (const headers of [{ origin: 'https://example.com' }, { 'sec-fetch-site': 'cross-site' }]) {
      await refused(send({ ...signed, headers: { ...signed.headers, ...headers } }), 403, 'AccessDenied', /not for pages of the web/);
    }
    await done(send({ ...signed, headers: { ...signed.headers, 'sec-fetch-site': 'none' } }));
  });
  test('who cannot prove himself does not learn what there is', async () => {
    await refused(call({ id: 'test', secret: 'no' }, 'sts', 'NoSuchAction'), 403, 'SignatureDoesNotMatch');
    await refused(call({ id: 'test', secret: 'no' }, 'lambda', 'ListFunctions'), 403, 'SignatureDoesNotMatch');
  });
});

describe('URLs presigned with version 2', () => {
  const presign = (keys: Keys, { url = '/box/key', seconds = 60, more = '' } = {}): Sent => {
    const until = Math.floor(clock.now() / 1000) + seconds;
    const token = keys.token === undefined ? '' : `x-amz-security-token:${keys.token}\n`;
    const signature = createHmac('sha1', keys.secret).update(`GET\n\n\n${until}\n${token}${url}`).digest('base64');
    const query = new URLSearchParams({ AWSAccessKeyId: keys.id, Signature: signature, Expires: `${until}` });
    if (keys.token !== undefined) query.set('x-amz-security-token', keys.token);
    return { method: 'GET', url: `${url}?${String(query)}${more}` };
  };
  // This gateway has no store of objects: whoever proves himself learns that.
  const proved = (sent: Sent): Promise<void> => refused(send(sent), 501, 'NotImplemented', /Service s3 is not/);
  test('pass with the key that made them, until their end', async () => {
    await proved(presign(root));
    await refused(send(presign(root, { seconds: 0 })), 403, 'AccessDenied', /Request has expired/);
    await refused(send(presign(root, { seconds: 700_000 })), 403, 'AccessDenied', /at most 604800 seconds/);
    await refused(send({ ...presign(root), method: 'DELETE' }), 403, 'SignatureDoesNotMatch');
    await refused(send(presign({ ...root, secret: 'no' })), 403, 'SignatureDoesNotMatch');
    await refused(send(presign(root, { more: '&Expires=9' })), 403, 'AccessDenied', /more than once/);
    await refused(send({ method: 'GET', url: '/box/key?AWSAccessKeyId=test' }), 403, 'AccessDenied', /requires the Signature, Expires/);
    await refused(send({ ...presign(root), headers: { authorization: 'AWS test:x' } }), 400, 'AuthorizationHeaderMalformed');
  });
  test('keys that are not there, or not any more', async () => {
    await refused(send(presign({ id: 'AKIAIOSFODNN7EXAMPLE', secret: 'x' })), 403, 'InvalidAccessKeyId');
    const una = await newUser('una');
    await proved(presign(una));
    await done(call(root, 'iam', 'DeleteAccessKey', { UserName: 'una', AccessKeyId: una.id }));
    await refused(send(presign(una)), 403, 'InvalidAccessKeyId');
  });
  test('sessions with their token only', async () => {
    const answer = await done(call(await newUser('vic', allow('sts:*')), 'sts', 'GetFederationToken', { Name: 'guest' }));
    const session = {
      id: field(answer, 'AccessKeyId'),
      secret: field(answer, 'SecretAccessKey').replaceAll('&#x2F;', '/'),
      token: field(answer, 'SessionToken'),
    };
    await proved(presign(session));
    await refused(send(presign({ ...session, token: undefined })), 403, 'InvalidAccessKeyId');
  });
  test('no service but S3 takes them', async () => {
    await proved(presign(root, { url: '/', more: '&Action=GetCallerIdentity&Version=2011-06-15' }));
    const query = 'Action=GetCallerIdentity&Version=2011-06-15&AWSAccessKeyId=test&Signature=x&SignatureVersion=2';
    await refused(send({ method: 'GET', url: `/?${query}` }), 403, 'MissingAuthenticationToken');
  });
  test('the header of version 2 is not taken', () =>
    refused(send({ method: 'GET', url: '/box/key', headers: { authorization: 'AWS test:x' } }), 400, 'AuthorizationHeaderMalformed'));
});

describe('calls that need no signature', () => {
  test('are found by their version, and prove themselves otherwise', async () => {
    const input = { RoleArn: 'arn:aws:iam::000000000000:role/x', RoleSessionName: 'ab', WebIdentityToken: 'a.b.c' };
    await refused(send(query('sts', 'AssumeRoleWithWebIdentity', input)), 400, 'InvalidIdentityToken', /not a valid JWT/);
  });
});

describe('bodies', () => {
  test('in chunks, whose length nobody knows before', async () => {
    const signed = sign(root, 'iam', query('iam', 'CreateUser', { UserName: 'chunk' }));
    assert.equal(field(await done(send({ ...signed, headers: { ...signed.headers, 'transfer-encoding': 'chunked' } })), 'UserName'), 'chunk');
    const other = { ...signed, body: `${signed.body}&Path=/x/`, headers: { ...signed.headers, 'transfer-encoding': 'chunked' } };
    await refused(send(other), 403, 'SignatureDoesNotMatch');
  });
  test('that say they are compressed and are not', () =>
    refused(send(sign(root, 'iam', { ...query('iam', 'ListUsers'), headers: { ...form, 'content-encoding': 'gzip' } })), 400, 'SerializationException'));
});

describe('what there is not says so', () => {
  test('an action of no contract', () => refused(call(root, 'sts', 'DoAnything'), 400, 'InvalidAction'));
  test('names of every object are no actions', () => refused(call(root, 'sts', 'constructor'), 400, 'InvalidAction'));
  test('an action that is not implemented', () => refused(call(root, 'sts', 'GetDelegatedAccessToken'), 501, 'NotImplemented'));
  test('a service', () => refused(call(root, 'lambda', 'ListFunctions'), 501, 'NotImplemented'));
  test('a request without an action', () => refused(send(sign(root, 'sts', { headers: form, body: 'x=1' })), 400, 'InvalidAction'));
  test('what is required', () => refused(call(root, 'iam', 'CreateUser'), 400, 'ValidationError', /Value null at &apos;userName&apos;/));
  test('what is none of an enumeration', () =>
    refused(call(root, 'iam', 'UpdateAccessKey', { AccessKeyId: 'AKIAIOSFODNN7EXAMPLE', Status: 'Maybe' }), 400, 'ValidationError', /enum value set/));
});

describe('inputs that break the model', () => {
  test('are refused with everything that is wrong, in the words of the service', () =>
    refused(
      call(root, 'iam', 'CreateRole', { RoleName: 'r'.repeat(65), AssumeRolePolicyDocument: '' }),
      400,
      'ValidationError',
      /<Message>3 validation errors detected: Value &apos;r{65}&apos; at &apos;roleName&apos; failed to satisfy constraint: Member must have length less than or equal to 64; Value .* pattern: \[.*\]\+; Value &apos;&apos; at &apos;assumeRolePolicyDocument&apos; failed to satisfy constraint: Member must have length greater than or equal to 1</,
    ));
  test('in lists', () =>
    refused(
      call(root, 'iam', 'CreateUser', { UserName: 'u', 'Tags.member.1.Value': 'x' }),
      400,
      'ValidationError',
      /Value null at &apos;tags.1.member.key&apos;/,
    ));
  test('with no word of a secret', () =>
    refused(
      call(root, 'iam', 'CreateLoginProfile', { UserName: 'u', Password: 'geheim\u0100' }),
      400,
      'ValidationError',
      /Value at &apos;password&apos; failed to satisfy constraint: Member must satisfy regular expression pattern/,
    ));
  test('numbers that are none', () => refused(call(root, 'iam', 'ListUsers', { MaxItems: '1.5' }), 400, 'MalformedInput'));
  test('only of those who may call', async () => {
    const nobody = await newUser('nobody');
    await refused(call(nobody, 'iam', 'CreateUser', { UserName: 'a b' }), 403, 'AccessDenied');
    await refused(call(nobody, 'iam', 'CreateUser'), 403, 'AccessDenied');
    await refused(call(await newUser('somebody', allow('iam:CreateUser')), 'iam', 'CreateUser', { UserName: 'a b' }), 400, 'ValidationError');
  });
  test('what is written down of long values is short', async () => {
    await refused(call(root, 'iam', 'CreateUser', { UserName: 'u'.repeat(5000) }), 400, 'ValidationError', /u{5000}/);
    assert.ok((audited.at(-1)?.errorMessage?.length ?? 0) < 1100);
  });
});

describe('keys of users', () => {
  test('are good until they are switched off or deleted', async () => {
    const ana = await newUser('ana');
    assert.equal(field(await done(call(ana, 'sts', 'GetCallerIdentity')), 'Arn'), 'arn:aws:iam::000000000000:user/ana');
    const change = (Status: string) => done(call(root, 'iam', 'UpdateAccessKey', { UserName: 'ana', AccessKeyId: ana.id, Status }));
    await change('Inactive');
    await refused(call(ana, 'sts', 'GetCallerIdentity'), 403, 'InvalidClientTokenId');
    await change('Active');
    await done(call(ana, 'sts', 'GetCallerIdentity'));
    await done(call(root, 'iam', 'DeleteAccessKey', { UserName: 'ana', AccessKeyId: ana.id }));
    await refused(call(ana, 'sts', 'GetCallerIdentity'), 403, 'InvalidClientTokenId');
  });
  test('a user may what a policy allows, and is told why not', async () => {
    const ben = await newUser('ben', allow('iam:Get*', 'arn:aws:iam::000000000000:user/${aws:username}'));
    await done(call(ben, 'iam', 'GetUser', { UserName: 'ben' }));
    await refused(
      call(ben, 'iam', 'GetUser', { UserName: 'ana' }),
      403,
      'AccessDenied',
      /User: arn:aws:iam::000000000000:user\/ben is not authorized to perform: iam:GetUser on resource: arn:aws:iam::000000000000:user\/ana because no identity-based policy allows the iam:GetUser action/,
    );
  });
  test('a group gives, a boundary and an explicit deny take away', async () => {
    const cy = await newUser('cy', { Effect: 'Deny', Action: 'iam:ListRoles', Resource: '*' });
    await done(call(root, 'iam', 'CreateGroup', { GroupName: 'readers' }));
    await done(call(root, 'iam', 'AttachGroupPolicy', { GroupName: 'readers', PolicyArn: 'arn:aws:iam::aws:policy/IAMReadOnlyAccess' }));
    await refused(call(cy, 'iam', 'ListUsers'), 403, 'AccessDenied');
    await done(call(root, 'iam', 'AddUserToGroup', { GroupName: 'readers', UserName: 'cy' }));
    await done(call(cy, 'iam', 'ListUsers'));
    await refused(call(cy, 'iam', 'ListRoles'), 403, 'AccessDenied', /with an explicit deny in an identity-based policy/);
    await done(call(root, 'iam', 'PutUserPermissionsBoundary', { UserName: 'cy', PermissionsBoundary: 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess' }));
    await refused(call(cy, 'iam', 'ListUsers'), 403, 'AccessDenied', /because no permissions boundary allows/);
  });
  test('the tags of a call and of a user are conditions', async () => {
    const condition = { StringEquals: { 'aws:RequestTag/team': '${aws:PrincipalTag/team}' }, 'ForAllValues:StringEquals': { 'aws:TagKeys': ['team'] } };
    const dee = await newUser('dee', allow('iam:CreateUser', '*', { Condition: condition }));
    await done(call(root, 'iam', 'TagUser', { UserName: 'dee', 'Tags.member.1.Key': 'team', 'Tags.member.1.Value': 'red' }));
    const make = (UserName: string, team: string) => call(dee, 'iam', 'CreateUser', { UserName, 'Tags.member.1.Key': 'team', 'Tags.member.1.Value': team });
    await refused(make('e1', 'blue'), 403, 'AccessDenied');
    await done(make('e1', 'red'));
    await refused(call(dee, 'iam', 'CreateUser', { UserName: 'e2' }), 403, 'AccessDenied');
  });
  test('GetCallerIdentity needs no permission and none can take it', async () => {
    await done(call(await newUser('fay', { Effect: 'Deny', Action: '*', Resource: '*' }), 'sts', 'GetCallerIdentity'));
  });
});

describe('sessions of roles', () => {
  const trust = (principal: object, more: object = {}): string =>
    JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal: principal, Action: ['sts:AssumeRole', 'sts:TagSession'], ...more }] });
  const keysIn = (answer: Answer): Keys => ({
    id: field(answer, 'AccessKeyId'),
    secret: field(answer, 'SecretAccessKey'),
    token: field(answer, 'SessionToken'),
  });
  const role = (name: string): string => `arn:aws:iam::000000000000:role/${name}`;
  const assume = (keys: Keys, name: string, input: Record<string, string> = {}) =>
    call(keys, 'sts', 'AssumeRole', { RoleArn: role(name), RoleSessionName: 'one', ...input });
  let gus: Keys;
  before(async () => {
    gus = await newUser('gus');
    await done(call(root, 'iam', 'CreateRole', { RoleName: 'app', AssumeRolePolicyDocument: trust({ AWS: 'arn:aws:iam::000000000000:user/gus' }) }));
    await done(call(root, 'iam', 'AttachRolePolicy', { RoleName: 'app', PolicyArn: 'arn:aws:iam::aws:policy/IAMReadOnlyAccess' }));
  });

  test('whom the trust policy names assumes it, nobody else', async () => {
    const session = keysIn(await done(assume(gus, 'app')));
    assert.equal(field(await done(call(session, 'sts', 'GetCallerIdentity')), 'Arn'), 'arn:aws:sts::000000000000:assumed-role/app/one');
    await done(call(session, 'iam', 'ListUsers'));
    await refused(call(session, 'iam', 'CreateUser', { UserName: 'h' }), 403, 'AccessDenied');
    await refused(assume(await newUser('ida', allow('sts:AssumeRole')), 'app'), 403, 'AccessDenied');
    await refused(assume(gus, 'none'), 403, 'AccessDenied');
  });
  test('an external id is asked for', async () => {
    const document = trust({ AWS: 'arn:aws:iam::000000000000:user/gus' }, { Condition: { StringEquals: { 'sts:ExternalId': 'secret' } } });
    await done(call(root, 'iam', 'CreateRole', { RoleName: 'guarded', AssumeRolePolicyDocument: document }));
    await refused(assume(gus, 'guarded'), 403, 'AccessDenied');
    await refused(assume(gus, 'guarded', { ExternalId: 'wrong' }), 403, 'AccessDenied');
    await done(assume(gus, 'guarded', { ExternalId: 'secret' }));
  });
  test('a session policy takes away', async () => {
    const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [allow('iam:ListRoles')] });
    const session = keysIn(await done(assume(gus, 'app', { Policy })));
    await done(call(session, 'iam', 'ListRoles'));
    await refused(call(session, 'iam', 'ListUsers'), 403, 'AccessDenied', /because no session policy allows/);
  });
  test('a token is for its own key, whole, and for its time', async () => {
    const [one, two] = [keysIn(await done(assume(gus, 'app', { DurationSeconds: '900' }))), keysIn(await done(assume(gus, 'app')))];
    await refused(call({ ...one, token: undefined }, 'sts', 'GetCallerIdentity'), 403, 'InvalidClientTokenId');
    await refused(call({ ...one, token: two.token }, 'sts', 'GetCallerIdentity'), 403, 'InvalidClientTokenId');
    await refused(call({ ...one, token: `${one.token?.slice(0, -6)}AAAAA=` }, 'sts', 'GetCallerIdentity'), 403, 'InvalidClientTokenId');
    await clock.advance(900_000);
    await refused(call(one, 'sts', 'GetCallerIdentity'), 403, 'ExpiredToken');
    await done(call(two, 'sts', 'GetCallerIdentity'));
  });
  test('a role that is made again is another one', async () => {
    await done(call(root, 'iam', 'CreateRole', { RoleName: 'brief', AssumeRolePolicyDocument: trust({ AWS: 'arn:aws:iam::000000000000:user/gus' }) }));
    const session = keysIn(await done(assume(gus, 'brief')));
    await done(call(root, 'iam', 'DeleteRole', { RoleName: 'brief' }));
    await done(call(root, 'iam', 'CreateRole', { RoleName: 'brief', AssumeRolePolicyDocument: trust({ AWS: 'arn:aws:iam::000000000000:user/gus' }) }));
    await refused(call(session, 'sts', 'GetCallerIdentity'), 403, 'InvalidClientTokenId');
  });
  test('a session makes sessions of an hour at most', async () => {
    const document = trust({ AWS: role('app') });
    await done(call(root, 'iam', 'CreateRole', { RoleName: 'next', AssumeRolePolicyDocument: document, MaxSessionDuration: '43200' }));
    const session = keysIn(await done(assume(gus, 'app')));
    await done(
      call(root, 'iam', 'PutRolePolicy', {
        RoleName: 'app',
        PolicyName: 'chain',
        PolicyDocument: JSON.stringify({ Version: '2012-10-17', Statement: [allow('sts:*')] }),
      }),
    );
    await refused(assume(session, 'next', { DurationSeconds: '7200' }), 400, 'ValidationError', /role chaining/);
    await done(assume(session, 'next'));
  });
  test('a federated user has what both its maker and its policy allow', async () => {
    const jo = await newUser('jo', allow(['sts:GetFederationToken', 'iam:ListUsers', 'iam:ListRoles']));
    const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [allow(['iam:ListUsers', 'iam:ListGroups'])] });
    const session = keysIn(await done(call(jo, 'sts', 'GetFederationToken', { Name: 'guest', Policy })));
    await done(call(session, 'iam', 'ListUsers'));
    await refused(call(session, 'iam', 'ListRoles'), 403, 'AccessDenied');
    await refused(call(session, 'iam', 'ListGroups'), 403, 'AccessDenied');
  });
});

describe('beside the services', () => {
  test('health', async () => {
    await done(call(root, 'iam', 'ListUsers'));
    assert.match((await done(send({ method: 'GET', url: '/_localstack/health' }))).body, /"iam": "running"/);
    assert.deepEqual(JSON.parse((await done(send({ method: 'GET', url: '/_localstack/init/ready' }))).body), { completed: true, scripts: [] });
    assert.match((await done(send({ method: 'GET', url: '/_localstack/info' }))).body, /"uptime": \d+/);
    assert.equal((await done(send({ method: 'HEAD', url: '/_localstack/health' }))).body, '');
  });
  test('a reset that fails says why', async () => {
    const before = aws;
    aws = open(true, { failing: true });
    const { status, body } = await send({ url: '/_localstack/state/reset' });
    assert.deepEqual([status, JSON.parse(body)], [500, { message: 'the store is gone' }]);
    aws = before;
  });
  test('pages of origins that are listed may call and read, others not', async () => {
    const before = aws;
    aws = open(false, { origins: ['https://console.example'] });
    const asks = { origin: 'https://console.example', 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization,x-amz-date' };
    const { status, headers } = await send({ method: 'OPTIONS', headers: asks });
    assert.deepEqual(
      [status, headers['access-control-allow-origin'], headers['access-control-allow-methods'], headers['access-control-allow-headers']],
      [204, 'https://console.example', 'POST', 'authorization,x-amz-date'],
    );
    const signed = sign(root, 'sts', query('sts', 'GetCallerIdentity'));
    const from = (origin: string) => send({ ...signed, headers: { ...signed.headers, origin, 'sec-fetch-site': 'cross-site' } });
    assert.equal((await done(from('https://console.example'))).headers['access-control-allow-origin'], 'https://console.example');
    const other = await from('https://other.example');
    assert.deepEqual([other.status, other.headers['access-control-allow-origin']], [403, undefined]);
    assert.notEqual((await send({ method: 'OPTIONS', headers: { ...asks, origin: 'https://other.example' } })).status, 204);
    aws = before;
  });
  test('every call is written down: who, what, and why not', async () => {
    await refused(call(await newUser('kim'), 'iam', 'GetUser', { UserName: 'ana' }), 403, 'AccessDenied');
    const { action, arn, resources, status, errorCode } = audited.at(-1) as AuditRecord;
    assert.deepEqual(
      [action, arn, resources, status, errorCode],
      ['GetUser', 'arn:aws:iam::000000000000:user/kim', ['arn:aws:iam::000000000000:user/ana'], 403, 'AccessDeniedException'],
    );
  });
  test('reset only when it is allowed, and not for pages of the web', async () => {
    assert.equal((await send({ url: '/moto-api/reset' })).status, 403);
    const before = aws;
    aws = open(true);
    await newUser('lou');
    assert.equal((await send({ url: '/moto-api/reset', headers: { origin: 'https://example.com' } })).status, 403);
    await done(call(root, 'iam', 'GetUser', { UserName: 'lou' }));
    await done(send({ url: '/_localstack/state/reset' }));
    await refused(call(root, 'iam', 'GetUser', { UserName: 'lou' }), 404, 'NoSuchEntity');
    aws = before;
  });
});
