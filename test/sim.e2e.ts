/** Simulated machines as users meet them: node groups, nodes and pods of kwok's manifests, pods that misbehave on purpose. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import test, { describe } from 'node:test';
import { eventually, root, useCluster } from './harness.ts';

interface Pod {
  status: {
    phase: string;
    conditions?: { type: string; status: string }[];
    containerStatuses?: { restartCount: number; state: object; lastState: { terminated?: { reason: string; exitCode: number } } }[];
  };
}

describe('simulated machines', { concurrency: false }, () => {
  const my = useCluster('--runtime', 'sim', '--nodes', '0', '--sim-template', join(root, 'examples/ha/nodes.yaml'));
  const k = (...args: string[]): Promise<string> => my.cluster.kubectl(...args);
  const nodes = async (selector: string): Promise<string[]> => (await k('get', 'nodes', '-l', selector, '-o', 'name')).split('\n').filter(Boolean);
  const podOf = (name: string): Promise<Pod> => my.cluster.json<Pod>('get', 'pod', name);
  const pod = (name: string, annotations: Record<string, string>, container: object = {}, spec: object = {}): Promise<string> =>
    my.cluster.apply(
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name, annotations },
        spec: { containers: [{ name: 'main', image: 'app:1', ...container }], ...spec },
      }),
    );

  test('kubectl scale makes machines and takes them away', async () => {
    assert.match(await k('get', 'nodegroups'), /^NAME +DESIRED +CURRENT +READY +MIN +MAX +TYPE +AGE\nworkers +6 /);
    await eventually('six', async () => (await nodes('batuta.dev/nodegroup=workers')).length === 6);
    await k('scale', 'nodegroup', 'workers', '--replicas=9');
    await k('wait', 'nodegroup/workers', '--for=jsonpath={.status.ready}=9', '--timeout=120s');
    assert.equal((await nodes('topology.kubernetes.io/zone=eu-west-1a')).length, 3);
    await k('scale', 'nodegroup', 'workers', '--replicas=3');
    await eventually('three', async () => (await nodes('batuta.dev/nodegroup=workers')).length === 3);
    assert.match(await k('get', 'node', '-l', 'batuta.dev/nodegroup=workers', '-o', 'jsonpath={.items[0].status.allocatable}'), /"cpu":"1930m"/);
    assert.match(await k('explain', 'nodegroup.spec.template.instanceType'), /A type of EC2/);
    const refused = await my.cluster.tryKubectl(['patch', 'nodegroup', 'workers', '--type=merge', '-p', '{"spec":{"template":{"instanceType":"m5.huge"}}}']);
    assert.match(refused.err, /spec\.template\.instanceType: Unsupported value: "m5\.huge"/);
  });

  test('a Node and a pod as users of kwok write them', async () => {
    await my.cluster.apply(`
apiVersion: v1
kind: Node
metadata:
  name: kwok-node-0
  annotations: {kwok.x-k8s.io/node: fake, node.alpha.kubernetes.io/ttl: "0"}
  labels: {type: kwok, kubernetes.io/hostname: kwok-node-0}
spec: {taints: [{effect: NoSchedule, key: kwok.x-k8s.io/node, value: fake}]}
status:
  allocatable: {cpu: 32, memory: 256Gi, pods: 110}
  capacity: {cpu: 32, memory: 256Gi, pods: 110}
`);
    await k('wait', 'node/kwok-node-0', '--for=condition=Ready', '--timeout=120s');
    await pod(
      'faked',
      { 'pod-complete.stage.kwok.x-k8s.io/delay': '1s' },
      {},
      { restartPolicy: 'Never', nodeSelector: { type: 'kwok' }, tolerations: [{ key: 'kwok.x-k8s.io/node', operator: 'Exists', effect: 'NoSchedule' }] },
    );
    await k('wait', 'pod/faked', '--for=jsonpath={.status.phase}=Succeeded', '--timeout=120s');
    await k('delete', 'node', 'kwok-node-0');
    await eventually('gone', async () => (await nodes('type=kwok')).length === 0);
  });

  test('out of memory, a liveness that ends, crashes that end, readiness that comes', async () => {
    const own = (what: string): string => `batuta.dev/sim-${what}`;
    await pod('hungry', { [own('usage')]: 'memory=ramp(0,200Mi,2s)' }, { resources: { limits: { memory: '100Mi' } } });
    await pod('stuck', { [own('alive-until')]: '2s' }, { livenessProbe: { httpGet: { port: 80 }, periodSeconds: 1, failureThreshold: 1 } });
    await pod('flaky', { [own('exit-code')]: '3', [own('exit-attempts')]: '1' });
    await pod(
      'slow',
      { [own('ready-after')]: '3s' },
      { readinessProbe: { httpGet: { port: 80 }, periodSeconds: 1 } },
      { initContainers: [{ name: 'first', image: 'app:1' }] },
    );
    const last = async (name: string): Promise<string | undefined> => (await podOf(name)).status.containerStatuses?.[0]?.lastState.terminated?.reason;
    await eventually('OOMKilled', async () => (await last('hungry')) === 'OOMKilled');
    await eventually('killed by its probe', async () => ((await podOf('stuck')).status.containerStatuses?.[0]?.restartCount ?? 0) > 0);
    await eventually('one crash', async () => (await podOf('flaky')).status.containerStatuses?.[0]?.restartCount === 1);
    await k('wait', 'pod/slow', 'pod/flaky', '--for=condition=Ready', '--timeout=120s');
  });
});
