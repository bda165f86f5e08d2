import assert from 'node:assert/strict';
import test, { before, describe } from 'node:test';
import { eventually, useCluster } from './harness.ts';
import { workloadsKit, type Condition, type Pod, type Node, nodeNames, deployment, plainPod } from './workloads-kit.ts';

describe('placement on simulated nodes', () => {
  const my = useCluster('--runtime', 'sim', '--sim-nodes', '3', '--nodes', '0', '--node-monitor-grace-period', '13');
  const { k, json, apply, pods, done, isReady } = workloadsKit(my);
  before(async () => {
    await k('create', 'ns', 'work');
    await k('config', 'set-context', '--current', '--namespace=work');
    await eventually('the ServiceAccount', async () => (await my.cluster.tryKubectl(['get', 'sa', 'default'])).code === 0);
  });

  describe('placement', () => {
    const unscheduled = async (name: string): Promise<Condition> =>
      eventually(`${name} is unschedulable`, async () =>
        (await json<Pod>('get', 'pod', name)).status.conditions?.find((c) => c.type === 'PodScheduled' && c.status === 'False' && c.reason === 'Unschedulable'),
      );
    const placed = async (name: string): Promise<string> =>
      eventually(`${name} runs`, async () => {
        const pod = await json<Pod>('get', 'pod', name);
        return pod.status.phase === 'Running' && pod.spec.nodeName;
      });

    test('nodeSelector: Pending with the reason, the event, and on its way when a node is labelled', async () => {
      await apply(plainPod('picky', { nodeSelector: { disk: 'fast' } }));
      const why = await unscheduled('picky');
      assert.match(why.message ?? '', /^0\/3 nodes are available: 3 node\(s\) didn't match Pod's node affinity\/selector\. /);
      assert.match(why.message ?? '', /preemption: 0\/3 nodes are available: 3 Preemption is not helpful for scheduling\.$/);
      assert.match(await k('get', 'pod', 'picky', '-o', 'wide'), /picky\s+0\/1\s+Pending\s+0\s+\S+\s+<none>\s+<none>/);
      await eventually('the event', async () =>
        /Warning\s+FailedScheduling\s+pod\/picky\s+0\/3 nodes are available: 3 node\(s\) didn't match Pod's node affinity\/selector\./.test(
          await k('get', 'events', '--field-selector=involvedObject.name=picky'),
        ),
      );
      await k('label', 'node', 'sim-00002', 'disk=fast');
      assert.equal(await placed('picky'), 'sim-00002');
      assert.match(await k('get', 'events', '--field-selector=involvedObject.name=picky,reason=Scheduled'), /Successfully assigned work\/picky to sim-00002/);
    });

    test('too large a request names the resource of each node', async () => {
      await apply(plainPod('huge', { containers: [{ name: 'app', image: 'a', resources: { requests: { cpu: '500' } } }] }));
      assert.match(
        (await unscheduled('huge')).message ?? '',
        /^0\/3 nodes are available: 3 Insufficient cpu\. .*preemption: 0\/3 nodes are available: 3 (Preemption is not helpful for scheduling|No preemption victims found for incoming pod)\.$/,
      );
      await k('delete', 'pod', 'huge');
    });

    test('affinity, anti-affinity, topology spread and a node by name', async () => {
      const required = (expression: object): object => ({
        nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [expression] }] } },
      });
      await apply(plainPod('in-b', { affinity: required({ key: 'topology.kubernetes.io/zone', operator: 'In', values: ['zone-b'] }) }));
      await apply(plainPod('named', { nodeName: 'sim-00003' }));
      await apply(
        deployment('apart', {
          replicas: 4,
          pod: {
            affinity: {
              podAntiAffinity: {
                requiredDuringSchedulingIgnoredDuringExecution: [{ labelSelector: { matchLabels: { app: 'apart' } }, topologyKey: 'kubernetes.io/hostname' }],
              },
            },
          },
        }),
      );
      await apply(
        deployment('spread', {
          replicas: 6,
          pod: {
            topologySpreadConstraints: [
              { maxSkew: 1, topologyKey: 'topology.kubernetes.io/zone', whenUnsatisfiable: 'DoNotSchedule', labelSelector: { matchLabels: { app: 'spread' } } },
            ],
          },
        }),
      );
      assert.equal(await placed('in-b'), 'sim-00002');
      assert.equal(await placed('named'), 'sim-00003');
      await done('spread');
      const count = (list: Pod[]): number[] => nodeNames.map((n) => list.filter((p) => p.spec.nodeName === n).length);
      assert.deepEqual(count(await pods('spread')), [2, 2, 2]);
      await eventually('three run, one waits', async () => (await pods('apart')).filter(isReady).length === 3);
      const waiting = (await pods('apart')).find((p) => !p.spec.nodeName);
      assert.match(
        (await unscheduled(waiting?.metadata.name ?? '')).message ?? '',
        /^0\/3 nodes are available: 3 node\(s\) didn't match pod anti-affinity rules\. /,
      );
      assert.deepEqual(count(await pods('apart')), [1, 1, 1]);
      await k('delete', 'deployment', 'apart', 'spread');
    });

    test('taints keep pods away or send them away; tolerations let them stay', async () => {
      await k('taint', 'node', ...nodeNames, 'team=red:NoSchedule');
      await apply(plainPod('plain'));
      await apply(plainPod('tolerant', { tolerations: [{ key: 'team', operator: 'Equal', value: 'red', effect: 'NoSchedule' }] }));
      await placed('tolerant');
      assert.match((await unscheduled('plain')).message ?? '', /^0\/3 nodes are available: 3 node\(s\) had untolerated taint(\(s\)| \{team: red\})\. /);
      await k('taint', 'node', 'sim-00001', 'team-');
      assert.equal(await placed('plain'), 'sim-00001');
      await k('taint', 'node', 'sim-00001', 'away=now:NoExecute');
      await eventually('evicted', async () => (await my.cluster.tryKubectl(['get', 'pod', 'plain'])).code !== 0);
      await eventually('the event', async () =>
        /TaintManagerEviction\s+pod\/plain\s+Marking for deletion Pod work\/plain/.test(await k('get', 'events', '--field-selector=involvedObject.name=plain')),
      );
      await k('taint', 'node', 'sim-00001', 'away-');
      await k('taint', 'node', 'sim-00002', 'sim-00003', 'team-');
    });

    test('cordon, drain and uncordon', async () => {
      await apply(deployment('moved', { replicas: 3 }));
      await done('moved');
      assert.match(await k('cordon', 'sim-00001'), /cordoned/);
      assert.match(await k('get', 'node', 'sim-00001'), /Ready,SchedulingDisabled/);
      assert.deepEqual(
        (await json<Node>('get', 'node', 'sim-00001')).spec.taints?.map((t) => `${t.key}:${t.effect}`),
        ['node.kubernetes.io/unschedulable:NoSchedule'],
      );
      const bare = await my.cluster.tryKubectl(['drain', 'sim-00003', '--ignore-daemonsets', '--timeout=120s']);
      assert.match(bare.err, /cannot delete (cannot delete )?Pods that declare no controller \(use --force to override\): .*work\/named/);
      const drained = await k('drain', 'sim-00001', '--ignore-daemonsets', '--force', '--timeout=120s');
      assert.match(drained, /evicting pod work\/|node\/sim-00001 drained/);
      await done('moved');
      assert.ok((await pods('moved')).every((p) => p.spec.nodeName !== 'sim-00001' || p.metadata.deletionTimestamp));
      await apply(plainPod('elsewhere', { nodeSelector: { 'kubernetes.io/hostname': 'sim-00001' } }));
      assert.match((await unscheduled('elsewhere')).message ?? '', /2 node\(s\) were unschedulable/);
      await k('uncordon', 'sim-00001', 'sim-00003');
      assert.equal(await placed('elsewhere'), 'sim-00001');
    });
  });

  describe('lost nodes', () => {
    const now = new Date().toISOString();
    const lost = JSON.stringify({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'lost', labels: { 'kubernetes.io/hostname': 'lost', here: 'yes' } } });
    const lease = JSON.stringify({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'lost', namespace: 'kube-node-lease' },
      spec: { holderIdentity: 'lost', leaseDurationSeconds: 40, renewTime: now.replace('Z', '000Z') },
    });
    const nodeStatus = {
      capacity: { cpu: '4', memory: '8Gi', pods: '110' },
      allocatable: { cpu: '4', memory: '8Gi', pods: '110' },
      conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'ok', lastHeartbeatTime: now, lastTransitionTime: now }],
    };

    test('a node unheard of is NotReady, its pods are evicted after their toleration and replaced elsewhere; declaring it out of service ends them', async () => {
      await apply(lost);
      await apply(lease);
      await k('patch', 'node', 'lost', '--subresource=status', '--type=merge', '-p', JSON.stringify({ status: nodeStatus }));
      const short = ['unreachable', 'not-ready'].map((c) => ({
        key: `node.kubernetes.io/${c}`,
        operator: 'Exists',
        effect: 'NoExecute',
        tolerationSeconds: 1,
      }));
      await apply(deployment('runs-on', { replicas: 2, pod: { tolerations: short, nodeSelector: { here: 'yes' } } }));
      const there = await eventually('both are placed on it', async () => {
        const placed = (await pods('runs-on')).filter((p) => p.spec.nodeName === 'lost');
        return placed.length === 2 && placed;
      });
      for (const pod of there)
        await k(
          'patch',
          'pod',
          pod.metadata.name,
          '--subresource=status',
          '--type=merge',
          '-p',
          JSON.stringify({ status: { phase: 'Running', podIP: '10.250.0.9', conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: now }] } }),
        );
      await k('label', 'node', ...nodeNames, 'here=yes');
      await eventually('NotReady', async () => /lost\s+NotReady/.test(await k('get', 'node', 'lost')));
      const node = await json<Node>('get', 'node', 'lost');
      const ready = node.status.conditions.find((c) => c.type === 'Ready');
      assert.equal(`${ready?.status} ${ready?.reason} ${ready?.message}`, 'Unknown NodeStatusUnknown Kubelet stopped posting node status.');
      await eventually('tainted', async () => {
        const taints = (await json<Node>('get', 'node', 'lost')).spec.taints ?? [];
        return ['NoSchedule', 'NoExecute'].every((effect) => taints.some((t) => t.key === 'node.kubernetes.io/unreachable' && t.effect === effect));
      });
      await eventually('two more run elsewhere', async () => (await pods('runs-on')).filter((p) => p.spec.nodeName !== 'lost' && isReady(p)).length === 2);
      const old = (await pods('runs-on')).filter((p) => p.spec.nodeName === 'lost');
      assert.deepEqual(old.map((p) => p.metadata.uid).sort(), there.map((p) => p.metadata.uid).sort());
      assert.ok(
        old.every((p) => p.metadata.deletionTimestamp && !isReady(p)),
        'terminating, and not ready',
      );
      assert.match(await k('get', 'pods', '-l', 'app=runs-on'), /runs-on-\S+\s+\d\/1\s+Terminating/);
      await k('taint', 'node', 'lost', 'node.kubernetes.io/out-of-service=nodeshutdown:NoExecute');
      await eventually('its pods are collected', async () => (await pods('runs-on')).length === 2);
      await k('delete', 'node', 'lost');
      assert.match(await k('get', 'nodes'), /sim-00001\s+Ready/);
    });
  });
});
