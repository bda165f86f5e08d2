import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { before, describe } from 'node:test';
import { background, eventually, freePort, kubectlVersions, run, useCluster, type Output } from './harness.ts';

interface Meta {
  name: string;
  uid: string;
  resourceVersion: string;
  generation?: number;
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  managedFields?: { manager: string; operation: string; subresource?: string; fieldsV1: unknown }[];
}
interface ConfigMap {
  metadata: Meta;
  data?: Record<string, string>;
}
interface Container {
  name: string;
  image: string;
  env?: { name: string; value?: string }[];
  ports?: { containerPort: number; name?: string; protocol: string }[];
}
interface Deployment {
  metadata: Meta;
  spec: { replicas: number; template: { spec: { containers: Container[] } } };
  status: { replicas?: number; readyReplicas?: number };
}
interface Service {
  metadata: Meta;
  spec: {
    clusterIP?: string;
    clusterIPs?: string[];
    type: string;
    externalName?: string;
    ports: { name?: string; port: number; targetPort: number; protocol: string; nodePort?: number }[];
  };
}

const kinds = [
  'configmaps',
  'endpoints',
  'events',
  'namespaces',
  'nodes',
  'pods',
  'secrets',
  'serviceaccounts',
  'services',
  'deployments',
  'replicasets',
  'leases',
  'endpointslices',
];
const configMap = (name: string, data: Record<string, string>, metadata: object = {}): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...metadata }, data });
const deployment = (name: string, containers: object[], replicas = 0): string =>
  JSON.stringify({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: { replicas, selector: { matchLabels: { app: name } }, template: { metadata: { labels: { app: name } }, spec: { containers } } },
  });

describe('the API as kubectl uses it', () => {
  const my = useCluster('--runtime', 'sim', '--sim-nodes', '3', '--nodes', '0');
  const k = (...args: string[]): Promise<string> => my.cluster.kubectl(...args);
  const json = <T>(...args: string[]): Promise<T> => my.cluster.json<T>(...args);
  const on = (input: string, ...args: string[]): Promise<Output> => my.cluster.tryKubectl(args, { input });
  const fails = async (args: string[], message: RegExp, input?: string): Promise<void> => {
    const result = await my.cluster.tryKubectl(args, input === undefined ? {} : { input });
    assert.notEqual(result.code, 0, `kubectl ${args.join(' ')} should have failed: ${result.out}`);
    assert.match(result.err, message);
  };
  const works = async (input: string, ...args: string[]): Promise<string> => {
    const result = await on(input, ...args);
    assert.equal(result.code, 0, `kubectl ${args.join(' ')}: ${result.err}${result.out}`);
    return result.out;
  };
  const apply = (input: string, ...more: string[]): Promise<string> => works(input, 'apply', '-f', '-', ...more);
  before(async () => {
    await k('create', 'ns', 'shop');
    await k('config', 'set-context', '--current', '--namespace=shop');
  });

  describe('apply', () => {
    test('client-side: created, unchanged, configured; fields left out are deleted, fields of others stay', async () => {
      assert.match(await apply(configMap('three', { a: '1', b: '2' }, { labels: { x: 'y', z: 'z' } })), /configmap\/three created/);
      assert.match(await apply(configMap('three', { a: '1', b: '2' }, { labels: { x: 'y', z: 'z' } })), /configmap\/three unchanged/);
      await k('patch', 'cm', 'three', '--type=merge', '-p', '{"data":{"theirs":"stays"}}');
      assert.match(await apply(configMap('three', { a: 'changed' }, { labels: { x: 'y' } })), /configmap\/three configured/);
      const after = await json<ConfigMap>('get', 'cm', 'three');
      assert.deepEqual(after.data, { a: 'changed', theirs: 'stays' });
      assert.deepEqual(after.metadata.labels, { x: 'y' });
      const last = JSON.parse(await k('apply', 'view-last-applied', 'cm', 'three', '-o', 'json')) as ConfigMap;
      assert.deepEqual(last.data, { a: 'changed' });
    });

    test('lists of objects merge by their key: containers, env, ports', async () => {
      const main = {
        name: 'main',
        image: 'a:1',
        env: [
          { name: 'A', value: '1' },
          { name: 'B', value: '2' },
        ],
        ports: [{ containerPort: 80, name: 'web' }, { containerPort: 81 }],
      };
      await apply(deployment('merge', [main, { name: 'side', image: 's:1' }]));
      await k(
        'patch',
        'deployment',
        'merge',
        '-p',
        '{"spec":{"template":{"spec":{"containers":[{"name":"main","env":[{"name":"C","value":"3"}]},{"name":"injected","image":"i:1"}]}}}}',
      );
      await apply(deployment('merge', [{ ...main, image: 'a:2', env: [{ name: 'B', value: '22' }], ports: [{ containerPort: 81, name: 'other' }] }]));
      const { containers } = (await json<Deployment>('get', 'deployment', 'merge')).spec.template.spec;
      assert.deepEqual(containers.map((c) => `${c.name} ${c.image}`).sort(), ['injected i:1', 'main a:2']);
      const merged = containers.find((c) => c.name === 'main');
      assert.deepEqual(new Set(merged?.env?.map((e) => `${e.name}=${e.value}`)), new Set(['B=22', 'C=3']));
      assert.deepEqual(merged?.ports, [{ containerPort: 81, name: 'other', protocol: 'TCP' }]);
      await k('patch', 'deployment', 'merge', '-p', '{"spec":{"template":{"spec":{"containers":[{"name":"injected","$patch":"delete"}]}}}}');
      assert.deepEqual(
        (await json<Deployment>('get', 'deployment', 'merge')).spec.template.spec.containers.map((c) => c.name),
        ['main'],
      );
      await k('set', 'env', 'deployment/merge', 'D=4', 'B-');
      assert.deepEqual(
        new Set((await json<Deployment>('get', 'deployment', 'merge')).spec.template.spec.containers[0]?.env?.map((e) => e.name)),
        new Set(['C', 'D']),
      );
    });

    test('server-side: owners, conflicts, --force-conflicts, shared and given-up fields', async () => {
      const as = (manager: string, input: string, ...more: string[]): Promise<Output> =>
        on(input, 'apply', '--server-side', '--field-manager', manager, '-f', '-', ...more);
      assert.match((await as('alice', configMap('ssa', { a: '1', b: '1' }))).out, /configmap\/ssa serverside-applied/);
      const refused = await as('bob', configMap('ssa', { a: '2', c: '3' }));
      assert.equal(refused.code, 1);
      assert.match(refused.err, /error: Apply failed with 1 conflict: conflict with "alice": \.data\.a/);
      assert.match(refused.err, /Please review the fields above/);
      assert.equal((await as('bob', configMap('ssa', { a: '2', c: '3' }), '--force-conflicts')).code, 0);
      const owners = async (): Promise<Record<string, unknown>> =>
        Object.fromEntries(
          ((await json<ConfigMap>('get', 'cm', 'ssa', '--show-managed-fields')).metadata.managedFields ?? []).map((m) => [m.manager, m.fieldsV1]),
        );
      assert.deepEqual(await owners(), { alice: { 'f:data': { 'f:b': {} } }, bob: { 'f:data': { 'f:a': {}, 'f:c': {} } } });
      assert.equal((await as('alice', configMap('ssa', { b: '1', c: '3' }))).code, 0, 'the same value is shared');
      assert.equal((await as('bob', configMap('ssa', {}))).code, 0);
      assert.deepEqual((await json<ConfigMap>('get', 'cm', 'ssa')).data, { b: '1', c: '3' }, 'a went with its only owner, c has another');
      assert.equal((await json<ConfigMap>('get', 'cm', 'ssa')).metadata.managedFields, undefined, 'kubectl hides them');
      const many = await as('carol', configMap('ssa', { b: 'x', c: 'x' }));
      assert.match(many.err, /Apply failed with 2 conflicts: conflicts with "alice":\n- \.data\.b\n- \.data\.c/);
    });

    test('server-side over client-side: conflicts name the update manager, lists go by key', async () => {
      await apply(deployment('mixed', [{ name: 'main', image: 'a:1' }]));
      const refused = await on(deployment('mixed', [{ name: 'main', image: 'a:2' }]), 'apply', '--server-side', '--field-manager', 'ci', '-f', '-');
      assert.match(refused.err, /conflict with "kubectl-client-side-apply" using apps\/v1: \.spec\.template\.spec\.containers\[name="main"\]\.image/);
      await apply(deployment('mixed', [{ name: 'main', image: 'a:2' }]), '--server-side', '--force-conflicts');
      assert.equal(await k('get', 'deployment', 'mixed', '-o', 'jsonpath={..image}'), 'a:2');
      assert.match(
        (await on(JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'm', managedFields: [] } }), 'apply', '--server-side', '-f', '-'))
          .out,
        /serverside-applied/,
      );
    });

    test('--prune deletes what the set no longer has', async () => {
      const item = (name: string): string => configMap(name, {}, { labels: { set: 'p' } });
      await apply(item('prune-a') + item('prune-b'));
      assert.match(await apply(item('prune-a'), '--prune', '-l', 'set=p', '--prune-allowlist=core/v1/ConfigMap'), /configmap\/prune-b pruned/);
    });

    test('diff shows what apply would do and does nothing', async () => {
      await apply(configMap('diffed', { a: '1' }));
      assert.equal((await on(configMap('diffed', { a: '1' }), 'diff', '-f', '-')).code, 0);
      const result = await on(configMap('diffed', { a: '2' }), 'diff', '-f', '-');
      assert.equal(result.code, 1, result.err);
      assert.match(result.out, /-\s+a: "1"\n\+\s+a: "2"/);
      const ssa = await on(configMap('diffed', { a: '3' }), 'diff', '--server-side', '--force-conflicts', '-f', '-');
      assert.match(ssa.out, /\+\s+a: "3"/);
      assert.equal(await k('get', 'cm', 'diffed', '-o', 'jsonpath={.data.a}'), '1');
    });
  });

  describe('other writes', () => {
    test('json, merge and strategic patches', async () => {
      await apply(configMap('patched', { a: '1', b: '2' }));
      await k(
        'patch',
        'cm',
        'patched',
        '--type=json',
        '-p',
        '[{"op":"test","path":"/data/a","value":"1"},{"op":"replace","path":"/data/a","value":"x"},{"op":"move","from":"/data/b","path":"/data/c"},{"op":"add","path":"/metadata/annotations/e.g~1f","value":"s"}]',
      );
      const patched = await json<ConfigMap>('get', 'cm', 'patched');
      assert.deepEqual(patched.data, { a: 'x', c: '2' });
      assert.equal(patched.metadata.annotations?.['e.g/f'], 's');
      await fails(
        ['patch', 'cm', 'patched', '--type=json', '-p', '[{"op":"add","path":"/data/c~1d","value":"s"}]'],
        /data\[c\/d\]: Invalid value: "c\/d": a valid config key must consist of/,
      );
    });

    test('a patch that does not fit says why', async () => {
      await apply(configMap('patched2', { a: '1' }));
      await fails(
        ['patch', 'cm', 'patched2', '--type=json', '-p', '[{"op":"test","path":"/data/a","value":"2"}]'],
        /the server rejected our request due to an error in our request|testing value \/data\/a failed/,
      );
      await fails(
        ['patch', 'cm', 'patched2', '--type=json', '-p', '[{"op":"remove","path":"/data/nope"}]'],
        /the request is invalid|Unable to remove nonexistent key/,
      );
      await k('patch', 'cm', 'patched2', '--type=merge', '-p', '{"data":{"a":null,"b":"2"}}');
      assert.deepEqual((await json<ConfigMap>('get', 'cm', 'patched2')).data, { b: '2' });
      assert.match(await k('patch', 'cm', 'patched2', '--type=merge', '-p', '{"data":{"b":"2"}}'), /patched \(no change\)/);
      await fails(['patch', 'cm', 'missing', '-p', '{}'], /Error from server \(NotFound\): configmaps "missing" not found/);
      await fails(['patch', 'deployment', 'nope', '-p', '{}'], /deployments\.apps "nope" not found/);
    });

    test('edit with EDITOR, replace with and without a stale version, replace --force', async () => {
      await apply(configMap('edited', { a: 'one' }));
      const edit = await run('kubectl', ['edit', 'cm', 'edited', '-n', 'shop'], {
        env: { KUBECONFIG: my.cluster.kubeconfig, HOME: my.cluster.dir, EDITOR: 'sed -i s/one/two/' },
      });
      assert.equal(edit.code, 0, edit.err);
      const first = await json<ConfigMap>('get', 'cm', 'edited');
      assert.equal(first.data?.['a'], 'two');
      await k('annotate', 'cm', 'edited', 'who=me');
      await fails(
        ['replace', '-f', '-'],
        /Error from server \(Conflict\): error when replacing "STDIN": Operation cannot be fulfilled on configmaps "edited": the object has been modified; please apply your changes to the latest version and try again/,
        JSON.stringify(first),
      );
      assert.match(await works(configMap('edited', { n: 'ew' }), 'replace', '-f', '-'), /configmap\/edited replaced/);
      assert.deepEqual((await json<ConfigMap>('get', 'cm', 'edited')).data, { n: 'ew' });
      await works(configMap('edited', { f: 'orced' }), 'replace', '--force', '-f', '-');
      assert.notEqual((await json<ConfigMap>('get', 'cm', 'edited')).metadata.uid, first.metadata.uid);
      await fails(['replace', '-f', '-'], /configmaps "nothing" not found/, configMap('nothing', {}));
    });

    test('--dry-run=server answers as if and changes nothing', async () => {
      assert.match(await apply(configMap('dry', {}), '--dry-run=server'), /configmap\/dry created \(server dry run\)/);
      await fails(['get', 'cm', 'dry'], /configmaps "dry" not found/);
      await fails(['create', '--dry-run=server', '-f', '-'], /Invalid value: "No Name"/, configMap('No Name', {}));
      await apply(configMap('dry2', { a: '1' }));
      const would = JSON.parse(await k('patch', 'cm', 'dry2', '--type=merge', '-p', '{"data":{"a":"2"}}', '--dry-run=server', '-o', 'json')) as ConfigMap;
      assert.equal(would.data?.['a'], '2');
      await k('delete', 'cm', 'dry2', '--dry-run=server');
      assert.equal(await k('get', 'cm', 'dry2', '-o', 'jsonpath={.data.a}'), '1');
      const service = JSON.parse(await k('create', 'service', 'clusterip', 'dry', '--tcp=80', '--dry-run=server', '-o', 'json')) as Service;
      assert.match(service.spec.clusterIP ?? '', /^10\./);
      const again = JSON.parse(
        await k('create', 'service', 'clusterip', 'wet', '--clusterip', service.spec.clusterIP ?? '', '--tcp=80', '-o', 'json'),
      ) as Service;
      assert.equal(again.spec.clusterIP, service.spec.clusterIP, 'a dry run takes no address');
    });

    test('generateName, AlreadyExists, the name of another namespace, unknown namespaces', async () => {
      const made = await works('{"apiVersion":"v1","kind":"ConfigMap","metadata":{"generateName":"gen-"}}', 'create', '-f', '-', '-o', 'name');
      assert.match(made, /^configmap\/gen-[bcdfghjklmnpqrstvwxz2456789]{5}\n$/);
      await k('create', 'cm', 'twice');
      await fails(['create', 'cm', 'twice'], /error: failed to create configmap: configmaps "twice" already exists/);
      await fails(['create', 'cm', 'x', '-n', 'nowhere'], /namespaces "nowhere" not found/);
      await fails(['create', '-n', 'default', '-f', '-'], /does not match the namespace "default"/, configMap('x', {}, { namespace: 'shop' }));
    });

    test('label and annotate, with and without --overwrite', async () => {
      await k('create', 'cm', 'marked');
      assert.match(await k('label', 'cm', 'marked', 'a=1'), /labeled/);
      await fails(['label', 'cm', 'marked', 'a=2'], /already has a value/);
      await k('label', 'cm', 'marked', 'a=2', '--overwrite');
      assert.match(await k('label', 'cm', 'marked', 'a-'), /unlabeled/);
      await fails(['label', 'cm', 'marked', 'a=no spaces'], /a valid label must be an empty string or consist of alphanumeric/);
      await k('annotate', 'cm', 'marked', 'note=any thing');
      assert.equal((await json<ConfigMap>('get', 'cm', 'marked')).metadata.annotations?.['note'], 'any thing');
      await k('label', 'cm', '--all', 'swept=yes');
      assert.match(await k('get', 'cm', '--show-labels'), /marked\s+0\s+\S+\s+swept=yes/);
    });

    test('Secrets: stringData becomes data, types are checked, immutable ones stay', async () => {
      await apply('{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"},"stringData":{"user":"ann"},"data":{"raw":"AAE="}}');
      const secret = await json<{ data: Record<string, string>; stringData?: unknown; type: string }>('get', 'secret', 's');
      assert.deepEqual(secret.data, { raw: 'AAE=', user: 'YW5u' });
      assert.equal(secret.stringData, undefined);
      assert.equal(secret.type, 'Opaque');
      await fails(
        ['create', '-f', '-'],
        /data\[\.dockerconfigjson\]: Required value|Required value/,
        '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"d"},"type":"kubernetes.io/dockerconfigjson"}',
      );
      await fails(['patch', 'secret', 's', '-p', '{"type":"other"}'], /The Secret "s" is invalid: type: Invalid value: "other": field is immutable/);
      await k('patch', 'secret', 's', '-p', '{"immutable":true}');
      await fails(['patch', 'secret', 's', '-p', '{"data":{"raw":null}}'], /field is immutable when `immutable` is set/);
    });

    test('Services: allocation, headless, ExternalName, node ports, conflicts', async () => {
      await k('create', 'service', 'clusterip', 'c1', '--tcp=80:8080');
      const c1 = await json<Service>('get', 'svc', 'c1');
      assert.match(c1.spec.clusterIP ?? '', /^10\./);
      await fails(
        ['create', 'service', 'clusterip', 'c2', '--tcp=80', '--clusterip', c1.spec.clusterIP ?? ''],
        /spec\.clusterIPs: Invalid value: .*provided IP is already allocated/,
      );
      await fails(
        ['create', 'service', 'clusterip', 'c2', '--tcp=80', '--clusterip', '192.168.250.1'],
        /failed to allocate IP 192\.168\.250\.1: the provided network does not match the current range/,
      );
      await k('create', 'service', 'nodeport', 'n1', '--tcp=80', '--node-port=30123');
      await fails(
        ['create', 'service', 'nodeport', 'n2', '--tcp=80', '--node-port=30123'],
        /spec\.ports\[0\]\.nodePort: Invalid value: 30123: provided port is already allocated/,
      );
      await fails(
        ['create', 'service', 'nodeport', 'n2', '--tcp=80', '--node-port=99'],
        /provided port is not in the valid range\. The range of valid ports is 30000-32767/,
      );
      await k('create', 'service', 'clusterip', 'headless', '--clusterip=None', '--tcp=80');
      assert.equal((await json<Service>('get', 'svc', 'headless')).spec.clusterIP, 'None');
      await k('create', 'service', 'externalname', 'ext', '--external-name=example.com');
      assert.match(await k('get', 'svc', 'ext'), /ext\s+ExternalName\s+<none>\s+example\.com\s+<none>/);
      await k('create', 'service', 'loadbalancer', 'lb', '--tcp=443:8443');
      assert.match(await k('get', 'svc', 'lb'), /lb\s+LoadBalancer\s+10\.\S+\s+\S+\s+443:3\d{4}\/TCP/);
      await fails(['patch', 'svc', 'c1', '-p', '{"spec":{"clusterIP":"10.96.9.9"}}'], /field is immutable|may not change once set/);
      await k('patch', 'svc', 'c1', '-p', '{"spec":{"type":"NodePort"}}');
      assert.ok(((await json<Service>('get', 'svc', 'c1')).spec.ports[0]?.nodePort ?? 0) >= 30000);
      await k('patch', 'svc', 'c1', '-p', '{"spec":{"type":"ClusterIP"}}');
      assert.equal((await json<Service>('get', 'svc', 'c1')).spec.ports[0]?.nodePort, undefined);
      await k('delete', 'svc', 'n1');
      await k('create', 'service', 'nodeport', 'n2', '--tcp=80', '--node-port=30123');
      assert.match(await k('get', 'svc', 'kubernetes', '-n', 'default'), /kubernetes\s+ClusterIP\s+10\.\S+\.1\s+<none>\s+443\/TCP/);
    });

    test('scale: by name, by condition, by its own subresource', async () => {
      await apply(deployment('scaled', [{ name: 'c', image: 'i' }]));
      assert.match(await k('scale', 'deployment/scaled', '--replicas=2'), /deployment\.apps\/scaled scaled/);
      await fails(['scale', 'deployment/scaled', '--current-replicas=7', '--replicas=1'], /Expected replicas to be 7, was 2/);
      const scale = JSON.parse(await k('get', 'deployment', 'scaled', '--subresource=scale', '-o', 'json')) as {
        kind: string;
        apiVersion: string;
        spec: { replicas: number };
        status: { selector: string };
      };
      assert.equal(`${scale.apiVersion} ${scale.kind} ${scale.spec.replicas} ${scale.status.selector}`, 'autoscaling/v1 Scale 2 app=scaled');
      await k('patch', 'deployment', 'scaled', '--subresource=scale', '--type=merge', '-p', '{"spec":{"replicas":1}}');
      assert.equal((await json<Deployment>('get', 'deployment', 'scaled')).spec.replicas, 1);
      await fails(['scale', 'cm', '--replicas=2', 'twice'], /could not find the requested resource|NotFound/);
    });

    test('status is written by its subresource only', async () => {
      await apply(deployment('statused', [{ name: 'c', image: 'i' }]));
      await k('patch', 'node', 'sim-00001', '--subresource=status', '--type=merge', '-p', '{"status":{"capacity":{"example.com/gpu":"2"}}}');
      assert.equal(await k('get', 'node', 'sim-00001', '-o', 'jsonpath={.status.capacity.example\\.com/gpu}'), '2');
      const before = await json<Deployment>('get', 'deployment', 'statused');
      await k('patch', 'deployment', 'statused', '--type=merge', '-p', '{"status":{"replicas":9}}');
      assert.notEqual((await json<Deployment>('get', 'deployment', 'statused')).status.replicas, 9);
      await k('patch', 'deployment', 'statused', '--subresource=status', '--type=merge', '-p', '{"spec":{"replicas":9},"status":{"observedGeneration":1}}');
      assert.equal((await json<Deployment>('get', 'deployment', 'statused')).spec.replicas, before.spec.replicas);
      assert.equal((await json<Deployment>('get', 'deployment', 'statused')).metadata.generation, before.metadata.generation);
    });
  });

  describe('reading', () => {
    before(async () => {
      await k('create', 'ns', 'read');
      for (const [name, labels] of [
        ['r1', { tier: 'web', n: '1' }],
        ['r2', { tier: 'web', n: '2' }],
        ['r3', { tier: 'db', n: '3' }],
        ['r4', { n: '4' }],
        ['r5', {}],
      ] as const)
        await apply(configMap(name, { key: name }, { namespace: 'read', labels }));
    });
    const names = async (...args: string[]): Promise<string> =>
      await k('get', 'cm', '-n', 'read', '--field-selector=metadata.name!=kube-root-ca.crt', ...args, '-o', 'jsonpath={.items[*].metadata.name}');

    test('label selectors', async () => {
      assert.equal(await names('-l', 'tier=web'), 'r1 r2');
      assert.equal(await names('-l', 'tier!=web'), 'r3 r4 r5');
      assert.equal(await names('-l', 'tier in (db,web),n notin (1)'), 'r2 r3');
      assert.equal(await names('-l', '!tier'), 'r4 r5');
      assert.equal(await names('-l', 'tier'), 'r1 r2 r3');
      assert.equal(await names('-l', 'n>2'), 'r3 r4');
      await fails(['get', 'cm', '-l', 'a=='.repeat(3)], /unable to parse|found '=='/);
    });

    test('field selectors, and those a kind has not', async () => {
      assert.equal(await k('get', 'cm', '-n', 'read', '--field-selector=metadata.name=r3', '-o', 'name'), 'configmap/r3\n');
      assert.match(await k('get', 'pods', '-A', '--field-selector=status.phase=Running,spec.nodeName!=sim-00009', '-o', 'name'), /^/);
      await fails(['get', 'cm', '--field-selector=data.key=r3'], /"data\.key" is not a known field selector: only "metadata\.name", "metadata\.namespace"/);
      assert.match(await k('get', 'ns', '--field-selector=status.phase=Active', '-o', 'name'), /namespace\/read/);
      assert.match(await k('get', 'secrets', '--field-selector=type=Opaque', '-o', 'name'), /secret\/s\b/);
    });

    test('--chunk-size pages through and the whole is the whole', async () => {
      assert.equal((await k('get', 'cm', '-n', 'read', '--chunk-size=2', '-o', 'name')).trim().split('\n').length, 6);
      assert.match(await k('get', 'cm', '-n', 'read', '--chunk-size=2'), /r1\s+1\s+\S+\n[\s\S]*r5\s+1/);
    });

    test('outputs: wide, yaml, json, jsonpath, go-template, custom-columns, name, sort-by', async () => {
      assert.match(
        await k('get', 'nodes', '-o', 'wide'),
        /NAME\s+STATUS\s+ROLES\s+AGE\s+VERSION\s+INTERNAL-IP\s+EXTERNAL-IP\s+OS-IMAGE\s+KERNEL-VERSION\s+CONTAINER-RUNTIME/,
      );
      assert.match(await k('get', 'cm', 'r1', '-n', 'read', '-o', 'yaml'), /^apiVersion: v1\ndata:\n {2}key: r1\nkind: ConfigMap\n/);
      assert.match(
        await k('get', 'cm', '-n', 'read', '-l', 'tier', '-o', 'custom-columns=N:.metadata.name,T:.metadata.labels.tier'),
        /^N\s+T\nr1\s+web\nr2\s+web\nr3\s+db\n$/,
      );
      assert.equal(await k('get', 'cm', 'r1', '-n', 'read', '-o', 'go-template={{.data.key}}'), 'r1');
      assert.equal((await k('get', 'cm', '-n', 'read', '-l', 'n', '--sort-by=.metadata.labels.n', '-o', 'name')).split('\n')[0], 'configmap/r1');
      assert.match(await k('get', 'cm', '-A'), /NAMESPACE\s+NAME\s+DATA\s+AGE/);
      assert.match((await on('', 'get', 'cm', '-n', 'read', '-l', 'tier=none')).err, /No resources found in read namespace\./);
      assert.match(await k('get', 'cm', 'r1', '-n', 'read', '-L', 'tier', '--no-headers'), /^r1\s+1\s+\S+\s+web\n$/);
      assert.match(await k('get', 'deploy,svc', '-n', 'shop'), /deployment\.apps\/scaled[\s\S]*service\/c1/);
    });

    test('every kind has a table, an explanation and its place in discovery', async () => {
      const headers: Record<string, RegExp> = {
        configmaps: /^NAME\s+DATA\s+AGE/,
        endpoints: /^NAME\s+ENDPOINTS\s+AGE/,
        events: /^LAST SEEN\s+TYPE\s+REASON\s+OBJECT\s+MESSAGE/,
        namespaces: /^NAME\s+STATUS\s+AGE/,
        nodes: /^NAME\s+STATUS\s+ROLES\s+AGE\s+VERSION/,
        pods: /^NAME\s+READY\s+STATUS\s+RESTARTS\s+AGE/,
        secrets: /^NAME\s+TYPE\s+DATA\s+AGE/,
        serviceaccounts: /^NAME\s+(SECRETS\s+)?AGE/,
        services: /^NAME\s+TYPE\s+CLUSTER-IP\s+EXTERNAL-IP\s+PORT\(S\)\s+AGE/,
        deployments: /^NAME\s+READY\s+UP-TO-DATE\s+AVAILABLE\s+AGE/,
        replicasets: /^NAME\s+DESIRED\s+CURRENT\s+READY\s+AGE/,
        leases: /^NAME\s+HOLDER\s+AGE/,
        endpointslices: /^NAME\s+ADDRESSTYPE\s+PORTS\s+ENDPOINTS\s+AGE/,
      };
      await apply(deployment('shown', [{ name: 'c', image: 'i' }], 1));
      await k('expose', 'deployment', 'shown', '--port=80');
      await k('rollout', 'status', 'deployment/shown', '--timeout=120s');
      const resources = await k('api-resources');
      for (const kind of kinds) {
        const where = kind === 'leases' ? ['-n', 'kube-node-lease'] : [];
        assert.match(await k('get', kind, ...where), headers[kind] ?? /never/, kind);
        const explained = await k('explain', kind);
        assert.match(explained, /^(GROUP:.*\n)?KIND:\s+\w+\nVERSION:\s+v1\n\nDESCRIPTION:\n\s+\S/, kind);
        assert.match(explained, /metadata\t<ObjectMeta>/, kind);
        assert.match(resources, new RegExp(`^${kind}\\s`, 'm'));
        const described = await my.cluster.tryKubectl(['describe', kind, ...where]);
        assert.equal(described.code, 0, `describe ${kind}: ${described.err}`);
        assert.notEqual(described.out, '', kind);
      }
      assert.match(
        await k('api-resources', '--api-group=apps', '-o', 'wide'),
        /deployments\s+deploy\s+apps\/v1\s+true\s+Deployment\s+create,delete,deletecollection,get,list,patch,update,watch\s+all/,
      );
      assert.deepEqual(
        (await k('api-versions'))
          .trim()
          .split('\n')
          .filter((v) => ['v1', 'apps/v1', 'coordination.k8s.io/v1', 'discovery.k8s.io/v1'].includes(v)).length,
        4,
      );
      assert.match(await k('explain', 'pod.spec.containers.livenessProbe.httpGet'), /FIELD: httpGet <HTTPGetAction>[\s\S]*port\t<IntOrString> -required-/);
      assert.match(await k('explain', 'deployment', '--recursive'), /maxSurge\t<IntOrString>/);
      assert.match(await k('explain', 'pod', '--output=plaintext-openapiv2').catch(() => 'KIND:       Pod'), /Pod/);
      await fails(['explain', 'pod.spec.nope'], /field "nope" does not exist/);
    });

    test('kinds and names that are not there', async () => {
      await fails(['get', 'widgets'], /error: the server doesn't have a resource type "widgets"/);
      await fails(['get', '--raw', '/api/v1/widgets'], /could not find the requested resource/);
      await fails(
        ['apply', '-f', '-'],
        /no matches for kind "Widget" in version "example\.com\/v1"/,
        '{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"w"}}',
      );
      await fails(['get', 'pod', 'nope'], /Error from server \(NotFound\): pods "nope" not found/);
      await fails(['get', '--raw', '/apis/nope/v1'], /the server could not find the requested resource/);
    });

    test('get -w prints changes as rows, wait waits for conditions, paths and deletion', async () => {
      const watching = background('kubectl', ['get', 'cm', '-n', 'read', '-w', '--output-watch-events', '-l', 'watched=yes'], {
        KUBECONFIG: my.cluster.kubeconfig,
      });
      try {
        await new Promise((r) => setTimeout(r, 500));
        await apply(configMap('w', { a: '1' }, { namespace: 'read', labels: { watched: 'yes' } }));
        await k('patch', 'cm', 'w', '-n', 'read', '--type=merge', '-p', '{"data":{"b":"2"}}');
        const waiting = my.cluster.tryKubectl(['wait', '--for=jsonpath={.data.c}=3', 'cm/w', '-n', 'read', '--timeout=120s']);
        const gone = my.cluster.tryKubectl(['wait', '--for=delete', 'cm/w', '-n', 'read', '--timeout=120s']);
        await k('patch', 'cm', 'w', '-n', 'read', '--type=merge', '-p', '{"data":{"c":"3"}}');
        assert.match((await waiting).out, /configmap\/w condition met/);
        await k('label', 'cm', 'w', '-n', 'read', 'watched=no', '--overwrite');
        await k('delete', 'cm', 'w', '-n', 'read');
        assert.equal((await gone).code, 0, (await gone).err);
        await eventually('all rows', async () =>
          /ADDED\s+w\s+1[\s\S]*MODIFIED\s+w\s+2[\s\S]*MODIFIED\s+w\s+3[\s\S]*DELETED\s+w\s+3/.test(watching.output()),
        ).catch(() => assert.fail(watching.output()));
      } finally {
        await watching.stop();
      }
      assert.match(await k('wait', '--for=condition=Available', 'deployment/shown', '-n', 'shop', '--timeout=120s'), /condition met/);
      await fails(['wait', '--for=condition=Nope', 'deployment/shown', '--timeout=1s'], /timed out waiting for the condition on deployments\/shown/);
    });
  });

  describe('deletion', () => {
    const owned = async (name: string): Promise<string> => {
      await apply(deployment(name, [{ name: 'c', image: 'i' }], 1));
      await k('rollout', 'status', `deployment/${name}`, '--timeout=120s');
      return k('get', 'rs,pods', '-l', `app=${name}`, '-o', 'name');
    };
    const remain = (name: string): Promise<string> => k('get', 'deploy,rs,pods', '-l', `app=${name}`, '-o', 'name');

    test('background and foreground take the dependents along, orphan leaves them', async () => {
      const tree = /^replicaset\.apps\/\S+\npod\/\S+\n$/;
      for (const name of ['bg', 'fg', 'orphaned']) assert.match(await owned(name), tree);
      await k('delete', 'deployment', 'bg');
      await k('delete', 'deployment', 'fg', '--cascade=foreground', '--timeout=120s');
      assert.equal(await remain('fg'), '', 'with foreground deletion the owner goes last');
      await k('delete', 'deployment', 'orphaned', '--cascade=orphan', '--timeout=120s');
      await eventually('background deletion ends', async () => (await remain('bg')) === '');
      assert.match(await remain('orphaned'), tree);
      const left = await json<{ items: { metadata: { ownerReferences?: unknown[] } }[] }>('get', 'rs', '-l', 'app=orphaned');
      assert.equal(left.items[0]?.metadata.ownerReferences, undefined);
      await owned('orphaned');
      const adopted = await json<{ items: { metadata: { ownerReferences?: { kind: string }[] } }[] }>('get', 'rs', '-l', 'app=orphaned');
      assert.deepEqual(
        adopted.items.map((rs) => rs.metadata.ownerReferences?.[0]?.kind),
        ['Deployment'],
        'adopted, not made anew',
      );
    });

    test('a finalizer holds the object until it is taken away', async () => {
      await apply(configMap('held', {}, { finalizers: ['example.com/hold'] }));
      const first = await k('delete', 'cm', 'held', '--wait=false');
      assert.match(first, /configmap "held" deleted/);
      const held = await json<ConfigMap>('get', 'cm', 'held');
      assert.ok(held.metadata.deletionTimestamp);
      await fails(
        ['patch', 'cm', 'held', '--type=merge', '-p', '{"metadata":{"finalizers":["example.com/hold","example.com/more"]}}'],
        /metadata\.finalizers: Forbidden: no new finalizers can be added if the object is being deleted/,
      );
      await k('patch', 'cm', 'held', '--type=json', '-p', '[{"op":"remove","path":"/metadata/finalizers"}]');
      await fails(['get', 'cm', 'held'], /not found/);
    });

    test('--all and -l delete collections', async () => {
      await k('create', 'ns', 'many');
      await apply([1, 2, 3, 4].map((i) => configMap(`d${i}`, {}, { namespace: 'many', labels: { odd: String(i % 2) } })).join('\n'));
      assert.equal((await k('delete', 'cm', '-n', 'many', '-l', 'odd=1')).trim().split('\n').length, 2);
      await k('delete', 'cm', '-n', 'many', '--all');
      await eventually(
        'the root certificate is published again',
        async () => (await k('get', 'cm', '-n', 'many', '-o', 'name')) === 'configmap/kube-root-ca.crt\n',
      );
    });

    test('a namespace goes with all it holds; nothing new enters it meanwhile', async () => {
      await k('create', 'ns', 'doomed');
      await apply(deployment('d', [{ name: 'c', image: 'i' }], 3), '-n', 'doomed');
      await apply('{"apiVersion":"v1","kind":"Service","metadata":{"name":"d"},"spec":{"selector":{"app":"d"},"ports":[{"port":80}]}}', '-n', 'doomed');
      await apply(configMap('held', {}, { finalizers: ['example.com/hold'] }), '-n', 'doomed');
      await k('rollout', 'status', 'deployment/d', '-n', 'doomed', '--timeout=120s');
      await k('delete', 'ns', 'doomed', '--wait=false');
      assert.match(await k('get', 'ns', 'doomed'), /doomed\s+Terminating/);
      await fails(
        ['create', 'cm', 'late', '-n', 'doomed'],
        /configmaps "late" is forbidden: unable to create new content in namespace doomed because it is being terminated/,
      );
      await eventually('the namespace says what holds it', async () =>
        /example\.com\/hold in 1 resource instances/.test(
          await k('get', 'ns', 'doomed', '-o', 'jsonpath={.status.conditions[?(@.type=="NamespaceFinalizersRemaining")].message}'),
        ),
      );
      await k('patch', 'cm', 'held', '-n', 'doomed', '--type=merge', '-p', '{"metadata":{"finalizers":null}}');
      await k('wait', '--for=delete', 'ns/doomed', '--timeout=120s');
      assert.equal(await k('get', 'deploy,rs,pods,svc,endpointslices,cm,sa,secrets,events', '-n', 'doomed', '-o', 'name'), '');
      await fails(['delete', 'ns', 'default'], /namespaces "default" is forbidden: this namespace may not be deleted/);
    });
  });

  describe('who may do what', () => {
    test('whoami, can-i, and a token of a ServiceAccount with its 403', async () => {
      assert.match(await k('auth', 'whoami'), /Username\s+batuta-admin\nGroups\s+\[system:masters system:authenticated\]/);
      assert.equal(await k('auth', 'can-i', 'delete', 'pods'), 'yes\n');
      await k('create', 'sa', 'robot');
      const token = (await k('create', 'token', 'robot', '--duration=10m')).trim();
      const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { sub: string; exp: number; iat: number };
      assert.equal(claims.sub, 'system:serviceaccount:shop:robot');
      assert.equal(claims.exp - claims.iat, 600);
      const ca = /certificate-authority-data: (\S+)/.exec(readFileSync(my.cluster.kubeconfig, 'utf8'))?.[1] ?? '';
      const config = join(my.cluster.dir, 'robot.kubeconfig');
      writeFileSync(
        config,
        JSON.stringify({
          apiVersion: 'v1',
          kind: 'Config',
          'current-context': 'r',
          clusters: [{ name: 'r', cluster: { server: `https://127.0.0.1:${my.cluster.kubePort}`, 'certificate-authority-data': ca } }],
          users: [{ name: 'r', user: { token } }],
          contexts: [{ name: 'r', context: { cluster: 'r', user: 'r', namespace: 'shop' } }],
        }),
      );
      const robot = (...args: string[]): Promise<Output> => run('kubectl', args, { env: { KUBECONFIG: config, HOME: my.cluster.dir } });
      assert.match(
        (await robot('auth', 'whoami')).out,
        /system:serviceaccount:shop:robot[\s\S]*\[system:serviceaccounts system:serviceaccounts:shop system:authenticated\]/,
      );
      assert.match(
        (await robot('get', 'pods')).err,
        /Error from server \(Forbidden\): pods is forbidden: User "system:serviceaccount:shop:robot" cannot list resource "pods" in API group "" in the namespace "shop"/,
      );
      assert.match(
        (await robot('delete', 'deployment', 'x')).err,
        /deployments\.apps "x" is forbidden: User "system:serviceaccount:shop:robot" cannot delete resource "deployments" in API group "apps" in the namespace "shop"/,
      );
      assert.match((await robot('get', 'nodes')).err, /cannot list resource "nodes" in API group "" at the cluster scope/);
      assert.match((await robot('auth', 'can-i', 'list', 'pods')).out, /^no/);
      assert.match((await my.cluster.tryKubectl(['auth', 'can-i', 'list', 'pods', '--as=system:serviceaccount:shop:robot'])).out, /^no/);
      await fails(
        ['get', 'pods', '--as=jane', '--as-group=devs'],
        /pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "shop"/,
      );
      assert.match(await k('auth', 'whoami', '--as=jane', '--as-group=devs'), /Username\s+jane\nGroups\s+\[devs system:authenticated\]/);
      assert.match(
        (await robot('get', 'pods', '--as=jane')).err,
        /users "jane" is forbidden: User "system:serviceaccount:shop:robot" cannot impersonate resource "users" in API group "" at the cluster scope/,
      );
      assert.match((await robot('get', '--raw', '/readyz')).out, /ok/);
      await k('delete', 'sa', 'robot');
      await eventually('the token dies with its account', async () => /Unauthorized|You must be logged in/.test((await robot('get', 'pods')).err));
    });

    test('health, version and metrics', async () => {
      assert.equal(await k('get', '--raw', '/livez'), 'ok');
      assert.match(await k('get', '--raw', '/readyz?verbose'), /\[\+\]ping ok\n[\s\S]*readyz check passed\n/);
      assert.match(await k('get', '--raw', '/metrics'), /^apiserver_request_total\{.*\} \d+$/m);
      assert.equal((JSON.parse(await k('get', '--raw', '/version')) as { major: string }).major, '1');
      assert.match(await k('version'), /Server Version: v1\./);
      assert.match(await k('cluster-info'), /control plane.* is running at/i);
    });

    test('kubectl proxy', async () => {
      const port = await freePort();
      const proxy = background('kubectl', ['proxy', '--port', String(port)], { KUBECONFIG: my.cluster.kubeconfig });
      try {
        await eventually('proxy listens', async () => /Starting to serve/.test(proxy.output()));
        assert.match((await run('curl', ['-sS', `http://127.0.0.1:${port}/api/v1/namespaces/shop`])).out, /"name":\s*"shop"/);
        assert.match((await run('curl', ['-sS', '-N', '--max-time', '1', `http://127.0.0.1:${port}/api/v1/namespaces?watch=1`])).out, /"type":"ADDED"/);
      } finally {
        await proxy.stop();
      }
    });

    test('events', async () => {
      const rows = await k('events', '--for', 'deployment/shown', '-n', 'shop');
      assert.match(
        rows,
        /LAST SEEN\s+TYPE\s+REASON\s+OBJECT\s+MESSAGE\n.*Normal\s+ScalingReplicaSet\s+Deployment\/shown\s+Scaled up replica set shown-\S+ from 0 to 1/,
      );
      assert.match(
        await k('get', 'events', '-n', 'shop', '--sort-by=.metadata.creationTimestamp'),
        /Scheduled\s+pod\/shown-\S+\s+Successfully assigned shop\/shown-\S+ to sim-0000\d/,
      );
      assert.match(
        await k('get', 'events', '-n', 'shop', '--field-selector=involvedObject.kind=ReplicaSet,reason=SuccessfulCreate'),
        /replicaset\/shown-\S+\s+Created pod: shown-/,
      );
      assert.match(await k('describe', 'deployment', 'shown', '-n', 'shop'), /Events:\n\s+Type\s+Reason[\s\S]*ScalingReplicaSet/);
    });
  });

  for (const program of kubectlVersions()) {
    test(`${program.split('/').pop()}: the everyday commands`, async () => {
      const name = `v${program.split('.').pop()}`;
      const go = async (args: string[], input?: string): Promise<string> => {
        const result = await my.cluster.tryKubectl(args, { program, ...(input === undefined ? {} : { input }) });
        assert.equal(result.code, 0, `${args.join(' ')}: ${result.err}`);
        return result.out;
      };
      await go(['apply', '-f', '-'], deployment(name, [{ name: 'c', image: 'i:1' }], 1));
      await go(['apply', '--server-side', '--force-conflicts', '-f', '-'], deployment(name, [{ name: 'c', image: 'i:2' }], 1));
      await go(['rollout', 'status', `deployment/${name}`, '--timeout=120s']);
      await go(['get', 'deploy', name, '-o', 'wide']);
      await go(['explain', 'deployment.spec']);
      await go(['describe', 'deployment', name]);
      await go(['label', 'deployment', name, 'a=b']);
      await go(['auth', 'can-i', 'get', 'pods']);
      await go(['delete', 'deployment', name]);
    });
  }
});
