import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, it } from 'node:test';
import { FakeClock, seededRandom } from '#base';
import { allKinds, CustomResourceDefinition, Namespace, schemas, type V1CustomResourceDefinition } from '#kinds';
import { defineKind, isApiError, type Api, type Kind, type KubeObject, type StatusReason } from '#machinery';
import { createMemoryStore, type Store } from '#store';
import { issueCa } from '../pki/x509.ts';
import { standardParts } from '../standard.ts';
import { admin, fixture, type Fixture } from '../test-support.ts';

const tokenKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const { cert: clientCa } = issueCa('x', { notBefore: 0, notAfter: Date.UTC(2040, 0, 1) });

interface Tab extends KubeObject {
  spec?: { cronSpec?: string; replicas?: number; hosts?: string[] };
  status?: { replicas?: number; labelSelector?: string };
}
/** What clients of the custom resource know of it. */
const CronTab = (version: string): Kind<Tab> =>
  defineKind<Tab>({ group: 'stable.example.com', version, kind: 'CronTab', plural: 'crontabs', namespaced: true, schema: '', status: true });

const schema = {
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      required: ['cronSpec'],
      properties: {
        cronSpec: { type: 'string', pattern: '^[*0-9 ]+$' },
        replicas: { type: 'integer', minimum: 1, maximum: 10, default: 1 },
      },
    },
    status: { type: 'object', properties: { replicas: { type: 'integer' }, labelSelector: { type: 'string' } } },
  },
};
const subresources = {
  status: {},
  scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas', labelSelectorPath: '.status.labelSelector' },
};
function definition(change: (crd: V1CustomResourceDefinition) => void = () => {}): V1CustomResourceDefinition {
  const crd = {
    metadata: { name: 'crontabs.stable.example.com' },
    spec: {
      group: 'stable.example.com',
      scope: 'Namespaced',
      names: { plural: 'crontabs', singular: 'crontab', kind: 'CronTab', shortNames: ['ct'] },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: structuredClone(schema) }, subresources }],
    },
  } as unknown as V1CustomResourceDefinition;
  change(crd);
  return crd;
}
interface Cluster extends Fixture {
  settle(): Promise<void>;
  crd(name?: string): Promise<V1CustomResourceDefinition>;
}
async function cluster(store: Store = createMemoryStore()): Promise<Cluster> {
  const clock = new FakeClock();
  const parts = standardParts({ clock, random: seededRandom(3), serviceCidr: '10.96.0.0/16', clientCa, tokenKey });
  const f = await fixture({ ...parts, store, clock, kinds: allKinds, schemas });
  await f.api.create(Namespace, { metadata: { name: 'default' } }).catch(() => {});
  return {
    ...f,
    settle: () => clock.advance(1000),
    crd: (name = 'crontabs.stable.example.com') => f.api.get(CustomResourceDefinition, { name }),
  };
}
const refused = (reason: StatusReason, text: RegExp) => (error: unknown) => {
  assert.ok(isApiError(error, reason), String(error));
  assert.match(error.message, text);
  return true;
};
const tab = (name: string, spec: NonNullable<Tab['spec']> = { cronSpec: '* * *' }): Tab => ({ metadata: { name, namespace: 'default' }, spec });
const conditions = (crd: V1CustomResourceDefinition): string[] => (crd.status?.conditions ?? []).map((c) => `${c.type}=${c.status} ${c.reason}`);
const tabKey = { namespace: 'default', name: 'a' };

describe('custom resources', () => {
  it('are served as soon as the definition is acknowledged, which then says so', async () => {
    const { api, settle, crd, server } = await cluster();
    await api.create(CustomResourceDefinition, definition());
    const made = await api.create(CronTab('v1'), tab('a'));
    assert.deepEqual(made.spec, { cronSpec: '* * *', replicas: 1 });
    assert.equal(made.metadata?.generation, 1);
    await settle();
    const established = await crd();
    assert.deepEqual(conditions(established), ['NamesAccepted=True NoConflicts', 'Established=True InitialNamesAccepted']);
    assert.deepEqual(established.status?.acceptedNames, {
      plural: 'crontabs',
      singular: 'crontab',
      shortNames: ['ct'],
      kind: 'CronTab',
      listKind: 'CronTabList',
    });
    assert.deepEqual(established.status?.storedVersions, ['v1']);
    assert.ok(server.kinds.some((kind) => kind.kind === 'CronTab'));
  });

  it('are validated, and keep status and spec apart', async () => {
    const { api } = await cluster();
    await api.create(CustomResourceDefinition, definition());
    const v1 = CronTab('v1');
    await assert.rejects(api.create(v1, tab('bad', { cronSpec: '* * *', replicas: 11 })), refused('Invalid', /spec\.replicas: Invalid value: 11/));
    await assert.rejects(api.create(v1, tab('bad', {})), refused('Invalid', /spec\.cronSpec: Required value/));
    const made = await api.create(v1, { ...tab('a'), status: { replicas: 7 } });
    assert.equal(made.status, undefined);
    const updated = await api.update(v1, { ...made, status: { replicas: 2, labelSelector: 'app=a' } }, { subresource: 'status' });
    assert.deepEqual([updated.status?.replicas, updated.metadata?.generation], [2, 1]);
    const scaled = await api.patch<Tab>(v1, tabKey, 'application/merge-patch+json', { spec: { replicas: 3 } }, { subresource: 'scale' });
    assert.deepEqual(scaled.status, { replicas: 2, selector: 'app=a' } as never);
    const now = await api.get(v1, tabKey);
    assert.deepEqual([now.spec?.replicas, now.metadata?.generation, now.status?.replicas], [3, 2, 2]);
    await assert.rejects(api.patch(v1, tabKey, 'application/strategic-merge-patch+json', {}), refused('UnsupportedMediaType', /apply-patch/));
  });

  it('survive a restart, with what is stored of them', async () => {
    const store = createMemoryStore();
    const first = await cluster(store);
    await first.api.create(CustomResourceDefinition, definition());
    await first.api.create(CronTab('v1'), tab('a'));
    await first.settle();
    await first.server.close();
    const { api } = await cluster(store);
    assert.equal((await api.get(CronTab('v1'), tabKey)).spec?.cronSpec, '* * *');
  });

  it('of several versions are one resource; a version can be added and removed', async () => {
    const { api, settle } = await cluster();
    await api.create(CustomResourceDefinition, definition());
    await api.create(CronTab('v1'), tab('a'));
    await settle();
    await assert.rejects(api.get(CronTab('v2'), tabKey), refused('NotFound', /could not find the requested resource/));
    const add = async (change: (crd: V1CustomResourceDefinition) => void): Promise<void> => {
      const crd = structuredClone(await api.get(CustomResourceDefinition, { name: 'crontabs.stable.example.com' }));
      change(crd);
      await api.update(CustomResourceDefinition, crd);
    };
    await add((crd) => crd.spec.versions.push({ ...structuredClone(crd.spec.versions[0]!), name: 'v2', storage: false }));
    const v2 = await api.get(CronTab('v2'), tabKey);
    assert.deepEqual([v2.apiVersion, v2.spec?.replicas], ['stable.example.com/v2', 1]);
    await add((crd) => crd.spec.versions.forEach((version) => (version.storage = version.name === 'v2')));
    assert.deepEqual((await api.get(CustomResourceDefinition, { name: 'crontabs.stable.example.com' })).status?.storedVersions, ['v1', 'v2']);
    await add((crd) => (crd.spec.versions[0]!.served = false));
    await assert.rejects(api.get(CronTab('v1'), tabKey), refused('NotFound', /could not find/));
    assert.equal((await api.list(CronTab('v2'))).items.length, 1);
  });

  it('are all deleted before their definition goes, and none is made meanwhile', async () => {
    const { api, server, settle, crd } = await cluster();
    await api.create(CustomResourceDefinition, definition());
    const v1 = CronTab('v1');
    await api.create(v1, tab('a'));
    await api.create(v1, { ...tab('held'), metadata: { name: 'held', namespace: 'default', finalizers: ['example.com/hold'] } });
    await settle();
    await api.delete(CustomResourceDefinition, { name: 'crontabs.stable.example.com' });
    await settle();
    assert.deepEqual(conditions(await crd()).at(-1), 'Terminating=True InstanceDeletionInProgress');
    assert.deepEqual(
      (await api.list(v1)).items.map((item) => item.metadata?.name),
      ['held'],
    );
    await api.patch(v1, { namespace: 'default', name: 'held' }, 'application/merge-patch+json', { metadata: { finalizers: null } });
    await settle();
    await assert.rejects(crd(), refused('NotFound', /not found/));
    await assert.rejects(api.list(v1), refused('NotFound', /could not find/));
    assert.ok(!server.kinds.some((kind) => kind.kind === 'CronTab'));
    await api.create(CustomResourceDefinition, definition());
    assert.equal((await api.list(v1)).items.length, 0);
  });

  it('whose names are taken wait until they are free', async () => {
    const { api, settle, crd } = await cluster();
    await api.create(CustomResourceDefinition, definition());
    await settle();
    const rival = definition((other) => {
      other.metadata = { name: 'others.stable.example.com' };
      other.spec.names = { plural: 'others', singular: 'other', kind: 'CronTab', shortNames: ['ct'] };
    });
    await api.create(CustomResourceDefinition, rival);
    await settle();
    const waiting = await crd('others.stable.example.com');
    assert.deepEqual(conditions(waiting), ['NamesAccepted=False ListKindConflict', 'Established=False NotAccepted']);
    await assert.rejects(list(api, 'others'), refused('NotFound', /could not find/));
    await api.delete(CustomResourceDefinition, { name: 'crontabs.stable.example.com' });
    await settle();
    assert.deepEqual(conditions(await crd('others.stable.example.com')), ['NamesAccepted=True NoConflicts', 'Established=True InitialNamesAccepted']);
    assert.deepEqual(await list(api, 'others'), []);
  });

  it('clients that track fields own what they set, and apply merges by the schema', async () => {
    const { server, api } = await cluster();
    await api.create(
      CustomResourceDefinition,
      definition((crd) => {
        const spec = (crd.spec.versions[0]!.schema!.openAPIV3Schema as unknown as typeof schema).properties.spec.properties as Record<string, unknown>;
        spec['hosts'] = { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' };
      }),
    );
    const as = (component: string): Api => server.api(admin, { component, track: true });
    const v1 = CronTab('v1');
    const apply = (manager: string, hosts: string[]): Promise<Tab> =>
      as(manager).patch(v1, tabKey, 'application/apply-patch+yaml', {
        apiVersion: 'stable.example.com/v1',
        kind: 'CronTab',
        spec: { cronSpec: '* * *', hosts },
      });
    await apply('one', ['a']);
    const both = await apply('two', ['b']);
    assert.deepEqual(both.spec?.hosts, ['a', 'b']);
    assert.deepEqual((await apply('one', [])).spec?.hosts, ['b']);
  });
});
async function list(api: Api, plural: string): Promise<KubeObject[]> {
  const kind = defineKind({ group: 'stable.example.com', version: 'v1', kind: 'CronTab', plural, namespaced: true, schema: '' });
  return [...(await api.list(kind)).items];
}
