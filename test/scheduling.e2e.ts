/** Where pods go, on simulated nodes with kubectl: the specs of conformance (SchedulerPredicates, SchedulerPreemption, LimitRange) one by one, profiles, and `why`. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, before, describe } from 'node:test';
import { eventually, useCluster, type Cluster } from './harness.ts';

interface Pod {
  metadata: { name: string; uid: string; deletionTimestamp?: string };
  spec: { nodeName?: string; priority?: number; containers: { resources: { requests?: Record<string, string>; limits?: Record<string, string> } }[] };
  status: { phase: string; nominatedNodeName?: string; conditions?: { type: string; status: string; reason?: string; message?: string }[] };
}
interface List<T> {
  items: T[];
}
interface Event {
  reason: string;
  message: string;
  involvedObject: { name: string };
}

const foo = 'example.com/foo';
const dir = mkdtempSync(join(tmpdir(), 'batuta-scheduler-'));
const config = join(dir, 'scheduler.yaml');
writeFileSync(
  config,
  `apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
profiles:
- schedulerName: default-scheduler
- schedulerName: packing
  pluginConfig:
  - name: NodeResourcesFit
    args:
      scoringStrategy:
        type: MostAllocated
        resources: [{name: cpu, weight: 1}]
  plugins:
    score:
      disabled: [{name: NodeResourcesBalancedAllocation}, {name: PodTopologySpread}]
      enabled: [{name: NodeResourcesFit, weight: 10}]
`,
);

function pod(name: string, spec: object = {}, requests: Record<string, string> = {}, metadata: object = {}): string {
  const resources = { requests, limits: Object.fromEntries(Object.entries(requests).filter(([key]) => key.includes('/'))) };
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, ...metadata },
    spec: { containers: [{ name: 'c', image: 'registry.k8s.io/pause:3.10', resources }], terminationGracePeriodSeconds: 0, ...spec },
  });
}

describe('scheduling', () => {
  const my = useCluster('--runtime', 'sim', '--nodes', '0', '--sim-nodes', '3', '--scheduler-config', config);
  after(() => rmSync(dir, { recursive: true }));
  const nodes = ['sim-00001', 'sim-00002', 'sim-00003'];
  const only = (node: string): object => ({ nodeSelector: { 'kubernetes.io/hostname': node } });
  const get = (name: string): Promise<Pod> => my.cluster.json<Pod>('get', 'pod', name);
  const nodeOf = (name: string): Promise<string> => eventually(`${name} has a node`, async () => (await get(name)).spec.nodeName);
  const refusal = (name: string): Promise<string> =>
    eventually(`${name} is told that it has no node`, async () => {
      const condition = (await get(name)).status.conditions?.find((c) => c.type === 'PodScheduled' && c.status === 'False');
      return condition?.message;
    });
  const clear = async (): Promise<void> => void (await my.cluster.kubectl('delete', 'pods,deployments,replicasets', '--all', '--grace-period=0', '--force'));
  const offer = async (cluster: Cluster, node: string, amount: string): Promise<void> =>
    void (await cluster.kubectl(
      'patch',
      'node',
      node,
      '--subresource=status',
      '--type=merge',
      '-p',
      JSON.stringify({ status: { capacity: { [foo]: amount }, allocatable: { [foo]: amount } } }),
    ));

  before(async () => {
    for (const node of nodes) await offer(my.cluster, node, '5');
    const classes = { low: 1, medium: 100, high: 1000 };
    for (const [name, value] of Object.entries(classes))
      await my.cluster.apply(JSON.stringify({ apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name }, value }));
  });

  test('resource limits: what does not fit anywhere waits, and says why', async () => {
    for (const [i, node] of nodes.entries()) await my.cluster.apply(pod(`fill-${i}`, only(node), { [foo]: '4' }));
    for (const i of nodes.keys()) await nodeOf(`fill-${i}`);
    await my.cluster.apply(pod('one-more', {}, { [foo]: '2' }));
    assert.equal(
      await refusal('one-more'),
      '0/3 nodes are available: 3 Insufficient example.com/foo. preemption: 0/3 nodes are available: 3 No preemption victims found for incoming pod.',
    );
    await my.cluster.kubectl('delete', 'pod', 'fill-1');
    assert.equal(await nodeOf('one-more'), nodes[1]);
    await clear();
  });

  test('node selectors and affinity: not matching, then matching', async () => {
    await my.cluster.apply(pod('choosy', { nodeSelector: { kind: 'special' } }));
    assert.match(
      await refusal('choosy'),
      /^0\/3 nodes are available: 3 node\(s\) didn't match Pod's node affinity\/selector\. preemption: .* 3 Preemption is not helpful for scheduling\.$/,
    );
    await my.cluster.kubectl('label', 'node', 'sim-00002', 'kind=special');
    assert.equal(await nodeOf('choosy'), 'sim-00002');
    const affinity = {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'kind', operator: 'In', values: ['special'] }] }] },
      },
    };
    await my.cluster.apply(pod('choosy-too', { affinity }));
    assert.equal(await nodeOf('choosy-too'), 'sim-00002');
    await my.cluster.kubectl('label', 'node', 'sim-00002', 'kind-');
    await clear();
  });

  test('taints: tolerated or not', async () => {
    for (const node of nodes) await my.cluster.kubectl('taint', 'node', node, 'team=a:NoSchedule');
    await my.cluster.apply(pod('outsider'));
    assert.match(await refusal('outsider'), /3 node\(s\) had untolerated taint/);
    await my.cluster.apply(pod('insider', { tolerations: [{ key: 'team', value: 'a' }] }));
    await nodeOf('insider');
    for (const node of nodes) await my.cluster.kubectl('taint', 'node', node, 'team-');
    await nodeOf('outsider');
    await clear();
  });

  test('host ports: one per address and protocol', async () => {
    const ports = (hostIP: string | undefined, protocol: string): object => ({
      ...only('sim-00001'),
      containers: [{ name: 'c', image: 'x', ports: [{ containerPort: 80, hostPort: 54321, protocol, ...(hostIP ? { hostIP } : {}) }] }],
    });
    await my.cluster.apply(pod('tcp', ports('127.0.0.1', 'TCP')));
    await my.cluster.apply(pod('other-address', ports('127.0.0.2', 'TCP')));
    await my.cluster.apply(pod('udp', ports('127.0.0.2', 'UDP')));
    for (const name of ['tcp', 'other-address', 'udp']) assert.equal(await nodeOf(name), 'sim-00001');
    await my.cluster.apply(pod('same', ports('127.0.0.1', 'TCP')));
    assert.match(await refusal('same'), /1 node\(s\) didn't have free ports for the requested pod ports/);
    await my.cluster.apply(pod('all', ports(undefined, 'TCP')));
    assert.match(await refusal('all'), /1 node\(s\) didn't have free ports/);
    await clear();
  });

  test('scheduling gates hold a pod back until they are gone', async () => {
    await my.cluster.apply(pod('gated', { schedulingGates: [{ name: 'example.com/a' }, { name: 'example.com/b' }] }));
    assert.equal(await refusal('gated'), 'Scheduling is blocked due to non-empty scheduling gates');
    assert.match(await my.cluster.kubectl('get', 'pod', 'gated'), /SchedulingGated/);
    await my.cluster.kubectl('patch', 'pod', 'gated', '--type=json', '-p', '[{"op":"remove","path":"/spec/schedulingGates/0"}]');
    assert.equal((await get('gated')).spec.nodeName, undefined);
    await my.cluster.kubectl('patch', 'pod', 'gated', '--type=json', '-p', '[{"op":"remove","path":"/spec/schedulingGates/0"}]');
    await nodeOf('gated');
    await clear();
  });

  test('LimitRange defaults are what the scheduler counts', async () => {
    await my.cluster.apply(
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'LimitRange',
        metadata: { name: 'usual' },
        spec: { limits: [{ type: 'Container', defaultRequest: { cpu: '100m' }, default: { cpu: '500m' } }] },
      }),
    );
    await my.cluster.apply(pod('plain'));
    await nodeOf('plain');
    const [container] = (await get('plain')).spec.containers;
    assert.deepEqual([container?.resources.requests?.['cpu'], container?.resources.limits?.['cpu']], ['100m', '500m']);
    await my.cluster.kubectl('delete', 'limitrange', 'usual');
    await clear();
  });

  describe('preemption', () => {
    test('basic: the least important pod goes, says why, and the important one gets its place', async () => {
      await my.cluster.apply(pod('victim', { priorityClassName: 'low', ...only('sim-00001') }, { [foo]: '5' }, { finalizers: ['example.com/look'] }));
      await my.cluster.apply(pod('other-1', { priorityClassName: 'medium', ...only('sim-00002') }, { [foo]: '5' }));
      await my.cluster.apply(pod('other-2', { priorityClassName: 'medium', ...only('sim-00003') }, { [foo]: '5' }));
      for (const name of ['victim', 'other-1', 'other-2']) await nodeOf(name);
      await my.cluster.apply(pod('preemptor', { priorityClassName: 'high' }, { [foo]: '5' }));
      const leaving = await eventually('the victim is leaving', async () => {
        const one = await get('victim');
        return one.metadata.deletionTimestamp ? one : undefined;
      });
      const condition = leaving.status.conditions?.find((c) => c.type === 'DisruptionTarget');
      assert.deepEqual(
        [condition?.status, condition?.reason, condition?.message],
        ['True', 'PreemptionByScheduler', 'default-scheduler: preempting to accommodate a higher priority pod'],
      );
      assert.equal((await get('preemptor')).status.nominatedNodeName, 'sim-00001');
      await my.cluster.kubectl('patch', 'pod', 'victim', '--type=merge', '-p', '{"metadata":{"finalizers":null}}');
      assert.equal(await nodeOf('preemptor'), 'sim-00001');
      const { uid } = (await get('preemptor')).metadata;
      const events = await my.cluster.json<List<Event>>('get', 'events');
      const preempted = events.items.find((event) => event.reason === 'Preempted');
      assert.deepEqual([preempted?.involvedObject.name, preempted?.message], ['victim', `Preempted by pod ${uid} on node sim-00001`]);
      for (const name of ['other-1', 'other-2']) assert.equal((await get(name)).metadata.deletionTimestamp, undefined);
      await clear();
    });

    test('a critical pod of the system drives out others', async () => {
      for (const [i, node] of nodes.entries())
        await my.cluster.apply(pod(`busy-${i}`, { priorityClassName: i === 0 ? 'low' : 'high', ...only(node) }, { [foo]: '5' }));
      for (const i of nodes.keys()) await nodeOf(`busy-${i}`);
      await my.cluster.apply(pod('critical', { priorityClassName: 'system-cluster-critical' }, { [foo]: '5' }, { namespace: 'kube-system' }));
      await eventually('the critical pod has a node', async () => (await my.cluster.json<Pod>('-n', 'kube-system', 'get', 'pod', 'critical')).spec.nodeName);
      await eventually('the least important pod is gone', async () => (await my.cluster.tryKubectl(['get', 'pod', 'busy-0'])).code !== 0);
      await my.cluster.kubectl('-n', 'kube-system', 'delete', 'pod', 'critical');
      await clear();
    });

    test('preemptionPolicy Never waits for its turn', async () => {
      await my.cluster.apply(
        JSON.stringify({ apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name: 'patient' }, value: 5000, preemptionPolicy: 'Never' }),
      );
      await my.cluster.apply(pod('in-the-way', { priorityClassName: 'low', ...only('sim-00001') }, { [foo]: '5' }));
      await nodeOf('in-the-way');
      await my.cluster.apply(pod('patient', { priorityClassName: 'patient', ...only('sim-00001') }, { [foo]: '5' }));
      assert.match(await refusal('patient'), /preemption: not eligible due to preemptionPolicy=Never\.$/);
      await my.cluster.kubectl('delete', 'pod', 'in-the-way');
      assert.equal(await nodeOf('patient'), 'sim-00001');
      await clear();
    });

    test('PreemptionExecutionPath: ReplicaSets of rising priority', async () => {
      const replicas = (name: string, count: number, priorityClassName: string, amount: string): string =>
        JSON.stringify({
          apiVersion: 'apps/v1',
          kind: 'ReplicaSet',
          metadata: { name },
          spec: {
            replicas: count,
            selector: { matchLabels: { name } },
            template: {
              metadata: { labels: { name } },
              spec: {
                terminationGracePeriodSeconds: 0,
                priorityClassName,
                ...only('sim-00002'),
                containers: [{ name: 'c', image: 'x', resources: { requests: { [foo]: amount }, limits: { [foo]: amount } } }],
              },
            },
          },
        });
      const placed = async (name: string): Promise<number> =>
        (await my.cluster.json<List<Pod>>('get', 'pods', '-l', `name=${name}`)).items.filter((one) => one.spec.nodeName && !one.metadata.deletionTimestamp)
          .length;
      const wait = (name: string, count: number): Promise<unknown> => eventually(`${name} has ${count}`, async () => (await placed(name)) === count);
      await my.cluster.apply(replicas('rs-low', 3, 'low', '1'));
      await wait('rs-low', 3);
      await my.cluster.apply(replicas('rs-medium', 2, 'medium', '1'));
      await wait('rs-medium', 2);
      await my.cluster.apply(replicas('rs-high', 1, 'high', '4'));
      await wait('rs-high', 1);
      await wait('rs-low', 0);
      await wait('rs-medium', 1);
      await clear();
    });

    test('PriorityClasses: what may be changed of them', async () => {
      await my.cluster.kubectl('patch', 'priorityclass', 'low', '--type=merge', '-p', '{"description":"the least"}');
      const refused = await my.cluster.tryKubectl(['patch', 'priorityclass', 'low', '--type=merge', '-p', '{"value":2}']);
      assert.equal(refused.code, 1);
      assert.match(refused.err, /value: (Invalid value|Forbidden)/);
      const all = await my.cluster.json<List<{ metadata: { name: string } }>>('get', 'priorityclasses');
      for (const name of ['low', 'system-node-critical']) assert.ok(all.items.some((one) => one.metadata.name === name));
    });
  });

  test('profiles: another scheduler of the same process packs where the default one spreads', async () => {
    const some = [0, 1, 2, 3];
    const at = new Set<string>();
    for (const i of some) {
      await my.cluster.apply(pod(`packed-${i}`, { schedulerName: 'packing' }, { cpu: '750m' }));
      at.add(await nodeOf(`packed-${i}`));
    }
    assert.equal(at.size, 1);
    await my.cluster.apply(pod('orphan', { schedulerName: 'nobody' }));
    assert.match((await my.cluster.batuta('why', 'pod', 'orphan')).out, /waits for the scheduler "nobody", which does not run here/);
    await clear();
  });

  describe('why', () => {
    test('a pod that fits nowhere: per node the plugin, the reason and what helps', async () => {
      await my.cluster.kubectl('cordon', 'sim-00001');
      await my.cluster.apply(pod('big', {}, { [foo]: '9' }));
      await refusal('big');
      const { out } = await my.cluster.batuta('why', 'pod/big');
      assert.match(out, /^pod default\/big: none of 3 nodes can take it/);
      assert.match(out, /sim-00001: NodeUnschedulable: node\(s\) were unschedulable\n {4}what helps: kubectl uncordon sim-00001/);
      assert.match(out, /NodeResourcesFit: Insufficient example\.com\/foo\n {4}what helps: a larger node/);
      const report = JSON.parse((await my.cluster.batuta('why', 'pod', 'big', '--json')).out) as {
        nodes: { name: string; fits: boolean; objections: { plugin: string }[] }[];
      };
      assert.deepEqual(
        report.nodes.map((node) => [node.name, node.fits, node.objections.map((one) => one.plugin)]),
        [
          ['sim-00001', false, ['NodeUnschedulable', 'TaintToleration', 'NodeResourcesFit']],
          ['sim-00002', false, ['NodeResourcesFit']],
          ['sim-00003', false, ['NodeResourcesFit']],
        ],
      );
      assert.match(await my.cluster.kubectl('get', 'podplacements'), /big +Waiting +\d+ +0\/3 +0\/3 nodes are available/);
      await my.cluster.kubectl('uncordon', 'sim-00001');
      await clear();
    });

    test('a Deployment that a quota holds back', async () => {
      await my.cluster.apply(JSON.stringify({ apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'none' }, spec: { hard: { pods: '0' } } }));
      await eventually('the quota counts', async () => (await my.cluster.kubectl('get', 'quota', 'none', '-o', 'jsonpath={.status.hard.pods}')) === '0');
      await my.cluster.kubectl('create', 'deployment', 'web', '--image=x', '--replicas=2');
      const text = await eventually('the refusal is told', async () => {
        const { out } = await my.cluster.batuta('why', 'deployment', 'web');
        return out.includes('exceeded quota') ? out : undefined;
      });
      assert.match(text, /^deployment default\/web: 0 of 2 replicas are ready/);
      assert.match(text, /replicaset default\/web-.*\n(.*\n)*.*FailedCreate.*exceeded quota: none/);
      await my.cluster.kubectl('delete', 'quota', 'none');
      await clear();
    });

    test('a pod that is well, one that is gated, and none at all', async () => {
      await my.cluster.apply(pod('well'));
      await my.cluster.apply(pod('held', { schedulingGates: [{ name: 'example.com/a' }] }));
      await eventually('it is ready', async () => (await my.cluster.batuta('why', 'pod', 'well')).out.includes('is ready'));
      await refusal('held');
      assert.match((await my.cluster.batuta('why', 'po', 'held', '-n', 'default')).out, /waits for its scheduling gates to be removed/);
      const none = await my.cluster.batuta('why', 'pod', 'nobody');
      assert.deepEqual([none.code, none.err], [1, 'batuta why: there is no pod nobody in the namespace default\n']);
      assert.equal((await my.cluster.batuta('why', 'pod')).code, 2);
      await clear();
    });
  });

  test('a restart in the middle: what waits goes on waiting, what is promised stays promised', async () => {
    await my.cluster.apply(pod('stays', { priorityClassName: 'low', ...only('sim-00001') }, { [foo]: '5' }, { finalizers: ['example.com/look'] }));
    await nodeOf('stays');
    await my.cluster.apply(pod('waits', { priorityClassName: 'high', ...only('sim-00001') }, { [foo]: '5' }));
    await eventually('it is promised the node', async () => (await get('waits')).status.nominatedNodeName === 'sim-00001');
    process.kill(my.cluster.pid(), 'SIGKILL');
    await my.cluster.up('--runtime', 'sim', '--nodes', '0', '--sim-nodes', '3');
    await my.cluster.apply(pod('late', { priorityClassName: 'medium', ...only('sim-00001') }, { [foo]: '5' }));
    await refusal('late');
    await my.cluster.kubectl('patch', 'pod', 'stays', '--type=merge', '-p', '{"metadata":{"finalizers":null}}');
    assert.equal(await nodeOf('waits'), 'sim-00001');
    assert.equal((await get('late')).spec.nodeName, undefined);
    await clear();
  });
});
