import assert from 'node:assert/strict';
import test, { before, describe } from 'node:test';
import { run, useCluster, type Output } from './harness.ts';
import { apiKit, type ConfigMap, type Deployment, type Service, configMap, deployment } from './api-kit.ts';

describe('the API as kubectl uses it', () => {
  const my = useCluster('--runtime', 'sim', '--sim-nodes', '3', '--nodes', '0');
  const { k, json, on, fails, works, apply } = apiKit(my);
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
});
