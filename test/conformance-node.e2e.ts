/** Specs of sig-node that no other file does step by step; docs/conformance/sig-node.md tells where the others are. */
import assert from 'node:assert/strict';
import { createServer, type Http2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import test, { after, before, describe } from 'node:test';
import { cannotRunContainers, eventually, root, useCluster } from './harness.ts';
import { idle, isReady, main, waitingFor, type PodObject } from './pod-kit.ts';
import { wireKit, type Fields, type Thing } from './wire-kit.ts';

interface Pod extends PodObject {
  metadata: PodObject['metadata'] & { generation: number; annotations?: Record<string, string> };
  spec: PodObject['spec'] & { containers: Fields[]; tolerations?: Fields[]; activeDeadlineSeconds?: number };
  status: PodObject['status'] & { observedGeneration?: number; hostIPs?: { ip: string }[]; podIPs?: { ip: string }[] };
}
interface Resources {
  requests: Record<string, string>;
  limits: Record<string, string>;
}
/** grpc.health.v1.Health over cleartext HTTP/2 that always answers with one status: 1 is SERVING, 2 is not. */
function healthServer(status: number): Promise<Http2Server> {
  const server = createServer().on('stream', (stream) => {
    stream.resume();
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(Buffer.from([0, 0, 0, 0, 2, 8, status]));
  });
  return new Promise((resolve) => server.listen(0, '0.0.0.0', () => resolve(server)));
}
const portOf = (server: Http2Server): number => (server.address() as AddressInfo).port;

describe('sig-node', { skip: cannotRunContainers() ?? false, concurrency: 4 }, () => {
  const my = useCluster('--preload', join(root, 'dist/images'));
  const { call, ok, get, create, patch, update, items } = wireKit(my);
  const core = (plural: string, name = ''): string => `/api/v1/namespaces/default/${plural}${name && `/${name}`}`;
  const servers: Http2Server[] = [];
  before(async () => {
    servers.push(await healthServer(1), await healthServer(2));
    await eventually('the ServiceAccount', async () => (await items(core('serviceaccounts'))).length > 0);
  });
  after(() => {
    for (const server of servers) server.close();
  });
  const main1 = (more: Fields = {}): Fields => ({ name: 'main', image: 'hello:1', command: ['sh', '-c', idle], ...more });
  const says = (script: string, more: Fields = {}): Fields => main1({ command: ['sh', '-c', script], ...more });
  const submit = (name: string, containers: Fields[], spec: Fields = {}, metadata: Fields = {}): Promise<Pod> =>
    create<Pod>(core('pods'), { metadata: { name, ...metadata }, spec: { terminationGracePeriodSeconds: 1, containers, ...spec } });
  const until = (name: string, what: string, holds: (pod: Pod) => unknown): Promise<Pod> =>
    eventually(`${name} ${what}`, async () => {
      const found = await get<Pod>(core('pods', name));
      return holds(found) ? found : undefined;
    });
  const ready = async (...args: Parameters<typeof submit>): Promise<Pod> => {
    await submit(...args);
    return until(args[0], 'is ready', isReady);
  };
  const succeeded = (name: string): Promise<Pod> => until(name, 'succeeds', (pod) => pod.status.phase === 'Succeeded');
  const exec = (pod: string, script: string, container = 'main'): Promise<string> => my.cluster.kubectl('exec', pod, '-c', container, '--', 'sh', '-c', script);
  const log = async (name: string): Promise<string> => String((await call('GET', `${core('pods', name)}/log`)).body['text']);
  const once = { restartPolicy: 'Never' };

  test('Container Lifecycle Hook: should execute poststart http hook properly; prestop http hook', async () => {
    const handler = await ready('handler', [says('exec httpd -f -vv -p 8080 -h /www', { readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 } })]);
    const hook = (path: string): Fields => ({ httpGet: { path, host: handler.status.podIP, port: 8080 } });
    await ready('hooked', [main1({ lifecycle: { postStart: hook('/healthz'), preStop: hook('/index.html') } })]);
    assert.match(await log('handler'), /url:\/healthz/);
    await ok('DELETE', core('pods', 'hooked'));
    await eventually('it was told', async () => /url:\/index\.html/.test(await log('handler')));
    await eventually('it is gone', async () => (await call('GET', core('pods', 'hooked'))).code === 404);
  });

  test('Container Runtime: termination messages of success from a file, at another path as non-root, and none from the log', async () => {
    const done = { terminationMessagePolicy: 'FallbackToLogsOnError' };
    await submit('message-file', [says('echo -n OK >/dev/termination-log', done)], once);
    const other = { terminationMessagePath: '/dev/termination-custom-log', securityContext: { runAsUser: 1000 } };
    await submit('message-path', [says('echo -n DONE >/dev/termination-custom-log', other)], once);
    await submit('message-none', [says('echo not for you', done)], once);
    const message = async (name: string): Promise<string> => main(await succeeded(name))?.state.terminated?.message ?? '';
    assert.deepEqual([await message('message-file'), await message('message-path'), await message('message-none')], ['OK', 'DONE', '']);
  });

  test('Containers: override the default arguments; Variable Expansion in the command; InitContainer on a RestartNever pod', async () => {
    const { command: _, ...image } = main1({ args: ['override', 'arguments'] });
    await ready('arguments', [image]);
    assert.equal(await exec('arguments', 'tr "\\0" " " </proc/1/cmdline'), '/bin/sh /bin/hello override arguments ');
    await submit('expands', [main1({ env: [{ name: 'TEST_VAR', value: 'test-value' }], command: ['sh', '-c', 'TEST_VAR=wrong echo "$(TEST_VAR)"'] })], once);
    await succeeded('expands');
    assert.equal(await log('expands'), 'test-value\n');
    const init = ['init1', 'init2'].map((name) => says('true', { name }));
    await submit('inits', [says('true')], { ...once, initContainers: init });
    const { conditions, initContainerStatuses } = (await succeeded('inits')).status;
    assert.equal(conditions?.find(({ type }) => type === 'Initialized')?.status, 'True');
    assert.deepEqual(
      initContainerStatuses?.map(({ ready: is, state }) => [is, state.terminated?.exitCode]),
      [
        [true, 0],
        [true, 0],
      ],
    );
  });

  test('Downward API env: host IPs, default limits from node allocatable; prefixes of envFrom; environment variables for services', async () => {
    const field = (name: string, fieldPath: string): Fields => ({ name, valueFrom: { fieldRef: { fieldPath } } });
    const limit = (name: string, resource: string): Fields => ({ name, valueFrom: { resourceFieldRef: { resource } } });
    await create(core('services'), {
      metadata: { name: 'fooservice' },
      spec: { ports: [{ port: 8765, targetPort: 8080 }], selector: { name: 'server' } },
    });
    const { clusterIP } = (await get<Thing<{ clusterIP: string }>>(core('services', 'fooservice'))).spec;
    const data = { data_1: 'value-1', '1-data': 'digit' };
    await create(core('configmaps'), { metadata: { name: 'prefixed' }, data });
    await create(core('secrets'), { metadata: { name: 'prefixed' }, stringData: data });
    for (const plural of ['configmaps', 'secrets']) {
      const { code } = await call('POST', core(plural), { metadata: { name: 'empty-key' }, data: { '': 'dmFsdWU=' } });
      assert.equal(code, 422, 'an empty key is refused');
    }
    const from = ['', 'p-', '$_-#.;'].flatMap((prefix) => [
      { prefix: `${prefix}cm_`, configMapRef: { name: 'prefixed' } },
      { prefix, secretRef: { name: 'prefixed' } },
    ]);
    const env = [field('HOST_IP', 'status.hostIP'), field('HOST_IPS', 'status.hostIPs'), field('POD_IPS', 'status.podIPs'), limit('CPU', 'limits.cpu')];
    const pod = await ready('downward', [main1({ env: [...env, limit('MEMORY', 'limits.memory')], envFrom: from })]);
    const seen = (await my.cluster.kubectl('exec', 'downward', '--', 'env')).split('\n');
    const { allocatable } = (await items<Thing<Fields, { allocatable: { cpu: string; memory: string } }>>('/api/v1/nodes'))[0]!.status;
    const list = (ips: { ip: string }[] | undefined): string => (ips ?? []).map(({ ip }) => ip).join();
    const wanted = [
      `HOST_IP=${pod.status.hostIP}`,
      `HOST_IPS=${list(pod.status.hostIPs)}`,
      `POD_IPS=${list(pod.status.podIPs)}`,
      `CPU=${Math.ceil(Number.parseFloat(allocatable.cpu) / (allocatable.cpu.endsWith('m') ? 1000 : 1))}`,
      `MEMORY=${Number.parseInt(allocatable.memory, 10) * (allocatable.memory.endsWith('Ki') ? 1024 : 1)}`,
      ...['', 'p-', '$_-#.;'].flatMap((prefix) => [`${prefix}data_1=value-1`, `${prefix}1-data=digit`, `${prefix}cm_data_1=value-1`]),
      `FOOSERVICE_SERVICE_HOST=${clusterIP}`,
      'FOOSERVICE_SERVICE_PORT=8765',
      `FOOSERVICE_PORT=tcp://${clusterIP}:8765`,
      `FOOSERVICE_PORT_8765_TCP=tcp://${clusterIP}:8765`,
      'FOOSERVICE_PORT_8765_TCP_PROTO=tcp',
      'FOOSERVICE_PORT_8765_TCP_PORT=8765',
      `FOOSERVICE_PORT_8765_TCP_ADDR=${clusterIP}`,
    ];
    assert.deepEqual(
      wanted.filter((line) => !seen.includes(line)),
      [],
      seen.join('\n'),
    );
  });

  test('KubeletManagedEtcHosts: kept by the node, but for a container that mounts its own, and pods on the host network', async () => {
    const volumes = [{ name: 'hosts', hostPath: { path: '/etc/hosts', type: 'File' } }];
    const mounts = [{ name: 'hosts', mountPath: '/etc/hosts' }];
    await ready('hosts', [main1(), main1({ name: 'second' }), main1({ name: 'own', volumeMounts: mounts })], { volumes });
    await ready('hosts-of-host', [main1()], { hostNetwork: true });
    const managed = async (pod: string, container?: string): Promise<boolean> =>
      (await exec(pod, 'cat /etc/hosts', container)).startsWith('# Kubernetes-managed hosts file.');
    assert.deepEqual(
      [await managed('hosts'), await managed('hosts', 'second'), await managed('hosts', 'own'), await managed('hosts-of-host')],
      [true, true, false, false],
    );
  });

  test('Pod generation: starts at 1 and increments per update; custom-set; graceful delete; 500 updates converge', async () => {
    const made = await submit('generations', [main1()], { terminationGracePeriodSeconds: 60 }, { generation: 100, finalizers: ['e2e.example.com/look'] });
    const at = core('pods', 'generations');
    assert.equal(made.metadata.generation, 1);
    const next = async (change: Promise<Pod>): Promise<number> => (await change).metadata.generation;
    assert.equal(await next(patch(at, { metadata: { annotations: { a: 'b' } } })), 1, 'metadata does not count');
    assert.equal(await next(patch(at, { spec: { activeDeadlineSeconds: 5000 } })), 2);
    assert.equal(await next(patch(at, { spec: { activeDeadlineSeconds: 5000 } })), 2, 'nothing changed');
    assert.equal(await next(patch(at, { spec: { containers: [{ name: 'main', image: 'hello:2' }] } })), 3);
    const toleration = (i: number): Fields => ({ key: `e2e-${i}`, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 60 });
    assert.equal(await next(update<Pod>(at, ({ spec }) => (spec.tolerations = [...(spec.tolerations ?? []), toleration(0)]))), 4);
    for (let i = 1; i <= 500; i++) await patch(at, { spec: { activeDeadlineSeconds: 5000 - i } });
    const pod = await until('generations', 'is observed', ({ metadata, status }) => status.observedGeneration === metadata.generation);
    assert.equal(pod.metadata.generation, 504);
    assert.equal(await next(ok<Pod>('DELETE', at, { kind: 'DeleteOptions', apiVersion: 'v1', gracePeriodSeconds: 1 })), 505);
    await update<Pod>(at, ({ metadata }) => Object.assign(metadata, { finalizers: [] }));
  });

  test('Pods: should allow activeDeadlineSeconds to be updated; RuntimeClass: a deleted one is rejected', async () => {
    await ready('deadline', [main1()]);
    await patch(core('pods', 'deadline'), { spec: { activeDeadlineSeconds: 1 } });
    assert.equal((await until('deadline', 'is over', ({ status }) => status.phase === 'Failed')).status.reason, 'DeadlineExceeded');
    const classes = '/apis/node.k8s.io/v1/runtimeclasses';
    await create(classes, { metadata: { name: 'gone' }, handler: 'runc' });
    await ok('DELETE', `${classes}/gone`);
    const { code, body } = await call('POST', core('pods'), { metadata: { name: 'classy' }, spec: { runtimeClassName: 'gone', containers: [main1()] } });
    assert.deepEqual([code, body['reason']], [403, 'Forbidden']);
  });

  test('Probing container: exec, tcp and GRPC that hold are not restarted; those that do not are, again and again; readiness', async () => {
    const often = { periodSeconds: 1, failureThreshold: 1 };
    const [well, ill] = servers as [Http2Server, Http2Server];
    await submit('live-exec', [
      says(`echo ok >/tmp/health; ${idle}`, { livenessProbe: { exec: { command: ['cat', '/tmp/health'] }, ...often, initialDelaySeconds: 1 } }),
    ]);
    const { command: _, ...server } = main1();
    await submit('live-tcp', [{ ...server, livenessProbe: { tcpSocket: { port: 8080 }, ...often, initialDelaySeconds: 1 } }]);
    const grpc = (port: number): Fields => main1({ livenessProbe: { grpc: { port }, ...often } });
    await submit('live-grpc', [grpc(portOf(well))], { hostNetwork: true });
    await submit('dies-grpc', [grpc(portOf(ill))], { hostNetwork: true });
    await submit('dies', [main1({ livenessProbe: { exec: { command: ['false'] }, ...often } })]);
    await submit('never-ready', [main1({ readinessProbe: { exec: { command: ['false'] }, ...often } })]);
    await submit('late', [main1({ readinessProbe: { exec: { command: ['true'] }, ...often, initialDelaySeconds: 4 } })]);
    let restarts = 0;
    await until('dies', 'is restarted twice', (pod) => {
      const now = main(pod)?.restartCount ?? 0;
      assert.ok(now >= restarts, 'the count only grows');
      restarts = now;
      return now >= 2;
    });
    await until('dies-grpc', 'is restarted', (pod) => (main(pod)?.restartCount ?? 0) >= 1);
    for (const name of ['live-exec', 'live-tcp', 'live-grpc']) assert.equal(main(await until(name, 'is ready', isReady))?.restartCount, 0, name);
    const never = await get<Pod>(core('pods', 'never-ready'));
    assert.deepEqual([isReady(never), main(never)?.restartCount, never.status.phase], [false, 0, 'Running']);
    const late = await until('late', 'is ready', isReady);
    const since = (late.status.conditions as unknown as { type: string; lastTransitionTime: string }[]).find(
      ({ type }) => type === 'Ready',
    )?.lastTransitionTime;
    // Both times are of whole seconds.
    assert.ok(Date.parse(since ?? '') - Date.parse(main(late)?.state.running?.startedAt ?? '') >= 3000, 'not before its delay');
  });

  test('Security Context: privileged=false; user and group of a container; Sysctls: supported, invalid, unsafe', async () => {
    const securityContext = { runAsUser: 1001, runAsGroup: 2002, privileged: false };
    await submit('plain', [says('ip link add dummy0 type dummy', { securityContext: { privileged: false } })], once);
    await submit('user', [says('id', { securityContext })], once);
    await submit('shm', [says('cat /proc/sys/kernel/shm_rmid_forced')], {
      ...once,
      securityContext: { sysctls: [{ name: 'kernel.shm_rmid_forced', value: '1' }] },
    });
    await until('plain', 'fails', ({ status }) => status.phase === 'Failed');
    assert.match(await log('plain'), /Operation not permitted/);
    await succeeded('user');
    assert.match(await log('user'), /^uid=1001 gid=2002/);
    await succeeded('shm');
    assert.equal(await log('shm'), '1\n');
    const sysctls = ['foo-', 'kernel.shmmax', 'safe-and-unsafe', 'bar..'].map((name) => ({ name, value: '1' }));
    const { body } = await call('POST', core('pods'), { metadata: { name: 'bad' }, spec: { containers: [main1()], securityContext: { sysctls } } });
    const message = String(body['message']);
    for (const [name, bad] of [
      ['foo-', true],
      ['bar..', true],
      ['safe-and-unsafe', false],
      ['kernel.shmmax', false],
    ] as const)
      assert.equal(message.includes(`Invalid value: "${name}"`), bad, message);
    await submit('unsafe', [main1()], { ...once, securityContext: { sysctls: [{ name: 'kernel.msgmax', value: '10000000000' }] } });
    const { status } = await until('unsafe', 'is refused', (pod) => pod.status.phase === 'Failed');
    assert.deepEqual([status.reason, status.message], ['SysctlForbidden', 'Pod was rejected: forbidden sysctl: "kernel.msgmax" not allowlisted']);
    const selector = encodeURIComponent('involvedObject.name=unsafe,reason=SysctlForbidden');
    await eventually('the event', async () => (await items(`${core('events')}?fieldSelector=${selector}`)).length === 1);
  });

  test('Variable Expansion: a subpath with backsteps or an absolute path fails; one that fails works when the pod is changed', async () => {
    const mounts = (subPathExpr: string): Fields => ({ volumeMounts: [{ name: 'work', mountPath: '/volume_mount', subPathExpr }] });
    const volumes = [{ name: 'work', emptyDir: {} }];
    const value = (text: string): Fields => ({ env: [{ name: 'POD_NAME', value: text }], ...mounts('$(POD_NAME)') });
    await submit('backticks', [main1(value('..'))], { volumes });
    await submit('absolute', [main1(value('/tmp'))], { volumes });
    const env = [
      { name: 'POD_NAME', value: 'foo' },
      { name: 'ANNOTATION', valueFrom: { fieldRef: { fieldPath: "metadata.annotations['mysubpath']" } } },
    ];
    await submit('changes', [main1({ env, ...mounts('$(ANNOTATION)/$(POD_NAME)') })], { volumes }, { annotations: { notmysubpath: 'mypath' } });
    for (const name of ['backticks', 'absolute', 'changes'])
      assert.equal((await until(name, 'waits', (pod) => waitingFor(pod) === 'CreateContainerConfigError')).status.phase, 'Pending');
    await patch(core('pods', 'changes'), { metadata: { annotations: { mysubpath: 'mypath' } } });
    await until('changes', 'is ready', isReady);
  });

  test('Pod InPlace Resize: several containers, more and less of each, by PATCH and by PUT, and by equal amounts', async () => {
    const amounts = (cpu: number, memory: number, factor = 1): Resources => ({
      requests: { cpu: `${cpu}m`, memory: `${memory}Mi` },
      limits: { cpu: `${cpu * factor}m`, memory: `${memory * factor}Mi` },
    });
    const named = (names: readonly string[], of: (i: number) => Resources): { name: string; resources: Resources }[] =>
      names.map((name, i) => ({ name, resources: of(i) }));
    const guaranteed = ['c1', 'c2', 'c3'];
    const burstable = ['c1', 'c2', 'c3', 'c4', 'c5', 'c6'];
    const start = (name: string, containers: { name: string; resources: Resources }[]): Promise<Pod> =>
      ready(
        name,
        containers.map((one) => main1(one)),
      );
    const settled = (name: string, containers: { name: string; resources: Resources }[]): Promise<Pod> =>
      until(name, 'is resized', ({ metadata, status }) => {
        const statuses = (status.containerStatuses ?? []) as unknown as { name: string; restartCount: number; resources?: Resources }[];
        const same = containers.every(({ name: one, resources: { requests, limits } }) => {
          const found = statuses.find((s) => s.name === one);
          const { cpu, memory } = found?.resources?.limits ?? {};
          const { cpu: cpuRequest, memory: memoryRequest } = found?.resources?.requests ?? {};
          return (
            found?.restartCount === 0 &&
            cpu === limits['cpu'] &&
            memory === limits['memory'] &&
            cpuRequest === requests['cpu'] &&
            memoryRequest === requests['memory']
          );
        });
        return same && status.observedGeneration === metadata.generation && !status.conditions?.some(({ type }) => type.startsWith('PodResize'));
      });
    const resize = (name: string, containers: object[]): Promise<Pod> => patch<Pod>(`${core('pods', name)}/resize`, { spec: { containers } });
    const first = named(guaranteed, () => amounts(20, 20));
    await start('guaranteed', first);
    // Net increase, net decrease, and both at once.
    for (const [cpu, memory] of [
      [
        [30, 10, 40],
        [30, 20, 40],
      ],
      [
        [20, 10, 20],
        [30, 25, 30],
      ],
      [
        [50, 10, 10],
        [24, 24, 40],
      ],
    ] as const) {
      const wanted = named(guaranteed, (i) => amounts(cpu[i] ?? 0, memory[i] ?? 0));
      await resize('guaranteed', wanted);
      await settled('guaranteed', wanted);
    }
    await start(
      'burstable',
      named(burstable, () => amounts(10, 20, 2)),
    );
    const wanted = named(burstable, (i) => amounts(10 + 5 * (i % 3), 20 + 4 * (i % 2), 2));
    await resize('burstable', wanted);
    await settled('burstable', wanted);

    // PUT of the whole pod.
    const put = named(guaranteed, () => amounts(25, 30));
    await update<Pod>(`${core('pods', 'guaranteed')}/resize`, ({ spec }) => {
      for (const container of spec.containers) container['resources'] = put[0]?.resources;
    });
    const { metadata } = await settled('guaranteed', put);
    // The same amount, written in another way, is the same.
    const again = await resize('guaranteed', [{ name: 'c1', resources: { requests: { cpu: '0.025' }, limits: { cpu: '0.025' } } }]);
    assert.ok(again.metadata.generation - metadata.generation <= 1);
    await until(
      'guaranteed',
      'is at peace',
      ({ metadata: now, status }) => status.observedGeneration === now.generation && !status.conditions?.some(({ type }) => type.startsWith('PodResize')),
    );
  });
});
