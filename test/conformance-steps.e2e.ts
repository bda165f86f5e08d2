/** More specs of the conformance suite, step by step: what they send, with kubectl, to simulated nodes. */
import assert from 'node:assert/strict';
import test, { before, describe } from 'node:test';
import { eventually, useCluster } from './harness.ts';

interface Review {
  status: { allowed: boolean };
}
interface Event {
  type: string;
  object: { metadata: { name: string; labels?: Record<string, string> } };
}
const json = (object: object): string => JSON.stringify(object);

describe('specs of the conformance suite, step by step', () => {
  const my = useCluster('--runtime', 'sim', '--sim-nodes', '1', '--nodes', '0');
  const k = (...args: string[]): Promise<string> => my.cluster.kubectl(...args);
  const post = async <T>(path: string, body: object): Promise<T> => {
    const { code, out, err } = await my.cluster.tryKubectl(['create', '--raw', path, '-f', '-'], { input: json(body) });
    assert.equal(code, 0, err);
    return JSON.parse(out) as T;
  };
  before(() => eventually('the ServiceAccount', async () => (await my.cluster.tryKubectl(['get', 'sa', 'default'])).code === 0));

  test('SubjectReview: what a ServiceAccount may do in one namespace, by both reviews', async () => {
    await k('create', 'ns', 'reviewed');
    await k('create', 'sa', 'e2e', '-n', 'reviewed');
    const user = 'system:serviceaccount:reviewed:e2e';
    const resourceAttributes = { verb: 'create', group: '', version: '*', resource: 'configmaps', namespace: 'reviewed' };
    const spec = { user, resourceAttributes };
    const api = '/apis/authorization.k8s.io/v1';
    const everywhere = { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec };
    const local = { ...everywhere, kind: 'LocalSubjectAccessReview', metadata: { namespace: 'reviewed' } };
    const ask = async (): Promise<boolean[]> => [
      (await post<Review>(`${api}/subjectaccessreviews`, everywhere)).status.allowed,
      (await post<Review>(`${api}/namespaces/reviewed/localsubjectaccessreviews`, local)).status.allowed,
    ];
    assert.deepEqual(await ask(), [false, false]);
    await my.cluster.tryKubectl(['create', 'rolebinding', 'e2e', '-n', 'reviewed', '--clusterrole=edit', '--serviceaccount=reviewed:e2e']);
    assert.deepEqual(await ask(), [true, true]);
    assert.equal((await my.cluster.tryKubectl(['create', 'cm', 'mine', '-n', 'reviewed', `--as=${user}`])).code, 0);
  });

  test('opting out of the automount of API tokens: the pod has the last word', async () => {
    for (const [name, automount] of [
      ['mountsa', true],
      ['nomountsa', false],
    ] as const)
      await my.cluster.apply(json({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name }, automountServiceAccountToken: automount }));
    const mounted = async (serviceAccountName: string, automount: boolean | undefined): Promise<boolean> => {
      const name = `${serviceAccountName}-${automount ?? 'unset'}`;
      const spec = {
        serviceAccountName,
        containers: [{ name: 'c', image: 'app:1' }],
        ...(automount === undefined ? {} : { automountServiceAccountToken: automount }),
      };
      await my.cluster.apply(json({ apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec }));
      const paths = await k('get', 'pod', name, '-o', 'jsonpath={.spec.containers[*].volumeMounts[*].mountPath}');
      return paths.split(' ').includes('/var/run/secrets/kubernetes.io/serviceaccount');
    };
    const table: Record<string, boolean[]> = {};
    for (const account of ['default', 'mountsa', 'nomountsa'])
      table[account] = [await mounted(account, undefined), await mounted(account, true), await mounted(account, false)];
    assert.deepEqual(table, { default: [true, true, false], mountsa: [true, true, false], nomountsa: [false, true, false] });
  });

  test('CustomResourceDefinition Watch: both objects are seen as they come, change and go', async () => {
    const properties = { spec: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
    const version = { name: 'v1beta1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', properties } } };
    const names = { plural: 'noxus', singular: 'noxu', kind: 'Noxu', listKind: 'NoxuList' };
    await my.cluster.apply(
      json({
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'CustomResourceDefinition',
        metadata: { name: 'noxus.mygroup.example.com' },
        spec: { group: 'mygroup.example.com', scope: 'Cluster', names, versions: [version] },
      }),
    );
    await k('wait', '--for=condition=Established', 'crd/noxus.mygroup.example.com', '--timeout=60s');
    const api = '/apis/mygroup.example.com/v1beta1/noxus';
    const { metadata } = JSON.parse(await k('get', '--raw', api)) as { metadata: { resourceVersion: string } };
    for (const name of ['name1', 'name2'])
      await post(api, {
        apiVersion: 'mygroup.example.com/v1beta1',
        kind: 'Noxu',
        metadata: { name },
        spec: { num: { num1: 1 } },
      });
    for (const name of ['name1', 'name2']) await k('label', 'noxu', name, 'watch=again');
    for (const name of ['name1', 'name2']) await k('delete', 'noxu', name);
    const events = async (name: string): Promise<string[]> => {
      const text = await k('get', '--raw', `${api}?watch=1&timeoutSeconds=1&fieldSelector=metadata.name%3D${name}&resourceVersion=${metadata.resourceVersion}`);
      return text
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as Event).type);
    };
    assert.deepEqual(await events('name1'), ['ADDED', 'MODIFIED', 'DELETED']);
    assert.deepEqual(await events('name2'), ['ADDED', 'MODIFIED', 'DELETED']);
  });

  test('ResourceQuota: its status is calculated, and follows the life of every kind it counts', async () => {
    await k('create', 'ns', 'quota');
    const counted = { configmaps: 10, secrets: 10, services: 10, pods: 5, replicationcontrollers: 5, 'count/replicasets.apps': 5, persistentvolumeclaims: 5 };
    await k(
      'create',
      'quota',
      'q',
      '-n',
      'quota',
      `--hard=${Object.entries(counted)
        .map(([name, most]) => `${name}=${most}`)
        .join()}`,
    );
    const used = async (): Promise<Record<string, string>> =>
      JSON.parse((await k('get', 'quota', 'q', '-n', 'quota', '-o', 'jsonpath={.status.used}')) || '{}') as Record<string, string>;
    const settles = (what: string, wanted: Record<string, string>): Promise<unknown> =>
      eventually(what, async () => {
        const now = await used();
        return Object.entries(wanted).every(([name, count]) => now[name] === count);
      });
    // kube-root-ca.crt is there of itself.
    await settles('the status is calculated', { configmaps: '1', secrets: '0', services: '0', pods: '0', 'count/replicasets.apps': '0' });
    const spec = { replicas: 0, template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'app:1' }] } } };
    const claim = { accessModes: ['ReadWriteOnce'], storageClassName: '', resources: { requests: { storage: '1Gi' } } };
    const metadata = { name: 'one', namespace: 'quota' };
    const objects: [string, string, string, object][] = [
      ['configmaps', 'v1', 'ConfigMap', {}],
      ['secrets', 'v1', 'Secret', {}],
      ['services', 'v1', 'Service', { spec: { ports: [{ port: 80 }] } }],
      ['pods', 'v1', 'Pod', { spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'c', image: 'app:1' }] } }],
      ['replicationcontrollers', 'v1', 'ReplicationController', { spec: { ...spec, selector: { a: 'b' } } }],
      ['count/replicasets.apps', 'apps/v1', 'ReplicaSet', { spec: { ...spec, selector: { matchLabels: { a: 'b' } } } }],
      ['persistentvolumeclaims', 'v1', 'PersistentVolumeClaim', { spec: claim }],
    ];
    const base = await used();
    for (const [, apiVersion, kind, more] of objects) await my.cluster.apply(json({ apiVersion, kind, metadata, ...more }));
    const more = Object.fromEntries(objects.map(([name]) => [name, String(Number(base[name]) + 1)]));
    await settles('all are counted', more);
    for (const [, , kind] of objects) await k('delete', kind.toLowerCase(), 'one', '-n', 'quota');
    await settles('all are given back', base);
    await k('patch', 'quota', 'q', '-n', 'quota', '--type=merge', '-p', '{"spec":{"hard":{"secrets":"0"}}}');
    const refused = await my.cluster.tryKubectl(['create', 'secret', 'generic', 'no', '-n', 'quota']);
    assert.match(refused.err, /exceeded quota: q, requested: secrets=1, used: secrets=0, limited: secrets=0/);
    await k('delete', 'quota', 'q', '-n', 'quota');
    await k('create', 'secret', 'generic', 'no', '-n', 'quota');
  });

  test('FieldValidation: strict, warned and ignored; unknown fields and those that come twice', async () => {
    const typed = `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"strict","unknownMeta":"x"},"data":{"a":"1","a":"2"},"unknown":1}`;
    const send = (mode: string, body: string, path = '/api/v1/namespaces/default/configmaps') =>
      my.cluster.tryKubectl(['create', '--raw', `${path}?fieldValidation=${mode}&dryRun=All`, '-f', '-'], { input: body });
    const strict = await send('Strict', typed);
    assert.match(strict.err, /strict decoding error/);
    for (const text of ['unknown field "metadata.unknownMeta"', 'duplicate field "data.a"', 'unknown field "unknown"'])
      assert.ok(strict.err.includes(text), strict.err);
    const warned = await send('Warn', typed);
    assert.equal(warned.code, 0);
    assert.ok(!(JSON.parse(warned.out) as { unknown?: number }).unknown);
    assert.equal((await send('Ignore', typed)).code, 0);
    assert.match((await send('Sometimes', typed)).err, /fieldValidation: Unsupported value: "Sometimes": supported values: "", "Ignore", "Strict", "Warn"/);
  });
});
