import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, it } from 'node:test';
import { seededRandom, FakeClock } from '#base';
import { allKinds, IPAddress, Namespace, Node, Pod, schemas, Service, ServiceAccount, ServiceCIDR, type V1Pod, type V1Service } from '#kinds';
import { isApiError, type KubeObject, type StatusReason } from '#machinery';
import { issueCa } from '../pki/x509.ts';
import { standardParts } from '../standard.ts';
import { fixture } from '../test-support.ts';

const tokenKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const { cert: clientCa } = issueCa('x', { notBefore: 0, notAfter: Date.UTC(2040, 0, 1) });
async function cluster(serviceCidr = '10.96.0.0/16') {
  const clock = new FakeClock();
  const parts = standardParts({ clock, random: seededRandom(3), serviceCidr, clientCa, tokenKey });
  const f = await fixture({ ...parts, clock, kinds: allKinds, schemas });
  await f.api.create(Namespace, { metadata: { name: 'default' } });
  return { ...f, parts };
}
const refused = (reason: StatusReason, text: RegExp) => (error: unknown) => {
  assert.ok(isApiError(error, reason), String(error));
  assert.match(error.message, text);
  return true;
};
const service = (name: string, spec: V1Service['spec'] = {}): V1Service => ({
  metadata: { name, namespace: 'default' },
  spec: { ports: [{ port: 80 }], ...spec },
});
const pod = (name: string, spec: Partial<NonNullable<V1Pod['spec']>> = {}): V1Pod => ({
  metadata: { name, namespace: 'default' },
  spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
});

describe('managed fields', () => {
  it('are what the client and defaults said, not what admission added; equal trees are one', async () => {
    const { server, api } = await cluster();
    await api.create(ServiceAccount, { metadata: { name: 'default', namespace: 'default' } });
    const tracking = server.api({ username: 'u', groups: ['system:masters'] }, { component: 'kubectl', track: true });
    const [a, b] = [await tracking.create(Pod, pod('a')), await tracking.create(Pod, pod('b'))];
    const fields = a.metadata?.managedFields?.[0]?.fieldsV1 as Record<string, Record<string, unknown>>;
    assert.ok(a.spec?.volumes?.length && a.spec.tolerations?.length);
    assert.ok(fields['f:spec']?.['f:restartPolicy']);
    for (const added of ['f:volumes', 'f:tolerations', 'f:serviceAccountName']) assert.equal(fields['f:spec']?.[added], undefined, added);
    assert.equal(b.metadata?.managedFields?.[0]?.fieldsV1, fields);
    const made = await tracking.create(Service, service('s'));
    assert.ok(made.spec?.clusterIP);
    assert.equal(JSON.stringify(made.metadata?.managedFields).includes('clusterIP'), false);
  });
});

describe('service addresses', () => {
  it('are unique under concurrency, and come back when services go', async () => {
    const { api } = await cluster('10.0.0.0/28');
    const made = await Promise.allSettled(Array.from({ length: 20 }, (_, i) => api.create(Service, service(`s${i}`))));
    const ips = made.flatMap((o) => (o.status === 'fulfilled' ? [o.value.spec?.clusterIP] : []));
    assert.deepEqual([ips.length, new Set(ips).size], [14, 14]);
    await assert.rejects(api.create(Service, service('late')), refused('Invalid', /failed to allocate IP: range is full/));
    await api.delete(Service, { namespace: 'default', name: 's0' });
    assert.ok((await api.create(Service, service('late'))).spec?.clusterIP);
  });
  it('may be chosen, once and in range', async () => {
    const { api } = await cluster();
    await api.create(Service, service('dns', { clusterIP: '10.96.0.10' }));
    await assert.rejects(
      api.create(Service, service('b', { clusterIP: '10.96.0.10' })),
      refused('Invalid', /spec\.clusterIPs: Invalid value: \["10\.96\.0\.10"\]: failed to allocate IP 10\.96\.0\.10: provided IP is already allocated/),
    );
    await assert.rejects(
      api.create(Service, service('b', { clusterIP: '10.97.0.1' })),
      refused('Invalid', /failed to allocate IP 10\.97\.0\.1: the provided network does not match the current range/),
    );
    await assert.rejects(
      api.create(Service, service('b', { clusterIP: '10.96.0.0' })),
      refused('Invalid', /the provided IP \(10\.96\.0\.0\) is not in the valid range\. The range of valid IPs is 10\.96\.0\.0\/16/),
    );
    assert.equal((await api.create(Service, service('h', { clusterIP: 'None' }))).spec?.clusterIP, 'None');
  });
  it('are of the one family that there is', async () => {
    const { api } = await cluster();
    await assert.rejects(
      api.create(Service, service('b', { ipFamilies: ['IPv6'] })),
      refused('Invalid', /spec\.ipFamilies\[0\]: Invalid value: "IPv6": not configured on this cluster/),
    );
    await assert.rejects(
      api.create(Service, service('b', { ipFamilyPolicy: 'RequireDualStack' })),
      refused('Invalid', /spec\.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services/),
    );
    const both = await api.create(Service, service('c', { clusterIP: 'None' }));
    assert.deepEqual(both.spec?.ipFamilies, ['IPv4', 'IPv6']);
    assert.deepEqual((await api.update(Service, service('c', { ...both.spec, selector: { a: 'b' } }))).spec?.ipFamilies, ['IPv4', 'IPv6']);
    assert.deepEqual((await api.create(Service, service('d', { ipFamilyPolicy: 'PreferDualStack', selector: { a: 'b' } }))).spec?.ipFamilies, ['IPv4']);
  });
  it('are kept by updates, and node ports with them', async () => {
    const { api } = await cluster();
    const made = await api.create(Service, service('a', { type: 'NodePort' }));
    const port = made.spec?.ports?.[0]?.nodePort ?? 0;
    assert.ok(port >= 30000 && port <= 32767);
    const updated = await api.update(Service, service('a', { type: 'NodePort', selector: { a: 'b' } }));
    assert.deepEqual([updated.spec?.clusterIP, updated.spec?.ports?.[0]?.nodePort], [made.spec?.clusterIP, port]);
    await assert.rejects(
      api.create(Service, service('b', { type: 'NodePort', ports: [{ port: 80, nodePort: port }] })),
      refused('Invalid', /nodePort: Invalid value: \d+: provided port is already allocated/),
    );
    await assert.rejects(
      api.create(Service, service('b', { type: 'NodePort', ports: [{ port: 80, nodePort: 80 }] })),
      refused('Invalid', /provided port is not in the valid range\. The range of valid ports is 30000-32767/),
    );
    await api.delete(Service, { namespace: 'default', name: 'a' });
    await api.create(Service, service('b', { type: 'NodePort', ports: [{ port: 80, nodePort: port }] }));
  });
  it('come from every ServiceCIDR that is not going, and are not what an IPAddress holds', async () => {
    const { api } = await cluster('10.0.0.0/30');
    await api.create(ServiceCIDR, { metadata: { name: 'more', finalizers: ['example.com/hold'] }, spec: { cidrs: ['10.1.0.0/30'] } });
    await api.create(IPAddress, { metadata: { name: '10.1.0.1' }, spec: { parentRef: { resource: 'things', name: 't' } } });
    await assert.rejects(api.create(Service, service('x', { clusterIP: '10.1.0.1' })), refused('Invalid', /provided IP is already allocated/));
    const ips = await Promise.all(['a', 'b', 'c'].map(async (name) => (await api.create(Service, service(name))).spec?.clusterIP));
    assert.deepEqual(ips.toSorted(), ['10.0.0.1', '10.0.0.2', '10.1.0.2']);
    await api.delete(IPAddress, { name: '10.1.0.1' });
    await api.delete(ServiceCIDR, { name: 'more' });
    await assert.rejects(api.create(Service, service('x', { clusterIP: '10.1.0.1' })), refused('Invalid', /does not match the current range/));
    await assert.rejects(api.create(Service, service('x')), refused('Invalid', /range is full/));
  });
  it('come back when a Service becomes a name only', async () => {
    const { api } = await cluster('10.0.0.0/30');
    const ports = { type: 'NodePort', ports: [{ port: 80, nodePort: 30001 }] };
    for (const name of ['a', 'b']) await api.create(Service, service(name, name === 'a' ? ports : {}));
    await api.update(Service, { metadata: { name: 'a', namespace: 'default' }, spec: { type: 'ExternalName', externalName: 'example.org' } });
    assert.ok((await api.create(Service, service('c', ports))).spec?.clusterIP);
  });
  it('are not taken by a dry run or a refused write', async () => {
    const { api } = await cluster();
    await api.create(Service, service('a', { clusterIP: '10.96.0.20' }), { dryRun: true });
    await assert.rejects(api.create(Service, service('BAD', { clusterIP: '10.96.0.20' })));
    await api.create(Service, service('a', { clusterIP: '10.96.0.20' }));
  });
});

describe('pods', () => {
  it('need the ServiceAccount, get its token, tolerate nodes for 300 s', async () => {
    const { api } = await cluster();
    await assert.rejects(
      api.create(Pod, pod('p')),
      refused('Forbidden', /pods "p" is forbidden: error looking up service account default\/default: serviceaccount "default" not found/),
    );
    await api.create(ServiceAccount, { metadata: { name: 'default', namespace: 'default' } });
    const made = await api.create(Pod, pod('p'));
    const volume = made.spec?.volumes?.[0];
    assert.match(volume?.name ?? '', /^kube-api-access-[a-z0-9]{5}$/);
    assert.equal(volume?.projected?.sources?.[0]?.serviceAccountToken?.expirationSeconds, 3607);
    assert.equal(made.spec?.containers[0]?.volumeMounts?.[0]?.mountPath, '/var/run/secrets/kubernetes.io/serviceaccount');
    assert.deepEqual(
      made.spec?.tolerations?.map((t) => [t.key, t.tolerationSeconds]),
      [
        ['node.kubernetes.io/not-ready', 300],
        ['node.kubernetes.io/unreachable', 300],
      ],
    );
    const without = await api.create(Pod, pod('q', { automountServiceAccountToken: false }));
    assert.equal(without.spec?.volumes, undefined);
  });
  it('are bound once', async () => {
    const { api } = await cluster();
    await api.create(ServiceAccount, { metadata: { name: 'default', namespace: 'default' } });
    await api.create(Pod, pod('p'));
    const bind = (node: string) =>
      api.subresource(Pod, { namespace: 'default', name: 'p' }, 'binding', {
        metadata: { name: 'p' },
        target: { kind: 'Node', name: node },
      } as KubeObject);
    await bind('n1');
    const bound = await api.get(Pod, { namespace: 'default', name: 'p' });
    assert.deepEqual([bound.spec?.nodeName, bound.status?.conditions?.find((c) => c.type === 'PodScheduled')?.status], ['n1', 'True']);
    await assert.rejects(bind('n2'), refused('Conflict', /pod p is already assigned to node "n1"/));
  });
  it('carry tokens that live as long as they and their account do', async () => {
    const { api, parts, server } = await cluster();
    await api.create(ServiceAccount, { metadata: { name: 'default', namespace: 'default' } });
    await api.create(Node, { metadata: { name: 'n1' } });
    const made = await api.create(Pod, pod('p'));
    const request = { spec: { expirationSeconds: 3600, boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'p', uid: made.metadata?.uid } } } as KubeObject;
    const key = { namespace: 'default', name: 'default' };
    const answer = await api.subresource<KubeObject & { status: { token: string } }>(ServiceAccount, key, 'token', request);
    const ask = async () => {
      const credentials = { certificate: undefined, authorization: `Bearer ${answer.status.token}` };
      for (const authenticator of parts.authenticators) {
        const verdict = await authenticator.authenticate(credentials);
        if (verdict !== undefined) return verdict;
      }
      return undefined;
    };
    const user = await ask();
    assert.ok(user);
    assert.deepEqual(
      [user.username, user.groups],
      ['system:serviceaccount:default:default', ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated']],
    );
    assert.ok(server.reader.get('', 'pods', 'default', 'p'));
    await api.delete(Pod, { namespace: 'default', name: 'p' }, { gracePeriodSeconds: 0 });
    assert.equal(await ask(), false);
    await assert.rejects(
      api.subresource(ServiceAccount, key, 'token', { spec: { expirationSeconds: 1 } } as KubeObject),
      refused('Invalid', /may not specify a duration less than 10 minutes/),
    );
  });
});

describe('namespaces', () => {
  it('take no new content while they go, and go when finalized', async () => {
    const { api } = await cluster();
    await api.create(Namespace, { metadata: { name: 'x' } });
    await api.create(ServiceAccount, { metadata: { name: 'a', namespace: 'x' } });
    await api.delete(Namespace, { name: 'x' });
    const going = await api.get(Namespace, { name: 'x' });
    assert.equal(going.status?.phase, 'Terminating');
    await assert.rejects(
      api.create(ServiceAccount, { metadata: { name: 'b', namespace: 'x' } }),
      refused('Forbidden', /serviceaccounts "b" is forbidden: unable to create new content in namespace x because it is being terminated/),
    );
    await assert.rejects(api.create(ServiceAccount, { metadata: { name: 'b', namespace: 'y' } }), refused('NotFound', /^namespaces "y" not found$/));
    await api.update(Namespace, { ...going, spec: { finalizers: [] } }, { subresource: 'finalize' });
    await assert.rejects(api.get(Namespace, { name: 'x' }), refused('NotFound', /namespaces "x" not found/));
    await assert.rejects(api.delete(Namespace, { name: 'default' }), refused('Forbidden', /this namespace may not be deleted/));
  });
});
