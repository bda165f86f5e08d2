import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createServer, type Server } from 'node:http';
import test, { after, before, describe } from 'node:test';
import {
  CreateRepositoryCommand,
  DescribeImagesCommand,
  ECRClient,
  GetAuthorizationTokenCommand,
  ListImageReferrersCommand,
  type ImageDetail,
} from '@aws-sdk/client-ecr';
import { CreateAccessKeyCommand, CreateUserCommand, IAMClient, PutUserPolicyCommand } from '@aws-sdk/client-iam';
import { cannotRunContainers, eventually, freePort, run, useCluster } from './harness.ts';

const absent = ['podman', 'buildah', 'skopeo'].filter((program) => spawnSync(program, ['--version']).error);
const missing = absent.length > 0 ? `not installed: ${absent.join(', ')}` : undefined;
const noAws = spawnSync('aws', ['--version']).error !== undefined;

const imageType = 'application/vnd.oci.image.manifest.v1+json';
const indexType = 'application/vnd.oci.image.index.v1+json';
const emptyType = 'application/vnd.oci.empty.v1+json';
const sha = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`;

const hookPort = await freePort();

describe('podman, buildah and skopeo with ECR', { skip: cannotRunContainers() ?? missing ?? false }, () => {
  const my = useCluster('--runtime', 'sim', '--nodes', '0', '--event-webhook', `http://127.0.0.1:${hookPort}/events`);
  const root = { accessKeyId: 'test', secretAccessKey: 'test' };
  let client: ECRClient;
  let endpoint = '';
  let host = '';
  let image = '';
  let hook: Server;
  /** What the webhook got. */
  const told: { 'detail-type': string; detail: Record<string, unknown> }[] = [];

  /** Images and logins of these tests alone: nothing of the machine's own is read or written. */
  const storage = (): string[] => ['--root', join(my.cluster.dir, 'storage'), '--runroot', join(my.cluster.dir, 'run'), '--storage-driver', 'vfs'];
  const environment = (): NodeJS.ProcessEnv => ({
    HOME: my.cluster.dir,
    XDG_RUNTIME_DIR: join(my.cluster.dir, 'xdg'),
    REGISTRY_AUTH_FILE: join(my.cluster.dir, 'auth.json'),
  });
  const tool = (program: 'podman' | 'buildah', args: readonly string[], options: { input?: string } = {}) =>
    run(program, [...storage(), ...args], { ...options, env: environment() });
  async function done(program: 'podman' | 'buildah', ...args: string[]): Promise<string> {
    const { code, out, err } = await tool(program, args);
    assert.equal(code, 0, `${program} ${args.join(' ')}: ${err}`);
    return out.trim();
  }
  const skopeo = (...args: string[]) => run('skopeo', args, { env: environment() });
  /** Builds an image of one file, without any other image or network. */
  async function build(name: string, content: string, ...config: string[]): Promise<void> {
    const file = join(my.cluster.dir, 'content');
    writeFileSync(file, content);
    const container = await done('buildah', 'from', 'scratch');
    await done('buildah', 'copy', container, file, '/content');
    await done('buildah', 'config', ...config, container);
    await done('buildah', 'commit', '--rm', container, name);
  }
  async function passwordOf(credentials: typeof root): Promise<string> {
    const { authorizationData } = await new ECRClient({ endpoint, region: 'us-east-1', credentials }).send(new GetAuthorizationTokenCommand({}));
    return Buffer.from(authorizationData?.[0]?.authorizationToken ?? '', 'base64')
      .toString()
      .slice('AWS:'.length);
  }
  const login = (password: string, ...more: string[]) =>
    tool('podman', ['login', '--tls-verify=false', ...more, '--username', 'AWS', '--password-stdin', host], { input: password });

  after(() => hook.close());
  before(async () => {
    hook = createServer((request, response) => {
      let text = '';
      request.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      request.on('end', () => {
        told.push(JSON.parse(text) as (typeof told)[0]);
        response.end();
      });
    });
    await new Promise<void>((resolve) => hook.listen(hookPort, '127.0.0.1', resolve));
    mkdirSync(join(my.cluster.dir, 'xdg'));
    endpoint = (JSON.parse((await my.cluster.batuta('status', '--json')).out) as { endpoints: { aws: string } }).endpoints.aws;
    client = new ECRClient({ endpoint, region: 'us-east-1', credentials: root });
    const { repository } = await client.send(new CreateRepositoryCommand({ repositoryName: 'team/web' }));
    image = repository?.repositoryUri ?? '';
    host = image.split('/')[0] ?? '';
    const cli = ['ecr', 'get-login-password', '--endpoint-url', endpoint, '--region', 'us-east-1'];
    const password = noAws
      ? await passwordOf(root)
      : (await run('aws', cli, { env: { HOME: my.cluster.dir, AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' } })).out;
    const logged = await login(password);
    assert.equal(logged.code, 0, logged.err);
    await build(`${image}:1`, 'one');
    await done('podman', 'tag', `${image}:1`, 'localhost/not-yours:1');
  });

  test('buildah pushes, podman pulls and pushes, skopeo lists the tags', async () => {
    await done('buildah', 'push', '--tls-verify=false', `${image}:1`);
    await done('podman', 'rmi', '--force', `${image}:1`);
    await done('podman', 'pull', '--tls-verify=false', `${image}:1`);
    await done('podman', 'tag', `${image}:1`, `${image}:2`);
    await done('podman', 'push', '--tls-verify=false', `${image}:2`);
    const listed = await skopeo('list-tags', '--tls-verify=false', `docker://${image}`);
    assert.deepEqual((JSON.parse(listed.out) as { Tags: string[] }).Tags, ['1', '2'], listed.err);
    const searched = await done('podman', 'search', '--list-tags', '--tls-verify=false', image);
    for (const tag of ['1', '2']) assert.match(searched, new RegExp(`team/web\\s+${tag}(?:\\s|$)`));
    const { imageDetails } = await client.send(new DescribeImagesCommand({ repositoryName: 'team/web', imageIds: [{ imageTag: '1' }] }));
    assert.ok(imageDetails?.[0]?.lastRecordedPullTime instanceof Date);
  });

  test('a push by podman is scanned, and both are told to the webhook and in the log', async () => {
    const { repository } = await client.send(new CreateRepositoryCommand({ repositoryName: 'team/scanned', imageScanningConfiguration: { scanOnPush: true } }));
    const uri = repository?.repositoryUri ?? '';
    await done('podman', 'push', '--tls-verify=false', 'localhost/not-yours:1', `docker://${uri}:1`);
    const ours = (type: string) => told.find((event) => event['detail-type'] === type && event.detail['repository-name'] === 'team/scanned');
    const scan = await eventually('the scan is told of', async () => ours('ECR Image Scan'));
    // It has one file, and nothing that could be looked up.
    assert.deepEqual([scan.detail['scan-status'], scan.detail['image-tags']], ['UNSUPPORTED_IMAGE', ['1']]);
    assert.equal(ours('ECR Image Action')?.detail['action-type'], 'PUSH');
    const { out } = await my.cluster.batuta('logs', '--events');
    assert.ok(out.split('\n').includes(JSON.stringify(scan)), out);
  });

  test('an index of two platforms is pushed whole, and gives each platform its own', async () => {
    const index = `${image}-index`;
    await client.send(new CreateRepositoryCommand({ repositoryName: 'team/web-index' }));
    await done('podman', 'manifest', 'create', 'both');
    for (const arch of ['amd64', 'arm64']) {
      await build(`localhost/${arch}:1`, `for ${arch}`, '--arch', arch);
      await done('podman', 'manifest', 'add', '--arch', arch, 'both', `containers-storage:localhost/${arch}:1`);
    }
    await done('podman', 'manifest', 'push', '--all', '--tls-verify=false', 'both', `docker://${index}:all`);
    const raw = JSON.parse((await skopeo('inspect', '--raw', '--tls-verify=false', `docker://${index}:all`)).out) as {
      mediaType: string;
      manifests: { digest: string; platform: { architecture: string } }[];
    };
    assert.equal(raw.mediaType, indexType);
    assert.deepEqual(
      raw.manifests.map(({ platform }) => platform.architecture),
      ['amd64', 'arm64'],
    );
    await done('podman', 'pull', '--tls-verify=false', '--arch', 'arm64', `${index}:all`);
    assert.equal(await done('podman', 'image', 'inspect', '--format', '{{.Architecture}}', `${index}:all`), 'arm64');
    const { imageDetails } = await client.send(new DescribeImagesCommand({ repositoryName: 'team/web-index' }));
    assert.equal(imageDetails?.find((one: ImageDetail) => one.imageTags?.includes('all'))?.imageManifestMediaType, indexType);
    assert.equal(imageDetails?.length, 3);
  });

  test('a wrong password is refused; who may not push reads which permission he lacks', async () => {
    const elsewhere = ['--authfile', join(my.cluster.dir, 'bob.json')];
    assert.match((await login('wrong', ...elsewhere)).err, /invalid username\/password/);
    const iam = new IAMClient({ endpoint, region: 'us-east-1', credentials: root });
    await iam.send(new CreateUserCommand({ UserName: 'bob' }));
    const Action = ['ecr:GetAuthorizationToken', 'ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer', 'ecr:BatchCheckLayerAvailability'];
    Action.push('ecr:InitiateLayerUpload', 'ecr:UploadLayerPart', 'ecr:CompleteLayerUpload');
    const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action, Resource: '*' }] });
    await iam.send(new PutUserPolicyCommand({ UserName: 'bob', PolicyName: 'all-but-put', PolicyDocument }));
    const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName: 'bob' }));
    const password = await passwordOf({ accessKeyId: AccessKey?.AccessKeyId ?? '', secretAccessKey: AccessKey?.SecretAccessKey ?? '' });
    const logged = await login(password, ...elsewhere);
    assert.equal(logged.code, 0, logged.err);
    const pushed = await tool('podman', ['push', '--tls-verify=false', ...elsewhere, 'localhost/not-yours:1', `docker://${image}:bobs`]);
    assert.notEqual(pushed.code, 0);
    assert.match(pushed.err, /user\/bob is not authorized to perform: ecr:PutImage on resource: arn:aws:ecr:us-east-1:000000000000:repository\/team\/web/);
    const nowhere = await tool('podman', ['push', '--tls-verify=false', 'localhost/not-yours:1', `docker://${host}/team/none:1`]);
    assert.match(nowhere.err, /The repository with name 'team\/none' does not exist in the registry with id '000000000000'/);
  });

  test('artifacts as ORAS pushes them: attached to an image, found by their type, copied with it', async () => {
    await client.send(new CreateRepositoryCommand({ repositoryName: 'team/artifacts' }));
    const authorization = `Basic ${Buffer.from(`AWS:${await passwordOf(root)}`).toString('base64')}`;
    const call = async (method: string, path: string, body?: string, type = 'application/octet-stream') => {
      const headers = { authorization, ...(body === undefined ? {} : { 'content-type': type }) };
      const answer = await fetch(new URL(path, `http://${host}`), { method, headers, ...(body === undefined ? {} : { body }) });
      return { status: answer.status, headers: answer.headers, text: await answer.text() };
    };
    const at = '/v2/team/artifacts';
    for (const blob of ['{}', 'the SBOM', 'a signature']) {
      assert.equal((await call('HEAD', `${at}/blobs/${sha(blob)}`)).status, 404);
      const begun = await call('POST', `${at}/blobs/uploads/`);
      assert.equal(begun.status, 202, begun.text);
      const to = `${begun.headers.get('location')}?digest=${encodeURIComponent(sha(blob))}`;
      assert.equal((await call('PUT', to, blob)).status, 201);
    }
    const config = { mediaType: emptyType, digest: sha('{}'), size: 2 };
    const artifact = (blob: string, artifactType: string, more: object = {}): string =>
      JSON.stringify({
        schemaVersion: 2,
        mediaType: imageType,
        artifactType,
        config,
        layers: [{ mediaType: 'text/plain', digest: sha(blob), size: blob.length }],
        ...more,
      });
    const subject = artifact('the SBOM', 'application/vnd.example.thing');
    assert.equal((await call('PUT', `${at}/manifests/v1`, subject, imageType)).status, 201);
    const about = { subject: { mediaType: imageType, digest: sha(subject), size: subject.length }, annotations: { by: 'us' } };
    const attached = [artifact('the SBOM', 'application/spdx+json', about), artifact('a signature', 'application/vnd.example.signature', about)];
    for (const one of attached) {
      const put = await call('PUT', `${at}/manifests/${sha(one)}`, one, imageType);
      assert.deepEqual([put.status, put.headers.get('oci-subject')], [201, sha(subject)], put.text);
    }
    const all = JSON.parse((await call('GET', `${at}/referrers/${sha(subject)}`)).text) as { manifests: { digest: string }[] };
    assert.deepEqual(all.manifests.map(({ digest }) => digest).toSorted(), attached.map(sha).toSorted());
    const some = await call('GET', `${at}/referrers/${sha(subject)}?artifactType=application%2Fspdx%2Bjson`);
    assert.equal(some.headers.get('oci-filters-applied'), 'artifactType');
    const found = (JSON.parse(some.text) as { manifests: object[] }).manifests;
    assert.deepEqual(found, [
      {
        mediaType: imageType,
        digest: sha(attached[0] as string),
        size: (attached[0] as string).length,
        artifactType: 'application/spdx+json',
        annotations: { by: 'us' },
      },
    ]);
    const { referrers } = await client.send(new ListImageReferrersCommand({ repositoryName: 'team/artifacts', subjectId: { imageDigest: sha(subject) } }));
    assert.equal(referrers?.length, 2);
    for (const one of [...attached, subject]) assert.equal((await call('DELETE', `${at}/manifests/${sha(one)}`)).status, 202);
    const collected = await my.cluster.batuta('registry', 'gc', '--unused-for', '0s', '--json');
    assert.equal(collected.code, 0, collected.err);
    const { blobs } = JSON.parse(collected.out) as { blobs: number };
    assert.ok(blobs >= 2, collected.out);
    assert.equal((await call('HEAD', `${at}/blobs/${sha('a signature')}`)).status, 404);
  });
});
