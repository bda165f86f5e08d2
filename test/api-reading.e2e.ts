import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { before, describe } from 'node:test';
import { background, eventually, freePort, kubectlVersions, run, useCluster, type Output } from './harness.ts';
import { apiKit, type ConfigMap, kinds, configMap, deployment } from './api-kit.ts';

describe('reading, deleting and permissions as kubectl uses them', () => {
  const my = useCluster('--runtime', 'sim', '--sim-nodes', '3', '--nodes', '0');
  const { k, json, on, fails, apply } = apiKit(my);
  before(async () => {
    await k('create', 'ns', 'shop');
    await k('config', 'set-context', '--current', '--namespace=shop');
  });

  describe('reading', () => {
    before(async () => {
      await k('create', 'ns', 'read');
      await apply(deployment('scaled', [{ name: 'c', image: 'i' }]));
      await k('create', 'service', 'clusterip', 'c1', '--tcp=80:8080');
      await k('create', 'secret', 'generic', 's', '--from-literal=a=1');
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
