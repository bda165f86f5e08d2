import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { KubeObject } from '#machinery';
import { admit, kindOf, objects, Pods, requestOf } from '../testing.ts';
import { podSecurity } from './pod-security.ts';
import { detailsOf, policyOf, reasonsOf, violations, type Level } from './policy.ts';
import type { PodSpec } from './types.ts';

const told = (level: Level, spec: object, version: number | 'latest' = 'latest', annotations: Record<string, string> = {}): string =>
  detailsOf(violations({ level, version }, { spec: spec as PodSpec, metadata: { annotations } }));
const one = (securityContext: object, more: object = {}): object => ({ containers: [{ name: 'c', securityContext, ...more }] });
const strict = {
  allowPrivilegeEscalation: false,
  runAsNonRoot: true,
  capabilities: { drop: ['ALL'] },
  seccompProfile: { type: 'RuntimeDefault' },
};

describe('Pod Security Standards', () => {
  it('baseline, control by control', () => {
    const cases: [spec: object, text: string][] = [
      [one({}), ''],
      [{ ...one({}), hostNetwork: true, hostPID: true, hostIPC: true }, 'host namespaces (hostNetwork=true, hostPID=true, hostIPC=true)'],
      [one({ privileged: true }), 'privileged (container "c" must not set securityContext.privileged=true)'],
      [
        one({ capabilities: { add: ['NET_RAW', 'CHOWN', 'SYS_ADMIN'] } }),
        'non-default capabilities (container "c" must not include "NET_RAW", "SYS_ADMIN" in securityContext.capabilities.add)',
      ],
      [
        {
          ...one({}),
          volumes: [
            { name: 'a', hostPath: { path: '/' } },
            { name: 'b', hostPath: {} },
          ],
        },
        'hostPath volumes (volumes "a", "b")',
      ],
      [one({}, { ports: [{ hostPort: 80 }, { hostPort: 443 }, { hostPort: 0 }] }), 'hostPort (container "c" uses hostPorts 443, 80)'],
      [one({ appArmorProfile: { type: 'Unconfined' } }), 'forbidden AppArmor profile (container "c" must not set AppArmor profile type to "Unconfined")'],
      [
        { ...one({ seLinuxOptions: { type: 'spc_t', user: 'u', role: 'r' } }), securityContext: { seLinuxOptions: { type: 'container_t' } } },
        'seLinuxOptions (container "c" set forbidden securityContext.seLinuxOptions: type "spc_t"; user may not be set; role may not be set)',
      ],
      [one({ procMount: 'Unmasked' }), 'procMount (container "c" must not set securityContext.procMount to "Unmasked")'],
      [
        { ...one({ seccompProfile: { type: 'Unconfined' } }), securityContext: { seccompProfile: { type: 'Unconfined' } } },
        'seccompProfile (pod and container "c" must not set securityContext.seccompProfile.type to "Unconfined")',
      ],
      [{ ...one({}), securityContext: { sysctls: [{ name: 'kernel.msgmax' }, { name: 'net.ipv4.tcp_rmem' }] } }, 'forbidden sysctls (kernel.msgmax)'],
      [
        { ...one({ windowsOptions: { hostProcess: true } }), securityContext: { windowsOptions: { hostProcess: true } } },
        'hostProcess (pod and container "c" must not set securityContext.windowsOptions.hostProcess=true)',
      ],
      [
        one({}, { livenessProbe: { httpGet: { host: '8.8.8.8' } }, lifecycle: { preStop: { tcpSocket: { host: 'x' } } } }),
        'probe or lifecycle host (container "c" uses probe or lifecycle hosts "8.8.8.8", "x")',
      ],
      [
        { containers: [{ name: 'c', securityContext: { privileged: true } }], initContainers: [{ name: 'i', securityContext: { privileged: true } }] },
        'privileged (containers "i", "c" must not set securityContext.privileged=true)',
      ],
    ];
    for (const [spec, text] of cases) assert.equal(told('baseline', spec), text);
    assert.equal(told('privileged', one({ privileged: true })), '');
  });
  it('restricted, in the order and the words of kube-apiserver', () => {
    assert.equal(
      told('restricted', one({})),
      'allowPrivilegeEscalation != false (container "c" must set securityContext.allowPrivilegeEscalation=false), ' +
        'unrestricted capabilities (container "c" must set securityContext.capabilities.drop=["ALL"]), ' +
        'runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true), ' +
        'seccompProfile (pod or container "c" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
    );
    const cases: [spec: object, text: string][] = [
      [one(strict), ''],
      [
        {
          ...one({ ...strict, runAsNonRoot: undefined, seccompProfile: undefined }),
          securityContext: { runAsNonRoot: true, seccompProfile: { type: 'Localhost' } },
        },
        '',
      ],
      [
        one({ ...strict, capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE', 'NET_RAW'] } }),
        'unrestricted capabilities (container "c" must not include "NET_RAW" in securityContext.capabilities.add)',
      ],
      [one({ ...strict, runAsUser: 0 }), 'runAsUser=0 (container "c" must not set runAsUser=0)'],
      [
        { ...one({ ...strict, runAsNonRoot: false }), securityContext: { runAsNonRoot: false } },
        'runAsNonRoot != true (pod and container "c" must not set securityContext.runAsNonRoot=false)',
      ],
      [
        {
          ...one(strict),
          hostNetwork: true,
          volumes: [
            { name: 'a', hostPath: {} },
            { name: 'b', nfs: {} },
            { name: 'c', emptyDir: {} },
          ],
        },
        'host namespaces (hostNetwork=true), restricted volume types (volumes "a", "b" use restricted volume types "hostPath", "nfs")',
      ],
      [
        one({ ...strict, seccompProfile: { type: 'Unconfined' } }),
        'seccompProfile (container "c" must not set securityContext.seccompProfile.type to "Unconfined")',
      ],
    ];
    for (const [spec, text] of cases) assert.equal(told('restricted', spec), text);
  });
  it('by version', () => {
    const sysctl = (name: string): object => ({ ...one({}), securityContext: { sysctls: [{ name }] } });
    assert.equal(told('baseline', sysctl('net.ipv4.ip_local_reserved_ports'), 26), 'forbidden sysctls (net.ipv4.ip_local_reserved_ports)');
    assert.equal(told('baseline', sysctl('net.ipv4.ip_local_reserved_ports'), 27), '');
    assert.equal(
      told('baseline', one({ seLinuxOptions: { type: 'container_engine_t' } }), 30),
      'seLinuxOptions (container "c" set forbidden securityContext.seLinuxOptions: type "container_engine_t")',
    );
    assert.equal(told('baseline', one({ seLinuxOptions: { type: 'container_engine_t' } }), 31), '');
    assert.equal(told('baseline', one({}, { startupProbe: { tcpSocket: { host: 'x' } } }), 33), '');
    assert.equal(told('restricted', { ...one({ ...strict, runAsUser: 0 }) }, 22), '');
    assert.equal(told('restricted', { ...one({ runAsNonRoot: true }), os: { name: 'windows' } }, 25), '');
    assert.match(told('restricted', { ...one({ runAsNonRoot: true }), os: { name: 'windows' } }, 24), /unrestricted capabilities/);
    assert.equal(
      told('baseline', one({}), 18, { 'seccomp.security.alpha.kubernetes.io/pod': 'unconfined' }),
      'seccompProfile (forbidden annotation seccomp.security.alpha.kubernetes.io/pod="unconfined")',
    );
    assert.equal(
      told('baseline', one({}), 'latest', { 'container.apparmor.security.beta.kubernetes.io/c': 'unconfined' }),
      'forbidden AppArmor profile (annotation must not set AppArmor profile type to "container.apparmor.security.beta.kubernetes.io/c="unconfined"")',
    );
    const rootInside = { ...one({ ...strict, runAsUser: 0, runAsNonRoot: false }), hostUsers: false };
    assert.equal(told('restricted', rootInside), '');
    assert.equal(reasonsOf(violations({ level: 'restricted', version: 34 }, { spec: rootInside as PodSpec })), 'runAsNonRoot != true, runAsUser=0');
    assert.equal(told('baseline', { ...one({ procMount: 'Unmasked' }), hostUsers: false }), '');
    for (const version of [34, 35]) assert.match(told('restricted', { ...one({ ...strict, procMount: 'Unmasked' }), hostUsers: false }, version), /^procMount/);
    assert.equal(told('restricted', one(strict), 9999), '');
  });
});

const Namespaces = kindOf('', 'Namespace', 'namespaces', false);
const namespace = (labels: Record<string, string> = {}, name = 'x'): KubeObject => ({
  metadata: { name, labels: Object.fromEntries(Object.entries(labels).map(([key, value]) => [`pod-security.kubernetes.io/${key}`, value])) },
});
const pod = (spec: object, name = 'p'): KubeObject => ({ metadata: { name, namespace: 'x' }, spec }) as KubeObject;

describe('PodSecurity', () => {
  it('refuses pods, and warns of others and of templates', async () => {
    const reader = objects([Namespaces, namespace({ enforce: 'baseline', 'enforce-version': 'v1.30', warn: 'restricted' })]);
    assert.equal(
      await admit(podSecurity(), reader, requestOf(Pods, pod(one({ privileged: true })))),
      'pods "p" is forbidden: violates PodSecurity "baseline:v1.30": privileged (container "c" must not set securityContext.privileged=true)',
    );
    const request = requestOf(Pods, pod(one({ ...strict, runAsUser: 0 })));
    assert.equal(typeof (await admit(podSecurity(), reader, request)), 'object');
    assert.deepEqual(request.context.warnings, ['would violate PodSecurity "restricted:latest": runAsUser=0 (container "c" must not set runAsUser=0)']);
    const Deployments = kindOf('apps', 'Deployment', 'deployments');
    const deployment = { metadata: { name: 'd', namespace: 'x' }, spec: { template: { spec: one({ ...strict, privileged: true }) } } } as KubeObject;
    const workload = requestOf(Deployments, deployment);
    assert.equal(typeof (await admit(podSecurity(), reader, workload)), 'object');
    assert.deepEqual(workload.context.warnings, [
      'would violate PodSecurity "restricted:latest": privileged (container "c" must not set securityContext.privileged=true)',
    ]);
    const CronJobs = kindOf('batch', 'CronJob', 'cronjobs');
    const cron = requestOf(CronJobs, {
      metadata: { name: 'd', namespace: 'x' },
      spec: { jobTemplate: { spec: { template: { spec: one({ ...strict, runAsUser: 0 }) } } } },
    } as KubeObject);
    await admit(podSecurity(), reader, cron);
    assert.equal(cron.context.warnings.length, 1);
  });
  it('notes for the audit log what it found', async () => {
    const reader = objects([Namespaces, namespace({ enforce: 'baseline', audit: 'restricted', warn: 'privileged' })]);
    const noted = async (spec: object): Promise<Record<string, string>> => {
      const notes: Record<string, string> = {};
      const request = requestOf(Pods, pod(spec));
      const annotate = (key: string, value: string): void => void (notes[key] = value);
      await admit(podSecurity(), reader, { ...request, context: { ...request.context, annotate } });
      assert.deepEqual(request.context.warnings, []);
      return notes;
    };
    const text = 'would violate PodSecurity "restricted:latest": ';
    assert.deepEqual(await noted(one({ ...strict, runAsUser: 0 })), {
      'pod-security.kubernetes.io/enforce-policy': 'baseline:latest',
      'pod-security.kubernetes.io/audit-violations': `${text}runAsUser=0 (container "c" must not set runAsUser=0)`,
    });
    assert.match((await noted(one({ ...strict, privileged: true })))['pod-security.kubernetes.io/audit-violations'] ?? '', /privileged \(/);
    assert.deepEqual(await noted(one(strict)), { 'pod-security.kubernetes.io/enforce-policy': 'baseline:latest' });
  });
  it('looks at updates of pods only when images or containers change', async () => {
    const reader = objects([Namespaces, namespace({ enforce: 'restricted' })]);
    const old = pod({ containers: [{ name: 'c', image: 'a' }] });
    const labelled = { ...old, metadata: { ...old.metadata, labels: { a: 'b' } } };
    assert.equal(typeof (await admit(podSecurity(), reader, requestOf(Pods, labelled, { old }))), 'object');
    assert.match(
      JSON.stringify(await admit(podSecurity(), reader, requestOf(Pods, pod({ containers: [{ name: 'c', image: 'b' }] }), { old }))),
      /violates PodSecurity/,
    );
    const debugged = pod({ containers: [{ name: 'c', image: 'a' }], ephemeralContainers: [{ name: 'e', image: 'x' }] });
    assert.match(
      JSON.stringify(await admit(podSecurity(), reader, requestOf(Pods, debugged, { old, subresource: 'ephemeralcontainers' }))),
      /containers \\"c\\", \\"e\\" must set/,
    );
  });
  it('warns of the pods that a stricter label finds', async () => {
    const reader = objects([Pods, pod(one({}), 'a')], [Pods, pod(one({}), 'b')], [Pods, pod(one({ privileged: true }), 'c')], [Pods, pod(one(strict), 'd')]);
    const change = async (from: Record<string, string>, to: Record<string, string>): Promise<string[]> => {
      const request = requestOf(Namespaces, namespace(to), { old: namespace(from) });
      assert.equal(typeof (await admit(podSecurity(), reader, request)), 'object');
      return request.context.warnings;
    };
    const reasons = 'allowPrivilegeEscalation != false, unrestricted capabilities, runAsNonRoot != true, seccompProfile';
    assert.deepEqual(await change({}, { enforce: 'restricted' }), [
      'existing pods in namespace "x" violate the new PodSecurity enforce level "restricted:latest"',
      `a (and 1 other pod): ${reasons}`,
      `c: privileged, ${reasons}`,
    ]);
    assert.deepEqual(await change({ enforce: 'restricted' }, { enforce: 'baseline' }), []);
    assert.deepEqual(await change({ enforce: 'restricted' }, { enforce: 'restricted', warn: 'baseline' }), []);
    assert.equal((await change({ enforce: 'restricted' }, { enforce: 'baseline', 'enforce-version': 'v1.20' })).length, 2);
  });
  it('refuses labels that it cannot read, unless they were there', async () => {
    const bad = namespace({ enforce: 'strict', 'warn-version': '1.2' });
    assert.equal(
      await admit(podSecurity(), objects(), requestOf(Namespaces, bad)),
      'Namespace "x" is invalid: [metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "strict": must be one of privileged, baseline, restricted, ' +
        'metadata.labels[pod-security.kubernetes.io/warn-version]: Invalid value: "1.2": must be "latest" or "v1.x"]',
    );
    assert.equal(typeof (await admit(podSecurity(), objects(), requestOf(Namespaces, bad, { old: bad }))), 'object');
    assert.deepEqual(policyOf(bad.metadata?.labels).policy.enforce, { level: 'restricted', version: 'latest' });
  });
  it('warns by what is enforced where nothing else is said', () => {
    assert.deepEqual(policyOf(namespace({ enforce: 'baseline', 'enforce-version': 'v1.30' }).metadata?.labels).policy.warn, { level: 'baseline', version: 30 });
    assert.deepEqual(policyOf(namespace({ enforce: 'baseline', warn: 'privileged' }).metadata?.labels).policy.warn, { level: 'privileged', version: 'latest' });
  });
});
