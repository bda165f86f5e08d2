import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1ContainerPort, V1Pod, V1PodSpec } from '#kinds';
import { refusal, type NodeRoom } from './admission.ts';
import { sysctlName } from './sysctls.ts';

const room: NodeRoom = {
  name: 'n1',
  maxPods: 3,
  allocatable: { cpu: 2, memory: 1024 },
  object: () => ({ metadata: { name: 'n1', labels: { disk: 'ssd' } } }),
};
const pod = (spec: Partial<V1PodSpec> = {}): V1Pod => ({ spec: { containers: [{ name: 'main' }], ...spec } });
const asking = (cpu: string): V1Pod => pod({ containers: [{ name: 'main', resources: { requests: { cpu } } }] });
const listening = (...ports: Omit<V1ContainerPort, 'containerPort'>[]): V1Pod =>
  pod({ containers: [{ name: 'main', ports: ports.map((port) => ({ containerPort: 80, ...port })) }] });
const reason = (candidate: V1Pod, others: V1Pod[] = [], where: NodeRoom = room): string | undefined => refusal(candidate, others, where)?.reason;

test('a node holds so many pods and so much of each resource', () => {
  assert.equal(reason(pod(), [pod(), pod()]), undefined);
  assert.equal(reason(pod(), [pod(), pod(), pod()]), 'OutOfpods');
  assert.equal(reason(asking('1'), [asking('1')]), undefined);
  assert.deepEqual(refusal(asking('1500m'), [asking('1')], room), {
    reason: 'OutOfcpu',
    message: "Pod was rejected: Node didn't have enough resource: cpu, requested: 1500, used: 1000, capacity: 2000",
  });
});

test('a host port is taken once per address and protocol', () => {
  const taken = [listening({ hostPort: 8080 }, { hostPort: 53, hostIP: '10.0.0.1', protocol: 'UDP' })];
  assert.deepEqual(refusal(listening({ hostPort: 8080, hostIP: '10.0.0.1' }), taken, room), {
    reason: 'NodePorts',
    message: "Pod was rejected: Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports",
  });
  assert.equal(reason(listening({ hostPort: 8080, protocol: 'UDP' }), taken), undefined);
  assert.equal(reason(listening({ hostPort: 53, hostIP: '10.0.0.2', protocol: 'UDP' }), taken), undefined);
  assert.equal(reason(listening({ hostPort: 53, protocol: 'UDP' }), taken), 'NodePorts');
  assert.equal(reason(listening({}), taken), undefined);
});

test('a pod that was not meant for the node is refused, once the node is known', () => {
  const bound = (name: string): V1Pod =>
    pod({
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [name] }] }] },
        },
      },
    });
  assert.equal(reason(pod({ nodeSelector: { disk: 'ssd' } })), undefined);
  assert.equal(reason(pod({ nodeSelector: { disk: 'tape' } })), 'NodeAffinity');
  assert.equal(reason(bound('n1')), undefined);
  assert.equal(reason(bound('n2')), 'NodeAffinity');
  assert.equal(reason(bound('n2'), [], { ...room, object: () => undefined }), undefined);
});

test('only safe kernel parameters are set, and none of a namespace that is the host’s', () => {
  const tuned = (name: string, more: Partial<V1PodSpec> = {}): V1Pod => pod({ securityContext: { sysctls: [{ name, value: '1' }] }, ...more });
  assert.equal(reason(tuned('kernel.shm_rmid_forced')), undefined);
  assert.equal(reason(tuned('kernel/shm_rmid_forced')), undefined);
  assert.deepEqual(refusal(tuned('kernel/msgmax'), [], room), {
    reason: 'SysctlForbidden',
    message: 'Pod was rejected: forbidden sysctl: "kernel.msgmax" not allowlisted',
  });
  assert.equal(
    refusal(tuned('net.ipv4.tcp_syncookies', { hostNetwork: true }), [], room)?.message,
    'Pod was rejected: forbidden sysctl: "net.ipv4.tcp_syncookies" not allowed with host net enabled',
  );
  assert.equal(reason(tuned('net.ipv4.tcp_syncookies', { hostIPC: true })), undefined);
  assert.equal(reason(tuned('kernel.shm_rmid_forced', { hostIPC: true })), 'SysctlForbidden');
  assert.equal(sysctlName('net/ipv4/conf/eth0.1/mtu'), 'net.ipv4.conf.eth0/1.mtu');
});
