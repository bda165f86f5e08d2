import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { describe } from 'node:test';
import { background, cannotRunContainers, eventually, freePort, run, useCluster } from './harness.ts';

const noRegistry = spawnSync('docker-registry', ['--version']).error ? 'docker-registry is not installed' : undefined;

interface Pod {
  status: { containerStatuses?: { imageID: string; state: { waiting?: { reason: string; message: string }; running?: object } }[] };
}

describe('images from a registry', { skip: cannotRunContainers() ?? noRegistry ?? false }, () => {
  const my = useCluster();

  test('a node pulls from a registry, tells why it cannot, and recovers when it can', async () => {
    const { cluster } = my;
    const dir = join(cluster.dir, 'peer');
    mkdirSync(dir);
    const built = await run('sh', ['scripts/node.sh', 'scripts/make-hello-image.ts', dir]);
    assert.equal(built.code, 0, built.err);
    const port = await freePort();
    writeFileSync(
      join(dir, 'config.yml'),
      `version: 0.1\nlog: { level: error }\nstorage: { filesystem: { rootdirectory: ${dir}/data } }\nhttp: { addr: "127.0.0.1:${port}" }\n`,
    );
    const image = `127.0.0.1:${port}/team/hello:1`;
    await cluster.apply(
      JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'pulled' }, spec: { containers: [{ name: 'c', image, imagePullPolicy: 'Always' }] } }),
    );
    const status = async () => (await cluster.json<Pod>('get', 'pod', 'pulled')).status.containerStatuses?.[0];
    await eventually(
      'nobody listens: the pull fails and says so',
      async () =>
        /ErrImagePull|ImagePullBackOff/.test((await status())?.state.waiting?.reason ?? '') &&
        /connection refused/.test((await status())?.state.waiting?.message ?? ''),
    );
    const registry = background('docker-registry', ['serve', join(dir, 'config.yml')]);
    try {
      await eventually('the registry answers', async () => (await run('curl', ['-sf', `http://127.0.0.1:${port}/v2/`])).code === 0);
      const pushed = await run('skopeo', [
        'copy',
        '--insecure-policy',
        '--dest-tls-verify=false',
        `docker-archive:${join(dir, 'hello-1.tar')}`,
        `docker://${image}`,
      ]);
      assert.equal(pushed.code, 0, pushed.err);
      await cluster.kubectl('wait', '--for=condition=Ready', 'pod/pulled', '--timeout=90s');
      assert.match((await status())?.imageID ?? '', /127\.0\.0\.1:\d+\/team\/hello@sha256:[0-9a-f]{64}/);
      assert.match(await cluster.kubectl('get', 'events', '--field-selector', 'reason=Pulled'), /Successfully pulled image/);
    } finally {
      await registry.stop();
    }
  });
});
