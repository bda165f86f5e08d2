import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { before, describe } from 'node:test';
import {
  AttachUserPolicyCommand,
  CreateAccessKeyCommand,
  CreatePolicyCommand,
  CreateRoleCommand,
  CreateUserCommand,
  GetRoleCommand,
  IAMClient,
  ListUsersCommand,
  PutUserPolicyCommand,
} from '@aws-sdk/client-iam';
import { AssumeRoleCommand, AssumeRoleWithWebIdentityCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { run, useCluster, type Output } from './harness.ts';

const lacks = (program: string, ...args: string[]): string | false => {
  const { error, status } = spawnSync(program, args);
  return error || status !== 0 ? `${program} ${args.join(' ')} does not work here` : false;
};
const noCli = lacks('aws', '--version');
const noBoto = lacks('python3', '-c', 'import boto3');
const policy = (...statements: object[]): string => JSON.stringify({ Version: '2012-10-17', Statement: statements });

describe('the AWS APIs', () => {
  const my = useCluster('--runtime', 'sim', '--nodes', '0', '--allow-reset');
  let env: Record<string, string>;
  before(async () => {
    env = JSON.parse((await my.cluster.batuta('env', '--json')).out) as Record<string, string>;
  });
  const config = (credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string } = { accessKeyId: 'test', secretAccessKey: 'test' }) => ({
    endpoint: env['AWS_ENDPOINT_URL'] ?? '',
    region: 'us-east-1',
    credentials,
    maxAttempts: 1,
  });

  test('the JavaScript SDK: a user with its key, its permissions, a role and its session', async () => {
    const [iam, sts] = [new IAMClient(config()), new STSClient(config())];
    assert.equal((await sts.send(new GetCallerIdentityCommand({}))).Arn, 'arn:aws:iam::000000000000:root');
    const { User } = await iam.send(new CreateUserCommand({ UserName: 'ana', Path: '/team/' }));
    const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName: 'ana' }));
    const ana = { accessKeyId: AccessKey?.AccessKeyId ?? '', secretAccessKey: AccessKey?.SecretAccessKey ?? '' };
    const hers = new IAMClient(config(ana));
    await assert.rejects(hers.send(new ListUsersCommand({})), {
      name: 'AccessDenied',
      message:
        'User: arn:aws:iam::000000000000:user/team/ana is not authorized to perform: iam:ListUsers on resource: arn:aws:iam::000000000000:user/ because no identity-based policy allows the iam:ListUsers action',
    });
    const { Policy } = await iam.send(
      new CreatePolicyCommand({ PolicyName: 'lists', PolicyDocument: policy({ Effect: 'Allow', Action: 'iam:List*', Resource: '*' }) }),
    );
    await iam.send(new AttachUserPolicyCommand({ UserName: 'ana', PolicyArn: Policy?.Arn }));
    assert.deepEqual(
      (await hers.send(new ListUsersCommand({}))).Users?.map(({ UserName }) => UserName),
      ['ana'],
    );
    const trust = policy({ Effect: 'Allow', Principal: { AWS: User?.Arn }, Action: 'sts:AssumeRole' });
    const { Role } = await iam.send(new CreateRoleCommand({ RoleName: 'App', AssumeRolePolicyDocument: trust }));
    const { Credentials } = await new STSClient(config(ana)).send(new AssumeRoleCommand({ RoleArn: Role?.Arn, RoleSessionName: 'one' }));
    const session = {
      accessKeyId: Credentials?.AccessKeyId ?? '',
      secretAccessKey: Credentials?.SecretAccessKey ?? '',
      sessionToken: Credentials?.SessionToken ?? '',
    };
    assert.equal((await new STSClient(config(session)).send(new GetCallerIdentityCommand({}))).Arn, 'arn:aws:sts::000000000000:assumed-role/App/one');
    assert.match(await my.cluster.kubectl('get', 'iamroles'), /000000000000\.global\.app\s+arn:aws:iam::000000000000:role\/App/);
  });

  test('a token of a ServiceAccount is good for a role that trusts the cluster', async () => {
    const iam = new IAMClient(config());
    const token = (await my.cluster.kubectl('create', 'token', 'default', '--audience', 'sts.amazonaws.com')).trim();
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { iss: string };
    const issuer = claims.iss.replace('https://', '');
    const { CreateOpenIDConnectProviderCommand } = await import('@aws-sdk/client-iam');
    const { OpenIDConnectProviderArn } = await iam.send(new CreateOpenIDConnectProviderCommand({ Url: claims.iss, ClientIDList: ['sts.amazonaws.com'] }));
    const condition = { StringEquals: { [`${issuer}:sub`]: 'system:serviceaccount:default:default', [`${issuer}:aud`]: 'sts.amazonaws.com' } };
    const trust = policy({
      Effect: 'Allow',
      Principal: { Federated: OpenIDConnectProviderArn },
      Action: 'sts:AssumeRoleWithWebIdentity',
      Condition: condition,
    });
    const { Role } = await iam.send(new CreateRoleCommand({ RoleName: 'pods', AssumeRolePolicyDocument: trust }));
    const sts = new STSClient({ endpoint: env['AWS_ENDPOINT_URL'] ?? '', region: 'us-east-1', credentials: { accessKeyId: 'none', secretAccessKey: 'none' } });
    const assume = (WebIdentityToken: string) =>
      sts.send(new AssumeRoleWithWebIdentityCommand({ RoleArn: Role?.Arn, RoleSessionName: 'pod', WebIdentityToken }));
    assert.equal((await assume(token)).AssumedRoleUser?.Arn, 'arn:aws:sts::000000000000:assumed-role/pods/pod');
    const other = (await my.cluster.kubectl('create', 'token', 'default', '-n', 'kube-system', '--audience', 'sts.amazonaws.com')).trim();
    await assert.rejects(assume(other), { name: 'AccessDenied' });
    const [head, body] = token.split('.');
    await assert.rejects(assume(`${head}.${body}.${other.split('.')[2]}`), { name: 'InvalidIdentityTokenException' });
  });

  test('the aws CLI, by exports and by a profile', { skip: noCli }, async () => {
    const aws = (args: string[], more: Record<string, string>): Promise<Output> =>
      run('aws', args, { env: { HOME: my.cluster.dir, AWS_EC2_METADATA_DISABLED: 'true', ...more } });
    const shown = await aws(['sts', 'get-caller-identity', '--query', 'Arn', '--output', 'text'], env);
    assert.equal(`${shown.code} ${shown.out.trim()}`, '0 arn:aws:iam::000000000000:root', shown.err);
    const profile = await my.cluster.batuta('env', '--aws-config');
    mkdirSync(join(my.cluster.dir, '.aws'), { recursive: true });
    writeFileSync(join(my.cluster.dir, '.aws/config'), profile.out);
    const again = await aws(['--profile', 'batuta', 'sts', 'get-caller-identity', '--query', 'Account', '--output', 'text'], {});
    assert.equal(`${again.code} ${again.out.trim()}`, '0 000000000000', again.err);
    const unknown = await aws(['lambda', 'list-functions'], env);
    assert.notEqual(unknown.code, 0);
    assert.match(unknown.err, /Service lambda is not implemented here/);
  });

  test('boto3', { skip: noBoto }, async () => {
    const script = `
import boto3, json
from botocore.exceptions import ClientError
iam = boto3.client('iam')
iam.create_role(RoleName='py', AssumeRolePolicyDocument=json.dumps({'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Principal': {'Service': 'ecs-tasks.amazonaws.com'}, 'Action': 'sts:AssumeRole'}]}))
iam.attach_role_policy(RoleName='py', PolicyArn='arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy')
try:
    iam.delete_role(RoleName='py')
except ClientError as error:
    print(error.response['Error']['Code'])
print([p['PolicyName'] for p in iam.list_attached_role_policies(RoleName='py')['AttachedPolicies']])
print(iam.get_role(RoleName='py')['Role']['AssumeRolePolicyDocument']['Statement'][0]['Principal']['Service'])
`;
    const { out, err } = await run('python3', ['-c', script], { env: { ...env, HOME: my.cluster.dir } });
    assert.deepEqual(out.trim().split('\n'), ['DeleteConflict', "['AmazonECSTaskExecutionRolePolicy']", 'ecs-tasks.amazonaws.com'], err);
  });

  test('sessions and keys outlive a restart; reset leaves nothing', async () => {
    const iam = new IAMClient(config());
    await iam.send(new CreateUserCommand({ UserName: 'ben' }));
    await iam.send(
      new PutUserPolicyCommand({ UserName: 'ben', PolicyName: 'p', PolicyDocument: policy({ Effect: 'Allow', Action: 'iam:GetRole', Resource: '*' }) }),
    );
    const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName: 'ben' }));
    process.kill(my.cluster.pid(), 'SIGKILL');
    await my.cluster.up('--runtime', 'sim', '--nodes', '0', '--allow-reset');
    env = JSON.parse((await my.cluster.batuta('env', '--json')).out) as Record<string, string>;
    const his = new STSClient(config({ accessKeyId: AccessKey?.AccessKeyId ?? '', secretAccessKey: AccessKey?.SecretAccessKey ?? '' }));
    assert.equal((await his.send(new GetCallerIdentityCommand({}))).Arn, 'arn:aws:iam::000000000000:user/ben');
    const audit = await my.cluster.batuta('logs', '--audit');
    assert.match(audit.out, /"action":"GetCallerIdentity".*"arn":"arn:aws:iam::000000000000:user\/ben"/);
    const reset = await my.cluster.batuta('reset', '--aws');
    assert.equal(reset.code, 0, reset.err);
    await assert.rejects(his.send(new GetCallerIdentityCommand({})), { name: 'InvalidClientTokenId' });
    await assert.rejects(new IAMClient(config()).send(new GetRoleCommand({ RoleName: 'App' })), { name: 'NoSuchEntityException' });
    assert.match(await (await fetch(`${env['AWS_ENDPOINT_URL']}/_localstack/health`)).text(), /"sts": "(?:running|available)"/);
    const coverage = await my.cluster.batuta('aws-coverage');
    assert.match(coverage.out, /^iam: \d+ of \d+ actions$/m);
  });
});
