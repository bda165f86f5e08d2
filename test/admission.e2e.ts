import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually, useCluster } from './harness.ts';

interface Quota {
  status?: { hard?: Record<string, string>; used?: Record<string, string> };
}
interface Pod {
  metadata: { annotations?: Record<string, string>; labels?: Record<string, string> };
  spec: {
    priority?: number;
    priorityClassName?: string;
    overhead?: Record<string, string>;
    nodeSelector?: Record<string, string>;
    containers: { resources: { requests?: Record<string, string>; limits?: Record<string, string> } }[];
  };
  status: { qosClass?: string };
}

const test = useCluster('--runtime', 'sim', '--nodes', '0', '--sim-nodes', '2');
const namespaceOf = async (name: string, labels: Record<string, string> = {}): Promise<void> => {
  await test.cluster.apply(JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } }));
  await eventually(`the ServiceAccount of ${name}`, async () => (await test.cluster.tryKubectl(['get', 'serviceaccount', 'default', '-n', name])).code === 0);
};
const pod = (name: string, resources: object = {}, spec: object = {}, metadata: object = {}): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, ...metadata },
    spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'c', image: 'registry.k8s.io/pause:3.9', resources }], ...spec },
  });
const create = (namespace: string, ...manifests: string[]) => {
  const [first = ''] = manifests;
  const input = manifests.length === 1 ? first : `{"apiVersion": "v1", "kind": "List", "items": [${manifests.join()}]}`;
  return test.cluster.tryKubectl(['create', '-n', namespace, '-f', '-'], { input });
};
async function used(namespace: string, name = 'q'): Promise<Record<string, string>> {
  return (await test.cluster.json<Quota>('get', 'resourcequota', name, '-n', namespace)).status?.used ?? {};
}
const accepted = async (namespace: string, ...manifests: string[]): Promise<void> => {
  const result = await create(namespace, ...manifests);
  assert.equal(result.code, 0, result.err);
};

describe('ResourceQuota', () => {
  it('lives as the conformance suite has it: every sort of object counts, and is given back', async () => {
    const { cluster } = test;
    await namespaceOf('quota');
    const hard = {
      pods: '5',
      'requests.cpu': '1',
      'requests.memory': '500Mi',
      services: '10',
      'services.nodeports': '1',
      'services.loadbalancers': '1',
      secrets: '10',
      configmaps: '10',
      persistentvolumeclaims: '10',
      'requests.storage': '10Gi',
      'count/replicasets.apps': '5',
      'count/crontabs.example.com': '1',
      resourcequotas: '1',
    };
    await accepted('quota', JSON.stringify({ apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'q' }, spec: { hard } }));
    // The CA that every namespace has is a ConfigMap.
    const before = await eventually('the first status', async () => {
      const now = await used('quota');
      return now['configmaps'] === '1' && now;
    });
    assert.deepEqual([before['resourcequotas'], before['pods'], before['services'], Object.keys(before).length], ['1', '0', '0', Object.keys(hard).length]);

    await accepted('quota', pod('p', { requests: { cpu: '500m', memory: '252Mi' } }));
    const claim = {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'v' },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    };
    await accepted('quota', JSON.stringify(claim));
    await cluster.kubectl('create', 'configmap', 'm', '-n', 'quota');
    await cluster.kubectl('create', 'secret', 'generic', 's', '-n', 'quota');
    await cluster.kubectl('create', 'service', 'nodeport', 'n', '--tcp=80', '-n', 'quota');
    const after = await used('quota');
    assert.deepEqual(
      ['pods', 'requests.cpu', 'requests.memory', 'persistentvolumeclaims', 'requests.storage', 'configmaps', 'secrets', 'services', 'services.nodeports'].map(
        (name) => after[name],
      ),
      ['1', '500m', '252Mi', '1', '1Gi', '2', '1', '1', '1'],
    );

    const tooMuch = await create('quota', pod('big', { requests: { cpu: '600m', memory: '100Mi' } }));
    assert.equal(
      tooMuch.err.trim(),
      'Error from server (Forbidden): error when creating "STDIN": pods "big" is forbidden: exceeded quota: q, requested: requests.cpu=600m, used: requests.cpu=500m, limited: requests.cpu=1',
    );
    const silent = await create('quota', pod('silent'));
    assert.match(silent.err, /failed quota: q: must specify requests.cpu for: c; requests.memory for: c/);
    const port = await cluster.tryKubectl(['create', 'service', 'loadbalancer', 'l', '--tcp=80', '-n', 'quota']);
    assert.match(port.err, /exceeded quota: q, requested: services.nodeports=1, used: services.nodeports=1, limited: services.nodeports=1/);

    await cluster.kubectl('delete', 'pod/p', 'configmap/m', 'secret/s', 'service/n', 'pvc/v', '-n', 'quota');
    await eventually('everything is given back', async () => JSON.stringify(await used('quota')) === JSON.stringify(before));
    assert.match(await cluster.kubectl('describe', 'quota', 'q', '-n', 'quota'), /requests.memory +0 +500Mi/);
  });
  it('counts custom resources', async () => {
    const { cluster } = test;
    const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
    await cluster.apply(
      JSON.stringify({
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'CustomResourceDefinition',
        metadata: { name: 'crontabs.example.com' },
        spec: {
          group: 'example.com',
          scope: 'Namespaced',
          names: { plural: 'crontabs', kind: 'CronTab' },
          versions: [{ name: 'v1', served: true, storage: true, schema }],
        },
      }),
    );
    await cluster.kubectl('wait', '--for=condition=Established', 'crd/crontabs.example.com', '--timeout=120s');
    const tab = (name: string): string => JSON.stringify({ apiVersion: 'example.com/v1', kind: 'CronTab', metadata: { name } });
    await accepted('quota', tab('one'));
    assert.equal((await used('quota'))['count/crontabs.example.com'], '1');
    assert.match(
      (await create('quota', tab('two'))).err,
      /crontabs.example.com "two" is forbidden: exceeded quota: q, requested: count\/crontabs.example.com=1/,
    );
    await cluster.kubectl('delete', 'crontab', 'one', '-n', 'quota');
    await eventually('the count falls', async () => (await used('quota'))['count/crontabs.example.com'] === '0');
  });
  it('is told of by a ReplicaSet that it stops, and lets it go on when it is raised', async () => {
    const { cluster } = test;
    await namespaceOf('scaled');
    await cluster.kubectl('create', 'quota', 'q', '--hard=pods=2', '-n', 'scaled');
    await cluster.kubectl('create', 'deployment', 'web', '--image=registry.k8s.io/pause:3.9', '--replicas=4', '-n', 'scaled');
    await eventually('two pods', async () => (await used('scaled'))['pods'] === '2');
    await eventually('an event', async () =>
      (await cluster.kubectl('get', 'events', '-n', 'scaled')).includes('exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2'),
    );
    await cluster.kubectl('patch', 'quota', 'q', '-n', 'scaled', '--type=merge', '-p', '{"spec":{"hard":{"pods":"4"}}}');
    await cluster.kubectl('rollout', 'status', 'deployment/web', '-n', 'scaled', '--timeout=120s');
    assert.equal((await used('scaled'))['pods'], '4');
  });
  it('applies to what is in its scope', async () => {
    const { cluster } = test;
    await namespaceOf('scoped');
    await cluster.kubectl('create', 'quota', 'best', '--hard=pods=1', '--scopes=BestEffort', '-n', 'scoped');
    await cluster.kubectl('create', 'quota', 'rest', '--hard=pods=1', '--scopes=NotBestEffort', '-n', 'scoped');
    await accepted('scoped', pod('a'), pod('b', { requests: { cpu: '100m' } }));
    assert.deepEqual([await used('scoped', 'best'), await used('scoped', 'rest')], [{ pods: '1' }, { pods: '1' }]);
    assert.match((await create('scoped', pod('c'))).err, /exceeded quota: best/);
  });
});

describe('LimitRange', () => {
  it('fills in, bounds, and decides the QoS class', async () => {
    await namespaceOf('limited');
    const limits = [{ type: 'Container', default: { cpu: '500m' }, defaultRequest: { cpu: '100m' }, max: { cpu: '800m' }, min: { cpu: '50m' } }];
    await accepted('limited', JSON.stringify({ apiVersion: 'v1', kind: 'LimitRange', metadata: { name: 'l' }, spec: { limits } }), pod('p'));
    const made = await test.cluster.json<Pod>('get', 'pod', 'p', '-n', 'limited');
    assert.deepEqual(made.spec.containers[0]?.resources, { limits: { cpu: '500m' }, requests: { cpu: '100m' } });
    assert.equal(made.status.qosClass, 'Burstable');
    assert.equal(made.metadata.annotations?.['kubernetes.io/limit-ranger'], 'LimitRanger plugin set: cpu request for container c; cpu limit for container c');
    const big = await create('limited', pod('big', { limits: { cpu: '1' }, requests: { cpu: '1' } }));
    assert.match(big.err, /pods "big" is forbidden: maximum cpu usage per Container is 800m, but limit is 1\n/);
  });
});

describe('PodSecurity', () => {
  it('refuses pods, warns of deployments, and of pods that a label would find', async () => {
    const { cluster } = test;
    await namespaceOf('strict', { 'pod-security.kubernetes.io/enforce': 'restricted' });
    const refusal =
      'violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "c" must set securityContext.allowPrivilegeEscalation=false), ' +
      'unrestricted capabilities (container "c" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "c" must set ' +
      'securityContext.runAsNonRoot=true), seccompProfile (pod or container "c" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")';
    assert.equal(
      (await create('strict', pod('p'))).err.trim(),
      `Error from server (Forbidden): error when creating "STDIN": pods "p" is forbidden: ${refusal}`,
    );
    const deployed = await cluster.tryKubectl(['create', 'deployment', 'web', '--image=i', '-n', 'strict']);
    assert.equal(deployed.code, 0);
    assert.match(deployed.err, /Warning: would violate PodSecurity "restricted:latest": allowPrivilegeEscalation != false \(container "i" must set/);
    const label = ['label', '--dry-run=server', '--overwrite', 'ns', 'scoped'];
    const tried = await cluster.tryKubectl([...label, 'pod-security.kubernetes.io/enforce=restricted']);
    assert.equal(
      tried.err,
      'Warning: existing pods in namespace "scoped" violate the new PodSecurity enforce level "restricted:latest"\n' +
        'Warning: a (and 1 other pod): allowPrivilegeEscalation != false, unrestricted capabilities, runAsNonRoot != true, seccompProfile\n',
    );
    assert.equal((await cluster.tryKubectl([...label, 'pod-security.kubernetes.io/enforce=baseline'])).err, '');
    assert.match((await cluster.tryKubectl([...label, 'pod-security.kubernetes.io/enforce=strict'])).err, /must be one of privileged, baseline, restricted/);
    assert.equal(
      (await cluster.json<{ metadata: { labels: Record<string, string> } }>('get', 'ns', 'scoped')).metadata.labels['pod-security.kubernetes.io/enforce'],
      undefined,
    );
  });
});

describe('classes of pods', () => {
  it('give priority', async () => {
    const { cluster } = test;
    await namespaceOf('classes');
    const names = (await cluster.kubectl('get', 'priorityclasses', '-o', 'name')).trim().split('\n');
    assert.deepEqual(names, ['priorityclass.scheduling.k8s.io/system-cluster-critical', 'priorityclass.scheduling.k8s.io/system-node-critical']);
    await cluster.kubectl('create', 'priorityclass', 'gold', '--value=1000', '--preemption-policy=Never');
    await accepted('classes', pod('a', {}, { priorityClassName: 'gold' }), pod('b', {}, { priorityClassName: 'system-node-critical' }), pod('c'));
    const pods = await Promise.all(['a', 'b', 'c'].map((name) => cluster.json<Pod>('get', 'pod', name, '-n', 'classes')));
    assert.deepEqual(
      pods.map(({ spec }) => spec.priority),
      [1000, 2_000_001_000, 0],
    );
    assert.match(
      (await create('classes', pod('d', {}, { priorityClassName: 'none' }))).err,
      /pods "d" is forbidden: no PriorityClass with name none was found/,
    );
    assert.match((await cluster.tryKubectl(['delete', 'priorityclass', 'system-node-critical'])).err, /this is a system priority class and cannot be deleted/);
  });
  it('add what a runtime costs, and place pods where it is', async () => {
    const { cluster } = test;
    await cluster.apply(
      JSON.stringify({
        apiVersion: 'node.k8s.io/v1',
        kind: 'RuntimeClass',
        metadata: { name: 'vm' },
        handler: 'vm',
        overhead: { podFixed: { cpu: '250m' } },
        scheduling: { nodeSelector: { vm: 'yes' } },
      }),
    );
    await accepted('classes', pod('vm', { requests: { cpu: '100m' } }, { runtimeClassName: 'vm' }));
    const { spec } = await cluster.json<Pod>('get', 'pod', 'vm', '-n', 'classes');
    assert.deepEqual([spec.overhead, spec.nodeSelector], [{ cpu: '250m' }, { vm: 'yes' }]);
    assert.match((await create('classes', pod('x', {}, { runtimeClassName: 'none' }))).err, /pod rejected: RuntimeClass "none" not found/);
  });
  it('carry the zone of their node', async () => {
    const { cluster } = test;
    const [node = ''] = (await cluster.kubectl('get', 'nodes', '-o', 'name')).trim().split('\n');
    await cluster.kubectl('label', node, 'topology.kubernetes.io/zone=z1', '--overwrite');
    await accepted('classes', pod('zoned', {}, { nodeSelector: { 'topology.kubernetes.io/zone': 'z1' } }));
    await eventually(
      'the label',
      async () => (await cluster.json<Pod>('get', 'pod', 'zoned', '-n', 'classes')).metadata.labels?.['topology.kubernetes.io/zone'] === 'z1',
    );
  });
});

describe('cluster IPs', () => {
  it('come from ServiceCIDRs, and are IPAddresses', async () => {
    const { cluster } = test;
    assert.match(await cluster.kubectl('get', 'servicecidrs'), /^kubernetes +10\.\d+\.0\.0\/16 /m);
    await cluster.kubectl('wait', '--for=condition=Ready', 'servicecidr/kubernetes', '--timeout=120s');
    await cluster.apply(
      JSON.stringify({ apiVersion: 'networking.k8s.io/v1', kind: 'ServiceCIDR', metadata: { name: 'more' }, spec: { cidrs: ['10.240.7.0/24'] } }),
    );
    await cluster.kubectl('wait', '--for=condition=Ready', 'servicecidr/more', '--timeout=120s');
    await cluster.kubectl('create', 'service', 'clusterip', 'chosen', '--tcp=80', '--clusterip=10.240.7.9', '-n', 'classes');
    await eventually('the address', async () => (await cluster.kubectl('get', 'ipaddresses')).includes('10.240.7.9 '));
    assert.match(await cluster.kubectl('get', 'ipaddress', '10.240.7.9'), /services\/classes\/chosen/);
    const taken = await cluster.tryKubectl(['create', 'service', 'clusterip', 'other', '--tcp=80', '--clusterip=10.240.7.9', '-n', 'classes']);
    assert.match(taken.err, /failed to allocate IP 10\.240\.7\.9: provided IP is already allocated/);
    await cluster.kubectl('delete', 'servicecidr', 'more', '--wait=false');
    await eventually('the range waits', async () =>
      (await cluster.kubectl('get', 'servicecidr', 'more', '-o', 'yaml')).includes('There are still IPAddresses referencing'),
    );
    await cluster.kubectl('delete', 'service', 'chosen', '-n', 'classes');
    await cluster.kubectl('wait', '--for=delete', 'servicecidr/more', '--timeout=120s');
  });
});
