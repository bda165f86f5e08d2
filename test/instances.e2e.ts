import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { before, describe } from 'node:test';
import { cannotRunContainers, createCluster, destroy, eventually, leftovers, root, run, type Cluster } from './harness.ts';

interface Status {
  pid: number;
  ready: boolean;
  endpoints: { kubernetes: string; aws: string | null; registry: string | null; dashboard: string | null; loadBalancers: Record<string, string> };
  nodes: { name: string; ready: boolean }[];
}

describe('instances', { skip: cannotRunContainers() ?? false }, () => {
  before(async () => {
    const built = await run('sh', ['scripts/node.sh', 'scripts/make-hello-image.ts', 'dist/images']);
    assert.equal(built.code, 0, built.err);
  });
  const hello = (name: string): string =>
    `apiVersion: v1\nkind: Pod\nmetadata: { name: ${name}, labels: { app: ${name} } }\nspec: { containers: [{ name: c, image: "hello:1" }] }\n---\napiVersion: v1\nkind: Service\nmetadata: { name: ${name} }\nspec: { selector: { app: ${name} }, ports: [{ port: 80, targetPort: 8080 }] }\n`;
  const answers = async (cluster: Cluster, name: string): Promise<boolean> => {
    const ip = await cluster.kubectl('get', 'service', name, '-o', 'jsonpath={.spec.clusterIP}');
    return /hello 1/.test((await run('curl', ['-sS', '--max-time', '3', `http://${ip}`])).out);
  };

  test('two instances live side by side, and ending one does not touch the other', async () => {
    const [a, b] = [await createCluster(), await createCluster()];
    try {
      await Promise.all([a.up('--preload', join(root, 'dist/images')), b.up('--nodes', '2', '--preload', join(root, 'dist/images'))]);
      await Promise.all([a.apply(hello('one')), b.apply(hello('two'))]);
      await eventually('both answer', async () => (await answers(a, 'one')) && (await answers(b, 'two')));
      const status = JSON.parse((await b.batuta('status', '--json')).out) as Status;
      assert.equal(status.ready, true);
      assert.deepEqual(
        status.nodes.map((n) => n.name),
        ['node-1', 'node-2'],
      );
      assert.equal(status.endpoints.kubernetes, `https://127.0.0.1:${b.kubePort}`);
      assert.equal(status.pid, b.pid());
      await destroy(a);
      assert.equal(await answers(b, 'two'), true);
      assert.equal((await b.batuta('status')).code, 0);
    } finally {
      if (existsSync(a.dir)) await destroy(a);
      await destroy(b);
    }
  });

  test('down after kill -9 removes what the dead process left', async () => {
    const cluster = await createCluster();
    await cluster.up('--preload', join(root, 'dist/images'));
    await cluster.apply(hello('left'));
    await cluster.kubectl('wait', '--for=condition=Ready', 'pod/left', '--timeout=120s');
    process.kill(cluster.pid(), 'SIGKILL');
    await eventually('it is dead', async () => (await cluster.batuta('status')).code !== 0);
    assert.ok(leftovers(cluster).length > 3, 'the containers live on');
    await destroy(cluster);
  });

  test('images are imported and listed, and a file that is no archive is refused', async () => {
    const cluster = await createCluster();
    try {
      await cluster.up();
      const imported = await cluster.batuta('image', 'import', join(root, 'dist/images/hello-2.tar'));
      assert.match(imported.out, /imported docker.io\/library\/hello:2/);
      assert.match((await cluster.batuta('image', 'ls')).out, /docker.io\/library\/hello:2/);
      const oci = join(cluster.dir, 'oci.tar');
      const copied = await run('skopeo', ['copy', `docker-archive:${join(root, 'dist/images/hello-1.tar')}`, `oci-archive:${oci}:from-oci:7`]);
      assert.equal(copied.code, 0, copied.err);
      assert.match((await cluster.batuta('image', 'import', oci)).out, /from-oci:7/);
      const junk = join(cluster.dir, 'junk.tar');
      writeFileSync(junk, 'not an archive at all');
      const refused = await cluster.batuta('image', 'import', junk);
      assert.equal(refused.code, 1);
      assert.match(refused.err, /junk\.tar|archive/);
      assert.equal(refused.err.trim().split('\n').length, 1);
      assert.equal((await cluster.batuta('image', 'import', '/nowhere.tar')).code, 1);
    } finally {
      await destroy(cluster);
    }
  });

  test('an archive that is none: up says so and ends, and the rest runs', async () => {
    const cluster = await createCluster();
    try {
      const archives = join(cluster.dir, 'archives');
      mkdirSync(archives);
      writeFileSync(join(archives, 'junk.tar'), 'not an archive at all');
      const result = await cluster.batuta('up', '--detach', '--wait', '--preload', archives, ...cluster.ports);
      assert.equal(result.code, 1);
      assert.match(result.err, /^batuta up: images: .*junk\.tar.*the rest runs/);
      assert.match(await cluster.kubectl('get', 'namespace', 'default'), /Active/);
    } finally {
      await destroy(cluster);
    }
  });

  test('without containerd on the machine, --runtime containerd says how to get it, and auto runs simulated nodes', async () => {
    const cluster = await createCluster();
    const bin = join(cluster.dir, 'bin');
    mkdirSync(bin);
    // A PATH and a root without containerd: findProgram also looks in the system directories, so hide it by name.
    for (const tool of ['sh', 'dirname', 'readlink', 'uname']) symlinkSync((await run('which', [tool])).out.trim(), join(bin, tool));
    const env = { PATH: bin, BATUTA_PROGRAM_DIRS: bin };
    const asked = await run(join(root, 'bin/batuta'), ['up', '--detach', '--runtime', 'containerd', '--data-dir', cluster.dir, ...cluster.ports], { env });
    assert.equal(asked.code, 1);
    assert.match(asked.err, /containerd.*apt-get install/);
    const doctor = await run(join(root, 'bin/batuta'), ['doctor', '--data-dir', cluster.dir], { env });
    assert.equal(doctor.code, 1);
    assert.match(doctor.out, /✗ containerd[\s\S]*fix: apt-get install -y containerd/);
    chmodSync(bin, 0o755);
    try {
      const auto = await run(join(root, 'bin/batuta'), ['up', '--detach', '--wait', '--data-dir', cluster.dir, ...cluster.ports], {
        env,
      });
      assert.equal(auto.code, 0, auto.err);
      assert.match(await cluster.kubectl('get', 'nodes'), /sim-00001\s+Ready/);
      assert.match(readFileSync(join(cluster.dir, 'batuta.log'), 'utf8'), /simulated/);
    } finally {
      await destroy(cluster);
    }
  });

  test('env, kubeconfig, logs, version, doctor and completion do what they say', async () => {
    const cluster = await createCluster();
    try {
      assert.equal((await cluster.batuta('env')).code, 1);
      await cluster.up('--runtime', 'sim');
      const env = await cluster.batuta('env');
      for (const name of ['KUBECONFIG', 'AWS_ENDPOINT_URL', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_REGION'])
        assert.match(env.out, new RegExp(`^export ${name}=`, 'm'));
      assert.equal((await cluster.batuta('kubeconfig')).out, readFileSync(cluster.kubeconfig, 'utf8'));
      assert.match((await cluster.batuta('logs', '--tail', '50')).out, /the Kubernetes API answers/);
      assert.match((await run('bin/batuta', ['version'])).out, /^batuta \d/);
      assert.match((await run('bin/batuta', ['completion', 'bash'])).out, /complete -o default -F _batuta/);
      for (const command of ['up', 'down', 'status', 'env', 'kubeconfig', 'image', 'logs', 'doctor', 'version', 'completion']) {
        const help = await run('bin/batuta', [command, '--help']);
        assert.equal(help.code, 0);
        assert.match(help.out, new RegExp(`Usage: bin/batuta ${command}`));
      }
    } finally {
      await destroy(cluster);
    }
  });
});
