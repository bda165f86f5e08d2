import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pod, StatefulSet, type V1Pod, type V1PodSpec } from '#kinds';
import { SimulatedCluster } from './cluster.ts';

test('a pod of a StatefulSet that its node refuses is made again, and runs when the node takes it', async () => {
  const cluster = new SimulatedCluster({ seed: 1, nodes: 2 });
  await cluster.start();
  await cluster.run(10_000);
  const spec: V1PodSpec = {
    nodeName: 'node-0001',
    terminationGracePeriodSeconds: 1,
    containers: [{ name: 'app', image: 'app:1', ports: [{ containerPort: 80, hostPort: 21_017 }] }],
  };
  const pods = async (): Promise<V1Pod[]> => (await cluster.api.list(Pod, { namespace: 'default' })).items;
  const squatter = { namespace: 'default', name: 'squatter' };
  await cluster.api.create(Pod, { metadata: squatter, spec });
  await cluster.run(5000);
  assert.equal((await pods())[0]?.status?.phase, 'Running');

  const refused = new Set<string>();
  const watch = cluster.client.informer(Pod).onChange((pod) => {
    if (pod?.status?.phase !== 'Failed') return;
    assert.equal(pod.status.reason, 'NodePorts');
    assert.equal(pod.metadata?.name, 'web-0');
    refused.add(pod.metadata.uid ?? '');
  });
  const labels = { app: 'web' };
  await cluster.api.create(StatefulSet, {
    metadata: { namespace: 'default', name: 'web' },
    spec: { replicas: 1, serviceName: 'web', selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
  });
  await cluster.run(20_000);
  assert.ok(refused.size > 1, `refused ${refused.size} times`);

  await cluster.api.delete(Pod, squatter);
  await cluster.run(20_000);
  const [pod, ...others] = await pods();
  assert.deepEqual(others, []);
  assert.deepEqual([pod?.metadata?.name, pod?.status?.phase, refused.has(pod?.metadata?.uid ?? '')], ['web-0', 'Running', false]);
  watch.close();
  await cluster.stop();
});
