import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cloneObject } from '#machinery';
import { Pod, qosClass, summarizePod, type V1ContainerStatus, type V1Pod, type V1PodSpec } from '#kinds';
import { defaultPodSpec, defaultPullPolicy } from './pod-spec-defaults.ts';

const context = { now: 0 };
function pod(spec: Partial<V1PodSpec> = {}): V1Pod {
  const object: V1Pod = { metadata: { name: 'p', namespace: 'default' }, spec: { containers: [{ name: 'c', image: 'nginx:1.27' }], ...spec } };
  Pod.defaults!(object);
  Pod.prepareCreate!(object, context);
  return object;
}
const texts = (object: V1Pod, old?: V1Pod): string[] => Pod.validate!(object, old).map((e) => `${e.field}: ${e.message}`);

test('defaults of a pod are those of kubectl get -o yaml', () => {
  assert.deepEqual(
    pod({
      containers: [
        {
          name: 'c',
          image: 'nginx',
          ports: [{ containerPort: 80 }],
          resources: { limits: { cpu: '1' } },
          livenessProbe: { httpGet: { port: 80 } },
          env: [{ name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }],
        },
      ],
      volumes: [{ name: 'a' }, { name: 'b', configMap: { name: 'x' } }, { name: 'h', hostPath: { path: '/x' } }],
    }),
    {
      metadata: { name: 'p', namespace: 'default' },
      spec: {
        containers: [
          {
            name: 'c',
            image: 'nginx',
            imagePullPolicy: 'Always',
            ports: [{ containerPort: 80, protocol: 'TCP' }],
            resources: { limits: { cpu: '1' }, requests: { cpu: '1' } },
            livenessProbe: { httpGet: { port: 80, path: '/', scheme: 'HTTP' }, timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 },
            env: [{ name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP', apiVersion: 'v1' } } }],
            terminationMessagePath: '/dev/termination-log',
            terminationMessagePolicy: 'File',
          },
        ],
        volumes: [
          { name: 'a', emptyDir: {} },
          { name: 'b', configMap: { name: 'x', defaultMode: 420 } },
          { name: 'h', hostPath: { path: '/x', type: '' } },
        ],
        dnsPolicy: 'ClusterFirst',
        restartPolicy: 'Always',
        securityContext: {},
        terminationGracePeriodSeconds: 30,
        schedulerName: 'default-scheduler',
        enableServiceLinks: true,
      },
      status: { phase: 'Pending', qosClass: 'Burstable' },
    },
  );
});

test('requests of a pod come from its containers, or from its limits', () => {
  const containers = [
    { name: 'a', image: 'i:1', resources: { requests: { cpu: '100m', memory: '1Gi' } } },
    { name: 'b', image: 'i:1', resources: { limits: { cpu: '1' } } },
  ];
  const { resources } = pod({ containers, resources: { limits: { cpu: '2', memory: '4Gi', 'hugepages-2Mi': '2Mi' } } }).spec!;
  assert.deepEqual(resources!.requests, { cpu: '1100m', memory: '1Gi', 'hugepages-2Mi': '2Mi' });
  assert.equal(pod({ containers, resources: { requests: { cpu: '2' } } }).spec!.resources!.requests!['memory'], undefined);
  assert.equal(qosClass({ containers, resources: { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '1', memory: '1Gi' } } }), 'Guaranteed');
});

test('host ports follow the container only in pods, not in templates', () => {
  const shared = { hostNetwork: true, containers: [{ name: 'c', image: 'i:1', ports: [{ containerPort: 80 }] }] };
  assert.equal(pod(cloneObject(shared)).spec!.containers[0]!.ports![0]!.hostPort, 80);
  const template = cloneObject(shared);
  defaultPodSpec(template);
  assert.deepEqual(template.containers[0]!.ports, [{ containerPort: 80, protocol: 'TCP' }]);
});

test('the pull policy follows the tag', () => {
  const cases = {
    nginx: 'Always',
    'nginx:latest': 'Always',
    'nginx:1': 'IfNotPresent',
    'host:5000/nginx': 'Always',
    'host:5000/a/nginx:2': 'IfNotPresent',
    'nginx@sha256:ab': 'IfNotPresent',
    'nginx:latest@sha256:ab': 'Always',
  };
  for (const [image, policy] of Object.entries(cases)) assert.equal(defaultPullPolicy(image), policy, image);
});

test('QoS classes', () => {
  const spec = (...resources: object[]): V1PodSpec => ({ containers: resources.map((r, i) => ({ name: `c${i}`, resources: r })) });
  assert.equal(qosClass(spec({})), 'BestEffort');
  assert.equal(qosClass(spec({ limits: { cpu: '1', memory: '1Gi' } })), 'Guaranteed');
  assert.equal(qosClass(spec({ limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '1000m' } })), 'Guaranteed');
  assert.equal(qosClass(spec({ limits: { cpu: '1', memory: '1Gi' } }, {})), 'Burstable');
  assert.equal(qosClass(spec({ requests: { cpu: '1' } })), 'Burstable');
});

test('validation says what Kubernetes says', () => {
  assert.deepEqual(texts(pod({ containers: [] })), ['spec.containers: Required value']);
  assert.deepEqual(texts(pod({ containers: [{ name: 'Bad_Name', image: 'x:1' }] })), [
    `spec.containers[0].name: Invalid value: "Bad_Name": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')`,
  ]);
  assert.deepEqual(texts(pod({ containers: [{ name: 'a' }, { name: 'a', image: 'x:1' }] })), [
    'spec.containers[0].image: Required value',
    'spec.containers[1].name: Duplicate value: "a"',
  ]);
  assert.deepEqual(texts(pod({ restartPolicy: 'Sometimes' })), [
    'spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"',
  ]);
  assert.deepEqual(texts(pod({ containers: [{ name: 'c', image: 'x:1', volumeMounts: [{ name: 'v', mountPath: '/v' }] }] })), [
    'spec.containers[0].volumeMounts[0].name: Not found: "v"',
  ]);
  assert.deepEqual(texts(pod({ containers: [{ name: 'c', image: 'x:1', ports: [{ containerPort: 70000 }] }] })), [
    'spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive',
  ]);
  assert.deepEqual(texts(pod({ containers: [{ name: 'c', image: 'x:1', resources: { requests: { cpu: '2' }, limits: { cpu: '1' } } }] })), [
    'spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
  ]);
  assert.deepEqual(texts(pod({ containers: [{ name: 'c', image: 'x:1', livenessProbe: {} }] })), [
    'spec.containers[0].livenessProbe: Required value: must specify a handler type',
  ]);
  // Once allowed, and still: it counts as the shortest period there is.
  assert.deepEqual(texts(pod({ terminationGracePeriodSeconds: -1 })), []);
  assert.deepEqual(Pod.warnings!(pod({ terminationGracePeriodSeconds: -1 }), undefined), [
    'spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1',
  ]);
});

const onlyImages =
  'spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

test('a pod that exists may change its image and little else', () => {
  const old = pod({ tolerations: [{ key: 'a', operator: 'Exists' }] });
  const changed = (change: (spec: V1PodSpec) => void): string[] => {
    const copy = cloneObject(old);
    change(copy.spec!);
    return texts(copy, old).map((text) => text.replace(/\n@@[^]*/, ''));
  };
  assert.deepEqual(
    changed((spec) => (spec.containers[0]!.image = 'nginx:2')),
    [],
  );
  assert.deepEqual(
    changed((spec) => spec.tolerations!.push({ key: 'b', operator: 'Exists' })),
    [],
  );
  assert.deepEqual(
    changed((spec) => (spec.activeDeadlineSeconds = 10)),
    [],
  );
  assert.deepEqual(
    changed((spec) => (spec.tolerations = [])),
    ['spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds'],
  );
  assert.deepEqual(
    changed((spec) => (spec.containers[0]!.command = ['x'])),
    [onlyImages],
  );
  assert.deepEqual(
    changed((spec) => (spec.nodeName = 'n')),
    [onlyImages],
  );
  assert.deepEqual(
    changed((spec) => spec.containers.push({ name: 'd' })),
    ['spec.containers: Forbidden: pod updates may not add or remove containers'],
  );
});

test('grace: none for pods without a node or with nothing left to stop', () => {
  const grace = (object: V1Pod, requested?: number): number => Pod.gracePeriodSeconds!(object, requested);
  assert.equal(grace(pod()), 0);
  const bound = pod({ nodeName: 'n' });
  assert.equal(grace(bound), 30);
  assert.equal(grace(bound, 5), 5);
  assert.equal(grace(bound, 0), 0);
  assert.equal(grace({ ...bound, status: { phase: 'Succeeded' } }), 0);
});

function status(name: string, state: V1ContainerStatus['state'], more: Partial<V1ContainerStatus> = {}): V1ContainerStatus {
  return { name, image: 'i', imageID: '', ready: false, restartCount: 0, ...(state ? { state } : {}), ...more };
}
const shown = (object: V1Pod): string => {
  const { ready, total, status: text, restarts } = summarizePod(object);
  return `${ready}/${total} ${text} ${restarts}`;
};

test('READY, STATUS and RESTARTS as kubectl prints them', () => {
  const base = pod({ initContainers: [{ name: 'i1' }, { name: 'i2' }] });
  const at = (change: V1Pod['status'], metadata = base.metadata!): string => shown({ ...base, metadata, status: { phase: 'Pending', ...change } });
  const running = status('c', { running: {} }, { ready: true });
  assert.equal(shown(pod()), '0/1 Pending 0');
  assert.equal(at({ initContainerStatuses: [status('i1', { running: {} }), status('i2', { waiting: { reason: 'PodInitializing' } })] }), '0/1 Init:0/2 0');
  assert.equal(
    at({
      initContainerStatuses: [status('i1', { terminated: { exitCode: 0 } }), status('i2', { waiting: { reason: 'CrashLoopBackOff' } }, { restartCount: 3 })],
    }),
    '0/1 Init:CrashLoopBackOff 3',
  );
  assert.equal(at({ initContainerStatuses: [status('i1', { terminated: { exitCode: 2 } })] }), '0/1 Init:ExitCode:2 0');
  assert.equal(at({ phase: 'Running', containerStatuses: [running] }), '1/1 Running 0');
  assert.equal(
    at({ phase: 'Running', containerStatuses: [status('c', { waiting: { reason: 'CrashLoopBackOff' } }, { restartCount: 4 })] }),
    '0/1 CrashLoopBackOff 4',
  );
  assert.equal(at({ phase: 'Succeeded', containerStatuses: [status('c', { terminated: { exitCode: 0, reason: 'Completed' } })] }), '0/1 Completed 0');
  assert.equal(at({ phase: 'Running', containerStatuses: [status('c', { terminated: { exitCode: 137, signal: 9 } })] }), '0/1 Signal:9 0');
  assert.equal(at({ phase: 'Failed', reason: 'Evicted' }), '0/1 Evicted 0');
  assert.equal(at({ phase: 'Running', containerStatuses: [running] }, { ...base.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' }), '1/1 Terminating 0');
});

test('columns of kubectl get pods -o wide', () => {
  const object = pod({ nodeName: 'n1' });
  object.metadata!.creationTimestamp = '2026-01-01T00:00:00Z';
  object.status = {
    phase: 'Running',
    podIP: '10.0.0.1',
    podIPs: [{ ip: '10.0.0.1' }],
    containerStatuses: [
      status('c', { running: {} }, { ready: true, restartCount: 3, lastState: { terminated: { exitCode: 1, finishedAt: '2026-01-01T01:00:00Z' } } }),
    ],
  };
  const now = Date.parse('2026-01-01T01:05:00Z');
  assert.deepEqual(
    Pod.columns.map((column) => column.value(object, now)),
    ['p', '1/1', 'Running', '3 (5m ago)', '65m', '10.0.0.1', 'n1', '<none>', '<none>'],
  );
});
