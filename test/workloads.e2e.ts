import assert from 'node:assert/strict';
import test, { before, describe } from 'node:test';
import { eventually, useCluster, type Output } from './harness.ts';

interface Condition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
}
interface Pod {
  metadata: {
    name: string;
    uid: string;
    deletionTimestamp?: string;
    labels?: Record<string, string>;
    ownerReferences?: { kind: string; name: string; controller?: boolean }[];
  };
  spec: { nodeName?: string; containers: { image: string }[] };
  status: { phase: string; podIP?: string; reason?: string; conditions?: Condition[] };
}
interface ReplicaSet {
  metadata: { name: string; uid: string; annotations?: Record<string, string>; ownerReferences?: { name: string }[] };
  spec: { replicas: number; template: { spec: { containers: { image: string }[] } } };
  status: { replicas: number };
}
interface Node {
  metadata: { name: string };
  spec: { unschedulable?: boolean; taints?: { key: string; effect: string }[] };
  status: { conditions: Condition[] };
}
interface List<T> {
  metadata: { resourceVersion: string };
  items: T[];
}
interface WatchEvent<T> {
  type: string;
  object: T;
}

const nodeNames = ['sim-00001', 'sim-00002', 'sim-00003'];
interface Shape {
  replicas?: number;
  image?: string;
  /** Fields of the Deployment's spec. */
  spec?: object;
  /** Fields of the pod's spec. */
  pod?: object;
  annotations?: Record<string, string>;
}
function deployment(name: string, { replicas = 1, image = 'app:1', spec = {}, pod = {}, annotations = {} }: Shape = {}): string {
  return JSON.stringify({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      ...spec,
      template: {
        metadata: { labels: { app: name }, annotations },
        spec: {
          terminationGracePeriodSeconds: 1,
          containers: [{ name: 'app', image, readinessProbe: { exec: { command: ['true'] }, periodSeconds: 1 } }],
          ...pod,
        },
      },
    },
  });
}
const plainPod = (name: string, spec: object = {}, metadata: object = {}): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, ...metadata },
    spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'app', image: 'app:1' }], ...spec },
  });

describe('workloads on simulated nodes', () => {
  const my = useCluster('--runtime', 'sim', '--sim-nodes', '3', '--nodes', '0', '--node-monitor-grace-period', '13');
  const k = (...args: string[]): Promise<string> => my.cluster.kubectl(...args);
  const json = <T>(...args: string[]): Promise<T> => my.cluster.json<T>(...args);
  const apply = (yaml: string): Promise<string> => my.cluster.apply(yaml);
  const pods = async (app: string): Promise<Pod[]> => (await json<List<Pod>>('get', 'pods', '-l', `app=${app}`)).items;
  const sets = async (app: string): Promise<ReplicaSet[]> => (await json<List<ReplicaSet>>('get', 'rs', '-l', `app=${app}`)).items;
  const status = (name: string, timeout = '20s'): Promise<Output> => my.cluster.tryKubectl(['rollout', 'status', `deployment/${name}`, `--timeout=${timeout}`]);
  const done = async (name: string): Promise<void> => {
    const result = await status(name);
    assert.match(result.out, /successfully rolled out/, result.err);
  };
  const image = (name: string): Promise<string> => k('get', 'deployment', name, '-o', 'jsonpath={.spec.template.spec.containers[0].image}');
  const condition = async (name: string, type: string): Promise<Condition | undefined> =>
    (await json<{ status: { conditions?: Condition[] } }>('get', 'deployment', name)).status.conditions?.find((c) => c.type === type);
  /** What a watch of the pods says between the two, as the API server sends it. */
  const recorded = async (app: string, act: () => Promise<void>): Promise<WatchEvent<Pod>[]> => {
    const { metadata } = JSON.parse(await k('get', '--raw', `/api/v1/namespaces/work/pods?labelSelector=app%3D${app}`)) as List<Pod>;
    await act();
    const text = await k(
      'get',
      '--raw',
      `/api/v1/namespaces/work/pods?watch=1&timeoutSeconds=1&labelSelector=app%3D${app}&resourceVersion=${metadata.resourceVersion}`,
    );
    return text
      .trim()
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as WatchEvent<Pod>);
  };
  const isReady = (pod: Pod): boolean =>
    pod.metadata.deletionTimestamp === undefined && (pod.status.conditions ?? []).some((c) => c.type === 'Ready' && c.status === 'True');
  /** The least of ready pods and the most of pods at any moment of the recording. */
  const extremes = (start: readonly Pod[], events: readonly WatchEvent<Pod>[]): { ready: number; all: number } => {
    const now = new Map(start.map((p) => [p.metadata.name, p]));
    const seen = { ready: start.length, all: start.length };
    for (const { type, object } of events) {
      if (type === 'DELETED') now.delete(object.metadata.name);
      else now.set(object.metadata.name, object);
      const live = [...now.values()].filter((p) => p.metadata.deletionTimestamp === undefined);
      seen.ready = Math.min(seen.ready, live.filter(isReady).length);
      seen.all = Math.max(seen.all, live.length);
    }
    return seen;
  };
  before(async () => {
    await k('create', 'ns', 'work');
    await k('config', 'set-context', '--current', '--namespace=work');
    await eventually('the ServiceAccount', async () => (await my.cluster.tryKubectl(['get', 'sa', 'default'])).code === 0);
  });

  describe('rollouts', () => {
    test('a rolling update keeps within maxSurge and maxUnavailable', async () => {
      await apply(deployment('roll', { replicas: 4, spec: { strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } } } }));
      await done('roll');
      const start = await pods('roll');
      assert.equal(new Set(start.map((p) => p.spec.nodeName)).size, 3, 'spread over the nodes');
      const events = await recorded('roll', async () => {
        await k('set', 'image', 'deployment/roll', 'app=app:2');
        await done('roll');
      });
      const seen = extremes(start, events);
      assert.ok(seen.ready >= 3, `${seen.ready} ready`);
      assert.ok(seen.all <= 5, `${seen.all} pods`);
      assert.deepEqual((await sets('roll')).map((s) => `${s.spec.template.spec.containers[0]?.image} ${s.spec.replicas}`).sort(), ['app:1 0', 'app:2 4']);
    });

    test('maxUnavailable 0 never has fewer ready pods than wanted', async () => {
      await apply(deployment('safe', { replicas: 2, spec: { strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } } }));
      await done('safe');
      const start = await pods('safe');
      const events = await recorded('safe', async () => {
        await k('rollout', 'restart', 'deployment/safe');
        await done('safe');
      });
      const seen = extremes(start, events);
      assert.deepEqual(seen, { ready: 2, all: 3 });
      assert.match(await k('get', 'deployment', 'safe', '-o', 'jsonpath={.spec.template.metadata.annotations}'), /kubectl\.kubernetes\.io\/restartedAt/);
    });

    test('Recreate ends all old pods before the first new one', async () => {
      await apply(deployment('again', { replicas: 2, spec: { strategy: { type: 'Recreate' } } }));
      await done('again');
      const events = await recorded('again', async () => {
        await k('set', 'image', 'deployment/again', 'app=app:2');
        await done('again');
      });
      const firstNew = events.findIndex((e) => e.type === 'ADDED' && e.object.spec.containers[0]?.image === 'app:2');
      const lastOld = events.findLastIndex((e) => e.type === 'DELETED' && e.object.spec.containers[0]?.image === 'app:1');
      assert.ok(lastOld >= 0 && firstNew > lastOld, `last old at ${lastOld}, first new at ${firstNew}`);
    });

    test('pause holds a change back, resume lets it go', async () => {
      await apply(deployment('held', { replicas: 1, image: 'app:0' }));
      await done('held');
      await k('set', 'image', 'deployment/held', 'app=app:1');
      await done('held');
      assert.match(await k('rollout', 'pause', 'deployment/held'), /paused/);
      await k('set', 'image', 'deployment/held', 'app=app:2');
      await k('scale', 'deployment/held', '--replicas=2');
      await eventually('a paused deployment still scales', async () => (await pods('held')).filter(isReady).length === 2);
      assert.deepEqual(
        (await pods('held')).map((p) => p.spec.containers[0]?.image),
        ['app:1', 'app:1'],
      );
      assert.equal((await condition('held', 'Progressing'))?.reason, 'DeploymentPaused');
      assert.match((await my.cluster.tryKubectl(['rollout', 'undo', 'deployment/held'])).err, /cannot rollback a paused deployment/);
      await k('rollout', 'resume', 'deployment/held');
      await done('held');
      await eventually('only new pods', async () => (await pods('held')).every((p) => p.spec.containers[0]?.image === 'app:2'));
    });

    test('history, undo and undo --to-revision; old ReplicaSets go past revisionHistoryLimit', async () => {
      await apply(deployment('past', { spec: { revisionHistoryLimit: 2 } }));
      await done('past');
      for (const i of [2, 3]) {
        await k('set', 'image', 'deployment/past', `app=app:${i}`);
        await done('past');
      }
      assert.match(await k('rollout', 'history', 'deployment/past'), /REVISION\s+CHANGE-CAUSE\n1\s+<none>\n2\s+<none>\n3\s+<none>/);
      assert.match(await k('rollout', 'history', 'deployment/past', '--revision=2'), /Image:\s+app:2/);
      await k('rollout', 'undo', 'deployment/past');
      await done('past');
      assert.equal(await image('past'), 'app:2');
      await k('rollout', 'undo', 'deployment/past', '--to-revision=1');
      await done('past');
      assert.equal(await image('past'), 'app:1');
      assert.match(await k('rollout', 'history', 'deployment/past'), /\n3\s+<none>\n4\s+<none>\n5\s+<none>/);
      await k('annotate', 'deployment/past', 'kubernetes.io/change-cause=the fourth image');
      await k('set', 'image', 'deployment/past', 'app=app:4');
      await done('past');
      assert.match(await k('rollout', 'history', 'deployment/past'), /6\s+the fourth image/);
      await eventually('two old ReplicaSets stay', async () => (await sets('past')).length === 3);
      assert.match(
        (await my.cluster.tryKubectl(['rollout', 'undo', 'deployment/past', '--to-revision=99'])).err,
        /unable to find specified revision 99 in history/,
      );
    });

    test('a rollout that does not progress says so, and a good one heals it', async () => {
      await apply(deployment('stuck', { replicas: 2, spec: { progressDeadlineSeconds: 2 } }));
      await done('stuck');
      await apply(
        deployment('stuck', { replicas: 2, image: 'app:bad', spec: { progressDeadlineSeconds: 2 }, annotations: { 'batuta.dev/sim-fail': 'readiness' } }),
      );
      const result = await status('stuck');
      assert.equal(result.code, 1);
      assert.match(result.err, /error: deployment "stuck" exceeded its progress deadline/);
      const progressing = await condition('stuck', 'Progressing');
      assert.equal(`${progressing?.status} ${progressing?.reason}`, 'False ProgressDeadlineExceeded');
      assert.match(progressing?.message ?? '', /^ReplicaSet "stuck-[a-z0-9]+" has timed out progressing\.$/);
      assert.equal((await condition('stuck', 'Available'))?.status, 'True', 'the old pods still serve');
      await k('rollout', 'undo', 'deployment/stuck');
      await done('stuck');
      assert.equal((await condition('stuck', 'Progressing'))?.reason, 'NewReplicaSetAvailable');
    });

    test('scale up and down; unready pods go first', async () => {
      await apply(deployment('size', { replicas: 2 }));
      await done('size');
      await k('scale', 'deployment/size', '--replicas=8');
      await done('size');
      assert.equal((await pods('size')).length, 8);
      assert.match(await k('get', 'deployment', 'size'), /size\s+8\/8\s+8\s+8/);
      await k('scale', 'deployment/size', '--replicas=0');
      await eventually('none left', async () => (await pods('size')).length === 0);
      assert.match(await k('describe', 'deployment', 'size'), /Scaled down replica set size-\S+ from 8 to 0/);
    });

    test('a deleted pod is replaced; a ReplicaSet adopts its orphans, releases strangers, deletes what is too many', async () => {
      await apply(deployment('own', { replicas: 2 }));
      await done('own');
      const [first, second] = await pods('own');
      assert.ok(first && second);
      await k('delete', 'pod', first.metadata.name);
      await eventually('replaced', async () => (await pods('own')).filter(isReady).length === 2);
      await k('label', 'pod', second.metadata.name, 'app=stranger', '--overwrite');
      await eventually('replaced again', async () => (await pods('own')).filter(isReady).length === 2);
      await eventually('released', async () => (await json<Pod>('get', 'pod', second.metadata.name)).metadata.ownerReferences === undefined);
      const [set] = await sets('own');
      const hash = (await pods('own'))[0]?.metadata.labels?.['pod-template-hash'] ?? '';
      assert.equal(set?.metadata.name, `own-${hash}`);
      await k('scale', 'deployment/own', '--replicas=3');
      await k('label', 'pod', second.metadata.name, 'app=own', '--overwrite');
      await eventually('three, none more', async () => (await pods('own')).filter((p) => !p.metadata.deletionTimestamp).length === 3);
      assert.ok((await pods('own')).every((p) => p.metadata.deletionTimestamp || p.metadata.ownerReferences?.[0]?.name === set?.metadata.name));
      await k('delete', 'deployment', 'own');
      await eventually('all collected', async () => (await k('get', 'rs,pods', '-l', 'app=own', '-o', 'name')) === '');
    });

    test('endpoints follow the ready pods', async () => {
      await apply(deployment('served', { replicas: 2 }));
      await k('expose', 'deployment', 'served', '--port=80', '--target-port=8080');
      await done('served');
      const ips = async (): Promise<string[]> => {
        const slices = await json<List<{ endpoints: { addresses: string[]; conditions: { ready: boolean } }[] | null; ports: { port: number }[] }>>(
          'get',
          'endpointslices',
          '-l',
          'kubernetes.io/service-name=served',
        );
        return slices.items.flatMap((s) => (s.endpoints ?? []).filter((e) => e.conditions.ready).flatMap((e) => e.addresses)).sort();
      };
      const wanted = async (): Promise<string[]> =>
        (await pods('served'))
          .filter(isReady)
          .map((p) => p.status.podIP ?? '')
          .sort();
      await eventually('both are in', async () => (await ips()).length === 2 && String(await ips()) === String(await wanted()));
      assert.match(await k('get', 'endpoints', 'served'), /served\s+\d+\.\d+\.\d+\.\d+:8080,\d+\.\d+\.\d+\.\d+:8080/);
      await k('scale', 'deployment/served', '--replicas=1');
      await eventually('one is left', async () => (await ips()).length === 1);
      await k('delete', 'svc', 'served');
      await eventually(
        'slices go with the Service',
        async () => (await ips()).length === 0 && (await k('get', 'endpointslices', '-l', 'kubernetes.io/service-name=served', '-o', 'name')) === '',
      );
    });
  });

  describe('pods', () => {
    test('phases, restarts and back-off as kubectl shows them', async () => {
      await apply(plainPod('completes', { restartPolicy: 'Never' }, { annotations: { 'batuta.dev/sim-exit-after': '100ms' } }));
      await apply(plainPod('crashes', {}, { annotations: { 'batuta.dev/sim-exit-code': '3' } }));
      await apply(plainPod('fails', { restartPolicy: 'Never' }, { annotations: { 'batuta.dev/sim-exit-code': '3' } }));
      await k('wait', '--for=jsonpath={.status.phase}=Succeeded', 'pod/completes', '--timeout=120s');
      assert.match(await k('get', 'pod', 'completes'), /completes\s+0\/1\s+Completed\s+0/);
      await eventually('CrashLoopBackOff', async () => /crashes\s+0\/1\s+CrashLoopBackOff\s+[1-9]/.test(await k('get', 'pod', 'crashes')));
      assert.match(await k('get', 'pod', 'fails'), /fails\s+0\/1\s+Error\s+0/);
      assert.match(
        await k('get', 'pod', 'crashes', '-o', 'jsonpath={.status.containerStatuses[0].state.waiting.message}'),
        /^back-off \d+\S* restarting failed container=app pod=crashes_work\([0-9a-f-]{36}\)$/,
      );
      assert.equal(await k('get', 'pod', 'crashes', '-o', 'jsonpath={.status.containerStatuses[0].lastState.terminated.exitCode}'), '3');
      await k('delete', 'pod', 'completes', 'crashes', 'fails', '--timeout=120s');
    });

    test('a spec that may not change is refused, with the words of the API reference', async () => {
      await apply(plainPod('fixed'));
      const result = await my.cluster.tryKubectl(['patch', 'pod', 'fixed', '-p', '{"spec":{"nodeSelector":{"a":"b"}}}']);
      assert.match(result.err, /The Pod "fixed" is invalid: spec: Forbidden: pod updates may not change fields other than `spec\.containers\[\*\]\.image`/);
      await k('set', 'image', 'pod/fixed', 'app=app:2');
      await k('delete', 'pod', 'fixed', '--force', '--grace-period=0');
    });
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
