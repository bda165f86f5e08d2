import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createPublicKey, verify, type JsonWebKey } from 'node:crypto';
import test, { before, describe } from 'node:test';
import { CreateRoleCommand, CreateSAMLProviderCommand, IAMClient } from '@aws-sdk/client-iam';
import { issueCa, issueServer } from '#apiserver';
import { testProvider } from '../src/aws/services/sts/saml/testing.ts';
import { run, useCluster } from './harness.ts';

const lacks = (program: string, ...args: string[]): string | false => {
  const { error, status } = spawnSync(program, args);
  return error || status !== 0 ? `${program} ${args.join(' ')} does not work here` : false;
};
const noCli = lacks('aws', '--version');
const noBoto = lacks('python3', '-c', 'import boto3');

describe('IAM and STS', () => {
  const my = useCluster('--runtime', 'sim', '--nodes', '0');
  let env: Record<string, string>;
  before(async () => {
    env = {
      ...(JSON.parse((await my.cluster.batuta('env', '--json')).out) as Record<string, string>),
      HOME: my.cluster.dir,
      AWS_EC2_METADATA_DISABLED: 'true',
    };
  });
  /** What a call of the aws CLI prints. */
  const aws = async <T = Record<string, unknown>>(...args: string[]): Promise<T> => {
    const { code, out, err } = await run('aws', args, { env });
    assert.equal(code, 0, `aws ${args.join(' ')}: ${err}`);
    return (out.trim() === '' ? {} : JSON.parse(out)) as T;
  };

  test('boto3: a virtual MFA device opens a role that asks for one', { skip: noBoto }, async () => {
    const script = `
import boto3, hmac, hashlib, struct, base64, time, json
iam = boto3.client('iam')
user = iam.create_user(UserName='ana')['User']
key = iam.create_access_key(UserName='ana')['AccessKey']
device = iam.create_virtual_mfa_device(VirtualMFADeviceName='phone')['VirtualMFADevice']
assert device['QRCodePNG'].startswith(b'\\x89PNG')
seed = base64.b32decode(device['Base32StringSeed'])
def code(step):
    mac = hmac.new(seed, struct.pack('>Q', step), hashlib.sha1).digest()
    return '%06d' % ((struct.unpack('>I', mac[mac[19] & 15:][:4])[0] & 0x7fffffff) % 1000000)
now = int(time.time()) // 30
iam.enable_mfa_device(UserName='ana', SerialNumber=device['SerialNumber'], AuthenticationCode1=code(now - 3), AuthenticationCode2=code(now - 2))
iam.create_role(RoleName='vault', AssumeRolePolicyDocument=json.dumps({'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Principal': {'AWS': user['Arn']}, 'Action': 'sts:AssumeRole', 'Condition': {'Bool': {'aws:MultiFactorAuthPresent': 'true'}}}]}))
sts = boto3.client('sts', aws_access_key_id=key['AccessKeyId'], aws_secret_access_key=key['SecretAccessKey'])
arn = 'arn:aws:iam::000000000000:role/vault'
try:
    sts.assume_role(RoleArn=arn, RoleSessionName='one')
except Exception as error:
    print(error.response['Error']['Code'])
# The device was enabled two steps behind: that is where its clock is.
step = int(time.time()) // 30 - 1
print(sts.assume_role(RoleArn=arn, RoleSessionName='one', SerialNumber=device['SerialNumber'], TokenCode=code(step))['AssumedRoleUser']['Arn'])
print(iam.generate_credential_report()['State'])
report = iam.get_credential_report()['Content'].decode().split('\\n')
print([line.split(',')[7] for line in report if line.startswith('ana,')])
job = iam.generate_service_last_accessed_details(Arn=arn)['JobId']
print(iam.get_service_last_accessed_details(JobId=job)['JobStatus'])
`;
    const { out, err } = await run('python3', ['-c', script], { env });
    assert.deepEqual(out.trim().split('\n'), ['AccessDenied', 'arn:aws:sts::000000000000:assumed-role/vault/one', 'STARTED', "['true']", 'COMPLETED'], err);
  });

  test('boto3: credentials of a user, and a server certificate', { skip: noBoto }, async () => {
    const validity = { notBefore: Date.now() - 1000, notAfter: Date.now() + 86_400_000 };
    const ca = issueCa('root', validity);
    const { cert, key } = issueServer(ca, { ...validity, commonName: 'www.example', names: ['www.example'] });
    const script = `
import boto3, json, sys
pem = json.load(sys.stdin)
iam = boto3.client('iam')
iam.create_user(UserName='ben')
iam.upload_server_certificate(ServerCertificateName='www', CertificateBody=pem['cert'], PrivateKey=pem['key'], CertificateChain=pem['chain'])
print([one['ServerCertificateName'] for one in iam.list_server_certificates()['ServerCertificateMetadataList']])
print(iam.create_service_specific_credential(UserName='ben', ServiceName='codecommit.amazonaws.com')['ServiceSpecificCredential']['ServiceUserName'])
try:
    iam.delete_user(UserName='ben')
except iam.exceptions.DeleteConflictException as error:
    print(error.response['Error']['Message'])
`;
    const { out, err } = await run('python3', ['-c', script], { env, input: JSON.stringify({ cert, key, chain: ca.cert }) });
    assert.deepEqual(out.trim().split('\n'), ["['www']", 'ben-at-000000000000', 'Cannot delete entity, must delete service specific credentials first.'], err);
  });

  test('the aws CLI: a role by an assertion of SAML', { skip: noCli }, async () => {
    const idp = testProvider(() => Date.now());
    const iam = new IAMClient({ endpoint: env['AWS_ENDPOINT_URL'] ?? '', region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } });
    const { SAMLProviderArn: provider = '' } = await iam.send(new CreateSAMLProviderCommand({ Name: 'idp', SAMLMetadataDocument: idp.metadata }));
    const condition = { StringEquals: { 'SAML:aud': 'https://signin.aws.amazon.com/saml' } };
    const statement = { Effect: 'Allow', Principal: { Federated: provider }, Action: 'sts:AssumeRoleWithSAML', Condition: condition };
    const document = JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
    const { Role: { Arn: role = '' } = {} } = await iam.send(new CreateRoleCommand({ RoleName: 'sso', AssumeRolePolicyDocument: document }));
    const assertion = idp.respond({ attributes: { Role: [`${role},${provider}`], RoleSessionName: ['ana'] } });
    const args = ['sts', 'assume-role-with-saml', '--role-arn', role, '--principal-arn', provider, '--saml-assertion'];
    const { AssumedRoleUser } = await aws<{ AssumedRoleUser: { Arn: string } }>(...args, assertion);
    assert.equal(AssumedRoleUser.Arn, 'arn:aws:sts::000000000000:assumed-role/sso/ana');
    const forged = Buffer.from(Buffer.from(assertion, 'base64').toString().replace('>ana<', '>eve<')).toString('base64');
    assert.match((await run('aws', [...args, forged], { env })).err, /\(InvalidIdentityToken\)/);
  });

  test('the aws CLI: tokens for services elsewhere verify with the published keys', { skip: noCli }, async () => {
    const { IssuerIdentifier } = await aws<{ IssuerIdentifier: string }>('iam', 'enable-outbound-web-identity-federation');
    const { WebIdentityToken } = await aws<{ WebIdentityToken: string }>(
      'sts',
      'get-web-identity-token',
      '--audience',
      'elsewhere',
      '--signing-algorithm',
      'ES384',
    );
    const discovery = (await (await fetch(`${IssuerIdentifier}/.well-known/openid-configuration`)).json()) as { jwks_uri: string };
    const { keys } = (await (await fetch(discovery.jwks_uri)).json()) as { keys: (JsonWebKey & { alg: string })[] };
    const jwk = keys.find(({ alg }) => alg === 'ES384');
    assert.ok(jwk);
    const [head = '', body = '', signature = ''] = WebIdentityToken.split('.');
    const key = { key: createPublicKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' as const };
    assert.ok(verify('sha384', Buffer.from(`${head}.${body}`), key, Buffer.from(signature, 'base64url')));
  });
});
