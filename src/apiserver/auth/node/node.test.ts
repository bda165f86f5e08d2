import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { KubeObject, UserInfo } from '#machinery';
import type { Attributes, ObjectReader } from '../../types.ts';
import { nodeAuthorizer } from './authorizer.ts';
import { NodeGraph } from './graph.ts';
import type { Pod } from './references.ts';

const kubelet: UserInfo = { username: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] };
const pod = (name: string, spec: NonNullable<Pod['spec']>, more: object = {}): Pod => ({ metadata: { name, namespace: 'a', ...more }, spec });
const objects: Record<string, KubeObject> = {
  'persistentvolumeclaims a claim': { spec: { volumeName: 'pv1' } } as KubeObject,
  'persistentvolumeclaims a web-scratch': { spec: { volumeName: 'pv2' } } as KubeObject,
  'persistentvolumes  pv1': { metadata: { name: 'pv1' }, spec: { csi: { nodeStageSecretRef: { name: 'stage', namespace: 'vault' } } } } as KubeObject,
  'persistentvolumes  pv2': { metadata: { name: 'pv2' } },
  'volumeattachments  va1': { spec: { nodeName: 'n1' } } as KubeObject,
  'volumeattachments  va2': { spec: { nodeName: 'n2' } } as KubeObject,
  'resourceslices  own': { spec: { nodeName: 'n1' } } as KubeObject,
};
const web = pod('web', {
  nodeName: 'n1',
  serviceAccountName: 'robot',
  imagePullSecrets: [{ name: 'pull' }],
  containers: [
    {
      env: [{ valueFrom: { secretKeyRef: { name: 'env' } } }, { valueFrom: { configMapKeyRef: { name: 'envmap' } } }],
      envFrom: [{ secretRef: { name: 'from' } }],
    },
  ],
  initContainers: [{ envFrom: [{ configMapRef: { name: 'init' } }] }],
  volumes: [
    { name: 'v', secret: { secretName: 'mounted' } },
    { name: 'c', configMap: { name: 'map' } },
    { name: 'p', projected: { sources: [{ secret: { name: 'projected' } }, { configMap: { name: 'kube-root-ca.crt' } }] } },
    { name: 'd', persistentVolumeClaim: { claimName: 'claim' } },
    { name: 'scratch', ephemeral: {} },
    { name: 'csi', csi: { nodePublishSecretRef: { name: 'publish' } } },
  ],
  resourceClaims: [{ name: 'gpu', resourceClaimName: 'gpu' }],
});

function start(): {
  ask: (text: string, who?: UserInfo, node?: string) => { allowed: boolean; reason?: string };
  change: (pod: Pod | undefined, old?: Pod) => void;
} {
  let tell: (object: KubeObject | undefined, old: KubeObject | undefined) => void = () => {};
  const reader: ObjectReader = {
    get: (_group, plural, namespace, name) => objects[`${plural} ${namespace ?? ''} ${name}`],
    list: () => [],
    observe: (_group, _plural, handler) => void (tell = handler),
  };
  const authorizer = nodeAuthorizer(new NodeGraph());
  authorizer.start?.(reader);
  return {
    ask(text, who = kubelet, selected) {
      const [verb = '', what = '', namespace = '', name = ''] = text.split(' ');
      const [resource = '', ...group] = what.split('.');
      const [plural = '', subresource = ''] = resource.split('/');
      const selectors = selected ? { fields: [{ key: 'spec.nodeName', operator: 'In' as const, value: selected }], labels: [] } : undefined;
      const attributes: Attributes = {
        user: who,
        verb,
        resource: true,
        group: group.join('.'),
        version: 'v1',
        plural,
        subresource,
        namespace: namespace === '-' ? '' : namespace,
        name,
        path: '',
        ...(selectors ? { selectors } : {}),
      };
      return authorizer.authorize(attributes);
    },
    change: (now, old) => tell(now, old),
  };
}

describe('the Node authorizer', () => {
  const { ask, change } = start();
  change(web);
  const yes = [
    ...['pull', 'env', 'from', 'mounted', 'projected', 'publish'].map((name) => `get secrets a ${name}`),
    'watch secrets a env',
    'get secrets vault stage',
    ...['envmap', 'init', 'map', 'kube-root-ca.crt'].map((name) => `list configmaps a ${name}`),
    'get persistentvolumeclaims a claim',
    'get persistentvolumeclaims a web-scratch',
    'patch persistentvolumeclaims/status a claim',
    'get persistentvolumes - pv1',
    'get persistentvolumes - pv2',
    'get resourceclaims.resource.k8s.io a gpu',
    'get volumeattachments.storage.k8s.io - va1',
    'create serviceaccounts/token a robot',
    'get serviceaccounts a robot',
    'get pods a web',
    'create pods a',
    'delete pods a web',
    'update pods/status a web',
    'create pods/eviction a web',
    'get nodes - n1',
    'create nodes -',
    'patch nodes/status - n1',
    'update leases.coordination.k8s.io kube-node-lease n1',
    'create leases.coordination.k8s.io kube-node-lease',
    'get csinodes.storage.k8s.io - n1',
    'update resourceslices.resource.k8s.io - own',
    'create resourceslices.resource.k8s.io -',
    'list services -',
    'create events a',
    'create certificatesigningrequests.certificates.k8s.io -',
    'list runtimeclasses.node.k8s.io -',
  ];
  for (const text of yes) it(`lets a kubelet ${text}`, () => assert.deepEqual(ask(text), { allowed: true }));

  const unrelated = "no relationship found between node 'n1' and this object";
  const no: [string, string | undefined][] = [
    ['get secrets a other', unrelated],
    ['get secrets b env', unrelated],
    ['list secrets a', 'No Object name found'],
    ['list secrets -', 'can only read namespaced object of this type'],
    ['update secrets a env', 'can only read resources of this type'],
    ['get persistentvolumes - pv9', unrelated],
    ['list persistentvolumes -', 'can only get individual resources of this type'],
    ['get volumeattachments.storage.k8s.io - va2', unrelated],
    ['create serviceaccounts/token a other', unrelated],
    ['list serviceaccounts a', 'can only create tokens for individual service accounts'],
    ['list pods -', 'can only list/watch pods with spec.nodeName field selector'],
    ['get pods a other', unrelated],
    ['update pods a web', undefined],
    ['list nodes -', "node 'n1' cannot read all nodes, only its own Node object"],
    ['get nodes - n2', "node 'n1' cannot read 'n2', only its own Node object"],
    ['update leases.coordination.k8s.io kube-node-lease n2', 'can only access node lease with the same name as the requesting node'],
    ['get leases.coordination.k8s.io kube-system n1', 'can only access leases in the "kube-node-lease" system namespace'],
    ['list csinodes.storage.k8s.io -', 'can only get, create, update, patch, or delete a CSINode'],
    ['list resourceslices.resource.k8s.io -', 'can only list/watch/deletecollection resourceslices with nodeName field selector'],
    ['delete services a x', undefined],
    ['get deployments.apps a x', undefined],
  ];
  for (const [text, reason] of no) it(`does not let it ${text}`, () => assert.deepEqual(ask(text), { allowed: false, ...(reason ? { reason } : {}) }));

  it('lets a kubelet list and watch the pods of its own node', () => {
    assert.equal(ask('list pods -', kubelet, 'n1').allowed, true);
    assert.equal(ask('watch pods -', kubelet, 'n1').allowed, true);
    assert.equal(ask('list pods -', kubelet, 'n2').allowed, false);
  });
  it('knows nodes by name and group', () => {
    assert.deepEqual(ask('get nodes - n1', { username: 'system:node:n1', groups: [] }), { allowed: false });
    assert.deepEqual(ask('get nodes - n1', { username: 'bob', groups: ['system:nodes'] }), { allowed: false });
    assert.equal(ask('get nodes - n1', { username: 'system:node:', groups: ['system:nodes'] }).reason, 'unknown node for user "system:node:"');
  });
  it('follows pods as they are bound, change and go', () => {
    const follow = start();
    const free = pod('p', { volumes: [{ name: 'v', secret: { secretName: 's' } }] });
    const bound = { ...free, spec: { ...free.spec, nodeName: 'n1' } };
    const may = (): boolean => follow.ask('get secrets a s').allowed;
    follow.change(free);
    assert.equal(may(), false);
    follow.change(bound, free);
    assert.equal(may(), true);
    const changed = { ...bound, spec: { nodeName: 'n1', volumes: [] } };
    follow.change(changed, bound);
    assert.equal(may(), false);
    follow.change(bound, changed);
    follow.change(undefined, bound);
    assert.equal(may(), false);
  });
  it('does not count what mirror pods refer to, for kubelets make those themselves', () => {
    const follow = start();
    follow.change(pod('m', { nodeName: 'n1', volumes: [{ name: 'v', secret: { secretName: 's' } }] }, { annotations: { 'kubernetes.io/config.mirror': 'x' } }));
    assert.equal(follow.ask('get secrets a s').allowed, false);
    assert.equal(follow.ask('get pods a m').allowed, true);
  });
});
