import assert from 'node:assert/strict';
import test, { before, describe } from 'node:test';
import { eventually, useCluster } from './harness.ts';
import { workloadsKit, type Pod, type List, deployment, plainPod } from './workloads-kit.ts';

describe('workloads on simulated nodes', () => {
  const my = useCluster('--runtime', 'sim', '--sim-nodes', '3', '--nodes', '0', '--node-monitor-grace-period', '13');
  const { k, json, apply, pods, sets, status, done, image, condition, recorded, isReady, extremes } = workloadsKit(my);
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
});
