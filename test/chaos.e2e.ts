/** Broken on purpose: what `bin/batuta chaos` does, and an application that lives through the loss of a zone. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { describe } from 'node:test';
import { cannotRunContainers, eventually, root, useCluster } from './harness.ts';
import { idle, pod, sh } from './pod-kit.ts';

interface Pod {
  metadata: { name: string; deletionTimestamp?: string };
  spec: { nodeName?: string };
  status: { phase: string; conditions?: { type: string; status: string }[]; containerStatuses?: { restartCount: number }[] };
}
interface Node {
  metadata: { name: string; labels: Record<string, string> };
  status: { conditions: { type: string; status: string }[] };
}
interface Slice {
  endpoints?: { conditions: { ready?: boolean }; nodeName?: string }[];
}
const ready = (object: { status: { conditions?: { type: string; status: string }[] } }): boolean =>
  object.status.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ?? false;
const example = (file: string): string => join(root, 'examples/ha', file);

describe('chaos', { concurrency: false }, () => {
  const my = useCluster('--runtime', 'sim', '--nodes', '0', '--sim-template', example('nodes.yaml'), '--node-monitor-grace-period', '13');
  const items = async <T>(...args: string[]): Promise<T[]> => (await my.cluster.json<{ items: T[] }>('get', ...args)).items;
  const nodes = (): Promise<Node[]> => items<Node>('nodes');
  const shop = (): Promise<Pod[]> => items<Pod>('pods', '-l', 'app=shop');
  const zoneOf = (all: readonly Node[], name: string | undefined): string =>
    all.find((n) => n.metadata.name === name)?.metadata.labels['topology.kubernetes.io/zone'] ?? '';
  const readyEndpoints = async (): Promise<number> =>
    (await items<Slice>('endpointslices', '-l', 'kubernetes.io/service-name=shop')).flatMap((s) => s.endpoints ?? []).filter((e) => e.conditions.ready).length;
  const chaos = async (...args: string[]): Promise<string> => {
    const { code, out, err } = await my.cluster.batuta('chaos', ...args);
    assert.equal(code, 0, `chaos ${args.join(' ')}: ${err}`);
    return out;
  };

  test('replicas are spread over three zones', async () => {
    await eventually('six nodes', async () => (await nodes()).filter(ready).length === 6);
    await my.cluster.apply(readFileSync(example('app.yaml'), 'utf8'));
    await my.cluster.kubectl('rollout', 'status', 'deployment/shop', '--timeout=120s');
    const all = await nodes();
    const counts = new Map<string, number>();
    for (const pod of await shop()) counts.set(zoneOf(all, pod.spec.nodeName), (counts.get(zoneOf(all, pod.spec.nodeName)) ?? 0) + 1);
    assert.deepEqual([...counts.values()], [2, 2, 2]);
    await eventually('six endpoints', async () => (await readyEndpoints()) === 6);
  });

  test('a zone is lost: traffic goes on, and the pods move to the others', async () => {
    assert.match(await chaos('kill-zone', 'eu-west-1a'), /^kill-zone: workers-\w+ workers-\w+$/m);
    assert.match(await chaos('list'), /node workers-\w+ {2}dead/);
    let fewest = 6;
    await eventually('six replicas in two zones', async () => {
      fewest = Math.min(fewest, await readyEndpoints());
      const all = await nodes();
      const running = (await shop()).filter((pod) => ready(pod) && !pod.metadata.deletionTimestamp);
      return running.length === 6 && running.every((pod) => zoneOf(all, pod.spec.nodeName) !== 'eu-west-1a');
    });
    assert.ok(fewest >= 4, `only ${fewest} endpoints were left`);
    assert.equal((await nodes()).filter(ready).length, 4);
  });

  test('a drain waits for the budget', async () => {
    const [node] = (await nodes()).filter(ready);
    const name = node?.metadata.name ?? '';
    await my.cluster.kubectl('scale', 'deployment/shop', '--replicas=4');
    await eventually('four left', async () => (await shop()).filter((pod) => !pod.metadata.deletionTimestamp).length === 4);
    await eventually('budget is spent', async () => (await my.cluster.kubectl('get', 'pdb', 'shop', '-o', 'jsonpath={.status.disruptionsAllowed}')) === '0');
    const busy = (await shop()).find((pod) => !pod.metadata.deletionTimestamp && ready(pod))?.spec.nodeName ?? name;
    const drained = await my.cluster.tryKubectl(['drain', busy, '--ignore-daemonsets', '--timeout=3s']);
    assert.match(drained.err, /Cannot evict pod as it would violate the pod's disruption budget/);
    await my.cluster.kubectl('scale', 'deployment/shop', '--replicas=6');
    await my.cluster.kubectl('drain', busy, '--ignore-daemonsets', '--timeout=120s');
    await my.cluster.kubectl('uncordon', busy);
  });

  test('healed: the machines come back and everything is as before', async () => {
    assert.match(await chaos('heal'), /^healed workers-\w+ workers-\w+$/m);
    await eventually('six nodes', async () => (await nodes()).filter(ready).length === 6);
    assert.match(await chaos('list'), /every node is well/);
    await eventually('nothing is left of the lost pods', async () => (await shop()).length === 6);
  });

  test('pods crash, on a schedule, and restart', async () => {
    assert.match(await chaos('pods', '--percent', '50', '-l', 'app=shop', '--every', '1s', '--for', '10s'), /^pods: (default\/shop-\S+ ){3}\(experiment \d+/m);
    await eventually('restarts', async () => (await shop()).reduce((sum, pod) => sum + (pod.status.containerStatuses?.[0]?.restartCount ?? 0), 0) >= 3);
    assert.match(await chaos('list', '--json'), /"action": "pods"/);
    await chaos('heal');
    await my.cluster.kubectl('rollout', 'status', 'deployment/shop', '--timeout=120s');
  });

  test('a silent node: its pods go on, and are where they were when it is heard again', async () => {
    const one = (await shop()).find(ready);
    const node = one?.spec.nodeName ?? '';
    const restarts = one?.status.containerStatuses?.[0]?.restartCount;
    await chaos('network-loss', node, '--for', '16s');
    await eventually('NotReady', async () => (await my.cluster.kubectl('get', 'node', node)).includes('NotReady'));
    await eventually('Ready', async () => !(await my.cluster.kubectl('get', 'node', node)).includes('NotReady'));
    const again = (await shop()).find((other) => other.metadata.name === one?.metadata.name);
    if (again && !again.metadata.deletionTimestamp) assert.equal(again.status.containerStatuses?.[0]?.restartCount, restarts);
  });

  test('what cannot be done is one line', async () => {
    for (const [args, why] of [
      [['kill-node', 'nobody'], /^batuta chaos: no node nobody of this instance$/m],
      [['kill-zone'], /needs a zone/],
      [['pods', '--percent', 'many'], /--percent many: a number/],
      [['kill-node', '-l', 'a=b'], /--selector goes with pods only/],
      [['pods', '--every', 'often'], /--every often: a time such as 30s/],
      [['burn'], /say `chaos kill-node/],
    ] as const) {
      const { code, err } = await my.cluster.batuta('chaos', ...args);
      assert.notEqual(code, 0);
      assert.match(err, why);
    }
  });
});

describe('chaos on nodes that run containers', { concurrency: false, skip: cannotRunContainers() ?? false }, () => {
  const my = useCluster('--nodes', '2', '--sim-nodes', '1', '--node-monitor-grace-period', '13', '--preload', join(root, 'dist/images'));
  const chaos = async (...args: string[]): Promise<string> => {
    const { code, out, err } = await my.cluster.batuta('chaos', ...args);
    assert.equal(code, 0, `chaos ${args.join(' ')}: ${err}`);
    return out;
  };
  const get = (name: string): Promise<Pod> => my.cluster.json<Pod>('get', 'pod', name);
  const place = (name: string, node: string): Promise<string> =>
    my.cluster.apply(JSON.stringify(pod(name, [sh(idle)], { nodeSelector: { 'kubernetes.io/hostname': node } }, { labels: { app: name } })));

  test('a pod without a toleration does not land on a simulated node', async () => {
    assert.match(await my.cluster.kubectl('get', 'node', 'sim-00001', '-o', 'jsonpath={.spec.taints}'), /kwok\.x-k8s\.io\/node/);
    for (const name of ['one', 'two']) await place(name, name === 'one' ? 'node-1' : 'node-2');
    for (const name of ['one', 'two']) await eventually(`${name} is ready`, async () => ready(await get(name)));
  });
  test('a killed pod is started again', async () => {
    await chaos('pods', '-l', 'app=one');
    await eventually('a restart', async () => (await get('one')).status.containerStatuses?.[0]?.restartCount === 1);
  });
  test('a killed node is silent and runs nothing; healed, it starts its pods anew', async () => {
    await chaos('kill-node', 'node-2');
    await eventually('NotReady', async () => (await my.cluster.kubectl('get', 'node', 'node-2')).includes('NotReady'));
    assert.match(await my.cluster.kubectl('get', 'node', 'node-1'), /\sReady/);
    assert.match(await chaos('heal'), /healed node-2/);
    await eventually('Ready', async () => / Ready/.test(await my.cluster.kubectl('get', 'node', 'node-2')));
    await eventually('two is ready', async () => ready(await get('two')));
    assert.equal((await get('two')).status.containerStatuses?.[0]?.restartCount, 1);
  });
});
