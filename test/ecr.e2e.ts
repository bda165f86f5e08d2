import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { before, describe } from 'node:test';
import {
  BatchGetImageCommand,
  CreateRepositoryCommand,
  DescribeImagesCommand,
  DescribeRepositoriesCommand,
  ECRClient,
  GetAuthorizationTokenCommand,
  ListImagesCommand,
  DeleteRepositoryPolicyCommand,
  PutImageTagMutabilityCommand,
  SetRepositoryPolicyCommand,
} from '@aws-sdk/client-ecr';
import { cannotRunContainers, run, useCluster } from './harness.ts';

const noSkopeo = spawnSync('skopeo', ['--version']).error ? 'skopeo is not installed' : undefined;

interface Status {
  endpoints: { registry: string; aws: string };
}

describe('ECR', { skip: cannotRunContainers() ?? noSkopeo ?? false }, () => {
  const my = useCluster();
  let client: ECRClient;
  let images = '';
  let port = '';
  /** Host of repositories that every client of this machine reaches. */
  let host = '';
  let password = '';

  before(async () => {
    images = join(my.cluster.dir, 'images');
    mkdirSync(images);
    const built = await run('sh', ['scripts/node.sh', 'scripts/make-hello-image.ts', images]);
    assert.equal(built.code, 0, built.err);
    const { endpoints } = JSON.parse((await my.cluster.batuta('status', '--json')).out) as Status;
    port = new URL(endpoints.registry).port;
    client = new ECRClient({ endpoint: endpoints.aws, region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } });
    const { repository } = await client.send(new CreateRepositoryCommand({ repositoryName: 'team/hello' }));
    host = repository?.repositoryUri?.split('/')[0] ?? '';
    const { authorizationData } = await client.send(new GetAuthorizationTokenCommand({}));
    password = Buffer.from(authorizationData?.[0]?.authorizationToken ?? '', 'base64')
      .toString()
      .slice('AWS:'.length);
  });
  const push = (tar: string, image: string, ...more: string[]) =>
    run('skopeo', ['copy', '--insecure-policy', '--dest-tls-verify=false', ...more, `docker-archive:${join(images, tar)}`, `docker://${image}`]);

  test('skopeo needs a login, and pushes with it what the API then lists', async () => {
    const without = await push('hello-1.tar', `${host}/team/hello:1`);
    assert.notEqual(without.code, 0);
    assert.match(without.err, /authentication required|unauthorized|Not Authorized/i);
    const auth = join(my.cluster.dir, 'auth.json');
    const login = await run('skopeo', ['login', '--tls-verify=false', '--authfile', auth, '--username', 'AWS', '--password', password, host]);
    assert.equal(login.code, 0, login.err);
    const pushed = await push('hello-1.tar', `${host}/team/hello:1`, '--authfile', auth);
    assert.equal(pushed.code, 0, pushed.err);
    const { imageIds } = await client.send(new ListImagesCommand({ repositoryName: 'team/hello' }));
    assert.deepEqual(
      imageIds?.map((id) => id.imageTag),
      ['1'],
    );
    const unknown = await push('hello-1.tar', `${host}/team/none:1`, '--authfile', auth);
    assert.match(unknown.err, /The repository with name 'team\/none' does not exist in the registry with id '000000000000'/);
    await client.send(new PutImageTagMutabilityCommand({ repositoryName: 'team/hello', imageTagMutability: 'IMMUTABLE' }));
    const again = await push('hello-2.tar', `${host}/team/hello:1`, '--authfile', auth);
    assert.match(again.err, /cannot be overwritten because the tag is immutable/);
  });

  test('a repository policy has its say at every pull', async () => {
    const inspect = () =>
      run('skopeo', ['inspect', '--raw', '--tls-verify=false', '--authfile', join(my.cluster.dir, 'auth.json'), `docker://${host}/team/hello:1`]);
    const Statement = [{ Sid: 'NoPulls', Effect: 'Deny', Principal: '*', Action: 'ecr:BatchGetImage' }];
    await client.send(new SetRepositoryPolicyCommand({ repositoryName: 'team/hello', policyText: JSON.stringify({ Version: '2012-10-17', Statement }) }));
    const refused = await inspect();
    assert.match(
      refused.err,
      /not authorized to perform: ecr:BatchGetImage on resource: arn:aws:ecr:us-east-1:000000000000:repository\/team\/hello with an explicit deny in a resource-based policy/,
    );
    await client.send(new DeleteRepositoryPolicyCommand({ repositoryName: 'team/hello' }));
    assert.equal((await inspect()).code, 0);
  });

  test('pods run it by its name at Amazon, by its URI, and without a secret', async () => {
    const { repositories } = await client.send(new DescribeRepositoriesCommand({}));
    const names = {
      amazon: '000000000000.dkr.ecr.us-east-1.amazonaws.com/team/hello:1',
      uri: `${repositories?.[0]?.repositoryUri}:1`,
      localhost: `000000000000.dkr.ecr.us-east-1.localhost:${port}/team/hello:1`,
    };
    for (const [name, image] of Object.entries(names)) {
      await my.cluster.apply(
        JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: { containers: [{ name: 'c', image, imagePullPolicy: 'Always' }] } }),
      );
    }
    await my.cluster.kubectl('wait', '--for=condition=Ready', ...Object.keys(names).map((name) => `pod/${name}`), '--timeout=120s');
    const { imageDetails } = await client.send(new DescribeImagesCommand({ repositoryName: 'team/hello' }));
    assert.ok(imageDetails?.[0]?.lastRecordedPullTime instanceof Date);
    // containerd has the layers as they lie in the registry: the same files, not copies that went over the network.
    const manifest = await client.send(new BatchGetImageCommand({ repositoryName: 'team/hello', imageIds: [{ imageTag: '1' }] }));
    const { layers } = JSON.parse(manifest.images?.[0]?.imageManifest ?? '{}') as { layers: { digest: string }[] };
    assert.ok(layers.length > 0);
    for (const { digest } of layers) {
      const hex = digest.slice('sha256:'.length);
      const ours = statSync(join(my.cluster.dir, 'registry/blobs/sha256', hex.slice(0, 2), hex));
      const theirs = statSync(join(my.cluster.dir, 'containerd/root/io.containerd.content.v1.content/blobs/sha256', hex));
      assert.equal(theirs.ino, ours.ino);
    }
  });

  test('kubectl shows what ECR keeps; the plain registry beside it asks nobody', async () => {
    assert.match(await my.cluster.kubectl('get', 'ecrrepositories'), /000000000000 +us-east-1 +team\/hello +IMMUTABLE/);
    const plain = await push('hello-1.tar', `localhost:${port}/team/hello:1`);
    assert.equal(plain.code, 0, plain.err);
    const refused = await run('curl', [
      '-s',
      '-o',
      '/dev/null',
      '-w',
      '%{http_code}',
      `http://127.0.0.1:${port}/v2/team/hello/manifests/1?ns=000000000000.dkr.ecr.us-east-1.amazonaws.com`,
    ]);
    assert.equal(refused.out, '401');
  });

  // Last: what it fetches, containerd then has for the pods, too.
  test('ctr pulls with a hosts directory of its own', async () => {
    const tagged = await push('hello-2.tar', `${host}/team/hello:ctr`, '--authfile', join(my.cluster.dir, 'auth.json'));
    assert.equal(tagged.code, 0, tagged.err);
    const hosts = join(my.cluster.dir, 'hosts.d');
    mkdirSync(join(hosts, host), { recursive: true });
    writeFileSync(join(hosts, host, 'hosts.toml'), `server = "http://${host}"\n[host."http://${host}"]\n  capabilities = ["pull", "resolve"]\n`);
    const pull = (user: string) =>
      run('ctr', [
        '--address',
        `/run/batuta/${my.cluster.id}/c/containerd.sock`,
        '--namespace',
        'by-hand',
        'images',
        'pull',
        '--hosts-dir',
        hosts,
        '--user',
        user,
        `${host}/team/hello:ctr`,
      ]);
    assert.notEqual((await pull('AWS:wrong')).code, 0);
    const pulled = await pull(`AWS:${password}`);
    assert.equal(pulled.code, 0, pulled.err);
    assert.match(pulled.out, /done/);
  });
});
