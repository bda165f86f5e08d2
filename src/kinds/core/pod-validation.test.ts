import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cloneObject } from '#machinery';
import { Pod, type V1Container, type V1Pod, type V1PodSpec, type V1Volume } from '#kinds';
import { validatePodTemplate } from './pod-spec-validation.ts';
import { unifiedDiff } from '../support/diff.ts';

function pod(spec: Partial<V1PodSpec>): V1Pod {
  const object: V1Pod = { metadata: { name: 'p', namespace: 'default' }, spec: { containers: [{ name: 'c', image: 'i:1' }], ...cloneObject(spec) } };
  Pod.defaults!(object);
  Pod.prepareCreate!(object, { now: 0 });
  return object;
}
const texts = (spec: Partial<V1PodSpec>): string[] => Pod.validate!(pod(spec), undefined).map((e) => `${e.field}: ${e.message}`);
const check = (cases: readonly [Partial<V1PodSpec>, ...string[]][]): void => {
  for (const [spec, ...expected] of cases) assert.deepEqual(texts(spec), expected, JSON.stringify(spec));
};
const one = (container: Partial<V1Container>): Partial<V1PodSpec> => ({ containers: [{ name: 'c', image: 'i:1', ...container }] });
const at = 'spec.containers[0]';

test('containers', () => {
  check([
    [one({ image: ' i:1' }), `${at}.image: Invalid value: " i:1": must not have leading or trailing whitespace`],
    [one({ imagePullPolicy: 'X' }), `${at}.imagePullPolicy: Unsupported value: "X": supported values: "Always", "IfNotPresent", "Never"`],
    [one({ terminationMessagePolicy: 'X' }), `${at}.terminationMessagePolicy: Unsupported value: "X": supported values: "File", "FallbackToLogsOnError"`],
    [
      one({
        ports: [
          { containerPort: 80, name: 'a' },
          { containerPort: 81, name: 'a', protocol: 'X' },
        ],
      }),
      `${at}.ports[1].name: Duplicate value: "a"`,
      `${at}.ports[1].protocol: Unsupported value: "X": supported values: "SCTP", "TCP", "UDP"`,
    ],
    [
      { hostNetwork: true, containers: [{ name: 'c', image: 'i:1', ports: [{ containerPort: 80, hostPort: 81 }] }] },
      `${at}.ports[0].hostPort: Invalid value: 81: must match \`containerPort\` when \`hostNetwork\` is true`,
    ],
    [
      one({
        ports: [
          { containerPort: 80, hostPort: 80 },
          { containerPort: 81, hostPort: 80 },
        ],
      }),
      `${at}.ports[1].hostPort: Duplicate value: "TCP//80"`,
    ],
    [
      { initContainers: [{ name: 'c', image: 'i:1', livenessProbe: { exec: { command: ['x'] } } }] },
      'spec.initContainers[0].livenessProbe: Forbidden: may not be set for init containers without restartPolicy=Always',
      'spec.initContainers[0].name: Duplicate value: "c"',
    ],
    [{ initContainers: [{ name: 's', image: 'i:1', restartPolicy: 'Always', livenessProbe: { exec: { command: ['x'] } } }] }],
    [
      one({ restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [1] } }] }),
      `${at}.restartPolicy: Required value: must specify restartPolicy when restart rules are used`,
    ],
    [
      one({ restartPolicy: 'Never', restartPolicyRules: [{ action: 'Stop', exitCodes: { operator: '', values: [1] } }] }),
      `${at}.restartPolicyRules[0].action: Unsupported value: "Stop": supported values: "Restart", "RestartAllContainers"`,
      `${at}.restartPolicyRules[0].exitCodes.operator: Unsupported value: "": supported values: "In", "NotIn"`,
    ],
    [one({ restartPolicy: 'X' }), `${at}.restartPolicy: Unsupported value: "X": supported values: "Always", "Never", "OnFailure"`],
    [
      { restartPolicy: 'Never', ...one({ resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }] }) },
      `${at}.resizePolicy: Invalid value: "RestartContainer": must be 'NotRequired' when \`restartPolicy\` is 'Never'`,
    ],
    [{ ephemeralContainers: [{ name: 'e', image: 'i:1' }] }, 'spec.ephemeralContainers: Forbidden: cannot be set on create'],
  ]);
});

test('environment', () => {
  const env = (valueFrom: object, more: object = {}): Partial<V1PodSpec> => one({ env: [{ name: 'A', valueFrom, ...more }] });
  const from = `${at}.env[0].valueFrom`;
  check([
    [
      one({ env: [{ name: 'A=B' }] }),
      `${at}.env[0].name: Invalid value: "A=B": a valid environment variable name must consist only of printable ASCII characters other than '='`,
    ],
    [env({}), `${from}: Invalid value: "": must specify one of: \`fieldRef\`, \`resourceFieldRef\`, \`configMapKeyRef\`, \`secretKeyRef\` or \`fileKeyRef\``],
    [env({ fieldRef: { fieldPath: 'metadata.name' } }, { value: 'x' }), `${from}: Invalid value: "": may not be specified when \`value\` is not empty`],
    [
      env({ fieldRef: { fieldPath: 'spec.bogus' } }),
      `${from}.fieldRef.fieldPath: Invalid value: "spec.bogus": error converting fieldPath: field label not supported: spec.bogus`,
    ],
    [env({ fieldRef: { fieldPath: "metadata.labels['app']" } })],
    [
      env({ fieldRef: { fieldPath: 'metadata.labels' } }),
      `${from}.fieldRef.fieldPath: Unsupported value: "metadata.labels": supported values: "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"`,
    ],
    [
      env({ resourceFieldRef: { resource: 'limits.gpu' } }),
      `${from}.resourceFieldRef.resource: Unsupported value: "limits.gpu": supported values: "limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu", "requests.ephemeral-storage", "requests.memory"`,
    ],
    [
      env({ resourceFieldRef: { resource: 'limits.cpu', divisor: '2' } }),
      `${from}.resourceFieldRef.divisor: Invalid value: "limits.cpu": only divisor's values 1m and 1 are supported with the cpu resource`,
    ],
    [env({ configMapKeyRef: { name: 'm', key: '' } }), `${from}.configMapKeyRef.key: Required value`],
    [env({ fileKeyRef: { key: 'A', path: 'f', volumeName: 'v' } }), `${from}.fileKeyRef.volumeName: Invalid value: "v": volume not found in pod spec`],
    [one({ envFrom: [{}] }), `${at}.envFrom: Invalid value: "": must specify one of: \`configMapRef\` or \`secretRef\``],
  ]);
});

test('mounts and devices', () => {
  const volumes: V1Volume[] = [
    { name: 'v', emptyDir: {} },
    { name: 'b', persistentVolumeClaim: { claimName: 'x' } },
  ];
  const mounts = (...volumeMounts: NonNullable<V1Container['volumeMounts']>): Partial<V1PodSpec> => ({ volumes, ...one({ volumeMounts }) });
  check([
    [mounts({ name: 'v', mountPath: '/a' }, { name: 'v', mountPath: '/a' }), `${at}.volumeMounts[1].mountPath: Invalid value: "/a": must be unique`],
    [mounts({ name: 'v', mountPath: '/a', subPath: '../x' }), `${at}.volumeMounts.subPath: Invalid value: "../x": must not contain '..'`],
    [
      mounts({ name: 'v', mountPath: '/a', mountPropagation: 'Bidirectional' }),
      `${at}.volumeMounts.mountPropagation: Forbidden: Bidirectional mount propagation is available only to privileged containers`,
    ],
    [
      mounts({ name: 'v', mountPath: '/a', recursiveReadOnly: 'Enabled' }),
      `${at}.volumeMounts.recursiveReadOnly: Forbidden: may only be specified when readOnly is true`,
    ],
    [
      { volumes, ...one({ volumeDevices: [{ name: 'v', devicePath: '/dev/x' }] }) },
      `${at}.volumeDevices[0].name: Invalid value: "v": can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode`,
    ],
    [
      { volumes, ...one({ volumeDevices: [{ name: 'b', devicePath: '/dev/../x' }] }) },
      `${at}.volumeDevices[0].devicePath: Invalid value: "/dev/../x": can not contain backsteps ('..')`,
    ],
    [{ volumes, ...one({ volumeDevices: [{ name: 'n', devicePath: '/dev/x' }] }) }, `${at}.volumeDevices[0].name: Not found: "n"`],
  ]);
});

test('probes and hooks', () => {
  const http = { port: 80 };
  check([
    [one({ livenessProbe: { exec: { command: [] } } }), `${at}.livenessProbe.exec.command: Required value`],
    [one({ livenessProbe: { httpGet: http, tcpSocket: { port: 1 } } }), `${at}.livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type`],
    [one({ livenessProbe: { httpGet: http, successThreshold: 2 } }), `${at}.livenessProbe.successThreshold: Invalid value: 2: must be 1`],
    [
      one({ readinessProbe: { httpGet: http, terminationGracePeriodSeconds: 5 } }),
      `${at}.readinessProbe.terminationGracePeriodSeconds: Invalid value: 5: must not be set for readinessProbes`,
    ],
    [
      one({ startupProbe: { httpGet: { ...http, scheme: 'FTP' } } }),
      `${at}.startupProbe.httpGet.scheme: Unsupported value: "FTP": supported values: "HTTP", "HTTPS"`,
    ],
    [
      one({ lifecycle: { preStop: { sleep: { seconds: 60 } } } }),
      `${at}.lifecycle.preStop.sleep: Invalid value: 60: must be non-negative and less than terminationGracePeriodSeconds (30)`,
    ],
    [one({ lifecycle: { postStart: {} } }), `${at}.lifecycle.postStart: Required value: must specify a handler type`],
  ]);
});

test('resources', () => {
  const resources = (requests: { [name: string]: string }, limits: { [name: string]: string } = {}): Partial<V1PodSpec> =>
    one({ resources: { requests, limits } });
  check([
    [
      resources({ gpu: '1' }),
      `${at}.resources.requests[gpu]: Invalid value: "gpu": must be a standard resource type or fully qualified`,
      `${at}.resources.requests[gpu]: Invalid value: "gpu": must be a standard resource for containers`,
      `${at}.resources.limits: Required value: Limit must be set for non overcommitable resources`,
    ].filter((text) => !(typeof text === 'string' && text.includes('overcommitable'))) as [Partial<V1PodSpec>, ...string[]],
    [resources({ 'example.com/gpu': '1' }), `${at}.resources.limits: Required value: Limit must be set for non overcommitable resources`],
    [
      resources({ 'example.com/gpu': '1' }, { 'example.com/gpu': '2' }),
      `${at}.resources.requests: Invalid value: "1": must be equal to example.com/gpu limit of 2`,
    ],
    [resources({ 'hugepages-2Mi': '4Mi' }, { 'hugepages-2Mi': '4Mi' }), `${at}.resources: Forbidden: HugePages require cpu or memory`],
    [
      resources({ cpu: '1', 'hugepages-2Mi': '3Mi' }, { 'hugepages-2Mi': '3Mi' }),
      `${at}.resources.limits[hugepages-2Mi]: Invalid value: "3Mi": 3Mi is not positive integer multiple of hugepages-2Mi`,
      `${at}.resources.requests[hugepages-2Mi]: Invalid value: "3Mi": 3Mi is not positive integer multiple of hugepages-2Mi`,
    ],
    [resources({ cpu: '-1' }), `${at}.resources.requests[cpu]: Invalid value: "-1": must be greater than or equal to 0`],
    [
      one({ resources: { claims: [{ name: 'x' }] } }),
      `${at}.resources.claims[0]: Not found: "x": must be one of the names in pod.spec.resourceClaims which is empty`,
    ],
    [
      { resources: { requests: { 'ephemeral-storage': '1Gi' } } },
      'spec.resources.requests[ephemeral-storage]: Unsupported value: "ephemeral-storage": supported values: "cpu", "hugepages-", "memory"',
    ],
    [
      { resources: { requests: { cpu: '100m' } }, ...one({ resources: { requests: { cpu: '200m' } } }) },
      'spec.resources.requests[cpu]: Invalid value: "100m": must be greater than or equal to aggregate container requests of 200m',
    ],
    [
      { resourceClaims: [{ name: 'g' }] },
      'spec.resourceClaims[0]: Invalid value: {"name":"g"}: must specify one of: `resourceClaimName`, `resourceClaimTemplateName`',
    ],
  ]);
});

test('security', () => {
  check([
    [
      one({ securityContext: { privileged: true, allowPrivilegeEscalation: false } }),
      `${at}.securityContext: Invalid value: {"privileged":true,"allowPrivilegeEscalation":false}: cannot set \`allowPrivilegeEscalation\` to false and \`privileged\` to true`,
    ],
    [one({ securityContext: { runAsUser: -1 } }), `${at}.securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive`],
    [
      one({ securityContext: { procMount: 'Unmasked' } }),
      `${at}.securityContext.procMount: Invalid value: "Unmasked": \`hostUsers\` must be false to use \`Unmasked\``,
    ],
    [
      one({ securityContext: { seccompProfile: { type: 'Localhost' } } }),
      `${at}.securityContext.seccompProfile.localhostProfile: Required value: must be set when seccomp type is Localhost`,
    ],
    [
      { securityContext: { appArmorProfile: { type: 'X' } } },
      'spec.securityContext.appArmorProfile.type: Unsupported value: "X": supported values: "Localhost", "RuntimeDefault", "Unconfined"',
    ],
    [
      { securityContext: { sysctls: [{ name: 'kernel..x', value: '' }] } },
      'spec.securityContext.sysctls[0].name: Invalid value: "kernel..x": must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$',
    ],
    [
      { hostNetwork: true, securityContext: { sysctls: [{ name: 'net.core.x', value: '1' }] } },
      'spec.securityContext.sysctls[0].name: Invalid value: "net.core.x": may not be specified when \'hostNetwork\' is true',
    ],
    [
      { securityContext: { fsGroupChangePolicy: 'X' } },
      'spec.securityContext.fsGroupChangePolicy: Unsupported value: "X": supported values: "Always", "OnRootMismatch"',
    ],
    [
      { hostPID: true, shareProcessNamespace: true },
      'spec.securityContext.shareProcessNamespace: Invalid value: true: ShareProcessNamespace and HostPID cannot both be enabled',
    ],
    [{ hostUsers: false, hostNetwork: true }, 'spec.hostNetwork: Forbidden: when `pod.Spec.HostUsers` is false'],
    [{ os: { name: 'beos' } }, 'spec.os: Unsupported value: "beos": supported values: "linux", "windows"'],
    [{ os: { name: 'windows' }, securityContext: { runAsUser: 1 } }, 'spec.securityContext.runAsUser: Forbidden: cannot be set for a windows pod'],
  ]);
});

test('placement', () => {
  const spread = { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule', labelSelector: {} };
  check([
    [
      { tolerations: [{ key: 'a', operator: 'Exists', value: 'x' }] },
      `spec.tolerations[0].operator: Invalid value: "x": value must be empty when \`operator\` is 'Exists'`,
    ],
    [
      { tolerations: [{ operator: 'Exists', effect: 'X' }] },
      'spec.tolerations[0].effect: Unsupported value: "X": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"',
    ],
    [
      {
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchFields: [{ key: 'a', operator: 'In', values: ['x'] }] }] },
          },
        },
      },
      'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchFields[0].key: Invalid value: "a": not a valid field selector key',
    ],
    [
      {
        affinity: {
          podAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 101, podAffinityTerm: { topologyKey: 'zone', labelSelector: {} } }] },
        },
      },
      'spec.affinity.podAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: Invalid value: 101: must be in the range 1-100',
    ],
    [
      { topologySpreadConstraints: [spread, spread] },
      'spec.topologySpreadConstraints[0].{topologyKey, whenUnsatisfiable}: Duplicate value: "{zone, DoNotSchedule}"',
    ],
    [
      { topologySpreadConstraints: [{ ...spread, whenUnsatisfiable: 'ScheduleAnyway', minDomains: 2 }] },
      'spec.topologySpreadConstraints[0].minDomains: Invalid value: 2: can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway',
    ],
    [
      { topologySpreadConstraints: [{ ...spread, nodeTaintsPolicy: 'X' }] },
      'spec.topologySpreadConstraints[0].nodeTaintsPolicy: Unsupported value: "X": supported values: "Honor", "Ignore"',
    ],
    [{ schedulingGates: [{ name: 'g' }, { name: 'g' }] }, 'spec.schedulingGates[1]: Duplicate value: "g"'],
    [{ schedulingGates: [{ name: 'g' }], nodeName: 'n' }, 'spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared'],
  ]);
});

test('volumes', () => {
  const volume = (source: Partial<V1Volume>): Partial<V1PodSpec> => ({ volumes: [{ name: 'v', ...source }] });
  const v = 'spec.volumes[0]';
  check([
    [volume({ emptyDir: {}, hostPath: { path: '/x' } }), `${v}.hostPath: Forbidden: may not specify more than 1 volume type`],
    [volume({ emptyDir: { sizeLimit: '-1' } }), `${v}.emptyDir.sizeLimit: Forbidden: SizeLimit field must be a valid resource quantity`],
    [volume({ hostPath: { path: '/a/../b' } }), `${v}.hostPath.path: Invalid value: "/a/../b": must not contain '..'`],
    [
      volume({ secret: { secretName: 's', defaultMode: 0o1000 } }),
      `${v}.secret.defaultMode: Invalid value: 512: must be a number between 0 and 0777 (octal), both inclusive`,
    ],
    [volume({ configMap: { name: 'm', items: [{ key: 'k', path: '../x' }] } }), `${v}.configMap.items[0].path: Invalid value: "../x": must not contain '..'`],
    [volume({ nfs: { server: 's', path: 'x' } }), `${v}.nfs.path: Invalid value: "x": must be an absolute path`],
    [volume({ csi: { driver: '' } }), `${v}.csi.driver: Required value`],
    [volume({ image: { reference: '' } }), `${v}.image.reference: Required value`],
    [
      volume({ downwardAPI: { items: [{ path: 'x', fieldRef: { fieldPath: 'status.podIP' } }] } }),
      `${v}.downwardAPI.items[0].fieldRef.fieldPath: Unsupported value: "status.podIP": supported values: "metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"`,
    ],
    [volume({ downwardAPI: { items: [{ path: 'x' }] } }), `${v}.downwardAPI.items[0]: Required value: one of fieldRef and resourceFieldRef is required`],
    [
      { serviceAccountName: 'a', ...volume({ projected: { sources: [{ serviceAccountToken: { path: 't', expirationSeconds: 60 } }] } }) },
      `${v}.projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 60: may not specify a duration less than 10 minutes`,
    ],
    [
      volume({ projected: { sources: [{ serviceAccountToken: { path: 't' } }] } }),
      `${v}.projected.sources[0].serviceAccountToken: Forbidden: must not be specified when serviceAccountName is not set`,
    ],
    [
      volume({
        projected: { sources: [{ secret: { name: 's', items: [{ key: 'k', path: 'x' }] } }, { configMap: { name: 'm', items: [{ key: 'k', path: 'x' }] } }] },
      }),
      `${v}.projected: Invalid value: "m": conflicting duplicate paths`,
    ],
    [
      volume({ projected: { sources: [{ clusterTrustBundle: { path: 'x' } }] } }),
      `${v}.projected.sources[0].clusterTrustBundle: Required value: either name or signerName must be specified`,
    ],
    [
      volume({ ephemeral: { volumeClaimTemplate: { spec: { resources: { requests: { storage: '1Gi' } } } } } }),
      `${v}.ephemeral.volumeClaimTemplate.spec.accessModes: Required value: at least 1 access mode is required`,
    ],
    [
      {
        volumes: [
          { name: 'a', emptyDir: {} },
          { name: 'a', emptyDir: {} },
        ],
      },
      'spec.volumes[1].name: Duplicate value: "a"',
    ],
  ]);
});

test('the rest of a pod', () => {
  check([
    [{ dnsPolicy: 'None' }, 'spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None'],
    [{ dnsConfig: { nameservers: ['x'] } }, 'spec.dnsConfig.nameservers[0]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'],
    [{ dnsConfig: { searches: ['.', '_srv.example.com.'] } }],
    [{ activeDeadlineSeconds: 0 }, 'spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive'],
    [{ preemptionPolicy: 'X' }, 'spec.preemptionPolicy: Unsupported value: "X": supported values: "PreemptLowerPriority", "Never"'],
    [
      { hostAliases: [{ ip: '1.2.3.4', hostnames: ['a_b'] }] },
      `spec.hostAliases[0].hostnames[0]: Invalid value: "a_b": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')`,
    ],
    [
      { hostname: 'a.b', hostnameOverride: 'x', hostNetwork: true },
      texts({ hostname: 'a.b' })[0]!,
      'spec.hostnameOverride: Forbidden: may not be specified when hostNetwork is true',
    ],
  ]);
  const template = { metadata: { labels: { 'a b': 'x' } }, spec: pod({ hostNetwork: true, ...one({ ports: [{ containerPort: 80 }] }) }).spec! };
  delete template.spec.containers[0]!.ports![0]!.hostPort;
  // A template may leave the host's port open; its labels are found under the template itself.
  assert.deepEqual(
    validatePodTemplate(template, 'spec.template').map((e) => e.field),
    ['spec.template.labels'],
  );
});

test('a pod behind scheduling gates may be narrowed, not widened', () => {
  const term = (...values: string[]): V1PodSpec['affinity'] => ({
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: values.map((key) => ({ key, operator: 'Exists' })) }] },
    },
  });
  const old = pod({ schedulingGates: [{ name: 'g' }], nodeSelector: { a: '1' }, affinity: term('x')! });
  const update = (change: (spec: V1PodSpec) => void): string[] => {
    const next = cloneObject(old);
    change(next.spec!);
    return Pod.validate!(next, old).map((e) => `${e.field}: ${e.message.replace(/Invalid value: .*: /, '')}`);
  };
  assert.deepEqual(
    update((spec) => {
      spec.nodeSelector!['b'] = '2';
      spec.affinity = term('x', 'y')!;
      delete spec.schedulingGates;
    }),
    [],
  );
  assert.deepEqual(
    update((spec) => (spec.nodeSelector = { b: '2' })),
    ['spec.nodeSelector: only additions to spec.nodeSelector are allowed (no mutations or deletions)'],
  );
  assert.deepEqual(
    update((spec) => (spec.affinity = term('y')!)),
    ['spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0]: only additions are allowed (no mutations or deletions)'],
  );
  assert.deepEqual(
    update((spec) => spec.schedulingGates!.push({ name: 'h' })),
    ["spec.schedulingGates[1].name: Forbidden: only deletion is allowed, but found new scheduling gate 'h'"],
  );
});

test('diffs are unified ones of indented JSON', () => {
  assert.equal(unifiedDiff({ a: 1 }, { a: 1 }), '');
  assert.equal(
    unifiedDiff({ a: 1, b: [1, 2], c: 3 }, { a: 1, b: [1, 3], c: 3 }),
    '@@ -2,7 +2,7 @@\n  "a": 1,\n  "b": [\n   1,\n-  2\n+  3\n  ],\n  "c": 3\n }\n',
  );
});

test('warnings', () => {
  const warnings = (spec: Partial<V1PodSpec>, metadata: object = {}): string[] => {
    const object = pod(spec);
    return Pod.warnings!({ ...object, metadata: { ...object.metadata, ...metadata } }, undefined);
  };
  assert.deepEqual(warnings({}), []);
  const cases: [Partial<V1PodSpec>, ...string[]][] = [
    [
      one({
        env: [
          { name: 'A', value: '1' },
          { name: 'A', value: '2' },
          { name: 'A', value: '$(A)3' },
        ],
      }),
      `${at}.env[1]: hides previous definition of "A", which may be dropped when using apply`,
    ],
    [one({ ports: [{ containerPort: 80 }, { containerPort: 80, name: 'b' }] }), `${at}.ports[1]: duplicate port definition with ${at}.ports[0]`],
    [one({ ports: [{ containerPort: 80 }, { containerPort: 80, hostPort: 80 }] }), `${at}.ports[1]: overlapping port definition with ${at}.ports[0]`],
    [
      one({ resources: { limits: { memory: '100m' } } }),
      `${at}.resources.limits[memory]: fractional byte value "100m" is invalid, must be an integer`,
      `${at}.resources.requests[memory]: fractional byte value "100m" is invalid, must be an integer`,
    ],
    [{ volumes: [{ name: 'g', gitRepo: { repository: 'r' } }] }, 'spec.volumes[0].gitRepo: deprecated in v1.11, and disabled by default in v1.33+'],
    [
      { imagePullSecrets: [{ name: 's' }, { name: 's' }, {}] },
      'spec.imagePullSecrets[1].name: duplicate name "s"',
      'spec.imagePullSecrets[2].name: invalid empty name ""',
    ],
    [
      { topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'failure-domain.beta.kubernetes.io/zone', whenUnsatisfiable: 'DoNotSchedule' }] },
      'spec.topologySpreadConstraints[0].topologyKey: failure-domain.beta.kubernetes.io/zone is deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
      'spec.topologySpreadConstraints[0].labelSelector: a null labelSelector results in matching no pod',
    ],
  ];
  for (const [spec, ...expected] of cases) assert.deepEqual(warnings(spec), expected);
  assert.deepEqual(warnings({}, { annotations: { 'scheduler.alpha.kubernetes.io/critical-pod': '' } }), [
    'metadata.annotations[scheduler.alpha.kubernetes.io/critical-pod]: non-functional in v1.16+; use the "priorityClassName" field instead',
  ]);
  assert.match(warnings({}, { name: 'a.b' })[0]!, /^metadata.name: this is used in the Pod's hostname/);
});
