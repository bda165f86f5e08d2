import assert from 'node:assert/strict';
import { join } from 'node:path';
import test, { before, describe } from 'node:test';
import { cannotRunContainers, eventually, root, run, useCluster } from './harness.ts';

interface Pod {
  metadata: { name: string; uid: string; deletionTimestamp?: string };
  spec: { nodeName?: string };
  status: { podIP?: string };
}
interface List<T> {
  items: T[];
}

describe('rollouts with real containers, as docs/rollouts.md tells them', { skip: cannotRunContainers() ?? false }, () => {
  const images = join(root, 'dist/images');
  before(async () => {
    const built = await run('sh', ['scripts/node.sh', 'scripts/make-hello-image.ts', 'dist/images']);
    assert.equal(built.code, 0, built.err);
  });
  const my = useCluster('--preload', images, '--nodes', '2');
  const k = (...args: string[]): Promise<string> => my.cluster.kubectl(...args);
  const pods = async (app: string): Promise<Pod[]> => (await my.cluster.json<List<Pod>>('get', 'pods', '-l', `app=${app}`)).items;
  const live = async (app: string): Promise<Pod[]> => (await pods(app)).filter((p) => p.metadata.deletionTimestamp === undefined);
  const example = (name: string): string => join(root, 'examples', name);
  const rolledOut = (what: string): Promise<string> => k('rollout', 'status', what, '--timeout=90s');
  const gone = (app: string): Promise<boolean> => eventually(`pods of ${app} are gone`, async () => (await pods(app)).length === 0);
  /** What the Service answers to so many requests: how often each version. */
  const answers = async (service: string, count: number): Promise<Record<string, number>> => {
    const { spec } = await my.cluster.json<{ spec: { clusterIP: string } }>('get', 'service', service);
    const seen: Record<string, number> = {};
    for (let i = 0; i < count; i++) {
      const { out } = await run('curl', ['-sS', '--max-time', '5', `http://${spec.clusterIP}/`]);
      seen[out.trim()] = (seen[out.trim()] ?? 0) + 1;
    }
    return seen;
  };

  test('a StatefulSet of three: every pod has its DNS name, keeps it through an update, and goes back', async () => {
    await k('apply', '-f', example('statefulset'));
    await rolledOut('sts/store');
    const addresses = async (name: string): Promise<string> => k('exec', 'store-0', '--', 'nslookup', `${name}.store.default.svc.cluster.local`);
    const version = async (pod: Pod): Promise<string> => (await run('curl', ['-sS', '--max-time', '5', `http://${pod.status.podIP ?? ''}:8080/`])).out.trim();
    const versions = async (): Promise<string> => (await Promise.all((await pods('store')).map(version))).join(', ');
    const everyone = async (expected: string): Promise<void> => {
      for (const pod of await pods('store')) {
        const { name } = pod.metadata;
        assert.equal((await k('exec', name, '--', 'hostname')).trim(), name);
        await eventually(`${name} is found by its name`, async () => (await addresses(name)).includes(pod.status.podIP ?? '?'));
        // The short name goes through the search list, as programs ask for it.
        assert.ok((await k('exec', 'store-0', '--', 'ping', '-c1', '-W2', `${name}.store`)).includes(`(${pod.status.podIP ?? '?'})`));
      }
      assert.equal(await versions(), [expected, expected, expected].join(', '));
    };
    await everyone('hello 1');
    assert.deepEqual(
      (await pods('store')).map((p) => p.metadata.name),
      ['store-0', 'store-1', 'store-2'],
    );
    await k('patch', 'sts', 'store', '-p', '{"spec":{"updateStrategy":{"rollingUpdate":{"partition":2}}}}');
    await k('set', 'image', 'sts/store', 'store=hello:2');
    await rolledOut('sts/store');
    assert.equal(await versions(), 'hello 1, hello 1, hello 2');
    await k('patch', 'sts', 'store', '-p', '{"spec":{"updateStrategy":{"rollingUpdate":{"partition":0}}}}');
    await rolledOut('sts/store');
    await everyone('hello 2');
    await k('rollout', 'undo', 'sts/store');
    await rolledOut('sts/store');
    await everyone('hello 1');
    await k('delete', '-f', example('statefulset'));
    await gone('store');
  });

  test('a DaemonSet runs on both nodes, is updated and goes back', async () => {
    const template = { metadata: { labels: { app: 'agent' } }, spec: { terminationGracePeriodSeconds: 2, containers: [{ name: 'agent', image: 'hello:1' }] } };
    await my.cluster.apply(
      JSON.stringify({
        apiVersion: 'apps/v1',
        kind: 'DaemonSet',
        metadata: { name: 'agent' },
        spec: { selector: { matchLabels: { app: 'agent' } }, template },
      }),
    );
    await rolledOut('ds/agent');
    const { items } = await my.cluster.json<List<{ metadata: { name: string } }>>('get', 'nodes');
    const nodes = items.map((n) => n.metadata.name).sort();
    assert.deepEqual((await live('agent')).map((p) => p.spec.nodeName).sort(), nodes);
    await k('set', 'image', 'ds/agent', 'agent=hello:2');
    await rolledOut('ds/agent');
    for (const pod of await live('agent')) assert.equal((await k('exec', pod.metadata.name, '--', 'wget', '-qO-', 'http://127.0.0.1:8080/')).trim(), 'hello 2');
    await k('rollout', 'undo', 'ds/agent');
    await rolledOut('ds/agent');
    await k('delete', 'ds', 'agent');
    await gone('agent');
  });

  test('canary: the share of requests is the share of pods', async () => {
    await k('apply', '-f', example('rollouts/canary'));
    await rolledOut('deployment/shop-stable');
    await rolledOut('deployment/shop-canary');
    await eventually('both answer', async () => Object.keys(await answers('shop', 20)).length === 2);
    const first = await answers('shop', 80);
    assert.ok((first['hello 1'] ?? 0) > (first['hello 2'] ?? 0), JSON.stringify(first));
    await k('set', 'image', 'deployment/shop-stable', 'shop=hello:2');
    await rolledOut('deployment/shop-stable');
    await k('scale', 'deployment/shop-canary', '--replicas=0');
    await eventually('only the new one answers', async () => Object.keys(await answers('shop', 20)).join() === 'hello 2');
    await k('delete', '-f', example('rollouts/canary'));
    await gone('shop');
  });

  test('blue/green: one patch switches, another goes back', async () => {
    await k('apply', '-f', example('rollouts/blue-green'));
    await rolledOut('deployment/shop-blue');
    await rolledOut('deployment/shop-green');
    await eventually('blue answers', async () => Object.keys(await answers('shop', 10)).join() === 'hello 1');
    for (const [color, answer] of [
      ['green', 'hello 2'],
      ['blue', 'hello 1'],
    ] as const) {
      await k('patch', 'service', 'shop', '-p', JSON.stringify({ spec: { selector: { color } } }));
      await eventually(`${color} answers, and nothing else`, async () => Object.keys(await answers('shop', 10)).join() === answer);
    }
    await k('delete', '-f', example('rollouts/blue-green'));
    await gone('shop');
  });

  test('auto-rollback: an image that is not there, and containers that crash', async () => {
    await k('apply', '-f', example('rollouts/auto-rollback'));
    await rolledOut('deployment/shop');
    await k('annotate', 'deployment', 'shop', 'batuta.dev/auto-rollback-restarts=1', 'batuta.dev/auto-rollback-window-seconds=3');
    const image = (): Promise<string> => k('get', 'deployment', 'shop', '-o', 'jsonpath={.spec.template.spec.containers[0].image}');
    const command = (): Promise<string> => k('get', 'deployment', 'shop', '-o', 'jsonpath={.spec.template.spec.containers[0].command}');
    const told = async (): Promise<string[]> =>
      (await my.cluster.json<List<{ message: string }>>('get', 'events', '--field-selector', 'reason=AutoRollback')).items.map((e) => e.message);
    await eventually('the first rollout counts', async () =>
      /rolled-out/.test(await k('get', 'rs', '-l', 'app=shop', '-o', 'jsonpath={.items[*].metadata.annotations}')),
    );
    await k('set', 'image', 'deployment/shop', 'shop=hello:nope');
    await eventually('back from the image', async () => (await image()) === 'hello:1');
    await rolledOut('deployment/shop');
    assert.match(
      (await told()).join('\n'),
      /^Rolled back to revision 1, because revision 2 failed: ReplicaSet "shop-\w+" has timed out progressing \(shop-\w+-\w+: (ErrImagePull|ImagePullBackOff)/,
    );
    const crash = { spec: { template: { spec: { containers: [{ name: 'shop', command: ['sh', '-c', 'sleep 0.2; exit 7'] }] } } } };
    await k('patch', 'deployment', 'shop', '-p', JSON.stringify(crash));
    await eventually('back from the crash', async () => (await command()) === '');
    await rolledOut('deployment/shop');
    assert.match(
      (await told()).join('\n'),
      /pods of ReplicaSet "shop-\w+" keep crashing \(shop-\w+-\w+: (CrashLoopBackOff|Error) \(\d restarts, exit code 7\)\)/,
    );
    assert.equal((await live('shop')).length, 2);
    await k('delete', '-f', example('rollouts/auto-rollback'));
    await gone('shop');
  });
});
