import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { before, describe } from 'node:test';
import { randomBytes } from 'node:crypto';
import { background, cannotRunContainers, eventually, freePort, kubectlVersions, root, run, useCluster } from './harness.ts';

interface PodList {
  items: {
    metadata: { name: string; uid: string };
    status: { phase: string; podIP: string; containerStatuses: { restartCount: number; containerID: string }[] };
  }[];
}

describe('the five-minute tour', { skip: cannotRunContainers() ?? false }, () => {
  const images = join(root, 'dist/images');
  before(async () => {
    const built = await run('sh', ['scripts/node.sh', 'scripts/make-hello-image.ts', 'dist/images']);
    assert.equal(built.code, 0, built.err);
  });
  const my = useCluster('--preload', images);

  test('the node is Ready and the system namespaces exist', async () => {
    assert.match(await my.cluster.kubectl('get', 'nodes'), /node-1\s+Ready/);
    assert.match(await my.cluster.kubectl('get', 'ns'), /kube-system\s+Active/);
    assert.match(await my.cluster.kubectl('get', 'serviceaccount', 'default'), /default/);
  });

  test('the example applies and rolls out', async () => {
    await my.cluster.kubectl('apply', '-f', join(root, 'examples/hello'));
    assert.match(await my.cluster.kubectl('rollout', 'status', 'deployment/hello', '--timeout=120s'), /successfully rolled out/);
    assert.match(await my.cluster.kubectl('get', 'pods', '-o', 'wide'), /hello-\S+\s+1\/1\s+Running\s+0\s+\S+\s+10\.\d+\.\d+\.\d+\s+node-1/);
  });

  test('the Service answers on its cluster IP from the host, on its node port, and by name from a pod', async () => {
    const service = await my.cluster.json<{ spec: { clusterIP: string; ports: { nodePort: number }[] } }>('get', 'service', 'hello');
    const answer = async (url: string): Promise<string> => (await run('curl', ['-sS', '--max-time', '5', url])).out;
    await eventually('cluster IP answers', async () => /hello/i.test(await answer(`http://${service.spec.clusterIP}`)));
    assert.match(await answer(`http://127.0.0.1:${service.spec.ports[0]?.nodePort}`), /hello/i);
    const pods = await my.cluster.json<PodList>('get', 'pods', '-l', 'app=hello');
    const pod = pods.items[0]?.metadata.name ?? '';
    for (const name of ['hello', 'hello.default', 'hello.default.svc.cluster.local', service.spec.clusterIP]) {
      assert.match(await my.cluster.kubectl('exec', pod, '--', 'wget', '-qO-', `http://${name}`), /hello/i, name);
    }
  });

  for (const program of kubectlVersions()) {
    const label = program.split('/').pop();
    test(`${label}: logs, exec, cp and port-forward`, async () => {
      const pods = await my.cluster.json<PodList>('get', 'pods', '-l', 'app=hello');
      const pod = pods.items[0]?.metadata.name ?? '';
      const k = (args: string[], input?: string | Buffer) => my.cluster.tryKubectl(args, { program, ...(input === undefined ? {} : { input }) });
      const logs = await k(['logs', pod]);
      assert.equal(logs.code, 0, logs.err);
      assert.notEqual(logs.out, '');
      assert.equal((await k(['exec', pod, '--', 'sh', '-c', 'echo out; echo err >&2; exit 7'])).code, 7);
      const echoed = await k(['exec', '-i', pod, '--', 'cat'], 'through stdin');
      assert.equal(echoed.out, 'through stdin', echoed.err);
      const big = randomBytes(3_000_000);
      const local = join(my.cluster.dir, 'cp-in');
      writeFileSync(local, big);
      const cpIn = await k(['cp', local, `${pod}:/tmp/file`]);
      assert.equal(cpIn.code, 0, cpIn.err);
      const cpOut = await k(['cp', `${pod}:/tmp/file`, local + '-back']);
      assert.equal(cpOut.code, 0, cpOut.err);
      assert.ok(readFileSync(local + '-back').equals(big), 'the file came back as it went');
      const port = await freePort();
      const forward = background(program, ['port-forward', pod, `${port}:8080`], { KUBECONFIG: my.cluster.kubeconfig });
      try {
        await eventually('port-forward listens', async () => /Forwarding from/.test(forward.output()));
        for (let i = 0; i < 3; i++) assert.match((await run('curl', ['-sS', '--max-time', '5', `http://127.0.0.1:${port}`])).out, /hello/i);
      } finally {
        await forward.stop();
      }
      for (const args of [['get', 'all'], ['describe', 'pod', pod], ['explain', 'deployment.spec.strategy', '--recursive'], ['api-resources']]) {
        const result = await k(args);
        assert.equal(result.code, 0, `${args.join(' ')}: ${result.err}`);
      }
    });
  }

  test('a rolling update and its undo lose no request', async () => {
    const service = await my.cluster.json<{ spec: { clusterIP: string } }>('get', 'service', 'hello');
    const load = join(my.cluster.dir, 'load.mjs');
    writeFileSync(
      load,
      `import http from 'node:http';
       let ok = 0, failed = 0, stop = false; const errors = {};
       process.on('SIGTERM', () => { stop = true; });
       const one = () => new Promise((done) => { const r = http.get({ host: '${service.spec.clusterIP}', agent: false, timeout: 5000 }, (res) => { res.resume(); res.on('end', () => { res.statusCode === 200 ? ok++ : failed++; done(); }); res.on('error', (e) => { failed++; errors[e.code] = (errors[e.code] ?? 0) + 1; done(); }); }); r.on('timeout', () => r.destroy(Object.assign(new Error('timeout'), { code: 'TIMEOUT' }))); r.on('error', (e) => { failed++; errors[e.code] = (errors[e.code] ?? 0) + 1; done(); }); });
       const loop = async () => { while (!stop) await one(); };
       await Promise.all([loop(), loop(), loop(), loop()]);
       console.log(JSON.stringify({ ok, failed, errors }));`,
    );
    const client = background(process.execPath, [load]);
    await my.cluster.kubectl('set', 'image', 'deployment/hello', 'hello=hello:2');
    await my.cluster.kubectl('rollout', 'status', 'deployment/hello', '--timeout=90s');
    assert.match((await run('curl', ['-sS', `http://${service.spec.clusterIP}`])).out, /2/);
    await my.cluster.kubectl('rollout', 'undo', 'deployment/hello');
    await my.cluster.kubectl('rollout', 'status', 'deployment/hello', '--timeout=90s');
    await client.stop();
    const result = JSON.parse(client.output()) as { ok: number; failed: number };
    assert.ok(result.ok > 100, `too little load: ${client.output()}`);
    assert.equal(result.failed, 0, client.output());
    assert.match(await my.cluster.kubectl('rollout', 'history', 'deployment/hello'), /REVISION/);
  });

  test('kill -9 and up again: the same pods, the same restart counts, no lost write', async () => {
    const snapshot = async () => {
      const pods = await my.cluster.json<PodList>('get', 'pods', '-l', 'app=hello');
      return pods.items
        .map(
          (p) =>
            `${p.metadata.name} ${p.metadata.uid} ${p.status.podIP} ${p.status.containerStatuses.map((c) => `${c.containerID} ${c.restartCount}`).join(' ')}`,
        )
        .sort();
    };
    await eventually('old pods are gone', async () => (await my.cluster.json<PodList>('get', 'pods', '-l', 'app=hello')).items.length === 3);
    const earlier = await snapshot();
    const service = await my.cluster.json<{ spec: { clusterIP: string } }>('get', 'service', 'hello');
    await my.cluster.kubectl('create', 'configmap', 'written-last', '--from-literal=a=b');
    process.kill(my.cluster.pid(), 'SIGKILL');
    assert.match((await run('curl', ['-sS', '--max-time', '5', `http://${service.spec.clusterIP}`])).out, /hello/i, 'traffic goes on without the process');
    await my.cluster.up();
    assert.match(await my.cluster.kubectl('get', 'configmap', 'written-last', '-o', 'jsonpath={.data.a}'), /b/);
    await my.cluster.kubectl('rollout', 'status', 'deployment/hello', '--timeout=120s');
    assert.deepEqual(await snapshot(), earlier);
    assert.match((await run('curl', ['-sS', '--max-time', '5', `http://${service.spec.clusterIP}`])).out, /hello/i);
  });

  test('down keeps the state, up brings the pods back', async () => {
    const stopped = await my.cluster.batuta('down');
    assert.equal(stopped.code, 0, stopped.err);
    await my.cluster.up();
    await my.cluster.kubectl('rollout', 'status', 'deployment/hello', '--timeout=90s');
    const pods = await my.cluster.json<PodList>('get', 'pods', '-l', 'app=hello');
    assert.equal(pods.items.length, 3);
    await eventually('all run again', async () =>
      (await my.cluster.json<PodList>('get', 'pods', '-l', 'app=hello')).items.every((p) => p.status.phase === 'Running'),
    );
  });
});
