/**
 * Specs of sig-apps about workloads, each step of them, by a client that sends HTTP and watches; docs/conformance/sig-apps.md
 * tells which of them are elsewhere. On simulated nodes: no spec here looks into a container.
 */
import assert from 'node:assert/strict';
import test, { before, describe } from 'node:test';
import { eventually, useCluster } from './harness.ts';
import { conditionOf, wireKit, written, type Fields, type Thing, type WatchEvent } from './wire-kit.ts';

interface Template {
  metadata: { labels: Record<string, string> };
  spec: { terminationGracePeriodSeconds?: number; containers: { name: string; image: string }[] };
}
type Workload = Thing<{ replicas: number; template: Template }, Record<string, number>>;
type Pod = Thing<{ nodeName?: string }, { phase: string }>;
type Revision = Thing & { revision: number; data: unknown };

describe('sig-apps: workloads', () => {
  const my = useCluster('--runtime', 'sim', '--sim-nodes', '3', '--nodes', '0');
  const { ok, get, create, patch, update, items, watch } = wireKit(my);
  const ns = 'apps-specs';
  before(async () => {
    for (const name of [ns, `${ns}-2`]) {
      await create('/api/v1/namespaces', { metadata: { name } });
      await eventually('its ServiceAccount', async () => (await items(`/api/v1/namespaces/${name}/serviceaccounts`)).length > 0);
    }
  });
  const apps = (plural: string, name = '', namespace = ns): string => `/apis/apps/v1/namespaces/${namespace}/${plural}${name && `/${name}`}`;
  const core = (plural: string, name = ''): string => `/api/v1/namespaces/${ns}/${plural}${name && `/${name}`}`;
  const labelled = (path: string, selector: string): string => `${path}?labelSelector=${encodeURIComponent(selector)}`;
  const template = (labels: Record<string, string>, image = 'httpd:2', pod: Fields = {}, annotations: Record<string, string> = {}): object => ({
    metadata: { labels, annotations },
    spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'c', image }], ...pod },
  });
  const workload = (name: string, spec: Fields = {}, labels: Record<string, string> = { name }): object => ({
    metadata: { name, labels },
    spec: { replicas: 1, selector: { matchLabels: { name } }, template: template({ name }), ...spec },
  });
  const daemonSet = (name: string, spec: Fields = {}): object => workload(name, { replicas: undefined, ...spec });
  const statefulSet = (name: string, spec: Fields = {}): object => workload(name, { serviceName: name, ...spec });
  const pods = async (selector: string): Promise<Pod[]> => items<Pod>(labelled(core('pods'), selector));
  const live = async (selector: string): Promise<Pod[]> => (await pods(selector)).filter((pod) => !pod.metadata.deletionTimestamp);
  const isReady = (pod: Pod): boolean => conditionOf(pod, 'Ready')?.status === 'True';
  const allReady = (selector: string, count: number): Promise<Pod[]> =>
    eventually(`${count} ready pods of ${selector}`, async () => {
      const found = await live(selector);
      return found.length === count && found.every(isReady) ? found : undefined;
    });
  const everywhere = (name: string): Promise<Pod[]> =>
    eventually(`${name} on every node`, async () => {
      const found = (await live(`name=${name}`)).filter(isReady);
      return found.length === 3 && new Set(found.map((pod) => pod.spec.nodeName)).size === 3 ? found : undefined;
    });
  const gone = (path: string): Promise<unknown> => eventually(`nothing at ${path}`, async () => (await items(path)).length === 0);
  const controlled = (pod: Thing): string | undefined => pod.metadata.ownerReferences?.find((one) => one.controller)?.name;

  /** A condition comes with a PUT of the status, and another with a PATCH of it; the watch tells of each. */
  const statusEndpoints = async (collection: string, name: string): Promise<void> => {
    const path = `${collection}/${name}/status`;
    const events = await watch(labelled(collection, `name=${name}`));
    const shows =
      (type: string) =>
      ({ object }: WatchEvent): unknown =>
        object.metadata.name === name && conditionOf(object, type);
    assert.equal((await get(path)).metadata.name, name);
    await update(path, (object) => (object.status.conditions ??= []).push(written('StatusUpdate')));
    const updated = await events.next('the status that was put', shows('StatusUpdate'));
    assert.deepEqual({ ...conditionOf(updated, 'StatusUpdate'), lastTransitionTime: null }, { ...written('StatusUpdate'), lastTransitionTime: null });
    await patch(path, { status: { conditions: [{ type: 'StatusPatched', status: 'True' }] } }, 'merge');
    await events.next('the status that was patched', shows('StatusPatched'));
  };

  describe('Deployment', { concurrency: 4 }, () => {
    const path = (name = ''): string => apps('deployments', name);

    test('should run the lifecycle of a Deployment', async () => {
      const events = await watch(labelled(path(), 'test-deployment-static=true'));
      const labels = { 'test-deployment-static': 'true' };
      await create(path(), workload('life', { template: template({ ...labels, name: 'life' }) }, labels));
      await events.next('it is added', ({ type }) => type === 'ADDED');
      const complete =
        (replicas: number) =>
        ({ type, object }: WatchEvent<Workload>): boolean =>
          type === 'MODIFIED' && object.status['availableReplicas'] === replicas && object.status['readyReplicas'] === replicas;
      await events.next('one replica', complete(1));

      await patch(path('life'), {
        metadata: { labels: { 'test-deployment': 'patched' } },
        spec: { replicas: 2, template: { spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'c', image: 'pause:3' }] } } },
      });
      await events.next<Workload>('the patch', ({ object }) => object.metadata.labels?.['test-deployment'] === 'patched');
      await events.next('two replicas', complete(2));
      const listed = await items<Workload>(labelled('/apis/apps/v1/deployments', 'test-deployment-static=true'));
      assert.deepEqual(
        listed.map(({ metadata, spec }) => [metadata.name, spec.replicas, spec.template.spec.containers[0]?.image]),
        [['life', 2, 'pause:3']],
      );

      await eventually('the rollout is over', async () => {
        const { updatedReplicas, replicas, availableReplicas } = (await get<Workload>(path('life'))).status;
        return [updatedReplicas, replicas, availableReplicas].every((count) => count === 2);
      });
      await update<Workload>(`${path('life')}/status`, (object) => {
        object.metadata.labels = { ...object.metadata.labels, 'test-deployment': 'updated' };
        object.status['readyReplicas'] = 2;
      });
      await events.next('the status put', ({ object }) => object.metadata.labels?.['test-deployment'] === 'updated');
      await patch(`${path('life')}/status`, { metadata: { labels: { 'test-deployment': 'patched-status' } }, status: { readyReplicas: 2 } });
      await events.next('the status patched', ({ object }) => object.metadata.labels?.['test-deployment'] === 'patched-status');
      assert.equal((await get<Workload>(`${path('life')}/status`)).status['readyReplicas'], 2);

      await ok('DELETE', labelled(path(), 'test-deployment-static=true'));
      await events.next('its end', ({ type }) => type === 'DELETED');
      await gone(labelled(path(), 'test-deployment-static=true'));
    });

    test('should validate Deployment Status endpoints', async () => {
      await create(path(), workload('status'));
      await allReady('name=status', 1);
      await statusEndpoints(path(), 'status');
    });

    test('deployment should support rollover', async () => {
      const pod = { name: 'rollover-pod' };
      await create(apps('replicasets'), workload('rollover-old', { selector: { matchLabels: pod }, template: template(pod) }, pod));
      await allReady('name=rollover-pod', 1);
      const sizes = async (): Promise<[string, number][]> =>
        (await items<Workload>(labelled(apps('replicasets'), 'name'))).flatMap(({ metadata, spec, ...object }): [string, number][] =>
          controlled({ metadata, spec, ...object }) === 'rollover' ? [[spec.template.spec.containers[0]?.image ?? '', spec.replicas]] : [],
        );
      const strategy = { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } };
      const spec = { selector: { matchLabels: pod }, minReadySeconds: 1, strategy, template: template(pod, 'does-not-exist:1') };
      await create(path(), workload('rollover', spec));
      await eventually(
        'the old set is its own, and the new one is at work',
        async () =>
          (await sizes()).some(([image, count]) => image === 'does-not-exist:1' && count === 1) && (await sizes()).some(([image]) => image === 'httpd:2'),
      );
      const revision = async (): Promise<string | undefined> => (await get(path('rollover'))).metadata.annotations?.['deployment.kubernetes.io/revision'];
      await eventually('its first revision', async () => (await revision()) === '1');
      assert.equal((await pods('name=rollover-pod')).filter(isReady).length, 1, 'the old pod serves');

      await patch(path('rollover'), { spec: { template: { spec: { containers: [{ name: 'c', image: 'agnhost:2' }] } } } });
      await eventually('its second revision', async () => (await revision()) === '2');
      await eventually('it is complete', async () => {
        const { metadata, status } = await get<Workload>(path('rollover'));
        const { observedGeneration, updatedReplicas, availableReplicas, replicas } = status;
        return observedGeneration === metadata.generation && [updatedReplicas, availableReplicas, replicas].every((count) => count === 1);
      });
      assert.deepEqual((await sizes()).sort(), [
        ['agnhost:2', 1],
        ['does-not-exist:1', 0],
        ['httpd:2', 0],
      ]);
      await ok('DELETE', path('rollover'));
    });
  });

  describe('ReplicaSet', { concurrency: 4 }, () => {
    const path = (name = ''): string => apps('replicasets', name);

    test('Replicaset should have a working scale subresource', async () => {
      await create(path(), workload('rs-scale'));
      await allReady('name=rs-scale', 1);
      const scale = await get<Thing<{ replicas: number }>>(`${path('rs-scale')}/scale`);
      assert.deepEqual([scale.apiVersion, scale.kind, scale.spec.replicas], ['autoscaling/v1', 'Scale', 1]);
      const { resourceVersion: _, ...metadata } = scale.metadata;
      const put = await ok<typeof scale>('PUT', `${path('rs-scale')}/scale`, { ...scale, metadata, spec: { replicas: 2 } });
      assert.equal(put.spec.replicas, 2);
      assert.equal((await get<Workload>(path('rs-scale'))).spec.replicas, 2);
      const patched = await patch<typeof scale>(`${path('rs-scale')}/scale`, { spec: { replicas: 4 } });
      assert.equal(patched.spec.replicas, 4);
      assert.equal((await get<Workload>(path('rs-scale'))).spec.replicas, 4);
      await allReady('name=rs-scale', 4);
    });

    test('Replace and Patch tests', async () => {
      await create(path(), workload('rs-replace', {}, { 'test-rs': 'created' }));
      await allReady('name=rs-replace', 1);
      const scale = await get<Thing<{ replicas: number }>>(`${path('rs-replace')}/scale`);
      await ok('PUT', `${path('rs-replace')}/scale`, { ...scale, spec: { replicas: 2 } });
      await allReady('name=rs-replace', 2);
      const events = await watch(labelled(path(), 'test-rs'));
      const spec = { replicas: 3, template: { spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'c', image: 'httpd:3' }] } } };
      await patch(path('rs-replace'), { metadata: { labels: { 'test-rs': 'patched' } }, spec });
      const seen = await events.next<Workload>(
        'the patch',
        ({ object }) =>
          object.metadata.labels?.['test-rs'] === 'patched' &&
          object.spec.template.spec.terminationGracePeriodSeconds === 1 &&
          object.status['replicas'] === 3 &&
          object.status['readyReplicas'] === 3,
      );
      assert.equal(seen.spec.template.spec.containers[0]?.image, 'httpd:3');
    });

    test('should list and delete a collection of ReplicaSets', async () => {
      await create(path(), workload('rs-many', { replicas: 3 }, { e2e: 'rs-many' }));
      await allReady('name=rs-many', 3);
      assert.equal((await items(labelled('/apis/apps/v1/replicasets', 'e2e=rs-many'))).length, 1);
      await ok('DELETE', labelled(path(), 'e2e=rs-many'));
      await gone(labelled('/apis/apps/v1/replicasets', 'e2e=rs-many'));
    });

    test('should validate Replicaset Status endpoints', async () => {
      await create(path(), workload('rs-status'));
      await allReady('name=rs-status', 1);
      await statusEndpoints(path(), 'rs-status');
    });

    test('should adopt matching pods on creation and release no longer matching pods', () => adoptsAndReleases(path(), 'adopted', 'ReplicaSet'));
  });

  /** A pod that was there first becomes one of the set's; one whose label changes is let go of, and replaced. */
  async function adoptsAndReleases(collection: string, name: string, kind: string): Promise<void> {
    await create(core('pods'), { metadata: { name, labels: { name } }, spec: { containers: [{ name: 'c', image: 'httpd:2' }] } });
    const selector = kind === 'ReplicaSet' ? { matchLabels: { name } } : { name };
    await create(collection, workload(name, { selector }));
    await eventually('it is adopted', async () => {
      const owner = (await get(core('pods', name))).metadata.ownerReferences?.find((one) => one.controller);
      return owner?.kind === kind && owner.name === name;
    });
    assert.equal((await pods(`name=${name}`)).length, 1, 'no other was made');
    await patch(core('pods', name), { metadata: { labels: { name: 'not-matching-name' } } });
    await eventually('it is released', async () => controlled(await get(core('pods', name))) === undefined);
    await allReady(`name=${name}`, 1);
    await ok('DELETE', core('pods', name));
  }

  describe('ReplicationController', { concurrency: 4 }, () => {
    const path = (name = ''): string => core('replicationcontrollers', name);
    const controller = (name: string, spec: Fields = {}, labels?: Record<string, string>): object => workload(name, { selector: { name }, ...spec }, labels);

    test('should adopt matching pods on creation; should release no longer matching pods', () =>
      adoptsAndReleases(path(), 'rc-adopted', 'ReplicationController'));

    test('should surface a failure condition on a common issue like exceeded quota', async () => {
      await create('/api/v1/namespaces', { metadata: { name: 'rc-quota' } });
      const at = (plural: string, name = ''): string => `/api/v1/namespaces/rc-quota/${plural}${name && `/${name}`}`;
      await create(at('resourcequotas'), { metadata: { name: 'condition-test' }, spec: { hard: { pods: '2' } } });
      await eventually('the quota counts', async () => {
        const quota = await get<Thing<Fields, { hard?: { pods: string } }>>(at('resourcequotas', 'condition-test'));
        return quota.status.hard?.pods === '2';
      });
      await create(at('replicationcontrollers'), controller('condition-test', { replicas: 3 }));
      const failure = () => get(at('replicationcontrollers', 'condition-test')).then((object) => conditionOf(object, 'ReplicaFailure'));
      const condition = await eventually('it says that it fails', failure);
      assert.deepEqual([condition.status, condition.reason], ['True', 'FailedCreate']);
      assert.match(condition.message ?? '', /exceeded quota: condition-test, requested: pods=1, used: pods=2, limited: pods=2/);
      await update<Workload>(at('replicationcontrollers', 'condition-test'), (object) => (object.spec.replicas = 2));
      await eventually('it fails no more', async () => (await failure()) === undefined);
      await ok('DELETE', '/api/v1/namespaces/rc-quota');
    });

    test('should test the lifecycle of a ReplicationController', async () => {
      const all = labelled(path(), 'test-rc-static=true');
      const labels = { 'test-rc-static': 'true' };
      const events = await watch(all);
      await create(path(), controller('rc-life', { template: template({ ...labels, name: 'rc-life' }) }, labels));
      await events.next('it is added', ({ type }) => type === 'ADDED');
      await events.next<Workload>('one replica', ({ object }) => object.status['replicas'] === 1 && object.status['readyReplicas'] === 1);
      await patch(path('rc-life'), { metadata: { labels: { 'test-rc': 'patched' } } });
      await events.next('the patch', ({ object }) => object.metadata.labels?.['test-rc'] === 'patched');
      const patched = await patch<Workload>(`${path('rc-life')}/status`, { status: { readyReplicas: 0, availableReplicas: 0 } }, 'merge');
      assert.equal(patched.status['readyReplicas'] ?? 0, 0);
      await events.next<Workload>('the status that was patched', ({ object }) => !object.status['readyReplicas']);
      assert.equal((await get<Workload>(`${path('rc-life')}/status`)).status['replicas'], 1);
      await events.next<Workload>('the controller knows better', ({ object }) => object.status['readyReplicas'] === 1);
      await patch(`${path('rc-life')}/scale`, { spec: { replicas: 2 } });
      await events.next<Workload>('two of them', ({ object }) => object.status['replicas'] === 2 && object.status['readyReplicas'] === 2);
      await update(path('rc-life'), (object) => (object.metadata.labels = { ...object.metadata.labels, 'test-rc': 'updated' }));
      await events.next('the update', ({ object }) => object.metadata.labels?.['test-rc'] === 'updated');
      assert.equal((await items(labelled('/api/v1/replicationcontrollers', 'test-rc-static=true'))).length, 1);
      await ok('DELETE', all);
      await events.next('its end', ({ type }) => type === 'DELETED');
    });
  });

  describe('StatefulSet', { concurrency: 4 }, () => {
    const path = (name = ''): string => apps('statefulsets', name);

    test('should list, patch and delete a collection of StatefulSets', async () => {
      await create(path(), statefulSet('ss-many'));
      await allReady('name=ss-many', 1);
      const spec = { replicas: 2, template: { spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'c', image: 'pause:3' }] } } };
      const patched = await patch<Workload>(path('ss-many'), { metadata: { labels: { 'test-ss': 'patched' } }, spec });
      assert.equal(patched.metadata.labels?.['test-ss'], 'patched');
      assert.deepEqual([patched.spec.replicas, patched.spec.template.spec.containers[0]?.image], [2, 'pause:3']);
      await eventually('both are new', async () => {
        const { metadata, status } = await get<Workload>(path('ss-many'));
        return status['updatedReplicas'] === 2 && status['readyReplicas'] === 2 && status['observedGeneration'] === metadata.generation;
      });
      const all = labelled('/apis/apps/v1/statefulsets', 'test-ss=patched');
      assert.equal((await items(all)).length, 1);
      await ok('DELETE', labelled(path(), 'test-ss=patched'), { kind: 'DeleteOptions', apiVersion: 'v1', gracePeriodSeconds: 1 });
      await gone(all);
    });

    test('should validate Statefulset Status endpoints', async () => {
      await create(path(), statefulSet('ss-status'));
      await allReady('name=ss-status', 1);
      await eventually('its status', async () => (await get<Workload>(path('ss-status'))).status['availableReplicas'] === 1);
      await statusEndpoints(path(), 'ss-status');
    });
  });

  describe('Daemon set', { concurrency: 4 }, () => {
    const path = (name = ''): string => apps('daemonsets', name);

    test('should run and stop simple daemon; should list and delete a collection of DaemonSets', async () => {
      await create(path(), daemonSet('simple'));
      const [stopped] = await everywhere('simple');
      assert.ok(stopped);
      await ok('DELETE', core('pods', stopped.metadata.name));
      const revived = await eventually('it is revived', async () => {
        const found = (await live('name=simple')).filter((pod) => isReady(pod) && pod.metadata.uid !== stopped.metadata.uid);
        return found.length === 3 ? found : undefined;
      });
      assert.ok(revived.some((pod) => pod.spec.nodeName === stopped.spec.nodeName));
      const all = labelled('/apis/apps/v1/daemonsets', 'name=simple');
      assert.equal((await items(all)).length, 1);
      await ok('DELETE', labelled(path(), 'name=simple'));
      await gone(all);
      await gone(labelled(core('pods'), 'name=simple'));
    });

    test('should verify changes to a daemon set status', async () => {
      await create(path(), daemonSet('ds-status'));
      await everywhere('ds-status');
      await eventually('its status', async () => (await get<Workload>(path('ds-status'))).status['numberReady'] === 3);
      await statusEndpoints(path(), 'ds-status');
      await ok('DELETE', path('ds-status'));
    });
  });

  describe('ControllerRevision', { concurrency: 4 }, () => {
    test('should manage the lifecycle of a ControllerRevision', async () => {
      const path = apps('controllerrevisions');
      const mine = labelled(path, 'name=revised');
      const revisions = (count: number): Promise<Revision[]> =>
        eventually(`${count} revisions`, async () => {
          const found = await items<Revision>(mine);
          return found.length === count ? found : undefined;
        });
      const later = { spec: { template: { spec: { terminationGracePeriodSeconds: 1 } } }, updateStrategy: { type: 'RollingUpdate' } };
      // The hash of the template that is to come is that of a twin elsewhere: its name will be taken.
      const twin = apps('daemonsets', '', `${ns}-2`);
      await create(twin, daemonSet('revised', { template: template({ name: 'revised' }, 'httpd:2', later.spec.template.spec) }));
      const hashes = labelled(apps('controllerrevisions', '', `${ns}-2`), 'name=revised');
      const hash = await eventually('the twin', async () => (await items(hashes))[0]?.metadata.labels?.['controller-revision-hash']);
      await ok('DELETE', `${twin}/revised`);

      const set = await create(apps('daemonsets'), daemonSet('revised'));
      await everywhere('revised');
      const [found] = await items<Revision>(labelled('/apis/apps/v1/controllerrevisions', `name=revised`)).then((all) =>
        all.filter((one) => one.metadata.namespace === ns),
      );
      const [owner] = found?.metadata.ownerReferences ?? [];
      assert.deepEqual([owner?.kind, owner?.uid], ['DaemonSet', set.metadata.uid]);
      const initial = await get<Revision>(`${path}/${found?.metadata.name}`);
      const patched = await patch(`${path}/${initial.metadata.name}`, { metadata: { labels: { [initial.metadata.name]: 'patched' } } });
      assert.equal(patched.metadata.labels?.[initial.metadata.name], 'patched');

      const made = await create<Revision>(path, {
        metadata: {
          name: `revised-${hash}`,
          labels: { name: 'revised', 'controller-revision-hash': hash },
          ownerReferences: initial.metadata.ownerReferences,
        },
        data: initial.data,
        revision: initial.revision + 1,
      });
      await revisions(2).catch(() => assert.fail('there are not two'));
      await ok('DELETE', `${path}/${initial.metadata.name}`);
      const [current] = await revisions(1);
      assert.equal(current?.metadata.name, made.metadata.name);
      const label = made.metadata.name;
      const updated = await update(`${path}/${label}`, ({ metadata }) => (metadata.labels = { ...metadata.labels, [label]: 'updated' }));
      assert.equal(updated.metadata.labels?.[label], 'updated');
      await patch(apps('daemonsets', 'revised'), later);
      await revisions(2);
      await ok('DELETE', labelled(path, `${label}=updated`));
      const [last] = await revisions(1);
      assert.equal(last?.revision, 3);
      await ok('DELETE', apps('daemonsets', 'revised'));
    });
  });

  describe('sig-node: NoExecuteTaintManager', () => {
    test('removing taint cancels eviction', async () => {
      const key = 'kubernetes.io/e2e-evict-taint-key';
      const taint = (node: string, taints: Fields[]): Promise<unknown> => patch(`/api/v1/nodes/${node}`, { spec: { taints } }, 'merge');
      const tolerations = [{ key, operator: 'Equal', value: 'evictTaintVal', effect: 'NoExecute', tolerationSeconds: 4 }];
      const start = (name: string, node: string): Promise<unknown> =>
        create(core('pods'), {
          metadata: { name, labels: { name } },
          spec: {
            tolerations,
            terminationGracePeriodSeconds: 0,
            nodeSelector: { 'kubernetes.io/hostname': node },
            containers: [{ name: 'c', image: 'pause:3' }],
          },
        });
      await start('stays', 'sim-00001');
      await start('goes', 'sim-00002');
      await allReady('name=stays', 1);
      await allReady('name=goes', 1);
      const taints = [{ key, value: 'evictTaintVal', effect: 'NoExecute' }];
      await taint('sim-00001', taints);
      await taint('sim-00001', []);
      // The one whose taint stays, and came later, tells when the time of the other is over.
      await taint('sim-00002', taints);
      await eventually('it is evicted', async () => (await pods('name=goes')).length === 0);
      await taint('sim-00002', []);
      assert.equal((await allReady('name=stays', 1))[0]?.metadata.deletionTimestamp, undefined);
    });
  });
});
