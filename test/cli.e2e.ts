/** What the conformance specs of sig-cli do, with every kubectl at hand, on simulated nodes; and a chart's life under helm. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import test, { before, describe } from 'node:test';
import { background, eventually, helmProgram, kubectlVersions, run, useCluster, type Output } from './harness.ts';

interface Object {
  metadata: { name: string; labels?: Record<string, string>; annotations?: Record<string, string> };
  spec: { replicas?: number; containers?: { image: string }[]; ports?: { port: number; targetPort: number }[]; restartPolicy?: string };
}
const controller = (name: string, replicas: number, image = 'agnhost:1'): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'ReplicationController',
    metadata: { name, labels: { app: name } },
    spec: {
      replicas,
      selector: { app: name },
      template: { metadata: { labels: { app: name } }, spec: { containers: [{ name, image, ports: [{ name: 'server', containerPort: 6379 }] }] } },
    },
  });

describe('the command line', () => {
  const my = useCluster('--runtime', 'sim', '--sim-nodes', '2', '--nodes', '0');

  /** One GET through `kubectl proxy`. */
  const throughProxy = (options: { port?: number; socketPath?: string }): Promise<string> =>
    new Promise((resolve, reject) => {
      const outgoing = request({ host: '127.0.0.1', path: '/api/', ...options }, (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () => resolve(text));
      });
      outgoing.on('error', reject).end();
    });

  const all = kubectlVersions();
  for (const program of all.filter((_, i) => i === 0 || i >= all.length - 3)) {
    const version = program.split('/').pop() ?? '';
    describe(version, () => {
      const ns = version.replaceAll('.', '-');
      const attempt = (args: string[], input?: string): Promise<Output> =>
        my.cluster.tryKubectl([...args, '-n', ns], { program, ...(input === undefined ? {} : { input }) });
      const k = async (args: string[], input?: string): Promise<string> => {
        const result = await attempt(args, input);
        assert.equal(result.code, 0, `kubectl ${args.join(' ')}: ${result.err}${result.out}`);
        return result.out;
      };
      const json = async (...args: string[]): Promise<Object> => JSON.parse(await k([...args, '-o', 'json'])) as Object;
      const podsOf = async (app: string): Promise<string[]> =>
        (await k(['get', 'pods', '-l', `app=${app}`, '--field-selector=status.phase=Running', '-o', 'jsonpath={.items[*].metadata.name}']))
          .split(' ')
          .filter(Boolean);
      const running = (app: string, count: number): Promise<string[]> =>
        eventually(`${count} pods of ${app}`, async () => {
          const names = await podsOf(app);
          return names.length === count && names;
        });
      before(async () => {
        await my.cluster.kubectl('create', 'ns', ns);
      });

      test('api-versions, cluster-info, version', async () => {
        assert.match(await k(['api-versions']), /^v1$/m);
        // oxlint-disable-next-line no-control-regex -- kubectl colours it
        assert.match((await k(['cluster-info'])).replace(/\x1b\[[0-9;]*m/g, ''), /Kubernetes control plane is running at https:\/\//);
        const text = await k(['version']);
        for (const wanted of [/Client Version: .*v1\./, /Server Version: .*v1\.36/]) assert.match(text, wanted);
      });

      test('a replication controller is created, scaled and stopped', async () => {
        await k(['create', '-f', '-'], controller('demo', 2));
        await running('demo', 2);
        await k(['scale', 'rc', 'demo', '--replicas=1', '--timeout=1m']);
        await running('demo', 1);
        await k(['scale', 'rc', 'demo', '--replicas=2', '--timeout=1m']);
        await running('demo', 2);
        await k(['delete', '--grace-period=0', '--force', '-f', '-'], controller('demo', 2));
        await eventually('everything of it is gone', async () => (await k(['get', 'rc,svc,pods', '-l', 'app=demo', '--no-headers'])) === '');
      });

      test('describe, expose, patch', async () => {
        await k(['create', '-f', '-'], controller('primary', 1));
        const [pod = ''] = await running('primary', 1);
        const has = async (args: string[], wanted: readonly string[]): Promise<void> => {
          const text = await k(['describe', ...args]);
          for (const part of wanted) assert.ok(text.includes(part), `describe ${args.join(' ')} lacks ${part}:\n${text}`);
        };
        await has(
          ['pod', pod],
          [
            'Name:',
            'Namespace:',
            'Node:',
            'Labels:',
            'app=primary',
            'Status:',
            'Running',
            'IP:',
            'Controlled By:',
            'ReplicationController/primary',
            'Image:',
            'State:',
            'QoS Class:',
          ],
        );
        await has(
          ['rc', 'primary'],
          [
            'Name:',
            'Namespace:',
            'Selector:',
            'Labels:',
            'Annotations:',
            'Replicas:',
            '1 current',
            '1 desired',
            'Pods Status:',
            '1 Running',
            'Pod Template:',
            'Image:',
            'Events:',
          ],
        );
        await k(['expose', 'rc', 'primary', '--name=rm2', '--port=1234', '--target-port=6379']);
        await k(['expose', 'service', 'rm2', '--name=rm3', '--port=2345', '--target-port=6379']);
        for (const [name, port] of [
          ['rm2', 1234],
          ['rm3', 2345],
        ] as const) {
          assert.deepEqual(
            (await json('get', 'service', name)).spec.ports?.map((p) => [p.port, p.targetPort]),
            [[port, 6379]],
          );
          await eventually(`${name} has its endpoint`, async () => /:6379/.test(await k(['get', 'endpoints', name])));
        }
        await has(
          ['service', 'rm2'],
          ['Name:', 'Namespace:', 'Labels:', 'app=primary', 'Selector:', 'Type:', 'ClusterIP', 'IP:', 'Port:', 'Endpoints:', 'Session Affinity:'],
        );
        const node = await k(['get', 'nodes', '-o', 'jsonpath={.items[0].metadata.name}']);
        await has(
          ['node', node],
          [
            'Name:',
            'Labels:',
            'Annotations:',
            'CreationTimestamp:',
            'Conditions:',
            'LastHeartbeatTime',
            'LastTransitionTime',
            'Addresses:',
            'Capacity:',
            'Kernel Version:',
            'OS Image:',
            'Container Runtime Version:',
            'Kubelet Version:',
          ],
        );
        await has(['namespace', ns], ['Name:', 'Labels:', 'Annotations:', 'Status:', 'Active']);
        await k(['patch', 'pod', pod, '-p', '{"metadata":{"annotations":{"x":"y"}}}']);
        assert.equal((await json('get', 'pod', pod)).metadata.annotations?.['x'], 'y');
      });

      test('run --restart=Never, label, replace, server-side dry run', async () => {
        await k(['run', 'solo', '--image=agnhost:1', '--restart=Never', '--labels=run=solo']);
        const pod = await json('get', 'pod', 'solo');
        assert.deepEqual([pod.spec.restartPolicy, pod.spec.containers?.[0]?.image], ['Never', 'agnhost:1']);
        await k(['label', 'pods', 'solo', 'testing-label=testing-label-value']);
        assert.match(await k(['get', 'pod', 'solo', '-L', 'testing-label']), /testing-label-value/);
        await k(['label', 'pods', 'solo', 'testing-label-']);
        assert.doesNotMatch(await k(['get', 'pod', 'solo', '-L', 'testing-label']), /testing-label-value/);
        await k(['patch', 'pod', 'solo', '-p', '{"spec":{"containers":[{"name":"solo","image":"busybox:9"}]}}', '--dry-run=server']);
        assert.equal((await json('get', 'pod', 'solo')).spec.containers?.[0]?.image, 'agnhost:1');
        await k(['replace', '-f', '-'], (await k(['get', 'pod', 'solo', '-o', 'json'])).replace('agnhost:1', 'busybox:9'));
        assert.equal((await json('get', 'pod', 'solo')).spec.containers?.[0]?.image, 'busybox:9');
        await k(['delete', 'pod', 'solo', '--now']);
      });

      test('diff finds a difference and says so by its exit code', async () => {
        const deployment = (image: string): string =>
          JSON.stringify({
            apiVersion: 'apps/v1',
            kind: 'Deployment',
            metadata: { name: 'httpd', labels: { app: 'httpd' } },
            spec: {
              replicas: 1,
              selector: { matchLabels: { app: 'httpd' } },
              template: { metadata: { labels: { app: 'httpd' } }, spec: { containers: [{ name: 'httpd', image }] } },
            },
          });
        await k(['create', '-f', '-'], deployment('httpd:1'));
        const differs = await attempt(['diff', '-f', '-'], deployment('httpd:2'));
        assert.equal(differs.code, 1, differs.err);
        assert.match(differs.out, /-\s+- ?image: httpd:1|-\s+image: httpd:1|^-.*httpd:1/m);
        assert.equal((await attempt(['diff', '-f', '-'], deployment('httpd:1'))).code, 0);
      });

      test('apply: an unknown field, strict and not', async () => {
        const odd = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"odd"},"dta":{"a":"b"}}';
        const strict = await attempt(['apply', '-f', '-'], odd);
        assert.equal(strict.code, 1);
        assert.match(strict.err, /unknown field "dta"/);
        const lax = await attempt(['apply', '--validate=ignore', '-f', '-'], odd);
        assert.equal(lax.code, 0, lax.err);
        const server = await attempt(['apply', '--server-side', '--validate=warn', '-f', '-'], odd);
        assert.match(server.err, /dta: field not declared in schema|unknown field "dta"/);
      });

      test('client-side apply goes over to server-side apply', async () => {
        const map = (data: object): string => JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'migrated' }, data });
        await k(['apply', '-f', '-'], map({ a: '1', b: '2' }));
        await k(['apply', '--server-side', '-f', '-'], map({ a: '3' }));
        const data = JSON.parse(await k(['get', 'cm', 'migrated', '-o', 'json', '--show-managed-fields'])) as {
          data: object;
          metadata: { managedFields: { manager: string; operation: string }[] };
        };
        assert.deepEqual(data.data, { a: '3' });
        assert.deepEqual(
          data.metadata.managedFields
            .filter((entry) => entry.operation === 'Apply')
            .map((entry) => entry.manager)
            .toSorted(),
          ['kubectl', 'kubectl-last-applied'],
        );
      });

      test('proxy on a free port and on a Unix socket', async () => {
        const env = { KUBECONFIG: my.cluster.kubeconfig, HOME: my.cluster.dir };
        const proxy = background(program, ['proxy', '-p', '0', '--disable-filter'], env);
        try {
          const port = await eventually('the proxy says its port', async () => /127\.0\.0\.1:(\d+)/.exec(proxy.output())?.[1]);
          assert.match(await throughProxy({ port: Number(port) }), /"APIVersions"/);
        } finally {
          await proxy.stop();
        }
        const socketPath = join(my.cluster.dir, `${version}.sock`);
        const other = background(program, ['proxy', `--unix-socket=${socketPath}`], env);
        try {
          await eventually('the proxy listens', async () => /Starting to serve/.test(other.output()));
          assert.match(await throughProxy({ socketPath }), /"APIVersions"/);
        } finally {
          await other.stop();
        }
      });
    });
  }

  test('a chart is installed, upgraded, rolled back and uninstalled', { skip: helmProgram() ? false : 'helm could not be fetched' }, async () => {
    const chart = join(my.cluster.dir, 'chart');
    mkdirSync(join(chart, 'templates'), { recursive: true });
    writeFileSync(join(chart, 'Chart.yaml'), 'apiVersion: v2\nname: shop\nversion: 0.1.0\n');
    writeFileSync(join(chart, 'values.yaml'), 'replicas: 1\nimage: shop:1\n');
    writeFileSync(
      join(chart, 'templates/all.yaml'),
      `apiVersion: v1
kind: ConfigMap
metadata: {name: "{{ .Release.Name }}-settings"}
data: {revision: "{{ .Release.Revision }}"}
---
apiVersion: v1
kind: Service
metadata: {name: "{{ .Release.Name }}"}
spec: {selector: {app: shop}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: "{{ .Release.Name }}"}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: shop, image: "{{ .Values.image }}"}]}
`,
    );
    const helm = async (...args: string[]): Promise<string> => {
      const result = await run(helmProgram() as string, args, { env: { KUBECONFIG: my.cluster.kubeconfig, HOME: my.cluster.dir } });
      assert.equal(result.code, 0, `helm ${args.join(' ')}: ${result.err}${result.out}`);
      return result.out;
    };
    const image = (): Promise<string> =>
      my.cluster.kubectl('get', 'deploy', 'one', '-o', 'jsonpath={.spec.replicas} {.spec.template.spec.containers[0].image}');
    assert.match(await helm('install', 'one', chart, '--wait', '--timeout', '60s'), /STATUS: deployed/);
    assert.equal(await image(), '1 shop:1');
    await helm('upgrade', 'one', chart, '--set', 'replicas=2,image=shop:2', '--wait', '--timeout', '60s');
    assert.equal(await image(), '2 shop:2');
    await helm('rollback', 'one', '1', '--wait', '--timeout', '60s');
    assert.equal(await image(), '1 shop:1');
    assert.match(await helm('history', 'one'), /Rollback to 1/);
    assert.match(await helm('list'), /one\s+default\s+3/);
    await helm('uninstall', 'one', '--wait', '--timeout', '60s');
    assert.equal(await my.cluster.kubectl('get', 'deploy,cm,svc', '-l', 'app.kubernetes.io/managed-by=Helm', '--no-headers'), '');
    const left = await my.cluster.tryKubectl(['get', 'deploy', 'one']);
    assert.match(left.err, /NotFound/);
  });
});
