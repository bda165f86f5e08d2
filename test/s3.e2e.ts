import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createCluster, destroy, run, type Cluster, type Output } from './harness.ts';

const lacks = (program: string): string | false => (spawnSync(program, ['--version']).error ? `${program} is not installed` : false);
const lacksBoto3 = (): string | false => (spawnSync('python3', ['-c', 'import boto3']).status === 0 ? false : 'boto3 is not installed');

describe('S3', () => {
  const dir = mkdtempSync(join(tmpdir(), 'batuta-s3-'));
  let cluster: Cluster;
  let env: NodeJS.ProcessEnv;

  before(async () => {
    cluster = await createCluster();
    await cluster.up('--runtime', 'sim', '--nodes', '1');
    const { out } = await cluster.batuta('status', '--json');
    const { aws } = (JSON.parse(out) as { endpoints: { aws: string } }).endpoints;
    env = { AWS_ENDPOINT_URL: aws, AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test', AWS_REGION: 'us-east-1', HOME: dir };
    env['AWS_CONFIG_FILE'] = join(dir, 'config');
    writeFileSync(join(dir, 'v4'), '[default]\ns3 =\n  signature_version = s3v4\n');
  });
  after(async () => {
    await destroy(cluster);
    rmSync(dir, { recursive: true, force: true });
  });
  const aws = (...args: string[]): Promise<Output> => run('aws', args, { env, cwd: dir });
  async function ok(...args: string[]): Promise<string> {
    const { code, out, err } = await aws(...args);
    assert.equal(code, 0, `aws ${args.join(' ')}: ${err}${out}`);
    return out;
  }

  test('the aws CLI: buckets, large files in parts, sync, presigned URLs', { skip: lacks('aws') }, async () => {
    await ok('s3', 'mb', 's3://demo');
    const big = randomBytes(20_000_000);
    writeFileSync(join(dir, 'big'), big);
    await ok('s3', 'cp', 'big', 's3://demo/big', '--no-progress');
    await ok('s3', 'cp', 's3://demo/big', 'got', '--no-progress');
    assert.ok(readFileSync(join(dir, 'got')).equals(big));
    mkdirSync(join(dir, 'tree/x'), { recursive: true });
    writeFileSync(join(dir, 'tree/x/sp ace+ü'), '1');
    await ok('s3', 'sync', 'tree', 's3://demo/tree');
    assert.equal(await ok('s3', 'sync', 'tree', 's3://demo/tree'), '');
    assert.match(await ok('s3', 'ls', 's3://demo/tree/x/'), /sp ace\+ü/);
    for (const [config, form] of [
      ['config', /[?&](?:AWSAccessKeyId|X-Amz-Signature)=/],
      ['v4', /[?&]X-Amz-Signature=/],
    ] as const) {
      const presigned = await run('aws', ['s3', 'presign', 's3://demo/tree/x/sp ace+ü'], { env: { ...env, AWS_CONFIG_FILE: join(dir, config) }, cwd: dir });
      const url = presigned.out.trim();
      assert.match(url, form, presigned.err);
      const got = await run('curl', ['-sS', '--fail-with-body', url], { env, cwd: dir });
      assert.equal(`${got.code} ${got.out}`, '0 1', got.err);
      assert.equal((await fetch(url.replace('demo', 'other'))).status, 403);
      assert.equal((await fetch(`${url}&tagging`)).status, 403);
    }
    assert.equal((await fetch(`${env['AWS_ENDPOINT_URL']}/demo/big`)).status, 403);
  });

  test('boto3: URLs presigned as they are when nothing is set, one with metadata', { skip: lacksBoto3() }, async () => {
    const script = `import boto3
s3 = boto3.client('s3')
s3.create_bucket(Bucket='links')
for method, more in ('put_object', {'Metadata': {'a': 'b'}}), ('get_object', {'ResponseContentType': 'text/x; q="a&b"'}):
    print(s3.generate_presigned_url(method, Params={'Bucket': 'links', 'Key': 'a b', **more}))`;
    const { out, err } = await run('python3', ['-c', script], { env, cwd: dir });
    const [put = '', get = ''] = out.split('\n');
    assert.match(put, /[?&]AWSAccessKeyId=/, err);
    assert.equal((await fetch(get, { method: 'PUT', body: Buffer.from('x') })).status, 403);
    const answer = await fetch(put, { method: 'PUT', body: Buffer.from('hello') });
    assert.equal(answer.status, 200, await answer.text());
    const got = await fetch(get);
    assert.equal(await got.text(), 'hello');
    assert.deepEqual([got.headers.get('content-type'), got.headers.get('x-amz-meta-a')], ['text/x; q="a&b"', 'b']);
  });

  test('conditional writes, versions and what a bucket answers', { skip: lacks('aws') }, async () => {
    await ok('s3', 'mb', 's3://versions');
    await ok('s3api', 'put-bucket-versioning', '--bucket', 'versions', '--versioning-configuration', 'Status=Enabled');
    writeFileSync(join(dir, 'one'), 'one');
    const put = ['s3api', 'put-object', '--bucket', 'versions', '--key', 'lock', '--body', 'one', '--if-none-match', '*'];
    await ok(...put);
    assert.match((await aws(...put)).err, /\(PreconditionFailed\)/);
    await ok('s3', 'rm', 's3://versions/lock');
    const listed = JSON.parse(await ok('s3api', 'list-object-versions', '--bucket', 'versions', '--output', 'json')) as {
      Versions: unknown[];
      DeleteMarkers: unknown[];
    };
    assert.deepEqual([listed.Versions.length, listed.DeleteMarkers.length], [1, 1]);
    assert.match((await aws('s3', 'rb', 's3://versions')).err, /BucketNotEmpty/);
    assert.match((await aws('s3api', 'get-object', '--bucket', 'versions', '--key', 'lock', 'x')).err, /\(NoSuchKey\)/);
    assert.match((await aws('s3api', 'get-bucket-policy', '--bucket', 'versions')).err, /\(NoSuchBucketPolicy\)/);
  });

  test('what was answered is there after kill -9', { skip: lacks('aws') }, async () => {
    await ok('s3', 'mb', 's3://kept');
    await ok('s3', 'cp', 'big', 's3://kept/big', '--no-progress');
    process.kill(cluster.pid(), 'SIGKILL');
    const port = new URL(env['AWS_ENDPOINT_URL'] as string).port;
    await cluster.up('--runtime', 'sim', '--nodes', '1', '--aws-port', port);
    await ok('s3', 'cp', 's3://kept/big', 'again', '--no-progress');
    assert.ok(readFileSync(join(dir, 'again')).equals(readFileSync(join(dir, 'big'))));
  });

  test("backups go to the instance's own S3, and aws s3 ls shows them", { skip: lacks('aws') }, async () => {
    const { code, out, err } = await cluster.batuta('backup', 'create', '--json');
    assert.equal(code, 0, err);
    const { id } = JSON.parse(out) as { id: string };
    assert.match(await ok('s3', 'ls', 's3://batuta-backups/backups/'), new RegExp(`${id}.json`));
    assert.equal((await cluster.batuta('backup', 'verify')).code, 0);
    assert.equal((await cluster.batuta('backup', 'restore', id)).code, 0);
  });

  test("Terraform's backend, with its lock file", { skip: lacks('terraform') || lacks('aws') }, async () => {
    await ok('s3', 'mb', 's3://state');
    const cwd = join(dir, 'terraform');
    mkdirSync(cwd);
    writeFileSync(
      join(cwd, 'main.tf'),
      `terraform {
  backend "s3" {
    bucket         = "state"
    key            = "app/state"
    region         = "us-east-1"
    use_lockfile   = true
    use_path_style = true
  }
}
resource "terraform_data" "x" { input = "hello" }
`,
    );
    const terraform = async (...args: string[]): Promise<void> => {
      const { code, out, err } = await run('terraform', [...args, '-no-color', '-input=false'], { env, cwd });
      assert.equal(code, 0, `terraform ${args.join(' ')}: ${out}${err}`);
    };
    await terraform('init');
    await terraform('apply', '-auto-approve');
    await terraform('plan', '-detailed-exitcode');
    await ok('s3api', 'put-object', '--bucket', 'state', '--key', 'app/state.tflock', '--body', 'one');
    const locked = await run('terraform', ['plan', '-no-color', '-input=false'], { env, cwd });
    assert.equal(locked.code, 1);
    assert.match(locked.err, /PreconditionFailed|state lock/);
  });
});
