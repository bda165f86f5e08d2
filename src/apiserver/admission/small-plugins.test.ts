import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { KubeObject } from '#machinery';
import { defaultIngressClass, defaultStorageClass } from './default-classes.ts';
import { deviceAdminAccess } from './device-admin.ts';
import { podTopologyLabels, taintNewNodes } from './nodes.ts';
import { priority, priorityClassDeletion } from './priority.ts';
import { runtimeClass } from './runtime-class.ts';
import { claimResize, storageProtection } from './storage.ts';
import { admit, Claims, kindOf, objects, Pods, requestOf } from './testing.ts';

type Loose = KubeObject & { spec?: Record<string, unknown> };
const made = (object: unknown): Loose => {
  assert.equal(typeof object, 'object', String(object));
  return object as Loose;
};
const pod = (spec: object = {}): KubeObject => ({ metadata: { name: 'p', namespace: 'x' }, spec: { containers: [], ...spec } }) as KubeObject;
const PriorityClasses = kindOf('scheduling.k8s.io', 'PriorityClass', 'priorityclasses', false);
const priorityClass = (name: string, value: number, more: object = {}): [typeof PriorityClasses, KubeObject] => [
  PriorityClasses,
  { metadata: { name }, value, ...more } as KubeObject,
];

describe('Priority', () => {
  const reader = objects(priorityClass('gold', 1000, { preemptionPolicy: 'Never' }), priorityClass('usual', 5, { globalDefault: true }));
  it('follows the class, the default class, or nothing', async () => {
    const gold = made(await admit(priority(), reader, requestOf(Pods, pod({ priorityClassName: 'gold' })))).spec;
    assert.deepEqual([gold?.['priority'], gold?.['preemptionPolicy']], [1000, 'Never']);
    const usual = made(await admit(priority(), reader, requestOf(Pods, pod()))).spec;
    assert.deepEqual([usual?.['priorityClassName'], usual?.['priority'], usual?.['preemptionPolicy']], ['usual', 5, 'PreemptLowerPriority']);
    const none = made(await admit(priority(), objects(), requestOf(Pods, pod()))).spec;
    assert.deepEqual([none?.['priorityClassName'], none?.['priority']], [undefined, 0]);
    const system = made(await admit(priority(), objects(), requestOf(Pods, pod({ priorityClassName: 'system-node-critical' })))).spec;
    assert.equal(system?.['priority'], 2_000_001_000);
  });
  it('refuses unknown classes and numbers of one’s own', async () => {
    const text = async (spec: object) => admit(priority(), reader, requestOf(Pods, pod(spec)));
    assert.equal(await text({ priorityClassName: 'none' }), 'pods "p" is forbidden: no PriorityClass with name none was found');
    assert.equal(
      await text({ priorityClassName: 'gold', priority: 7 }),
      'pods "p" is forbidden: the integer value of priority (7) must not be provided in pod spec; priority admission controller computed 1000 from the given PriorityClass name',
    );
    assert.equal(
      await text({ priorityClassName: 'gold', preemptionPolicy: 'PreemptLowerPriority' }),
      'pods "p" is forbidden: the string value of PreemptionPolicy (PreemptLowerPriority) must not be provided in pod spec; priority admission controller computed Never from the given PriorityClass name',
    );
    assert.equal(typeof (await text({ priorityClassName: 'gold', priority: 1000 })), 'object');
  });
  it('stays as it was on updates that leave it out', async () => {
    const old = pod({ priority: 1000, preemptionPolicy: 'Never', priorityClassName: 'gone' });
    const out = made(await admit(priority(), reader, requestOf(Pods, pod(), { old }))).spec;
    assert.deepEqual([out?.['priority'], out?.['preemptionPolicy']], [1000, 'Never']);
  });
  it('has one default class, and system classes that stay', async () => {
    const second = { metadata: { name: 'other' }, value: 1, globalDefault: true } as KubeObject;
    assert.equal(
      await admit(priority(), reader, requestOf(PriorityClasses, second)),
      'priorityclasses.scheduling.k8s.io "other" is forbidden: PriorityClass usual is already marked as default. Only one default can exist',
    );
    const same = { metadata: { name: 'usual' }, value: 5, globalDefault: true } as KubeObject;
    assert.equal(typeof (await admit(priority(), reader, requestOf(PriorityClasses, same, { old: same }))), 'object');
    assert.throws(
      () => priorityClassDeletion().check?.({ metadata: { name: 'system-node-critical' } }),
      /priorityclasses.scheduling.k8s.io "system-node-critical" is forbidden: this is a system priority class and cannot be deleted/,
    );
    assert.doesNotThrow(() => priorityClassDeletion().check?.({ metadata: { name: 'usual' } }));
  });
});

describe('RuntimeClass', () => {
  const RuntimeClasses = kindOf('node.k8s.io', 'RuntimeClass', 'runtimeclasses', false);
  const reader = objects(
    [RuntimeClasses, { metadata: { name: 'plain' }, handler: 'runc' } as KubeObject],
    [
      RuntimeClasses,
      {
        metadata: { name: 'vm' },
        handler: 'kata',
        overhead: { podFixed: { cpu: '250m', memory: '120Mi' } },
        scheduling: { nodeSelector: { kata: 'yes' }, tolerations: [{ key: 'vm', operator: 'Exists', effect: 'NoSchedule' }] },
      } as KubeObject,
    ],
  );
  const ask = (spec: object) => admit(runtimeClass(), reader, requestOf(Pods, pod(spec)));
  it('adds overhead and scheduling', async () => {
    const { spec } = made(await ask({ runtimeClassName: 'vm', nodeSelector: { disk: 'ssd' }, tolerations: [{ key: 'a', operator: 'Exists' }] }));
    assert.deepEqual(spec?.['overhead'], { cpu: '250m', memory: '120Mi' });
    assert.deepEqual(spec?.['nodeSelector'], { disk: 'ssd', kata: 'yes' });
    assert.deepEqual(spec?.['tolerations'], [
      { key: 'a', operator: 'Exists' },
      { key: 'vm', operator: 'Exists', effect: 'NoSchedule' },
    ]);
    const covered = made(await ask({ runtimeClassName: 'vm', tolerations: [{ operator: 'Exists' }] }));
    assert.deepEqual(covered.spec?.['tolerations'], [{ operator: 'Exists' }]);
  });
  it('refuses what contradicts it', async () => {
    assert.equal(await ask({ runtimeClassName: 'none' }), 'pods "p" is forbidden: pod rejected: RuntimeClass "none" not found');
    assert.equal(
      await ask({ runtimeClassName: 'vm', overhead: { cpu: '1' } }),
      `pods "p" is forbidden: pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead`,
    );
    assert.equal(typeof (await ask({ runtimeClassName: 'vm', overhead: { cpu: '0.25', memory: '120Mi' } })), 'object');
    for (const spec of [{ runtimeClassName: 'plain', overhead: { cpu: '1' } }, { overhead: { cpu: '1' } }])
      assert.equal(await ask(spec), 'pods "p" is forbidden: pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead');
    assert.equal(
      await ask({ runtimeClassName: 'vm', nodeSelector: { kata: 'no' } }),
      'pods "p" is forbidden: conflict: runtimeClass.scheduling.nodeSelector[kata] = yes; pod.spec.nodeSelector[kata] = no',
    );
  });
});

describe('default classes', () => {
  const StorageClasses = kindOf('storage.k8s.io', 'StorageClass', 'storageclasses', false);
  const marked = (name: string, creationTimestamp: string, annotation: string): KubeObject => ({
    metadata: { name, creationTimestamp, annotations: { [annotation]: 'true' } },
  });
  const key = 'storageclass.kubernetes.io/is-default-class';
  const classes = objects(
    [StorageClasses, marked('old', '2026-01-01T00:00:00Z', key)],
    [StorageClasses, marked('b-new', '2026-02-01T00:00:00Z', key)],
    [StorageClasses, marked('a-new', '2026-02-01T00:00:00Z', 'storageclass.beta.kubernetes.io/is-default-class')],
  );
  const claim = (spec: object, metadata: object = {}): KubeObject => ({ metadata: { name: 'v', namespace: 'x', ...metadata }, spec }) as KubeObject;
  it('of storage: the newest marked one, for claims that say nothing', async () => {
    const nameOf = async (object: KubeObject) => made(await admit(defaultStorageClass(), classes, requestOf(Claims, object))).spec?.['storageClassName'];
    assert.equal(await nameOf(claim({})), 'a-new');
    assert.equal(await nameOf(claim({ storageClassName: '' })), '');
    assert.equal(await nameOf(claim({}, { annotations: { 'volume.beta.kubernetes.io/storage-class': 'x' } })), undefined);
  });
  it('of ingresses', async () => {
    const Classes = kindOf('networking.k8s.io', 'IngressClass', 'ingressclasses', false);
    const Ingresses = kindOf('networking.k8s.io', 'Ingress', 'ingresses');
    const reader = objects([Classes, marked('nginx', '2026-01-01T00:00:00Z', 'ingressclass.kubernetes.io/is-default-class')]);
    const ask = async (object: KubeObject) => made(await admit(defaultIngressClass(), reader, requestOf(Ingresses, object))).spec?.['ingressClassName'];
    assert.equal(await ask(claim({})), 'nginx');
    assert.equal(await ask(claim({ ingressClassName: 'mine' })), 'mine');
    assert.equal(await ask(claim({}, { annotations: { 'kubernetes.io/ingress.class': 'x' } })), undefined);
  });
  it('allow claims to grow, where they do', async () => {
    const reader = objects(
      [StorageClasses, { metadata: { name: 'grows' }, allowVolumeExpansion: true } as KubeObject],
      [StorageClasses, { metadata: { name: 'fixed' } }],
    );
    const sized = (storage: string, storageClassName: string, phase = 'Bound'): KubeObject =>
      ({ ...claim({ storageClassName, resources: { requests: { storage } } }), status: { phase } }) as KubeObject;
    const grow = (to: string, name: string, phase?: string) =>
      admit(claimResize(), reader, requestOf(Claims, sized(to, name, phase), { old: sized('1Gi', name, phase) }));
    assert.equal(typeof (await grow('2Gi', 'grows')), 'object');
    assert.equal(typeof (await grow('1Gi', 'fixed')), 'object');
    assert.equal(await grow('2Gi', 'grows', 'Pending'), 'persistentvolumeclaims "v" is forbidden: Only bound persistent volume claims can be expanded');
    for (const name of ['fixed', 'none', ''])
      assert.equal(
        await grow('2Gi', name),
        'persistentvolumeclaims "v" is forbidden: only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
      );
  });
  it('and volumes in use are protected by a finalizer', async () => {
    const Volumes = kindOf('', 'PersistentVolume', 'persistentvolumes', false);
    assert.deepEqual(made(await admit(storageProtection(), objects(), requestOf(Claims, claim({})))).metadata?.finalizers, ['kubernetes.io/pvc-protection']);
    const present = { metadata: { name: 'v', finalizers: ['a', 'kubernetes.io/pv-protection'] } };
    assert.deepEqual(made(await admit(storageProtection(), objects(), requestOf(Volumes, present))).metadata?.finalizers, ['a', 'kubernetes.io/pv-protection']);
    assert.equal(storageProtection().handles(Pods), false);
  });
});

describe('nodes', () => {
  const Nodes = kindOf('', 'Node', 'nodes', false);
  it('are tainted until they are ready', async () => {
    const taint = { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' };
    const taints = async (spec: object) =>
      made(await admit(taintNewNodes(), objects(), requestOf(Nodes, { metadata: { name: 'n' }, spec } as KubeObject))).spec?.['taints'];
    assert.deepEqual(await taints({}), [taint]);
    assert.deepEqual(await taints({ taints: [taint] }), [taint]);
  });
  it('lend their zone and region to pods that are bound to them', async () => {
    const labels = { 'topology.kubernetes.io/zone': 'z', 'topology.kubernetes.io/region': 'r', 'topology.kubernetes.io/rack': '7' };
    const reader = objects([Nodes, { metadata: { name: 'n', labels } }]);
    const binding = { metadata: { name: 'p' }, target: { name: 'n' } } as KubeObject;
    const bound = made(await admit(podTopologyLabels(), reader, requestOf(Pods, binding, { subresource: 'binding' })));
    assert.deepEqual(bound.metadata?.labels, { 'topology.kubernetes.io/zone': 'z', 'topology.kubernetes.io/region': 'r' });
    const placed = made(await admit(podTopologyLabels(), reader, requestOf(Pods, pod({ nodeName: 'n' }))));
    assert.equal(placed.metadata?.labels?.['topology.kubernetes.io/zone'], 'z');
    assert.equal(made(await admit(podTopologyLabels(), reader, requestOf(Pods, pod()))).metadata?.labels, undefined);
  });
});

describe('DynamicResourceAdminAccess', () => {
  const Namespaces = kindOf('', 'Namespace', 'namespaces', false);
  const reader = objects(
    [Namespaces, { metadata: { name: 'x' } } as KubeObject],
    [Namespaces, { metadata: { name: 'admins', labels: { 'resource.kubernetes.io/admin-access': 'true' } } } as KubeObject],
  );
  const spec = { devices: { requests: [{ name: 'a' }, { name: 'b', exactly: { adminAccess: true } }] } };
  const ask = (plural: string, namespace: string, given: object) => {
    const kind = kindOf('resource.k8s.io', plural === 'resourceclaims' ? 'ResourceClaim' : 'ResourceClaimTemplate', plural);
    return admit(deviceAdminAccess(), reader, requestOf(kind, { metadata: { name: 'c', namespace }, spec: given } as KubeObject));
  };
  it('is for namespaces that are labelled for it', async () => {
    made(await ask('resourceclaims', 'admins', spec));
    made(await ask('resourceclaims', 'x', { devices: { requests: [{ name: 'a' }] } }));
    const text = 'admin access to devices requires the `resource.kubernetes.io/admin-access: true` label on the containing namespace';
    assert.equal(
      await ask('resourceclaims', 'x', spec),
      `ResourceClaim.resource.k8s.io "c" is invalid: spec.devices.requests[1].adminAccess: Forbidden: ${text}`,
    );
    assert.equal(
      await ask('resourceclaimtemplates', 'x', { spec }),
      `ResourceClaimTemplate.resource.k8s.io "c" is invalid: spec.spec.devices.requests[1].adminAccess: Forbidden: ${text}`,
    );
  });
});
