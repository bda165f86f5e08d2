import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, it } from 'node:test';
import { FakeClock, seededRandom } from '#base';
import {
  allKinds,
  CertificateSigningRequest,
  ClusterRole,
  ClusterRoleBinding,
  Lease,
  Namespace,
  Node,
  Pod,
  Role,
  RoleBinding,
  schemas,
  ServiceAccount,
  type V1CertificateSigningRequest,
  type V1Node,
  type V1Pod,
} from '#kinds';
import { isApiError, type Api, type KubeObject, type StatusReason } from '#machinery';
import { issueCa } from '../pki/x509.ts';
import { standardParts } from '../standard.ts';
import { fixture, type Fixture } from '../test-support.ts';

const tokenKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const { cert: clientCa } = issueCa('x', { notBefore: 0, notAfter: Date.UTC(2040, 0, 1) });
async function cluster(): Promise<Fixture> {
  const clock = new FakeClock();
  const parts = standardParts({ clock, random: seededRandom(3), serviceCidr: '10.96.0.0/16', clientCa, tokenKey });
  const made = await fixture({ ...parts, clock, kinds: allKinds, schemas });
  for (const name of ['default', 'kube-node-lease']) await made.api.create(Namespace, { metadata: { name } });
  await made.api.create(ServiceAccount, { metadata: { name: 'default', namespace: 'default' } });
  return made;
}
const refused = (reason: StatusReason, text: string) => (error: unknown) => {
  assert.ok(isApiError(error, reason), String(error));
  assert.equal(error.message, text);
  return true;
};
const group = 'rbac.authorization.k8s.io';
const ref = (kind: string, name: string) => ({ apiGroup: group, kind, name });
const pods = { apiGroups: [''], resources: ['pods'], verbs: ['get'] };
const wants = '\n{APIGroups:[""], Resources:["nodes"], Verbs:["get"]}';
const who = 'user "ann" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:';

describe('escalation', () => {
  const start = async (): Promise<{ api: Api; ann: Api }> => {
    const { api, server } = await cluster();
    await api.create(Role, { metadata: { name: 'held', namespace: 'default' }, rules: [pods] });
    await api.create(RoleBinding, {
      metadata: { name: 'held', namespace: 'default' },
      roleRef: ref('Role', 'held'),
      subjects: [{ kind: 'User', name: 'ann' }],
    });
    return { api, ann: server.api({ username: 'ann', groups: ['system:authenticated'] }) };
  };
  it('through roles is refused beyond what the creator holds', async () => {
    const { ann, api } = await start();
    await ann.create(Role, { metadata: { name: 'a', namespace: 'default' }, rules: [pods] });
    const nodes = { ...pods, resources: ['nodes'] };
    const text = `roles.rbac.authorization.k8s.io "b" is forbidden: ${who}${wants}`;
    await assert.rejects(ann.create(Role, { metadata: { name: 'b', namespace: 'default' }, rules: [pods, nodes] }), refused('Forbidden', text));
    const a = await api.get(Role, { namespace: 'default', name: 'a' });
    await assert.rejects(ann.update(Role, { ...a, rules: [nodes] }), refused('Forbidden', text.replace('"b"', '"a"')));
    await api.create(Role, { metadata: { name: 'big', namespace: 'default' }, rules: [nodes] });
    const big = await api.get(Role, { namespace: 'default', name: 'big' });
    await ann.update(Role, { ...big, metadata: { ...big.metadata, labels: { x: 'y' } } });
    await assert.rejects(
      ann.create(ClusterRole, { metadata: { name: 'c' }, aggregationRule: { clusterRoleSelectors: [{ matchLabels: { a: 'b' } }] } }),
      refused('Forbidden', 'clusterroles.rbac.authorization.k8s.io "c" is forbidden: must have cluster-admin privileges to use an aggregationRule'),
    );
  });
  it('is allowed with the verbs escalate and bind', async () => {
    const { ann, api } = await start();
    const rules = [
      { apiGroups: [group], resources: ['roles'], verbs: ['escalate'] },
      { apiGroups: [group], resources: ['clusterroles'], resourceNames: ['view'], verbs: ['bind'] },
    ];
    await api.create(Role, { metadata: { name: 'may', namespace: 'default' }, rules });
    await api.create(RoleBinding, { metadata: { name: 'may', namespace: 'default' }, roleRef: ref('Role', 'may'), subjects: [{ kind: 'User', name: 'ann' }] });
    await ann.create(Role, { metadata: { name: 'b', namespace: 'default' }, rules: [{ ...pods, verbs: ['*'] }] });
    await ann.create(RoleBinding, { metadata: { name: 'v', namespace: 'default' }, roleRef: ref('ClusterRole', 'view') });
    await assert.rejects(ann.create(RoleBinding, { metadata: { name: 'e', namespace: 'default' }, roleRef: ref('ClusterRole', 'edit') }), (error) =>
      isApiError(error, 'Forbidden'),
    );
  });
  it('through bindings is refused, and so is a binding to nothing', async () => {
    const { ann } = await start();
    await assert.rejects(
      ann.create(ClusterRoleBinding, { metadata: { name: 'x' }, roleRef: ref('ClusterRole', 'cluster-admin') }),
      refused(
        'Forbidden',
        `clusterrolebindings.rbac.authorization.k8s.io "x" is forbidden: ${who}\n{APIGroups:["*"], Resources:["*"], Verbs:["*"]}\n{NonResourceURLs:["*"], Verbs:["*"]}`,
      ),
    );
    await assert.rejects(
      ann.create(RoleBinding, { metadata: { name: 'x', namespace: 'default' }, roleRef: ref('Role', 'gone') }),
      refused('NotFound', 'roles.rbac.authorization.k8s.io "gone" not found'),
    );
  });
});

describe('NodeRestriction', () => {
  const start = async (): Promise<{ api: Api; n1: Api; no: (what: string, why: string) => (error: unknown) => boolean }> => {
    const { api, server } = await cluster();
    for (const name of ['n1', 'n2']) await api.create(Node, { metadata: { name } });
    return {
      api,
      n1: server.api({ username: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] }),
      no: (what, why) => refused('Forbidden', `${what} is forbidden: ${why}`),
    };
  };
  it('keeps kubelets to their own node, and to labels that steer nothing', async () => {
    const { api, n1, no } = await start();
    const own = await api.get(Node, { name: 'n1' });
    const label = (node: V1Node, labels: Record<string, string>): V1Node => ({
      ...node,
      metadata: { ...node.metadata, labels: { ...node.metadata?.labels, ...labels } },
    });
    const labelled = await n1.update(Node, label(own, { mine: 'x', 'kubernetes.io/arch': 'amd64', 'node.kubernetes.io/x': 'y' }));
    await assert.rejects(
      n1.update(Node, label(labelled, { 'node-restriction.kubernetes.io/x': 'y', 'x.k8s.io/z': '1' })),
      no('nodes "n1"', 'is not allowed to modify labels: node-restriction.kubernetes.io/x, x.k8s.io/z'),
    );
    await assert.rejects(
      n1.update(Node, { ...labelled, spec: { ...labelled.spec, taints: [{ key: 'k', effect: 'NoSchedule' }] } }),
      no('nodes "n1"', 'node "n1" is not allowed to modify taints'),
    );
    const other = await api.get(Node, { name: 'n2' });
    await assert.rejects(n1.update(Node, other, { subresource: 'status' }), no('nodes "n2"', 'node "n1" is not allowed to modify node "n2"'));
    await assert.rejects(n1.delete(Node, { name: 'n2' }), no('nodes "n2"', 'node "n1" is not allowed to modify node "n2"'));
    await assert.rejects(
      n1.create(Lease, { metadata: { name: 'n2', namespace: 'kube-node-lease' } }),
      no('leases.coordination.k8s.io "n2"', 'can only access node lease with the same name as the requesting node'),
    );
    await n1.create(Lease, { metadata: { name: 'n1', namespace: 'kube-node-lease' } });
  });
  it('lets them report on, and remove, the pods bound to them', async () => {
    const { api, n1, no } = await start();
    const make = (name: string, nodeName: string) =>
      api.create(Pod, { metadata: { name, namespace: 'default' }, spec: { nodeName, containers: [{ name: 'c', image: 'i' }] } });
    const [mine, other] = [await make('mine', 'n1'), await make('other', 'n2')];
    const report = (pod: V1Pod) => n1.update(Pod, { ...pod, status: { ...pod.status, phase: 'Running' } }, { subresource: 'status' });
    await report(mine);
    await assert.rejects(report(other), no('pods "other"', 'node "n1" can only update pod status for pods with spec.nodeName set to itself'));
    await assert.rejects(
      n1.delete(Pod, { namespace: 'default', name: 'other' }),
      no('pods "other"', 'node "n1" can only delete pods with spec.nodeName set to itself'),
    );
    await assert.rejects(
      n1.create(Pod, { metadata: { name: 'p', namespace: 'default' }, spec: { containers: [{ name: 'c', image: 'i' }] } }),
      no('pods "p"', 'pod does not have "kubernetes.io/config.mirror" annotation, node "n1" can only create mirror pods'),
    );
    await n1.delete(Pod, { namespace: 'default', name: 'mine' }, { gracePeriodSeconds: 0 });
  });
  it('lets them make mirror pods that refer to nothing', async () => {
    const { api, n1, no } = await start();
    const { uid = '' } = (await api.get(Node, { name: 'n1' })).metadata ?? {};
    const owner = { apiVersion: 'v1', kind: 'Node', name: 'n1', uid, controller: true };
    const mirror = (spec: object = {}, owners: object[] = [owner]) =>
      ({
        metadata: { name: 'm', namespace: 'default', annotations: { 'kubernetes.io/config.mirror': 'x' }, ownerReferences: owners },
        spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'i' }], ...spec },
      }) as V1Pod;
    const cases: [V1Pod, string][] = [
      [mirror({ nodeName: 'n2' }), 'node "n1" can only create pods with spec.nodeName set to itself'],
      [mirror({}, []), 'node "n1" can only create pods with an owner reference set to itself'],
      [mirror({}, [{ ...owner, controller: false }]), 'node "n1" can only create pods with a controller owner reference set to itself'],
      [mirror({}, [{ ...owner, uid: 'x' }]), `node n1 UID mismatch: expected x got ${uid}`],
      [mirror({ volumes: [{ name: 'v', secret: { secretName: 's' } }] }), 'node "n1" can not create pods that reference secrets'],
      [mirror({ volumes: [{ name: 'v', configMap: { name: 's' } }] }), 'node "n1" can not create pods that reference configmaps'],
    ];
    for (const [pod, why] of cases) await assert.rejects(n1.create(Pod, pod), no('pods "m"', why));
    await n1.create(Pod, mirror());
  });
  it('has them ask for tokens of their own pods only', async () => {
    const { api, n1, no } = await start();
    const pod: V1Pod = await api.create<V1Pod>(Pod, {
      metadata: { name: 'p', namespace: 'default' },
      spec: { nodeName: 'n2', containers: [{ name: 'c', image: 'i' }] },
    });
    const ask = (bound: object | undefined) =>
      n1.subresource(ServiceAccount, { namespace: 'default', name: 'default' }, 'token', { spec: { boundObjectRef: bound } } as KubeObject);
    const own = { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: pod.metadata?.uid };
    await assert.rejects(ask(undefined), no('serviceaccounts "default"', 'node requested token not bound to a pod'));
    await assert.rejects(ask({ ...own, uid: undefined }), no('serviceaccounts "default"', 'node requested token with a pod binding without a uid'));
    await assert.rejects(ask(own), no('serviceaccounts "default"', 'node requested token bound to a pod scheduled on a different node'));
  });
});

const ed = `-----BEGIN CERTIFICATE REQUEST-----
MIGMMEACAQAwDTELMAkGA1UEAwwCZWQwKjAFBgMrZXADIQDgOsQXGyG2mG6+W8M1
Qf1+qrHp8yHgmBH2FUKDdkifcKAAMAUGAytlcANBAP7ccKKYkDN0ARVPFCXZe6EV
u7LdkCWdFMe8/zdZcNse+Rv5aNSKH+FaKFD3CufVdqbktOZsCGke5fnAJprJDgo=
-----END CERTIFICATE REQUEST-----
`;
describe('certificate requests', () => {
  const request = (signerName: string) => ({
    metadata: { name: 'r' },
    spec: { request: Buffer.from(ed).toString('base64'), signerName, usages: ['client auth'], username: 'liar', groups: ['system:masters'] },
  });
  it('say who asked, whatever they say', async () => {
    const { server } = await cluster();
    const ann = server.api({ username: 'ann', uid: 'u', groups: ['devs'], extra: { k: ['v'] } });
    const made = await ann.create<V1CertificateSigningRequest>(CertificateSigningRequest, request('example.com/x'));
    const { username, uid, groups, extra } = made.spec;
    assert.deepEqual([username, uid, groups, extra], ['ann', 'u', ['devs'], { k: ['v'] }]);
  });
  it('are signed by those who may', async () => {
    const { api, server } = await cluster();
    await api.create(CertificateSigningRequest, request('example.com/x'));
    await api.create(ClusterRole, {
      metadata: { name: 'sign' },
      rules: [{ apiGroups: ['certificates.k8s.io'], resources: ['signers'], resourceNames: ['example.com/*'], verbs: ['sign'] }],
    });
    const ann = server.api({ username: 'ann', groups: [] });
    const r = await api.get(CertificateSigningRequest, { name: 'r' });
    const certificate = Buffer.from(clientCa).toString('base64');
    const sign = () => ann.update(CertificateSigningRequest, { ...r, status: { ...r.status, certificate } }, { subresource: 'status' });
    await assert.rejects(
      sign(),
      refused(
        'Forbidden',
        'certificatesigningrequests.certificates.k8s.io "r" is forbidden: user not permitted to sign requests with signerName "example.com/x"',
      ),
    );
    await api.create(ClusterRoleBinding, { metadata: { name: 'sign' }, roleRef: ref('ClusterRole', 'sign'), subjects: [{ kind: 'User', name: 'ann' }] });
    assert.equal((await sign()).status?.certificate, certificate);
  });
});

describe('TokenRequest', () => {
  it('is refused in the words of kube-apiserver', async () => {
    const { api } = await cluster();
    await api.create(ServiceAccount, { metadata: { name: 'other', namespace: 'default' } });
    const pod: V1Pod = await api.create<V1Pod>(Pod, { metadata: { name: 'p', namespace: 'default' }, spec: { containers: [{ name: 'c', image: 'i' }] } });
    const ask = (body: object, name = 'default') =>
      api.subresource<KubeObject & { status: { token: string } }>(ServiceAccount, { namespace: 'default', name }, 'token', body as KubeObject);
    const bound = (over: object) => ({ spec: { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'p', ...over } } });
    const cases: [object, StatusReason, string, string?][] = [
      [
        { spec: { expirationSeconds: 599 } },
        'Invalid',
        'TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes',
      ],
      [
        { spec: { expirationSeconds: 2 ** 32 + 1 } },
        'Invalid',
        'TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 4294967297: may not specify a duration larger than 2^32 seconds',
      ],
      [
        { metadata: { name: 'x' } },
        'Invalid',
        'TokenRequest.authentication.k8s.io "default" is invalid: metadata.name: Invalid value: "x": must match the service account name if specified',
      ],
      [bound({ name: 'q' }), 'NotFound', 'pods "q" not found'],
      [
        bound({ uid: 'x' }),
        'Conflict',
        'Operation cannot be fulfilled on Pod "p": the UID in the bound object reference (x) does not match the UID in record. The object might have been deleted and then recreated',
      ],
      [bound({}), 'BadRequest', 'cannot bind token for serviceaccount "other" to pod running with different serviceaccount name.', 'other'],
      [bound({ kind: 'ConfigMap' }), 'BadRequest', 'cannot bind token for serviceaccount to object of type /v1, Kind=ConfigMap'],
      [{}, 'NotFound', 'serviceaccounts "gone" not found', 'gone'],
    ];
    for (const [body, reason, text, name] of cases) await assert.rejects(ask(body, name), refused(reason, text));
    assert.ok((await ask(bound({ uid: pod.metadata?.uid }))).status.token);
  });
});
