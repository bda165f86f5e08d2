import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cloneObject } from '#machinery';
import {
  ControllerRevision,
  DaemonSet,
  PodTemplate,
  ReplicationController,
  StatefulSet,
  type V1DaemonSet,
  type V1DaemonSetSpec,
  type V1PodTemplateSpec,
  type V1ReplicationController,
  type V1StatefulSet,
  type V1StatefulSetSpec,
} from '#kinds';

const podTemplate = (): V1PodTemplateSpec => ({ metadata: { labels: { app: 'x' } }, spec: { containers: [{ name: 'c', image: 'nginx:1' }] } });
const metadata = { name: 's', namespace: 'default' };
const now = Date.parse('2026-01-03T01:00:00Z');

function statefulSet(spec: Partial<V1StatefulSetSpec> = {}): V1StatefulSet {
  const set: V1StatefulSet = {
    metadata: { ...metadata },
    spec: { serviceName: 's', selector: { matchLabels: { app: 'x' } }, template: podTemplate(), ...spec },
  };
  StatefulSet.defaults!(set);
  StatefulSet.prepareCreate!(set, { now });
  return set;
}
function daemonSet(spec: Partial<V1DaemonSetSpec> = {}): V1DaemonSet {
  const set: V1DaemonSet = { metadata: { ...metadata }, spec: { selector: { matchLabels: { app: 'x' } }, template: podTemplate(), ...spec } };
  DaemonSet.defaults!(set);
  DaemonSet.prepareCreate!(set, { now });
  return set;
}
const lines = (errors: readonly { field: string; message: string }[]): string[] => errors.map((e) => `${e.field}: ${e.message}`);
const ofStateful = (set: V1StatefulSet, old?: V1StatefulSet): string[] => lines(StatefulSet.validate!(set, old));
const ofDaemon = (set: V1DaemonSet, old?: V1DaemonSet): string[] => lines(DaemonSet.validate!(set, old));

test('defaults of a stateful set', () => {
  const set = statefulSet({
    volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } }],
  });
  const { template, ...spec } = set.spec!;
  assert.deepEqual(spec, {
    serviceName: 's',
    selector: { matchLabels: { app: 'x' } },
    volumeClaimTemplates: [
      {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        metadata: { name: 'data' },
        spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, volumeMode: 'Filesystem' },
        status: { phase: 'Pending' },
      },
    ],
    podManagementPolicy: 'OrderedReady',
    updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0, maxUnavailable: 1 } },
    persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
    replicas: 1,
    revisionHistoryLimit: 10,
  });
  assert.equal(template.spec!.restartPolicy, 'Always');
  assert.deepEqual(set.status, { replicas: 0 });
  assert.deepEqual(ofStateful(set), []);
});

test('findings on a stateful set', () => {
  const cases: [Partial<V1StatefulSetSpec>, string][] = [
    [{ podManagementPolicy: 'Any' }, `spec.podManagementPolicy: Invalid value: "Any": must be 'OrderedReady' or 'Parallel'`],
    [
      { updateStrategy: { type: 'OnDelete', rollingUpdate: { partition: 1 } } },
      `spec.updateStrategy.rollingUpdate: Invalid value: {"partition":1}: only allowed for updateStrategy 'RollingUpdate'`,
    ],
    [{ updateStrategy: { type: 'X' } }, `spec.updateStrategy: Invalid value: {"type":"X"}: must be 'RollingUpdate' or 'OnDelete'`],
    [
      { updateStrategy: { rollingUpdate: { partition: -1 } } },
      'spec.updateStrategy.rollingUpdate.partition: Invalid value: -1: must be greater than or equal to 0',
    ],
    [{ updateStrategy: { rollingUpdate: { maxUnavailable: 0 } } }, 'spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: 0: cannot be 0'],
    [
      { updateStrategy: { rollingUpdate: { maxUnavailable: '101%' } } },
      'spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than 100%',
    ],
    [
      { persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Keep' } },
      'spec.persistentVolumeClaimRetentionPolicy.whenDeleted: Unsupported value: "Keep": supported values: "Retain", "Delete"',
    ],
    [{ ordinals: { start: -1 } }, 'spec.ordinals.start: Invalid value: -1: must be greater than or equal to 0'],
    [{ selector: {} }, 'spec.selector: Invalid value: {}: empty selector is invalid for statefulset'],
    [{ selector: { matchLabels: { app: 'y' } } }, 'spec.template.metadata.labels: Invalid value: {"app":"x"}: `selector` does not match template `labels`'],
    [
      { template: { ...podTemplate(), spec: { ...podTemplate().spec!, activeDeadlineSeconds: 5 } } },
      'spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in StatefulSet is not Supported',
    ],
    [
      { template: { ...podTemplate(), spec: { ...podTemplate().spec!, restartPolicy: 'Never' } } },
      'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
    ],
  ];
  for (const [spec, text] of cases) assert.deepEqual(ofStateful(statefulSet(spec)), [text]);
  // Claims are made later, so that a template may mount what is not among its volumes.
  const template = podTemplate();
  template.spec!.containers[0]!.volumeMounts = [{ name: 'data', mountPath: '/data' }];
  const claim = (spec: object): Partial<V1StatefulSetSpec> => ({ volumeClaimTemplates: [{ metadata: { name: 'data' }, spec }] });
  const whole = claim({ accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } });
  assert.deepEqual(ofStateful(statefulSet({ ...whole, template: cloneObject(template) })), []);

  // What came late to Kubernetes is asked of new sets, and of those that were right before.
  const mount = 'spec.template.spec.containers[0].volumeMounts[0].name: Not found: "data"';
  const dangling = (): V1StatefulSet => statefulSet({ template: cloneObject(template) });
  assert.deepEqual(ofStateful(dangling()), [mount]);
  assert.deepEqual(ofStateful(dangling(), statefulSet()), [mount]);
  assert.deepEqual(ofStateful(dangling(), dangling()), []);
  assert.deepEqual(ofStateful(statefulSet(claim({ resources: { requests: { storage: '1Gi' } } }))), [
    'spec.volumeClaimTemplates[0].spec.accessModes: Required value: at least 1 access mode is required',
  ]);
  assert.match(ofStateful(statefulSet({ serviceName: 'A' })).join(), /^spec\.serviceName: Invalid value: "A"/);
});

test('what may change in a stateful set', () => {
  const old = statefulSet();
  const changed = cloneObject(old);
  Object.assign(changed.spec!, { replicas: 3, minReadySeconds: 5, revisionHistoryLimit: 2, ordinals: { start: 1 } });
  changed.spec!.template.spec!.containers[0]!.image = 'nginx:2';
  assert.deepEqual(ofStateful(changed, old), []);
  changed.spec!.serviceName = 'other';
  assert.deepEqual(ofStateful(changed, old), [
    "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
  ]);
});

test('status and columns of a stateful set', () => {
  const set = statefulSet({ replicas: 3 });
  set.metadata!.creationTimestamp = '2026-01-01T00:00:00Z';
  assert.deepEqual(
    StatefulSet.columns.map((column) => column.value(set, now)),
    ['s', '0/3', '2d1h', 'c', 'nginx:1'],
  );
  const wrong: V1StatefulSet = { ...set, status: { replicas: 1, readyReplicas: 0, availableReplicas: 2, collisionCount: 1 } };
  assert.deepEqual(lines(StatefulSet.validateStatus!(wrong, { ...set, status: { replicas: 1, collisionCount: 2 } })), [
    'status.availableReplicas: Invalid value: 2: cannot be greater than status.replicas',
    'status.availableReplicas: Invalid value: 2: cannot be greater than status.readyReplicas',
    'status.collisionCount: Invalid value: 1: cannot be decremented',
  ]);
});

test('defaults of a daemon set, and the generation of its template', () => {
  const set = daemonSet();
  const { template, ...spec } = set.spec!;
  assert.deepEqual(spec, {
    selector: { matchLabels: { app: 'x' } },
    updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } },
    revisionHistoryLimit: 10,
  });
  assert.ok(template);
  assert.deepEqual(set.metadata!.annotations, { 'deprecated.daemonset.template.generation': '1' });
  const same = cloneObject(set);
  delete same.metadata!.annotations;
  DaemonSet.prepareUpdate!(same, set, { now });
  assert.equal(same.metadata!.annotations!['deprecated.daemonset.template.generation'], '1');
  same.spec!.template.spec!.containers[0]!.image = 'nginx:2';
  DaemonSet.prepareUpdate!(same, set, { now });
  assert.equal(same.metadata!.annotations!['deprecated.daemonset.template.generation'], '2');
});

test('findings on a daemon set', () => {
  const cases: [Partial<V1DaemonSetSpec>, string][] = [
    [{ updateStrategy: { type: 'X' } }, 'spec.updateStrategy: Unsupported value: {"type":"X"}: supported values: "RollingUpdate", "OnDelete"'],
    [
      { updateStrategy: { rollingUpdate: { maxSurge: 1 } } },
      'spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: may not be set when maxUnavailable is non-zero',
    ],
    [
      { updateStrategy: { rollingUpdate: { maxUnavailable: 0 } } },
      'spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when maxSurge is 0',
    ],
    [{ selector: {} }, 'spec.selector: Invalid value: {}: empty selector is invalid for daemonset'],
    [{ minReadySeconds: -1 }, 'spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0'],
    [
      { template: { ...podTemplate(), spec: { ...podTemplate().spec!, activeDeadlineSeconds: 5 } } },
      'spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in DaemonSet is not Supported',
    ],
  ];
  for (const [spec, text] of cases) assert.deepEqual(ofDaemon(daemonSet(spec)), [text]);
  const old = daemonSet();
  const changed = cloneObject(old);
  changed.spec!.selector = { matchLabels: {}, matchExpressions: [{ key: 'app', operator: 'Exists' }] };
  assert.deepEqual(ofDaemon(changed, old), [
    'spec.selector: Invalid value: {"matchLabels":{},"matchExpressions":[{"key":"app","operator":"Exists"}]}: field is immutable',
  ]);
  const status = { currentNumberScheduled: -1, numberMisscheduled: 0, desiredNumberScheduled: 0, numberReady: 0 };
  assert.deepEqual(lines(DaemonSet.validateStatus!({ ...old, status }, old)), [
    'status.currentNumberScheduled: Invalid value: -1: must be greater than or equal to 0',
  ]);
});

test('columns of a daemon set', () => {
  const set = daemonSet({ template: { ...podTemplate(), spec: { ...podTemplate().spec!, nodeSelector: { b: '2', a: '1' } } } });
  set.status = { desiredNumberScheduled: 3, currentNumberScheduled: 2, numberReady: 1, numberMisscheduled: 0 };
  assert.deepEqual(
    DaemonSet.columns.map((column) => column.value(set, now)),
    ['s', 3, 2, 1, 0, 0, 'a=1,b=2', '<unknown>', 'c', 'nginx:1', 'app=x'],
  );
});

test('controller revisions', () => {
  const owner = { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'web', uid: 'u', controller: true };
  const revision = { metadata: { ...metadata, ownerReferences: [owner] }, data: { a: 1 }, revision: 2 };
  assert.deepEqual(ControllerRevision.validate!(revision, undefined), []);
  assert.deepEqual(lines(ControllerRevision.validate!({ metadata, revision: -1 }, undefined)), [
    'data: Required value: data is mandatory',
    'revision: Invalid value: -1: must be greater than or equal to 0',
  ]);
  assert.deepEqual(lines(ControllerRevision.validate!({ ...revision, data: { a: 2 } }, revision)), ['data: Invalid value: {"a":2}: field is immutable']);
  assert.deepEqual(
    ControllerRevision.columns.map((column) => column.value(revision, now)),
    ['s', 'statefulset.apps/web', 2, '<unknown>'],
  );
});

function controller(): V1ReplicationController {
  const object: V1ReplicationController = { metadata: { ...metadata }, spec: { template: podTemplate() } };
  ReplicationController.defaults!(object);
  ReplicationController.prepareCreate!(object, { now });
  return object;
}

test('a replication controller takes selector and labels from its template', () => {
  const { metadata: own, spec, status } = controller();
  assert.deepEqual(own!.labels, { app: 'x' });
  assert.deepEqual([spec!.selector, spec!.replicas, status], [{ app: 'x' }, 1, { replicas: 0 }]);
  assert.equal(ReplicationController.defaultPropagation, 'orphan');
  assert.equal(ReplicationController.scale!.selector(controller()), 'app=x');
  assert.deepEqual(
    ReplicationController.columns.map((column) => column.value(controller(), now)),
    ['s', 1, 0, 0, '<unknown>', 'c', 'nginx:1', 'app=x'],
  );
});

test('findings on a replication controller', () => {
  const texts = (change: (c: V1ReplicationController) => void): string[] => {
    const object = controller();
    change(object);
    return lines(ReplicationController.validate!(object, undefined));
  };
  assert.deepEqual(
    texts(() => {}),
    [],
  );
  assert.deepEqual(
    texts((c) => (c.spec!.selector = {})),
    ['spec.selector: Required value'],
  );
  assert.deepEqual(
    texts((c) => (c.spec!.selector = { app: 'y' })),
    ['spec.template.metadata.labels: Invalid value: {"app":"x"}: `selector` does not match template `labels`'],
  );
  assert.deepEqual(
    texts((c) => (c.spec!.replicas = -1)),
    ['spec.replicas: Invalid value: -1: must be greater than or equal to 0'],
  );
  assert.deepEqual(
    texts((c) => delete c.spec!.template),
    ['spec.template: Required value'],
  );
  assert.deepEqual(
    texts((c) => (c.spec!.template!.spec!.restartPolicy = 'Never')),
    ['spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'],
  );
});

test('pod templates', () => {
  const object = { metadata, template: podTemplate() };
  PodTemplate.defaults!(object);
  assert.equal(object.template.spec!.dnsPolicy, 'ClusterFirst');
  assert.deepEqual(PodTemplate.validate!(object, undefined), []);
  assert.deepEqual(
    PodTemplate.columns.map((column) => column.value(object, now)),
    ['s', 'c', 'nginx:1', 'app=x'],
  );
});

test('warnings: what was said once is not said again', () => {
  const old = controller();
  old.spec!.template!.spec!.nodeSelector = { 'beta.kubernetes.io/os': 'linux' };
  old.metadata!.name = 'a.b';
  const [name, label] = ReplicationController.warnings!(old, undefined);
  assert.match(
    name!,
    /^metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: \[a lowercase/,
  );
  assert.equal(label, 'spec.template.spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead');
  const changed = cloneObject(old);
  changed.metadata!.generation = 2;
  assert.deepEqual(ReplicationController.warnings!(changed, old), []);
});
