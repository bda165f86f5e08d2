import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import test, { before, describe } from 'node:test';
import { CreateRepositoryCommand, DescribeImagesCommand, ECRClient, GetAuthorizationTokenCommand, SetRepositoryPolicyCommand } from '@aws-sdk/client-ecr';
import {
  CreateAccessKeyCommand,
  CreateRoleCommand,
  CreateUserCommand,
  DeleteAccessKeyCommand,
  IAMClient,
  PutRolePolicyCommand,
  PutUserPolicyCommand,
} from '@aws-sdk/client-iam';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { run, useCluster } from './harness.ts';

const noSkopeo = spawnSync('skopeo', ['--version']).error ? 'skopeo is not installed' : undefined;

interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}
interface Status {
  endpoints: { aws: string };
}
const document = (...Statement: object[]): string => JSON.stringify({ Version: '2012-10-17', Statement });

describe('who may push and pull', { skip: noSkopeo ?? false }, () => {
  const my = useCluster('--runtime', 'sim', '--nodes', '0');
  const root = { accessKeyId: 'test', secretAccessKey: 'test' };
  let endpoint = '';
  let image = '';
  let archive = '';
  const options = (credentials: Credentials) => ({ endpoint, region: 'us-east-1', credentials });
  /** Logs in as somebody; gives the file that skopeo reads. */
  const login = async (name: string, credentials: Credentials): Promise<string> => {
    const { authorizationData } = await new ECRClient(options(credentials)).send(new GetAuthorizationTokenCommand({}));
    const password = Buffer.from(authorizationData?.[0]?.authorizationToken ?? '', 'base64')
      .toString()
      .slice('AWS:'.length);
    const file = join(my.cluster.dir, `${name}.json`);
    const done = await run('skopeo', [
      'login',
      '--tls-verify=false',
      '--authfile',
      file,
      '--username',
      'AWS',
      '--password',
      password,
      image.split('/')[0] as string,
    ]);
    assert.equal(done.code, 0, done.err);
    return file;
  };
  const push = (file: string) =>
    run('skopeo', ['copy', '--insecure-policy', '--dest-tls-verify=false', '--authfile', file, `docker-archive:${archive}`, `docker://${image}`]);
  const pull = (file: string, to: string) =>
    run('skopeo', ['copy', '--insecure-policy', '--src-tls-verify=false', '--authfile', file, `docker://${image}`, `dir:${join(my.cluster.dir, to)}`]);

  before(async () => {
    const images = join(my.cluster.dir, 'images');
    mkdirSync(images);
    const built = await run('sh', ['scripts/node.sh', 'scripts/make-hello-image.ts', images]);
    assert.equal(built.code, 0, built.err);
    archive = join(images, 'hello-1.tar');
    endpoint = (JSON.parse((await my.cluster.batuta('status', '--json')).out) as Status).endpoints.aws;
    const { repository } = await new ECRClient(options(root)).send(new CreateRepositoryCommand({ repositoryName: 'team/app' }));
    image = `${repository?.repositoryUri}:1`;
    const pushed = await push(await login('root', root));
    assert.equal(pushed.code, 0, pushed.err);
  });

  test('a user without permissions is refused at the API, at push and at pull', async () => {
    const iam = new IAMClient(options(root));
    await iam.send(new CreateUserCommand({ UserName: 'bob' }));
    const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName: 'bob' }));
    const bob = { accessKeyId: AccessKey?.AccessKeyId ?? '', secretAccessKey: AccessKey?.SecretAccessKey ?? '' };
    const ecr = new ECRClient(options(bob));
    await assert.rejects(
      ecr.send(new DescribeImagesCommand({ repositoryName: 'team/app' })),
      /user\/bob is not authorized to perform: ecr:DescribeImages on resource/,
    );
    await assert.rejects(ecr.send(new GetAuthorizationTokenCommand({})), /not authorized to perform: ecr:GetAuthorizationToken/);
    await iam.send(
      new PutUserPolicyCommand({
        UserName: 'bob',
        PolicyName: 'login',
        PolicyDocument: document({ Effect: 'Allow', Action: 'ecr:GetAuthorizationToken', Resource: '*' }),
      }),
    );
    const file = await login('bob', bob);
    assert.match((await pull(file, 'refused')).err, /user\/bob is not authorized to perform: ecr:BatchGetImage/);
    assert.match((await push(file)).err, /403 \(Forbidden\)|denied/);
    await iam.send(
      new PutUserPolicyCommand({
        UserName: 'bob',
        PolicyName: 'pull',
        PolicyDocument: document({
          Effect: 'Allow',
          Action: ['ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer'],
          Resource: 'arn:aws:ecr:*:*:repository/team/*',
        }),
      }),
    );
    const allowed = await pull(file, 'bob');
    assert.equal(allowed.code, 0, allowed.err);
    await iam.send(new DeleteAccessKeyCommand({ UserName: 'bob', AccessKeyId: bob.accessKeyId }));
    assert.notEqual((await pull(file, 'gone')).code, 0);
  });

  test('a repository policy lets one role pull, and nothing else', async () => {
    const iam = new IAMClient(options(root));
    const trust = document({ Effect: 'Allow', Principal: { AWS: 'arn:aws:iam::000000000000:root' }, Action: 'sts:AssumeRole' });
    const sessions: Credentials[] = [];
    for (const RoleName of ['puller', 'other']) {
      const { Role } = await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: trust }));
      await iam.send(
        new PutRolePolicyCommand({
          RoleName,
          PolicyName: 'login',
          PolicyDocument: document({ Effect: 'Allow', Action: 'ecr:GetAuthorizationToken', Resource: '*' }),
        }),
      );
      const { Credentials: given } = await new STSClient(options(root)).send(new AssumeRoleCommand({ RoleArn: Role?.Arn ?? '', RoleSessionName: 'session' }));
      sessions.push({ accessKeyId: given?.AccessKeyId ?? '', secretAccessKey: given?.SecretAccessKey ?? '', sessionToken: given?.SessionToken ?? '' });
    }
    const pullers = {
      Sid: 'Pull',
      Effect: 'Allow',
      Principal: { AWS: 'arn:aws:iam::000000000000:role/puller' },
      Action: ['ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer'],
    };
    await new ECRClient(options(root)).send(new SetRepositoryPolicyCommand({ repositoryName: 'team/app', policyText: document(pullers) }));
    const [puller, other] = [await login('puller', sessions[0] as Credentials), await login('other', sessions[1] as Credentials)];
    const allowed = await pull(puller, 'puller');
    assert.equal(allowed.code, 0, allowed.err);
    assert.match((await pull(other, 'other')).err, /assumed-role\/other\/session is not authorized to perform: ecr:BatchGetImage/);
    assert.notEqual((await push(puller)).code, 0);
  });
});
