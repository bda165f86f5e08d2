import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually, useCluster } from './harness.ts';

type Fields = Record<string, unknown>;
const group = (name: string, instanceType: string, spec: Fields = {}, annotations: Fields = { 'batuta.dev/autoscaled': 'true' }): Fields => ({
  apiVersion: 'batuta.dev/v1alpha1',
  kind: 'NodeGroup',
  metadata: { name, annotations },
  spec: { replicas: 0, min: 0, max: 4, template: { instanceType, zones: ['zone-a', 'zone-b'] }, ...spec },
});
const deployment = (name: string, replicas: number, cpu: string, pod: Fields = {}): Fields => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'app', image: 'app:1', resources: { requests: { cpu, memory: '128Mi' } } }], ...pod },
    },
  },
});

describe('cluster autoscaler', () => {
  const quick = ['--autoscaler-scan-interval', '1', '--autoscaler-unneeded-time', '3', '--autoscaler-delay-after-add', '3'];
  const my = useCluster('--runtime', 'sim', '--nodes', '0', '--store', 'memory', ...quick);
  const k = (...args: string[]): Promise<string> => my.cluster.kubectl(...args);
  const apply = (...items: Fields[]): Promise<string> => my.cluster.apply(JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  const size = async (name: string): Promise<number> => Number(await k('get', 'nodegroup', name, '-o', 'jsonpath={.spec.replicas}'));

  it('makes the cheaper group larger until every pod runs', async () => {
    await apply(group('general', 'm5.large'), group('memory', 'r5.large'), group('manual', 't3.micro', {}, {}), deployment('web', 3, '1500m'));
    await k('rollout', 'status', 'deployment/web', '--timeout=120s');
    assert.deepEqual([await size('general'), await size('memory'), await size('manual')], [3, 0, 0]);
    assert.match(await k('get', 'events', '--field-selector', 'reason=TriggeredScaleUp'), /pod triggered scale-up: \[\{general 0->3 \(max: 4\)\}\]/);
    const zones = (
      await k('get', 'nodes', '-l', 'batuta.dev/nodegroup=general', '-o', 'jsonpath={.items[*].metadata.labels.topology\\.kubernetes\\.io/zone}')
    ).split(' ');
    assert.deepEqual(new Set(zones), new Set(['zone-a', 'zone-b']));
  });
  it('says why a pod gets no node', async () => {
    await apply(deployment('huge', 1, '64'));
    await eventually('it is told', async () =>
      /pod didn't trigger scale-up: 2 Insufficient cpu/.test(await k('get', 'events', '--field-selector', 'reason=NotTriggerScaleUp')),
    );
    await k('delete', 'deployment', 'huge');
  });
  it('takes nodes away that nobody needs, and moves pods for that', async () => {
    await apply(deployment('web', 1, '1500m'), deployment('small', 1, '100m'));
    await k('rollout', 'status', 'deployment/small', '--timeout=120s');
    await eventually('one node is left', async () => (await size('general')) === 1);
    await k('rollout', 'status', 'deployment/web', '--timeout=120s');
    await k('rollout', 'status', 'deployment/small', '--timeout=120s');
    await eventually('its machines are gone', async () => (await k('get', 'nodes', '-o', 'name')).trim().split('\n').length === 1);
    assert.match(await k('get', 'events', '-A'), /ScaleDown/);
  });
  it('tells what it sees', async () => {
    // It is written at the next look, a second later.
    await eventually('it tells of the last change', async () => {
      const status = await k('-n', 'kube-system', 'get', 'configmap', 'cluster-autoscaler-status', '-o', 'jsonpath={.data.status}');
      return /autoscalerStatus: Running/.test(status) && /- name: "general"\n(.*\n)*? {4}cloudProviderTarget: 1\n/.test(status);
    });
  });
});
