import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock, seededRandom, settle } from '#base';
import {
  allKinds,
  ConfigMap,
  Namespace,
  PersistentVolumeClaim,
  Pod,
  ResourceQuota,
  schemas,
  Service,
  type V1PersistentVolumeClaim,
  type V1Pod,
  type V1ResourceQuota,
  type V1ResourceQuotaSpec,
  type V1Service,
} from '#kinds';
import { isApiError } from '#machinery';
import { fixture, type Fixture } from '../../test-support.ts';
import { namespaceLifecycle } from '../namespace-lifecycle.ts';
import { resourceQuota } from './resource-quota.ts';

interface World extends Fixture {
  used(name?: string): { [resource: string]: string } | undefined;
}
async function world(): Promise<World> {
  const f = await fixture({ clock: new FakeClock(), random: seededRandom(5), kinds: allKinds, schemas, admission: [namespaceLifecycle(), resourceQuota()] });
  await f.api.create(Namespace, { metadata: { name: 'x' } });
  return { ...f, used: (name = 'q') => (f.server.reader.get('', 'resourcequotas', 'x', name) as V1ResourceQuota | undefined)?.status?.used };
}
async function quota({ api }: World, spec: V1ResourceQuotaSpec, name = 'q'): Promise<void> {
  await api.create(ResourceQuota, { metadata: { name, namespace: 'x' }, spec });
  await settle();
}
const pod = (name: string, requests: object = {}, limits: object = {}, spec: object = {}): V1Pod => ({
  metadata: { name, namespace: 'x' },
  spec: { containers: [{ name: 'c', image: 'i', resources: { requests: { ...requests }, limits: { ...limits } } }], ...spec },
});
const refusal = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'accepted',
    (error: unknown) => (isApiError(error, 'Forbidden') ? error.message : String(error)),
  );
const gone = { gracePeriodSeconds: 0 };

describe('ResourceQuota', () => {
  it('tells what is used as soon as it exists, and with every write', async () => {
    const w = await world();
    await w.api.create(Pod, pod('before', { cpu: '250m', memory: '64Mi' }));
    await quota(w, {
      hard: { pods: '3', cpu: '1', 'requests.memory': '1Gi', 'limits.cpu': '2', 'count/pods': '9', configmaps: '5', 'requests.example.com/gpu': '4' },
    });
    assert.deepEqual(w.used(), {
      configmaps: '0',
      'count/pods': '1',
      cpu: '250m',
      'limits.cpu': '0',
      pods: '1',
      'requests.example.com/gpu': '0',
      'requests.memory': '64Mi',
    });
    await w.api.create(Pod, pod('p', { cpu: '500m', memory: '252Mi' }, { cpu: '1', 'example.com/gpu': '3' }));
    assert.deepEqual(w.used(), {
      configmaps: '0',
      'count/pods': '2',
      cpu: '750m',
      'limits.cpu': '1',
      pods: '2',
      'requests.example.com/gpu': '3',
      'requests.memory': '316Mi',
    });
    const stored = w.server.reader.get('', 'resourcequotas', 'x', 'q') as V1ResourceQuota;
    assert.deepEqual(stored.status?.hard, stored.spec?.hard);
    await w.api.delete(Pod, { namespace: 'x', name: 'before' }, gone);
    await settle();
    assert.deepEqual([w.used()?.['pods'], w.used()?.['cpu']], ['1', '500m']);
  });
  it('refuses what goes beyond, in the words of kube-apiserver', async () => {
    const w = await world();
    await quota(w, { hard: { pods: '2', cpu: '1', memory: '1Gi', configmaps: '1', 'count/services': '1' } });
    await w.api.create(Pod, pod('a', { cpu: '600m', memory: '252Mi' }));
    assert.equal(
      await refusal(w.api.create(Pod, pod('b', { cpu: '500m', memory: '900Mi' }))),
      'pods "b" is forbidden: exceeded quota: q, requested: cpu=500m,memory=900Mi, used: cpu=600m,memory=252Mi, limited: cpu=1,memory=1Gi',
    );
    assert.equal(await refusal(w.api.create(Pod, pod('b', { cpu: '1' }))), 'pods "b" is forbidden: failed quota: q: must specify memory for: c');
    assert.equal(await refusal(w.api.create(Pod, pod('b'))), 'pods "b" is forbidden: failed quota: q: must specify cpu for: c; memory for: c');
    await w.api.create(Pod, pod('b', { cpu: '400m', memory: '1Mi' }));
    assert.equal(
      await refusal(w.api.create(Pod, pod('c', { cpu: '0', memory: '0' }))),
      'pods "c" is forbidden: exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2',
    );
    await w.api.create(ConfigMap, { metadata: { name: 'a', namespace: 'x' } });
    assert.equal(
      await refusal(w.api.create(ConfigMap, { metadata: { generateName: 'b-', namespace: 'x' } })).then((text) => text.replace(/b-\w{5}/, 'b-')),
      'configmaps "b-" is forbidden: exceeded quota: q, requested: configmaps=1, used: configmaps=1, limited: configmaps=1',
    );
  });
  it('gives back what a refused, failed or only tried write had reserved', async () => {
    const w = await world();
    await quota(w, { hard: { pods: '2' } });
    await w.api.create(Pod, pod('a'));
    for (const attempt of [() => w.api.create(Pod, pod('a')), () => w.api.create(Pod, pod('BAD'))]) await assert.rejects(attempt());
    await w.api.create(Pod, pod('dry'), { dryRun: true });
    await settle();
    assert.deepEqual(w.used(), { pods: '1' });
    await w.api.create(Pod, pod('b'));
    assert.match(await refusal(w.api.create(Pod, pod('c'), { dryRun: true })), /exceeded quota/);
    assert.deepEqual(w.used(), { pods: '2' });
  });
  it('frees what ended pods asked for, not their count', async () => {
    const w = await world();
    await quota(w, { hard: { pods: '1', 'count/pods': '2', cpu: '1' } });
    const made = await w.api.create(Pod, pod('a', { cpu: '1' }));
    await w.api.update(Pod, { ...made, status: { ...made.status, phase: 'Succeeded' } }, { subresource: 'status' });
    await settle();
    assert.deepEqual(w.used(), { 'count/pods': '1', cpu: '0', pods: '0' });
    await w.api.create(Pod, pod('b', { cpu: '1' }));
    assert.match(
      await refusal(w.api.create(Pod, pod('c', { cpu: '0' }))),
      /requested: count\/pods=1,pods=1, used: count\/pods=2,pods=1, limited: count\/pods=2,pods=1/,
    );
  });
  it('follows a change of the quota, and forgets one that is deleted', async () => {
    const w = await world();
    await quota(w, { hard: { pods: '1' } });
    await w.api.create(Pod, pod('a'));
    await w.api.patch(ResourceQuota, { namespace: 'x', name: 'q' }, 'application/merge-patch+json', { spec: { hard: { pods: '2', services: '7' } } });
    await settle();
    assert.deepEqual(w.used(), { pods: '1', services: '0' });
    await w.api.create(Pod, pod('b'));
    await w.api.delete(ResourceQuota, { namespace: 'x', name: 'q' });
    await w.api.create(Pod, pod('c'));
    await quota(w, { hard: { pods: '1' } });
    assert.deepEqual(w.used(), { pods: '3' });
  });
  it('heals a status that someone else changed, and what time alone frees', async () => {
    const w = await world();
    await quota(w, { hard: { pods: '5' } });
    const made = await w.api.create(Pod, pod('a', {}, {}, { nodeName: 'n' }));
    await w.api.delete(Pod, { namespace: 'x', name: made.metadata?.name ?? '' });
    await settle();
    assert.deepEqual(w.used(), { pods: '1' });
    await w.api.patch(
      ResourceQuota,
      { namespace: 'x', name: 'q' },
      'application/merge-patch+json',
      { status: { used: { pods: '77' } } },
      { subresource: 'status' },
    );
    await w.clock.advance(30_000);
    assert.deepEqual(w.used(), { pods: '77' });
    await w.clock.advance(31_000);
    assert.deepEqual(w.used(), { pods: '1' });
    await w.clock.advance(240_000);
    assert.deepEqual(w.used(), { pods: '0' });
  });
  it('counts node ports and load balancers as types change', async () => {
    const w = await world();
    await quota(w, { hard: { services: '3', 'services.nodeports': '2', 'services.loadbalancers': '1' } });
    const service = (name: string, type: string, ports = 1): V1Service => ({
      metadata: { name, namespace: 'x' },
      spec: { type, ports: Array.from({ length: ports }, (_, i) => ({ name: `p${i}`, port: 80 + i })) },
    });
    await w.api.create(Service, service('a', 'ClusterIP', 3));
    assert.deepEqual(w.used(), { services: '1', 'services.loadbalancers': '0', 'services.nodeports': '0' });
    assert.match(
      await refusal(w.api.update(Service, service('a', 'NodePort', 3))),
      /requested: services.nodeports=3, used: services.nodeports=0, limited: services.nodeports=2/,
    );
    await w.api.update(Service, service('a', 'LoadBalancer', 2));
    assert.deepEqual(w.used(), { services: '1', 'services.loadbalancers': '1', 'services.nodeports': '2' });
    assert.match(await refusal(w.api.create(Service, service('b', 'LoadBalancer'))), /services.loadbalancers=1,services.nodeports=1/);
    await w.api.update(Service, service('a', 'ClusterIP'));
    await settle();
    assert.deepEqual(w.used(), { services: '1', 'services.loadbalancers': '0', 'services.nodeports': '0' });
  });
  it('measures storage, in all and by class, as claims grow', async () => {
    const w = await world();
    await quota(w, {
      hard: {
        'requests.storage': '10Gi',
        'gold.storageclass.storage.k8s.io/requests.storage': '3Gi',
        'gold.storageclass.storage.k8s.io/persistentvolumeclaims': '1',
      },
    });
    const claim = (name: string, storage: string, storageClassName: string): V1PersistentVolumeClaim => ({
      metadata: { name, namespace: 'x' },
      spec: { storageClassName, accessModes: ['ReadWriteOnce'], resources: { requests: { storage } } },
    });
    const made = await w.api.create(PersistentVolumeClaim, claim('a', '2Gi', 'gold'));
    await w.api.update(PersistentVolumeClaim, { ...made, status: { phase: 'Bound' } }, { subresource: 'status' });
    await w.api.create(PersistentVolumeClaim, claim('b', '5Gi', 'bronze'));
    assert.match(
      await refusal(w.api.create(PersistentVolumeClaim, claim('c', '1Gi', 'gold'))),
      /requested: gold.storageclass.storage.k8s.io\/persistentvolumeclaims=1, used/,
    );
    assert.match(
      await refusal(w.api.update(PersistentVolumeClaim, claim('a', '4Gi', 'gold'))),
      /requested: gold.storageclass.storage.k8s.io\/requests.storage=2Gi, used: gold.storageclass.storage.k8s.io\/requests.storage=2Gi, limited: gold.storageclass.storage.k8s.io\/requests.storage=3Gi/,
    );
    await w.api.update(PersistentVolumeClaim, claim('a', '3Gi', 'gold'));
    assert.equal(w.used()?.['requests.storage'], '8Gi');
  });
  it('looks only at what is in scope', async () => {
    const w = await world();
    const hard = { pods: '9' };
    await quota(w, { hard, scopes: ['Terminating'] }, 'terminating');
    await quota(w, { hard, scopes: ['NotTerminating'] }, 'lasting');
    await quota(w, { hard, scopes: ['BestEffort'] }, 'best-effort');
    await quota(w, { hard, scopes: ['NotBestEffort', 'NotTerminating'] }, 'sure');
    const selector = (operator: string, values: string[] = []) => ({
      matchExpressions: [{ scopeName: 'PriorityClass', operator, ...(values.length > 0 ? { values } : {}) }],
    });
    await quota(w, { hard, scopeSelector: selector('In', ['gold']) }, 'gold');
    await quota(w, { hard, scopeSelector: selector('NotIn', ['gold']) }, 'not-gold');
    await quota(w, { hard, scopeSelector: selector('Exists') }, 'classed');
    await quota(w, { hard: { pods: '0' }, scopes: ['CrossNamespacePodAffinity'] }, 'cross');
    await w.api.create(Pod, pod('a', {}, {}, { activeDeadlineSeconds: 9 }));
    await w.api.create(Pod, pod('b', { cpu: '1' }, {}, { priorityClassName: 'gold' }));
    await w.api.create(Pod, pod('c', {}, {}, { priorityClassName: 'lead' }));
    const found = ['terminating', 'lasting', 'best-effort', 'sure', 'gold', 'not-gold', 'classed'].map((name) => w.used(name)?.['pods']);
    assert.deepEqual(found, ['1', '2', '2', '1', '1', '2', '2']);
    const term = { topologyKey: 'z', namespaces: ['other'] };
    const elsewhere = { affinity: { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, podAffinityTerm: term }] } } };
    assert.match(await refusal(w.api.create(Pod, pod('d', {}, {}, elsewhere))), /exceeded quota: cross, requested: pods=1, used: pods=0, limited: pods=0/);
  });
  it('counts what a pod grows by when it is resized', async () => {
    const w = await world();
    await quota(w, { hard: { cpu: '1' } });
    await w.api.create(Pod, pod('a', { cpu: '400m' }));
    await w.api.create(Pod, pod('b', { cpu: '400m' }));
    const resize = (cpu: string): Promise<unknown> =>
      w.api.patch(
        Pod,
        { namespace: 'x', name: 'a' },
        'application/strategic-merge-patch+json',
        { spec: { containers: [{ name: 'c', resources: { requests: { cpu } } }] } },
        { subresource: 'resize' },
      );
    assert.equal(await refusal(resize('700m')), 'pods "a" is forbidden: exceeded quota: q, requested: cpu=300m, used: cpu=800m, limited: cpu=1');
    await resize('600m');
    assert.deepEqual(w.used(), { cpu: '1' });
    await resize('100m');
    await settle();
    assert.deepEqual(w.used(), { cpu: '500m' });
  });
  it('adds overhead, and the larger of init containers and the rest', async () => {
    const w = await world();
    await quota(w, { hard: { cpu: '10', 'limits.cpu': '10' } });
    const init = [{ name: 'i', image: 'i', resources: { requests: { cpu: '3' }, limits: { cpu: '3' } } }];
    await w.api.create(Pod, pod('a', { cpu: '1' }, { cpu: '2' }, { overhead: { cpu: '500m' }, initContainers: init }));
    assert.deepEqual(w.used(), { cpu: '3500m', 'limits.cpu': '3500m' });
  });
});
