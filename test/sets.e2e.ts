import assert from 'node:assert/strict';
import test, { before, describe } from 'node:test';
import { eventually, kubectlVersions, useCluster } from './harness.ts';
import { setsKit, type Meta, type Pod, type Set, type List, type WatchEvent, gate, statefulSet, daemonSet } from './sets-kit.ts';

describe('sets of pods on simulated nodes', () => {
  const my = useCluster('--runtime', 'sim', '--sim-nodes', '3', '--nodes', '0');
  const { k, json, apply, pods, live, names, images, rolledOut, setImage, patchStatus, open, isReady, events, raw, revisions, gone, recorded } = setsKit(my);
  before(async () => {
    await k('create', 'ns', 'work');
    await k('config', 'set-context', '--current', '--namespace=work');
    await eventually('the ServiceAccount', async () => (await my.cluster.tryKubectl(['get', 'sa', 'default'])).code === 0);
    await eventually('the nodes', async () => (await json<List<unknown>>('get', 'nodes')).items.length === 3);
  });

  describe('StatefulSet', () => {
    test('scaling happens in predictable order, and halts when a pod is not ready', async () => {
      const order = await recorded('order', async () => {
        await apply(statefulSet('order', {}, { pod: { readinessGates: [{ conditionType: gate }] } }));
        for (const name of ['order-0', 'order-1', 'order-2']) {
          await eventually(
            `${name} waits for its gate`,
            async () => (await names('order')).includes(name) && (await live('order')).at(-1)?.status.phase === 'Running',
          );
          assert.equal((await names('order')).at(-1), name, 'no pod comes before the one before it is ready');
          await open(name);
        }
        await rolledOut('sts/order');
      });
      assert.deepEqual(order, ['+order-0', '+order-1', '+order-2']);
      const [first] = await pods('order');
      const set = await json<Set>('get', 'sts', 'order');
      const { app, ...labels } = Object.fromEntries(Object.entries(first?.metadata.labels ?? {}).filter(([key]) => !key.startsWith('topology')));
      assert.equal(app, 'order');
      assert.deepEqual(labels, {
        'apps.kubernetes.io/pod-index': '0',
        'controller-revision-hash': set.status.currentRevision,
        'statefulset.kubernetes.io/pod-name': 'order-0',
      });
      assert.deepEqual([first?.spec.hostname, first?.spec.subdomain], ['order-0', 'order']);
      assert.equal(set.status.readyReplicas, 3);
      assert.match(await k('get', 'sts', 'order'), /^order +3\/3 /m);
      assert.ok((await events('order', 'SuccessfulCreate')).includes('create Pod order-2 in StatefulSet order successful'));

      const down = await recorded('order', async () => {
        for (const name of ['order-0', 'order-1', 'order-2']) await open(name, 'False');
        await eventually('none is ready', async () => !(await pods('order')).some(isReady));
        await k('scale', 'sts/order', '--replicas=0');
        await new Promise((resolve) => setTimeout(resolve, 1500));
        assert.equal((await live('order')).length, 3, 'halted');
        // The one that is then the only one not to be ready goes first.
        for (const name of ['order-0', 'order-1']) await open(name);
        await gone('order');
      });
      assert.deepEqual(down, ['-order-2', '-order-1', '-order-0']);
      await k('delete', 'sts', 'order');
    });

    test('burst scaling runs to completion even with pods that are not ready', async () => {
      const pod = { readinessGates: [{ conditionType: gate }] };
      await apply(statefulSet('burst', { podManagementPolicy: 'Parallel', ordinals: { start: 5 } }, { pod }));
      await eventually('all at once', async () => (await live('burst')).length === 3);
      assert.deepEqual(await names('burst'), ['burst-5', 'burst-6', 'burst-7']);
      await k('scale', 'sts/burst', '--replicas=0');
      await gone('burst');
      await k('delete', 'sts', 'burst');
    });

    test('rolling updates with a partition, history and rollback', async () => {
      await apply(statefulSet('roll'));
      await rolledOut('sts/roll');
      const order = await recorded('roll', async () => {
        await k('patch', 'sts', 'roll', '-p', '{"spec":{"updateStrategy":{"rollingUpdate":{"partition":2}}}}');
        await setImage('sts/roll', 'app:2');
        await eventually('the canary', async () => (await images('roll')).join() === 'app:1,app:1,app:2' && (await live('roll')).length === 3);
        const result = await rolledOut('sts/roll');
        assert.match(result.out, /partitioned roll out complete: 1 new pods have been updated/);
        const { status } = await json<Set>('get', 'sts', 'roll');
        assert.notEqual(status.currentRevision, status.updateRevision);
        await k('delete', 'pod', 'roll-0', '--wait=false');
        await eventually('roll-0 is back', async () => (await live('roll')).length === 3 && (await pods('roll')).every(isReady));
        assert.deepEqual(await images('roll'), ['app:1', 'app:1', 'app:2'], 'below the partition it comes back as it was');
        await k('patch', 'sts', 'roll', '-p', '{"spec":{"updateStrategy":{"rollingUpdate":{"partition":0}}}}');
        await rolledOut('sts/roll');
      });
      assert.deepEqual(order, ['-roll-2', '+roll-2', '-roll-0', '+roll-0', '-roll-1', '+roll-1', '-roll-0', '+roll-0']);
      assert.deepEqual(await images('roll'), ['app:2', 'app:2', 'app:2']);
      assert.match(await k('rollout', 'history', 'sts/roll'), /REVISION +CHANGE-CAUSE\n1 +<none>\n2 +<none>/);
      assert.match(await k('rollout', 'history', 'sts/roll', '--revision=1'), /Image:\s+app:1/);
      await k('rollout', 'undo', 'sts/roll');
      await rolledOut('sts/roll');
      assert.deepEqual(await images('roll'), ['app:1', 'app:1', 'app:1']);
      assert.deepEqual(
        (await revisions('roll')).map((r) => r.revision),
        [2, 3],
      );
      await k('rollout', 'restart', 'sts/roll');
      await rolledOut('sts/roll');
      await k('delete', 'sts', 'roll');
    });

    test('OnDelete replaces what is deleted by hand', async () => {
      await apply(statefulSet('manual', { updateStrategy: { type: 'OnDelete' }, replicas: 2 }));
      await eventually('both are ready', async () => (await json<Set>('get', 'sts', 'manual')).status.readyReplicas === 2);
      await setImage('sts/manual', 'app:2');
      await k('delete', 'pod', 'manual-0', '--wait=false');
      await eventually('manual-0 is new', async () => (await images('manual')).join() === 'app:2,app:1');
      await k('delete', 'sts', 'manual');
    });

    test('pods that fail, are evicted, or are deleted by force come back under their names', async () => {
      await apply(statefulSet('back', { replicas: 2 }));
      await rolledOut('sts/back');
      const before = await pods('back');
      await patchStatus('pod/back-0', { phase: 'Failed', reason: 'Evicted' });
      await k('delete', 'pod', 'back-1', '--force', '--grace-period=0');
      await eventually('both are new', async () => {
        const now = await live('back');
        return now.length === 2 && now.every((p) => isReady(p) && before.every((b) => b.metadata.uid !== p.metadata.uid));
      });
      assert.deepEqual(await names('back'), ['back-0', 'back-1']);
      await k('delete', 'sts', 'back');
    });

    test('a pod that its node refuses is made again, until the node takes it', async () => {
      const port = { containerPort: 80, hostPort: 21_017 };
      const pinned = { nodeName: 'sim-00001', containers: [{ name: 'app', image: 'app:1', ports: [port] }] };
      await apply(JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'squatter' }, spec: { terminationGracePeriodSeconds: 1, ...pinned } }));
      await eventually('the port is taken', async () => (await k('get', 'pod', 'squatter', '-o', 'jsonpath={.status.phase}')) === 'Running');
      const { metadata } = JSON.parse(await k('get', '--raw', '/api/v1/namespaces/work/pods?labelSelector=app%3Devicted')) as List<Pod>;
      await apply(statefulSet('evicted', { replicas: 1 }, { pod: pinned }));
      const path = `/api/v1/namespaces/work/pods?watch=1&timeoutSeconds=1&labelSelector=app%3Devicted&resourceVersion=${metadata.resourceVersion}`;
      await eventually('it was refused and made anew', async () => {
        const lines = (await k('get', '--raw', path)).trim().split('\n').filter(Boolean);
        const seen = lines.map((line) => JSON.parse(line) as WatchEvent);
        assert.ok(seen.some(({ object }) => object.status.phase === 'Failed' && object.status.reason === 'NodePorts'));
        return seen.some(({ type }) => type === 'DELETED') && seen.filter(({ type }) => type === 'ADDED').length > 1;
      });
      await k('delete', 'pod', 'squatter');
      await rolledOut('sts/evicted');
      await k('delete', 'sts', 'evicted');
    });

    test('every kubectl undoes and tells', async () => {
      await apply(statefulSet('tools-a', { replicas: 1 }));
      await apply(daemonSet('tools-b'));
      for (const what of ['sts/tools-a', 'ds/tools-b']) {
        await rolledOut(what);
        await setImage(what, 'app:2');
        await rolledOut(what);
        for (const program of kubectlVersions()) {
          for (const args of [
            ['undo', what],
            ['status', what, '--timeout=120s'],
            ['history', what],
          ]) {
            const result = await my.cluster.tryKubectl(['rollout', ...args], { program });
            assert.equal(result.code, 0, `${program} rollout ${args.join(' ')}: ${result.err}${result.out}`);
          }
        }
        const { revision } = (await revisions(what.split('/')[1] ?? '')).at(-1) ?? {};
        assert.ok((revision ?? 0) >= 2 + kubectlVersions().length);
      }
      await k('delete', 'sts/tools-a', 'ds/tools-b');
    });

    test('a pod on a node that is gone keeps its name until it is deleted by force', async () => {
      await apply(statefulSet('lost', { replicas: 1 }));
      await rolledOut('sts/lost');
      const [pod] = await pods('lost');
      // A finalizer stands for a node that does not confirm the end of the pod.
      await k('patch', 'pod', 'lost-0', '-p', '{"metadata":{"finalizers":["test.batuta.dev/held"]}}');
      await k('delete', 'pod', 'lost-0', '--wait=false');
      await new Promise((resolve) => setTimeout(resolve, 2500));
      const [held] = await pods('lost');
      assert.equal(held?.metadata.uid, pod?.metadata.uid, 'nobody else gets the name');
      await k('patch', 'pod', 'lost-0', '-p', '{"metadata":{"finalizers":null}}');
      await eventually('another lost-0', async () => {
        const [now] = await live('lost');
        return now && now.metadata.uid !== pod?.metadata.uid && isReady(now);
      });
      await k('delete', 'sts', 'lost');
    });

    test('claims come from templates, and go as the retention policy says', async () => {
      const claim = { metadata: { name: 'data' }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } } } };
      const policy = { whenDeleted: 'Delete', whenScaled: 'Delete' };
      const spec = { podManagementPolicy: 'Parallel', replicas: 2, volumeClaimTemplates: [claim], persistentVolumeClaimRetentionPolicy: policy };
      await apply(statefulSet('claims', spec));
      const claims = async (): Promise<string[]> =>
        (await json<List<{ metadata: Meta }>>('get', 'pvc', '-l', 'app=claims')).items.map(
          (c) => `${c.metadata.name} ${c.metadata.ownerReferences?.[0]?.kind ?? ''}`,
        );
      await eventually('claims', async () => (await claims()).length === 2 && (await pods('claims')).length === 2);
      assert.deepEqual(await claims(), ['data-claims-0 StatefulSet', 'data-claims-1 StatefulSet']);
      await k('scale', 'sts/claims', '--replicas=1');
      await eventually('the claim goes with its pod', async () => (await claims()).join() === 'data-claims-0 StatefulSet');
      await k('delete', 'sts', 'claims');
      await eventually('the last claim goes with the set', async () => (await claims()).length === 0);
    });

    test('orphaned pods are taken back, by the same set of another time', async () => {
      await apply(statefulSet('again', { replicas: 2 }));
      await rolledOut('sts/again');
      const before = await pods('again');
      await k('delete', 'sts', 'again', '--cascade=orphan');
      await eventually('they have no owner', async () => (await pods('again')).every((p) => p.metadata.ownerReferences === undefined));
      await apply(statefulSet('again', { replicas: 2 }));
      await rolledOut('sts/again');
      const after = await pods('again');
      assert.deepEqual(
        after.map((p) => p.metadata.uid),
        before.map((p) => p.metadata.uid),
      );
      await k('delete', 'sts', 'again');
    });

    test('list, patch, scale and status subresources, and deletion of a collection', async () => {
      await apply(statefulSet('api', { replicas: 1 }));
      await rolledOut('sts/api');
      const scale = await raw<{ spec: { replicas: number }; status: { replicas: number; selector: string } }>('statefulsets/api/scale');
      assert.deepEqual([scale.spec.replicas, scale.status.replicas, scale.status.selector], [1, 1, 'app=api']);
      await k('patch', 'sts', 'api', '--subresource=scale', '--type=merge', '-p', '{"spec":{"replicas":2}}');
      await rolledOut('sts/api');
      await k(
        'patch',
        'sts',
        'api',
        '--subresource=status',
        '--type=merge',
        '-p',
        '{"status":{"conditions":[{"type":"StatusPatched","status":"True","reason":"E2E"}]}}',
      );
      await k('patch', 'sts', 'api', '-p', '{"metadata":{"labels":{"patched":"yes"}},"spec":{"template":{"spec":{"terminationGracePeriodSeconds":2}}}}');
      await rolledOut('sts/api');
      const set = await json<Set>('get', 'sts', 'api');
      assert.equal(set.status.conditions?.[0]?.type, 'StatusPatched', 'what others say in the status stays');
      await k('delete', 'sts', '-l', 'patched=yes');
      await gone('api');
    });
  });
});
