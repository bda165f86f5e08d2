import assert from 'node:assert/strict';
import test, { before, describe } from 'node:test';
import { eventually, kubectlVersions, useCluster, type Output } from './harness.ts';

type Labels = Record<string, string>;
interface Meta {
  name: string;
  uid: string;
  labels?: Labels;
  annotations?: Labels;
  deletionTimestamp?: string;
  ownerReferences?: { kind: string; name: string; uid: string }[];
}
interface Pod {
  metadata: Meta;
  spec: { nodeName?: string; hostname?: string; subdomain?: string; containers: { image: string }[] };
  status: { phase: string; reason?: string; conditions?: { type: string; status: string }[] };
}
interface Set {
  metadata: Meta & { generation: number };
  spec: { replicas: number; template: { spec: { containers: { image: string }[] } } };
  status: Record<string, number> & { currentRevision: string; updateRevision: string; conditions?: { type: string; reason: string }[] };
}
interface Revision {
  metadata: Meta;
  revision: number;
  data: unknown;
}
interface List<T> {
  metadata: { resourceVersion: string };
  items: T[];
}
interface WatchEvent {
  type: string;
  object: Pod;
}

const gate = 'test.batuta.dev/go';
type Fields = Record<string, unknown>;
const template = (app: string, image: string, pod: Fields = {}, annotations: Labels = {}): Fields => ({
  metadata: { labels: { app }, annotations },
  spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'app', image }], ...pod },
});
const workload = (
  kind: string,
  name: string,
  spec: Fields,
  { pod = {}, image = 'app:1', annotations = {} }: { pod?: Fields; image?: string; annotations?: Labels } = {},
): string =>
  JSON.stringify({
    apiVersion: 'apps/v1',
    kind,
    metadata: { name, labels: { app: name }, annotations },
    spec: { selector: { matchLabels: { app: name } }, template: template(name, image, pod), ...spec },
  });
const statefulSet = (name: string, spec: Fields = {}, more: { pod?: Fields; image?: string } = {}): string =>
  workload('StatefulSet', name, { serviceName: name, replicas: 3, ...spec }, more);
const daemonSet = (name: string, spec: Fields = {}, more: { pod?: Fields; image?: string } = {}): string => workload('DaemonSet', name, spec, more);

describe('sets of pods on simulated nodes', () => {
  const my = useCluster('--runtime', 'sim', '--sim-nodes', '3', '--nodes', '0');
  const k = (...args: string[]): Promise<string> => my.cluster.kubectl(...args);
  const json = <T>(...args: string[]): Promise<T> => my.cluster.json<T>(...args);
  const apply = (yaml: string): Promise<string> => my.cluster.apply(yaml);
  const pods = async (app: string): Promise<Pod[]> => (await json<List<Pod>>('get', 'pods', '-l', `app=${app}`)).items;
  const live = async (app: string): Promise<Pod[]> => (await pods(app)).filter((p) => p.metadata.deletionTimestamp === undefined);
  const names = async (app: string): Promise<string[]> => (await pods(app)).map((p) => p.metadata.name);
  const images = async (app: string): Promise<string[]> => (await pods(app)).map((p) => p.spec.containers[0]!.image);
  const rolledOut = async (what: string, timeout = '30s'): Promise<Output> => {
    const result = await my.cluster.tryKubectl(['rollout', 'status', what, `--timeout=${timeout}`]);
    assert.equal(result.code, 0, `${what}: ${result.out}${result.err}`);
    return result;
  };
  const setImage = (what: string, image: string): Promise<string> => k('set', 'image', what, `app=${image}`);
  const patchStatus = (what: string, status: Fields): Promise<string> =>
    k('patch', what, '--subresource=status', '--type=strategic', '-p', JSON.stringify({ status }));
  const open = (pod: string, status = 'True'): Promise<string> => patchStatus(`pod/${pod}`, { conditions: [{ type: gate, status }] });
  const isReady = (pod: Pod): boolean => (pod.status.conditions ?? []).some((c) => c.type === 'Ready' && c.status === 'True');
  const events = async (name: string, reason: string): Promise<string[]> =>
    (await json<List<{ message: string }>>('get', 'events', '--field-selector', `involvedObject.name=${name},reason=${reason}`)).items.map((e) => e.message);
  const raw = async <T>(path: string): Promise<T> => JSON.parse(await k('get', '--raw', `/apis/apps/v1/namespaces/work/${path}`)) as T;
  const revisions = async (app: string): Promise<Revision[]> =>
    (await json<List<Revision>>('get', 'controllerrevisions', '-l', `app=${app}`)).items.sort((a, b) => a.revision - b.revision);
  const gone = (app: string): Promise<boolean> => eventually(`pods of ${app} are gone`, async () => (await pods(app)).length === 0);
  /** What a watch of the pods says of what happens in between: `+name` when one is made, `-name` when one begins to end. */
  const recorded = async (app: string, act: () => Promise<unknown>): Promise<string[]> => {
    const { metadata } = JSON.parse(await k('get', '--raw', `/api/v1/namespaces/work/pods?labelSelector=app%3D${app}`)) as List<Pod>;
    await act();
    const path = `/api/v1/namespaces/work/pods?watch=1&timeoutSeconds=1&labelSelector=app%3D${app}&resourceVersion=${metadata.resourceVersion}`;
    const lines = (await k('get', '--raw', path)).trim().split('\n').filter(Boolean);
    const ending = new Set<string>();
    return lines.flatMap((line) => {
      const { type, object } = JSON.parse(line) as WatchEvent;
      if (type === 'ADDED') return [`+${object.metadata.name}`];
      const isEnding = type === 'DELETED' || object.metadata.deletionTimestamp !== undefined;
      if (!isEnding || ending.has(object.metadata.uid)) return [];
      ending.add(object.metadata.uid);
      return [`-${object.metadata.name}`];
    });
  };

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

  describe('DaemonSet', () => {
    const where = async (app: string): Promise<string[]> => (await live(app)).map((p) => p.spec.nodeName ?? '').sort();
    const all = ['sim-00001', 'sim-00002', 'sim-00003'];

    test('runs on every node that is meant; nodes are labelled, tainted, cordoned', async () => {
      await apply(daemonSet('nodes', {}, { pod: { nodeSelector: { disk: 'ssd' } } }));
      await eventually('its status', async () => (await json<Set>('get', 'ds', 'nodes')).status.observedGeneration === 1);
      assert.deepEqual(await where('nodes'), []);
      await k('label', 'nodes', '--all', 'disk=ssd');
      await rolledOut('ds/nodes');
      assert.deepEqual(await where('nodes'), all);
      await k('label', 'node', 'sim-00002', 'disk-');
      await eventually('gone from the node', async () => (await where('nodes')).join() === 'sim-00001,sim-00003');
      await k('taint', 'node', 'sim-00003', 'mine=1:NoExecute');
      await eventually('driven out', async () => (await where('nodes')).join() === 'sim-00001');
      await k('taint', 'node', 'sim-00003', 'mine-');
      await k('cordon', 'sim-00003');
      await eventually('back, cordoned or not', async () => (await where('nodes')).join() === 'sim-00001,sim-00003');
      await k('uncordon', 'sim-00003');
      assert.match(await k('get', 'ds', 'nodes'), /^nodes +2 +2 +2 +2 +2 +disk=ssd/m);
      await k('delete', 'ds', 'nodes');
      await gone('nodes');
    });

    test('a rolling update, a rollback without unnecessary restarts, history', async () => {
      await apply(daemonSet('roll-ds', {}, { pod: { readinessGates: [] } }));
      await rolledOut('ds/roll-ds');
      const before = await pods('roll-ds');
      await setImage('ds/roll-ds', 'app:2');
      await rolledOut('ds/roll-ds');
      assert.deepEqual(new Set(await images('roll-ds')), new Set(['app:2']));
      await k('rollout', 'undo', 'ds/roll-ds');
      await rolledOut('ds/roll-ds');
      assert.match(await k('rollout', 'history', 'ds/roll-ds'), /REVISION +CHANGE-CAUSE\n2 +<none>\n3 +<none>/);

      const steady = await pods('roll-ds');
      assert.ok(steady.every((p) => before.every((b) => b.metadata.uid !== p.metadata.uid)));
      await k('patch', 'ds', 'roll-ds', '-p', `{"spec":{"template":{"spec":{"readinessGates":[{"conditionType":"${gate}"}]}}}}`);
      await eventually(
        'one is replaced and is not ready',
        async () => (await live('roll-ds')).filter((p) => !isReady(p) && p.status.phase === 'Running').length === 1,
      );
      await k('rollout', 'undo', 'ds/roll-ds');
      await rolledOut('ds/roll-ds');
      const after = await pods('roll-ds');
      assert.equal(after.filter((p) => steady.some((s) => s.metadata.uid === p.metadata.uid)).length, 2, 'the two that were not touched');
      await k('delete', 'ds', 'roll-ds');
    });

    test('surge: the new pod is there before the old one goes', async () => {
      await apply(daemonSet('surge', { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } }));
      await rolledOut('ds/surge');
      const order = await recorded('surge', async () => {
        await setImage('ds/surge', 'app:2');
        await rolledOut('ds/surge');
        await eventually('old ones are gone', async () => (await pods('surge')).length === 3);
      });
      assert.deepEqual(
        order.map((x) => x[0]),
        ['+', '-', '+', '-', '+', '-'],
      );
      await k('delete', 'ds', 'surge');
    });

    test('failed pods are replaced; status, patch and deletion of a collection', async () => {
      await apply(daemonSet('retry'));
      await rolledOut('ds/retry');
      const [victim] = await pods('retry');
      await patchStatus(`pod/${victim?.metadata.name ?? ''}`, { phase: 'Failed' });
      await eventually('another in its place', async () => {
        const now = await live('retry');
        return now.length === 3 && now.every((p) => isReady(p) && p.metadata.uid !== victim?.metadata.uid);
      });
      assert.ok((await events('retry', 'FailedDaemonPod'))[0]?.includes('will try to kill it'));
      await k(
        'patch',
        'ds',
        'retry',
        '--subresource=status',
        '--type=merge',
        '-p',
        '{"status":{"conditions":[{"type":"StatusUpdate","status":"True","reason":"E2E"}]}}',
      );
      await k('label', 'ds', 'retry', 'patched=yes');
      const { status } = await json<Set>('get', 'ds', 'retry');
      assert.equal(status.conditions?.[0]?.type, 'StatusUpdate');
      await k('delete', 'ds', '-l', 'patched=yes');
      await gone('retry');
    });

    test('the life of a ControllerRevision', async () => {
      await apply(daemonSet('cr'));
      await rolledOut('ds/cr');
      const [first] = await revisions('cr');
      assert.deepEqual([first?.revision, first?.metadata.ownerReferences?.[0]?.kind], [1, 'DaemonSet']);
      const hash = first?.metadata.labels?.['controller-revision-hash'] ?? '';
      assert.equal(first?.metadata.name, `cr-${hash}`);
      assert.equal((await pods('cr'))[0]?.metadata.labels?.['controller-revision-hash'], hash);
      const copy = {
        ...first,
        metadata: {
          name: 'cr-copy',
          labels: { ...first?.metadata.labels, 'controller-revision-hash': 'copy' },
          ownerReferences: first?.metadata.ownerReferences,
        },
        revision: 2,
      };
      await apply(JSON.stringify(copy));
      await k('delete', 'controllerrevision', first?.metadata.name ?? '', '--ignore-not-found');
      await eventually('one is left', async () => (await revisions('cr')).map((r) => r.metadata.name).join() === 'cr-copy');
      const uids = (await pods('cr')).map((p) => p.metadata.uid);
      await k('patch', 'controllerrevision', 'cr-copy', '-p', '{"metadata":{"labels":{"cr-copy":"patched"}}}');
      await k(
        'patch',
        'ds',
        'cr',
        '-p',
        '{"spec":{"template":{"spec":{"terminationGracePeriodSeconds":2}},"updateStrategy":{"type":"OnDelete","rollingUpdate":null}}}',
      );
      await eventually('a second one', async () => (await revisions('cr')).length === 2);
      assert.deepEqual(
        (await pods('cr')).map((p) => p.metadata.uid),
        uids,
      );
      await k('delete', 'controllerrevisions', '-l', 'cr-copy=patched');
      await eventually('one again', async () => (await revisions('cr')).map((r) => r.revision).join() === '3');
      await k('delete', 'ds', 'cr');
    });
  });

  describe('Deployment', () => {
    const progress = async (name: string): Promise<string | undefined> =>
      (await json<Set>('get', 'deployment', name)).status.conditions?.find((c) => c.type === 'Progressing')?.reason;

    test('a rollout that fails goes back by itself, tells why, and is not fought over', async () => {
      const annotations = { 'batuta.dev/auto-rollback': 'true' };
      await apply(workload('Deployment', 'self', { replicas: 2, progressDeadlineSeconds: 3 }, { annotations }));
      await rolledOut('deployment/self');
      const bad = '{"spec":{"template":{"spec":{"nodeSelector":{"no":"where"}}}}}';
      const selector = async (): Promise<string> => k('get', 'deployment', 'self', '-o', 'jsonpath={.spec.template.spec.nodeSelector}');
      await k('patch', 'deployment', 'self', '-p', bad);
      await eventually('it is back', async () => (await selector()) === '');
      await rolledOut('deployment/self');
      const [message = ''] = await events('self', 'AutoRollback');
      assert.match(
        message,
        /^Rolled back to revision 1, because revision 2 failed: ReplicaSet "self-\w+" has timed out progressing \(self-\w+-\w+: Unschedulable\)$/,
      );
      await k('patch', 'deployment', 'self', '-p', bad);
      await eventually('it is left alone', async () => (await events('self', 'AutoRollbackSkipped')).length === 1);
      assert.notEqual(await selector(), '');
      assert.equal(await progress('self'), 'ProgressDeadlineExceeded');
      await k('rollout', 'undo', 'deployment/self');
      await rolledOut('deployment/self');
      assert.equal(await selector(), '');
      await k('delete', 'deployment', 'self');
    });

    test('proportional scaling in the middle of a rollout', async () => {
      await apply(workload('Deployment', 'share', { replicas: 10, strategy: { rollingUpdate: { maxSurge: 3, maxUnavailable: 2 } } }));
      await rolledOut('deployment/share');
      await k('patch', 'deployment', 'share', '-p', '{"spec":{"template":{"spec":{"nodeSelector":{"no":"where"}}}}}');
      const sizes = async (): Promise<number[]> =>
        (await json<List<Set>>('get', 'rs', '-l', 'app=share')).items.map((rs) => rs.spec.replicas).sort((a, b) => a - b);
      await eventually('the rollout stands', async () => (await sizes()).join() === '5,8');
      await k('scale', 'deployment/share', '--replicas=30');
      await eventually('both grow', async () => (await sizes()).join() === '13,20');
      await k('delete', 'deployment', 'share');
    });

    test('list, patch, status and deletion of a collection', async () => {
      await apply(workload('Deployment', 'life', { replicas: 1 }));
      await rolledOut('deployment/life');
      await k(
        'patch',
        'deployment',
        'life',
        '--subresource=status',
        '--type=merge',
        '-p',
        '{"status":{"conditions":[{"type":"StatusUpdate","status":"True","reason":"E2E"}]}}',
      );
      await k('patch', 'deployment', 'life', '-p', '{"metadata":{"labels":{"patched":"yes"}},"spec":{"replicas":2}}');
      await rolledOut('deployment/life');
      const { status } = await json<Set>('get', 'deployment', 'life');
      assert.deepEqual([status.availableReplicas, status.terminatingReplicas], [2, 0]);
      await k('delete', 'deployment', '-l', 'patched=yes');
      await gone('life');
    });
  });
});
