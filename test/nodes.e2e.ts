import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { after, before, describe } from 'node:test';
import { background, cannotRunContainers, eventually, root, run, useCluster } from './harness.ts';
import { idle, isReady, main, pod, sh, watchPods, type PodObject, type PodWatch } from './pod-kit.ts';

/** Two nodes on one machine: where pods go, how they meet, and what survives a crash of the parts. */
describe('two nodes', { skip: cannotRunContainers() ?? false }, () => {
  const my = useCluster('--nodes', '2', '--preload', join(root, 'dist/images'));
  let pods: PodWatch;
  before(async () => {
    pods = watchPods(my.cluster);
    await k('label', 'node', 'node-1', 'disk=ssd');
    await k('label', 'node', 'node-2', 'disk=hdd');
  });
  after(() => pods.stop());
  const k = (...args: string[]): Promise<string> => my.cluster.kubectl(...args);
  const create = (...objects: unknown[]): Promise<string> => my.cluster.apply(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
  const web = (name: string, node: string) =>
    pod(name, [{ name: 'main', image: 'hello:1' }], { nodeSelector: { 'kubernetes.io/hostname': node } }, { labels: { app: 'web' } });
  /** What must not change when a part of the system crashes. */
  const identity = (p: PodObject): string =>
    `${p.metadata.name} ${p.metadata.uid} ${p.status.podIP} ${p.spec.nodeName} ${p.status.containerStatuses?.map((c) => `${c.containerID} ${c.restartCount}`).join(' ')}`;
  const all = async (): Promise<PodObject[]> => (await my.cluster.json<{ items: PodObject[] }>('get', 'pods', '-l', 'app=web')).items;

  test('both are Ready, pods run on both, and reach each other, the Service and the names across nodes', async () => {
    await k('wait', 'node', '--all', '--for=condition=Ready', '--timeout=120s');
    await create(web('one', 'node-1'), web('two', 'node-2'), {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web' },
      spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] },
    });
    const one = await pods.until('is ready', 'one', isReady);
    const two = await pods.until('is ready', 'two', isReady);
    assert.deepEqual([one.spec.nodeName, two.spec.nodeName], ['node-1', 'node-2']);
    assert.notEqual(one.status.hostIP, two.status.hostIP);
    assert.match(await k('exec', 'one', '--', 'wget', '-qO-', `http://${two.status.podIP}:8080`), /hello 1/);
    assert.match(await k('exec', 'two', '--', 'wget', '-qO-', `http://${one.status.podIP}:8080`), /hello 1/);
    assert.match(await k('exec', 'two', '--', 'ping', '-c', '1', '-w', '3', one.status.podIP ?? ''), /1 packets received/);
    await eventually('the Service answers in both', async () => {
      for (const name of ['one', 'two']) if (!/hello/.test(await k('exec', name, '--', 'wget', '-qO-', 'http://web'))) return false;
      return true;
    });
    assert.match(await k('get', 'nodes', '-o', 'wide'), /node-1\s+Ready\s.*\nnode-2\s+Ready\s/);
    assert.match(await k('describe', 'node', 'node-2'), /default\s+two\s/);
  });

  test('nodeSelector, cordon, uncordon and drain', async () => {
    await create(pod('on-hdd', [sh(idle)], { nodeSelector: { disk: 'hdd' } }), pod('nowhere', [sh(idle)], { nodeSelector: { disk: 'tape' } }));
    assert.equal((await pods.until('is ready', 'on-hdd', isReady)).spec.nodeName, 'node-2');
    const waits = await pods.until('waits', 'nowhere', (p) => p.status.conditions?.some((c) => c.reason === 'Unschedulable'));
    assert.match(
      waits.status.conditions?.find((c) => c.type === 'PodScheduled')?.message ?? '',
      /^0\/2 nodes are available: 2 node\(s\) didn't match Pod's node affinity\/selector/,
    );
    await k('cordon', 'node-1');
    assert.match(await k('get', 'nodes'), /node-1\s+Ready,SchedulingDisabled/);
    await create(...[1, 2, 3].map((i) => pod(`cordoned-${i}`, [sh(idle)])), pod('only-cordoned', [sh(idle)], { nodeSelector: { disk: 'ssd' } }));
    for (const i of [1, 2, 3]) assert.equal((await pods.until('is ready', `cordoned-${i}`, isReady)).spec.nodeName, 'node-2');
    await pods.until('waits', 'only-cordoned', (p) =>
      /1 node\(s\) were unschedulable/.test(p.status.conditions?.find((c) => c.reason === 'Unschedulable')?.message ?? ''),
    );
    await k('uncordon', 'node-1');
    assert.equal((await pods.until('goes on', 'only-cordoned', isReady)).spec.nodeName, 'node-1');
    await k('label', 'node', 'node-1', 'disk=tape', '--overwrite');
    await pods.until('goes where the label appeared', 'nowhere', isReady);
    await k('drain', 'node-2', '--force', '--ignore-daemonsets', '--delete-emptydir-data', '--timeout=120s', '--pod-selector', 'app!=web');
    for (const name of ['on-hdd', 'cordoned-1']) await pods.gone(name);
    await k('uncordon', 'node-2');
  });

  test('taints: NoSchedule holds off, NoExecute puts out what does not tolerate it, in its time', async () => {
    await create(
      pod('tolerant', [sh(idle)], { nodeSelector: { disk: 'hdd' }, tolerations: [{ key: 'broken', operator: 'Exists', effect: 'NoExecute' }] }),
      pod('patient', [sh(idle)], {
        nodeSelector: { disk: 'hdd' },
        tolerations: [{ key: 'broken', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 3 }],
      }),
      pod('touchy', [sh(idle)], { nodeSelector: { disk: 'hdd' } }),
    );
    for (const name of ['tolerant', 'patient', 'touchy']) await pods.until('is ready', name, isReady);
    const begun = Date.now();
    await k('taint', 'node', 'node-2', 'broken=yes:NoExecute');
    await pods.gone('touchy');
    assert.ok(pods.latest('patient'), 'its three seconds are not over');
    await pods.gone('patient');
    assert.ok(Date.now() - begun >= 3000);
    assert.ok(isReady(pods.latest('tolerant') as PodObject));
    await pods.gone('two');
    await create(pod('held-off', [sh(idle)], { nodeSelector: { disk: 'hdd' } }));
    await pods.until('waits', 'held-off', (p) =>
      /1 node\(s\) had untolerated taint/.test(p.status.conditions?.find((c) => c.reason === 'Unschedulable')?.message ?? ''),
    );
    await k('taint', 'node', 'node-2', 'broken:NoExecute-');
    await pods.until('goes on', 'held-off', isReady);
    await create(web('two', 'node-2'));
    await pods.until('is ready', 'two', isReady);
  });

  test('containerd is killed: it comes back, and no container notices', async () => {
    const earlier = (await all()).map(identity);
    assert.equal(earlier.length, 2);
    const pid = readdirSync('/proc').find((p) => /^\d+$/.test(p) && /(^|\/)containerd /.test(commandLine(p)) && commandLine(p).includes(my.cluster.dir));
    assert.ok(pid, 'the containerd of the instance');
    process.kill(Number(pid), 'SIGKILL');
    const ip = (await all())[0]?.status.podIP;
    assert.match((await run('curl', ['-sS', '--max-time', '5', `http://${ip}:8080`])).out, /hello 1/, 'the containers run on');
    await create(pod('after', [sh(idle)]));
    await pods.until('starts with the new containerd', 'after', isReady);
    assert.deepEqual((await all()).map(identity), earlier);
    assert.equal(await k('exec', 'one', '--', 'echo', 'still'), 'still\n');
    assert.match(await k('logs', 'one'), /serves port 8080/);
    assert.equal((await my.cluster.batuta('status')).code, 0);
  });

  test('a container dies, and a pod is deleted, while the process is down', async () => {
    await create(
      pod('dies', [sh('exec sleep 777')]),
      pod('goes', [sh('exec sleep 778')]),
      pod('forced', [sh('exec sleep 779')]),
      pod('job', [sh('sleep 4; echo finished')], { restartPolicy: 'Never' }),
    );
    for (const name of ['dies', 'goes', 'forced', 'job']) await pods.until('is ready', name, isReady);
    const earlier = (await all()).map(identity);
    // Both are acknowledged, and perhaps carried out only after the restart: the one of a pod that the API still knows, the one of an orphan.
    await Promise.all([k('delete', 'pod', 'goes', '--wait=false'), k('delete', 'pod', 'forced', '--force', '--grace-period=0', '--wait=false')]);
    process.kill(my.cluster.pid(), 'SIGKILL');
    const victim = readdirSync('/proc').find((p) => /^\d+$/.test(p) && commandLine(p) === 'sleep 777');
    assert.ok(victim, 'the container runs on without the process');
    process.kill(Number(victim), 'SIGKILL');
    await new Promise((r) => setTimeout(r, 3000));
    await my.cluster.up('--nodes', '2');
    const dies = await pods.until('is restarted', 'dies', (p) => main(p)?.restartCount === 1 && isReady(p));
    assert.equal(main(dies)?.lastState.terminated?.exitCode, 137);
    await pods.until('is told to be complete', 'job', (p) => p.status.phase === 'Succeeded');
    assert.match(await k('logs', 'job'), /finished/);
    await eventually('the deleted pod is gone', async () => (await my.cluster.tryKubectl(['get', 'pod', 'goes'])).code !== 0);
    await eventually('and so are the containers', async () => !readdirSync('/proc').some((p) => /^\d+$/.test(p) && /^sleep 77[89]$/.test(commandLine(p))));
    assert.notEqual((await my.cluster.tryKubectl(['get', 'pod', 'forced'])).code, 0);
    assert.deepEqual((await all()).map(identity), earlier);
  });

  test('a log is followed through to the end of the container', async () => {
    const follow = background('kubectl', ['logs', '-f', 'one'], { KUBECONFIG: my.cluster.kubeconfig });
    await eventually('the log comes', async () => /serves port 8080/.test(follow.output()));
    await k('delete', 'pod', 'one');
    await eventually('it ends', async () => follow.child.exitCode === 0);
    await follow.stop();
  });
});

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
}
