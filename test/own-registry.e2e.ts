import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import test, { before, describe } from 'node:test';
import { cannotRunContainers, eventually, run, useCluster } from './harness.ts';

const noSkopeo = spawnSync('skopeo', ['--version']).error ? 'skopeo is not installed' : undefined;

interface Status {
  endpoints: { registry: string };
}
interface Pod {
  status: { containerStatuses?: { imageID: string }[] };
}

describe('the registry of an instance', { skip: cannotRunContainers() ?? noSkopeo ?? false }, () => {
  const my = useCluster();
  let images = '';
  let host = '';
  const skopeo = async (...args: string[]): Promise<string> => {
    const result = await run('skopeo', args);
    assert.equal(result.code, 0, `skopeo ${args.join(' ')}: ${result.err}`);
    return result.out;
  };
  const push = (tar: string, image: string, ...more: string[]): Promise<string> =>
    skopeo('copy', '--insecure-policy', '--dest-tls-verify=false', ...more, `docker-archive:${join(images, tar)}`, `docker://${host}/${image}`);
  const find = async (): Promise<void> => {
    host = new URL((JSON.parse((await my.cluster.batuta('status', '--json')).out) as Status).endpoints.registry).host;
  };

  before(async () => {
    images = join(my.cluster.dir, 'images');
    mkdirSync(images);
    const built = await run('sh', ['scripts/node.sh', 'scripts/make-hello-image.ts', images]);
    assert.equal(built.code, 0, built.err);
    await find();
  });

  test('skopeo pushes, lists, inspects, copies and deletes', async () => {
    await push('hello-1.tar', 'team/hello:1');
    await push('hello-2.tar', 'team/hello:2', '--format=oci');
    const tags = JSON.parse(await skopeo('list-tags', '--tls-verify=false', `docker://${host}/team/hello`)) as { Tags: string[] };
    assert.deepEqual(tags.Tags, ['1', '2']);
    const raw = JSON.parse(await skopeo('inspect', '--raw', '--tls-verify=false', `docker://${host}/team/hello:2`)) as { mediaType: string };
    assert.equal(raw.mediaType, 'application/vnd.oci.image.manifest.v1+json');
    await skopeo(
      'copy',
      '--insecure-policy',
      '--src-tls-verify=false',
      '--dest-tls-verify=false',
      `docker://${host}/team/hello:1`,
      `docker://${host}/other/copy:1`,
    );
    await skopeo('copy', '--insecure-policy', '--src-tls-verify=false', `docker://${host}/other/copy:1`, `dir:${join(my.cluster.dir, 'copied')}`);
    assert.ok(readdirSync(join(my.cluster.dir, 'copied')).length >= 3);
    await skopeo('delete', '--tls-verify=false', `docker://${host}/other/copy:1`);
    const gone = await run('skopeo', ['inspect', '--tls-verify=false', `docker://${host}/other/copy:1`]);
    assert.match(gone.err, /manifest unknown/);
  });

  test('a Pod runs what was pushed, by the name that it was pushed under', async () => {
    const pod = (name: string, image: string): string =>
      JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: { containers: [{ name: 'c', image, imagePullPolicy: 'Always' }] } });
    const port = host.split(':')[1];
    await my.cluster.apply(pod('by-address', `${host}/team/hello:1`));
    await my.cluster.apply(pod('by-name', `localhost:${port}/team/hello:2`));
    await my.cluster.kubectl('wait', '--for=condition=Ready', 'pod/by-address', 'pod/by-name', '--timeout=90s');
    const { status } = await my.cluster.json<Pod>('get', 'pod', 'by-name');
    assert.match(status.containerStatuses?.[0]?.imageID ?? '', /^localhost:\d+\/team\/hello@sha256:[0-9a-f]{64}$/);
    await my.cluster.apply(pod('nothing', `${host}/team/none:1`));
    await eventually('the reason is told', async () => /not found/.test(await my.cluster.kubectl('get', 'events', '--field-selector', 'reason=Failed')));
  });

  test('after kill -9 everything that was acknowledged is there', async () => {
    await push('hello-1.tar', 'kept/hello:1');
    const before = await skopeo('inspect', '--raw', '--tls-verify=false', `docker://${host}/kept/hello:1`);
    process.kill(my.cluster.pid(), 'SIGKILL');
    await eventually('it is dead', async () => (await my.cluster.batuta('status')).code !== 0);
    await my.cluster.up();
    await find();
    assert.equal(await skopeo('inspect', '--raw', '--tls-verify=false', `docker://${host}/kept/hello:1`), before);
    await skopeo('copy', '--insecure-policy', '--src-tls-verify=false', `docker://${host}/kept/hello:1`, `dir:${join(my.cluster.dir, 'again')}`);
  });

  test('layers are kept once, however many repositories have them', async () => {
    const blobs = join(my.cluster.dir, 'registry/blobs');
    const size = (): number =>
      readdirSync(blobs, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
    const before = size();
    await push('hello-1.tar', 'yet/another:1');
    assert.equal(size(), before);
  });
});
