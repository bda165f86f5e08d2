import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { after, before, describe } from 'node:test';
import { cannotRunContainers, eventually, freePort, root, run, useCluster } from './harness.ts';
import { idle, isReady, main, pod, sh, waitingFor, watchPods, type PodWatch } from './pod-kit.ts';

/** What a container finds around it: environment, files, limits, rights, names and addresses. */
describe('the surroundings of containers', { skip: cannotRunContainers() ?? false, concurrency: 4 }, () => {
  const my = useCluster('--preload', join(root, 'dist/images'));
  let pods: PodWatch;
  before(async () => {
    pods = watchPods(my.cluster);
    await k('create', 'configmap', 'conf', '--from-literal=one=1', '--from-literal=two=2', '--from-literal=key-with.dots=dots');
    await k('create', 'secret', 'generic', 'hidden', '--from-literal=password=s3cret', '--from-literal=user=me');
  });
  after(() => pods.stop());
  const k = (...args: string[]): Promise<string> => my.cluster.kubectl(...args);
  const create = (...objects: unknown[]): Promise<string> => my.cluster.apply(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
  const exec = (name: string, script: string): Promise<string> => k('exec', name, '-c', 'main', '--', 'sh', '-c', script);
  const events = async (name: string): Promise<string> =>
    k('get', 'events', '--field-selector', `involvedObject.name=${name}`, '-o', 'custom-columns=R:.reason,M:.message', '--no-headers');

  test('environment: literals, expansion, every valueFrom, envFrom, services', async () => {
    const field = (fieldPath: string) => ({ valueFrom: { fieldRef: { fieldPath } } });
    const resource = (name: string, divisor?: string) => ({ valueFrom: { resourceFieldRef: { resource: name, ...(divisor ? { divisor } : {}) } } });
    await create(
      pod(
        'env',
        [
          sh(idle, {
            command: ['sh', '-c', `echo "$0|$1" >/tmp/arg; ${idle}`],
            args: ['$(WHO) $$(WHO)', '$(NOBODY)'],
            resources: { requests: { cpu: '100m', memory: '16Mi' }, limits: { cpu: '250m', memory: '32Mi' } },
            envFrom: [{ configMapRef: { name: 'conf' } }, { prefix: 'S_', secretRef: { name: 'hidden' } }, { configMapRef: { name: 'none', optional: true } }],
            env: [
              { name: 'WHO', value: 'world' },
              { name: 'GREETING', value: 'hello $(WHO) $(LATER) $$(WHO)' },
              { name: 'LATER', value: 'x' },
              { name: 'two', value: 'overridden' },
              { name: 'FROM_MAP', valueFrom: { configMapKeyRef: { name: 'conf', key: 'one' } } },
              { name: 'FROM_SECRET', valueFrom: { secretKeyRef: { name: 'hidden', key: 'password' } } },
              { name: 'OPTIONAL', valueFrom: { secretKeyRef: { name: 'nope', key: 'x', optional: true } } },
              { name: 'POD', ...field('metadata.name') },
              { name: 'NS', ...field('metadata.namespace') },
              { name: 'UID_', ...field('metadata.uid') },
              { name: 'IP', ...field('status.podIP') },
              { name: 'HOST_IP', ...field('status.hostIP') },
              { name: 'NODE', ...field('spec.nodeName') },
              { name: 'SA', ...field('spec.serviceAccountName') },
              { name: 'LABEL', ...field("metadata.labels['tier']") },
              { name: 'NOTE', ...field("metadata.annotations['batuta.dev/note']") },
              { name: 'CPU', ...resource('limits.cpu') },
              { name: 'MCPU', ...resource('requests.cpu', '1m') },
              { name: 'MEM', ...resource('limits.memory', '1Mi') },
            ],
          }),
        ],
        {},
        { labels: { tier: 'back' }, annotations: { 'batuta.dev/note': 'a note' } },
      ),
    );
    const p = await pods.until('is ready', 'env', isReady);
    const env = Object.fromEntries(
      (await k('exec', 'env', '--', 'env'))
        .split('\n')
        .filter(Boolean)
        .map((l) => [l.slice(0, l.indexOf('=')), l.slice(l.indexOf('=') + 1)]),
    );
    const expected = {
      WHO: 'world',
      GREETING: 'hello world $(LATER) $(WHO)',
      one: '1',
      two: 'overridden',
      'key-with.dots': 'dots',
      S_password: 's3cret',
      S_user: 'me',
      FROM_MAP: '1',
      FROM_SECRET: 's3cret',
      OPTIONAL: undefined,
      POD: 'env',
      NS: 'default',
      UID_: p.metadata.uid,
      IP: p.status.podIP,
      HOST_IP: p.status.hostIP,
      NODE: 'node-1',
      SA: 'default',
      LABEL: 'back',
      NOTE: 'a note',
      CPU: '1',
      MCPU: '100',
      MEM: '32',
      HELLO_VERSION: '1',
      HOSTNAME: 'env',
      KUBERNETES_SERVICE_PORT: '443',
      KUBERNETES_SERVICE_PORT_HTTPS: '443',
    };
    for (const [name, value] of Object.entries(expected)) assert.equal(env[name], value, name);
    assert.match(env['KUBERNETES_SERVICE_HOST'] ?? '', /^\d+\.\d+\.\d+\.\d+$/);
    assert.equal(await exec('env', 'cat /tmp/arg'), 'world $(WHO)|$(NOBODY)\n');
  });

  test('resources become cgroups and a QoS class', async () => {
    const limits = { cpu: '500m', memory: '64Mi' };
    await create(
      pod('guaranteed', [sh(idle, { resources: { limits } })]),
      pod('burstable', [sh(idle, { resources: { requests: { cpu: '100m', memory: '10Mi' } } })]),
      pod('besteffort', [sh(idle)]),
    );
    for (const name of ['guaranteed', 'burstable', 'besteffort'])
      assert.equal((await pods.until('is ready', name, isReady)).status.qosClass?.toLowerCase(), name);
    const host = async (name: string): Promise<{ memory: number; cpu: string; shares: number; path: string; oom: number }> => {
      const id = main(pods.latest(name) as never)?.containerID?.replace('containerd://', '') ?? '';
      const found = (await run('find', ['/sys/fs/cgroup', '-type', 'd', '-name', `*${id}*`])).out.trim().split('\n');
      const read = (...files: string[]): string => {
        for (const dir of found) for (const file of files) if (existsSync(join(dir, file))) return readFileSync(join(dir, file), 'utf8').trim();
        return '';
      };
      const pid = read('cgroup.procs').split('\n')[0] ?? '';
      return {
        memory: Number(read('memory.max', 'memory.limit_in_bytes')),
        cpu: read('cpu.max', 'cpu.cfs_quota_us'),
        shares: Number(read('cpu.shares') || 0),
        path: found[0] ?? '',
        oom: Number(readFileSync(`/proc/${pid}/oom_score_adj`, 'utf8')),
      };
    };
    const guaranteed = await host('guaranteed');
    assert.equal(guaranteed.memory, 64 << 20);
    assert.match(guaranteed.cpu, /^50000( 100000)?$/);
    assert.match(guaranteed.path, new RegExp(`${my.cluster.id}.*/guaranteed/pod`));
    const burstable = await host('burstable');
    assert.match(burstable.path, /burstable/);
    if (burstable.shares) assert.equal(burstable.shares, 102);
    assert.ok((await host('besteffort')).oom >= guaranteed.oom, 'the best-effort pod dies first');
  });

  test('emptyDir on disk and in memory, shared between containers, with a limit', async () => {
    const mounts = {
      volumeMounts: [
        { name: 'disk', mountPath: '/disk' },
        { name: 'mem', mountPath: '/mem' },
        { name: 'disk', mountPath: '/only', subPath: 'deep/er' },
        { name: 'disk', mountPath: '/ro', readOnly: true },
      ],
    };
    await create(
      pod('empty', [sh(idle, mounts), sh(`echo shared >/disk/x; echo sub >/only/y; ${idle}`, { name: 'second', ...mounts })], {
        volumes: [
          { name: 'disk', emptyDir: {} },
          { name: 'mem', emptyDir: { medium: 'Memory', sizeLimit: '4Mi' } },
        ],
      }),
      pod('too-much', [sh(`head -c 3m /dev/zero >/d/big; ${idle}`, { volumeMounts: [{ name: 'd', mountPath: '/d' }] })], {
        volumes: [{ name: 'd', emptyDir: { sizeLimit: '1Mi' } }],
      }),
    );
    await pods.until('is ready', 'empty', isReady);
    await eventually('the other container wrote', async () => /y/.test(await exec('empty', 'ls /disk/deep/er')));
    assert.equal(await exec('empty', 'cat /disk/x /disk/deep/er/y'), 'shared\nsub\n');
    assert.match(await exec('empty', 'grep " /mem " /proc/mounts'), /^tmpfs \/mem tmpfs .*size=4096k/);
    assert.equal(
      (await exec('empty', 'head -c 8m /dev/zero 2>/dev/null >/mem/big; stat -c %s /mem/big')).trim(),
      String(4 << 20),
      'no more than the limit fits',
    );
    assert.match((await my.cluster.tryKubectl(['exec', 'empty', '-c', 'main', '--', 'touch', '/ro/z'])).err, /Read-only file system/);
    assert.equal((await exec('empty', 'stat -c %a /disk')).trim(), '777');
    const evicted = await pods.until('is evicted', 'too-much', (p) => p.status.phase === 'Failed');
    assert.equal(evicted.status.reason, 'Evicted');
    assert.match(evicted.status.message ?? '', /Usage of EmptyDir volume "d" exceeds the limit "1Mi"/);
  });

  test('configMap, secret, downwardAPI and projected volumes; a change arrives in the running pod', async () => {
    await k('create', 'configmap', 'live', '--from-literal=a=1', '--from-literal=b=2');
    await create(
      pod(
        'files',
        [
          sh(idle, {
            volumeMounts: ['map', 'items', 'secret', 'down', 'all']
              .map((name) => ({ name, mountPath: `/${name}` }))
              .concat([{ name: 'map', mountPath: '/pinned', subPath: 'a' } as never]),
          }),
        ],
        {
          volumes: [
            { name: 'map', configMap: { name: 'live' } },
            {
              name: 'items',
              configMap: {
                name: 'live',
                defaultMode: 0o400,
                items: [
                  { key: 'a', path: 'dir/a.conf', mode: 0o640 },
                  { key: 'b', path: 'b.conf' },
                ],
              },
            },
            { name: 'secret', secret: { secretName: 'hidden', defaultMode: 0o600 } },
            {
              name: 'down',
              downwardAPI: {
                items: [
                  { path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } },
                  { path: 'cpu', resourceFieldRef: { containerName: 'main', resource: 'limits.cpu' } },
                ],
              },
            },
            {
              name: 'all',
              projected: {
                sources: [
                  { configMap: { name: 'live', items: [{ key: 'a', path: 'a' }] } },
                  { secret: { name: 'hidden' } },
                  { downwardAPI: { items: [{ path: 'name', fieldRef: { fieldPath: 'metadata.name' } }] } },
                  { serviceAccountToken: { path: 'token', audience: 'someone', expirationSeconds: 600 } },
                ],
              },
            },
          ],
        },
        { labels: { tier: 'back' } },
      ),
    );
    await pods.until('is ready', 'files', isReady);
    assert.equal(
      await exec('files', 'cat /map/a /map/b /items/dir/a.conf /items/b.conf /pinned; cat /secret/password /all/a /all/user /all/name'),
      '12121s3cret1mefiles',
    );
    assert.equal(await exec('files', 'stat -L -c "%a" /items/dir/a.conf /items/b.conf /secret/password /map/a'), '640\n400\n600\n644\n');
    assert.match(await exec('files', 'cat /down/labels'), /tier="back"/);
    assert.match(await exec('files', 'cat /all/token'), /^ey/);
    assert.match((await my.cluster.tryKubectl(['exec', 'files', '--', 'touch', '/map/x'])).err, /Read-only file system/);
    await k('patch', 'configmap', 'live', '--type=merge', '-p', '{"data":{"a":"new","b":null,"c":"3"}}');
    await eventually('the files change', async () => (await exec('files', 'cat /map/a; ls /map; cat /all/a')) === 'newa\nc\nnew');
    assert.equal(await exec('files', 'cat /pinned'), '1', 'a subPath stays as it was');
    await k('label', 'pod', 'files', 'tier=front', '--overwrite');
    await eventually('the downward API changes', async () => /tier="front"/.test(await exec('files', 'cat /down/labels')));
  });

  test('the service account token opens the API as that account', async () => {
    await k('create', 'serviceaccount', 'robot');
    await create(pod('robot', [sh(idle)], { serviceAccountName: 'robot' }), pod('no-token', [sh(idle)], { automountServiceAccountToken: false }));
    const p = await pods.until('is ready', 'robot', isReady);
    const dir = '/var/run/secrets/kubernetes.io/serviceaccount';
    assert.equal((await exec('robot', `ls ${dir}; cat ${dir}/namespace`)).trim(), 'ca.crt\nnamespace\ntoken\ndefault');
    const ca = join(my.cluster.dir, 'pod-ca.crt');
    writeFileSync(ca, await exec('robot', `cat ${dir}/ca.crt`));
    const token = await exec('robot', `cat ${dir}/token`);
    const asked = await run('curl', [
      '-sS',
      '--cacert',
      ca,
      '-H',
      `Authorization: Bearer ${token}`,
      `https://127.0.0.1:${my.cluster.kubePort}/api/v1/namespaces/default/secrets`,
    ]);
    assert.match(asked.out, /"code": ?403/, asked.err);
    assert.match(asked.out, /secrets is forbidden: User \\"system:serviceaccount:default:robot\\" cannot list resource \\"secrets\\"/);
    const review = JSON.parse(
      (
        await my.cluster.tryKubectl(['create', '-f', '-', '-o', 'json'], {
          input: JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token } }),
        })
      ).out,
    ) as { status: { authenticated: boolean; user: { username: string; groups: string[]; extra: Record<string, string[]> } } };
    assert.equal(review.status.authenticated, true);
    assert.equal(review.status.user.username, 'system:serviceaccount:default:robot');
    assert.ok(review.status.user.groups.includes('system:serviceaccounts:default'));
    assert.deepEqual(review.status.user.extra['authentication.kubernetes.io/pod-uid'], [p.metadata.uid]);
    assert.match(
      (
        await my.cluster.tryKubectl([
          'auth',
          'whoami',
          `--token=${token}`,
          '--kubeconfig=/dev/null',
          `--server=https://127.0.0.1:${my.cluster.kubePort}`,
          `--certificate-authority=${ca}`,
        ])
      ).out,
      /system:serviceaccount:default:robot/,
    );
    await pods.until('is ready', 'no-token', isReady);
    assert.equal((await exec('no-token', `ls ${dir} 2>/dev/null || echo none`)).trim(), 'none');
    await k('delete', 'pod', 'robot');
    await eventually('the token dies with its pod', async () =>
      /401/.test(
        (
          await run('curl', [
            '-s',
            '-o',
            '/dev/null',
            '-w',
            '%{http_code}',
            '--cacert',
            ca,
            '-H',
            `Authorization: Bearer ${token}`,
            `https://127.0.0.1:${my.cluster.kubePort}/api`,
          ])
        ).out,
      ),
    );
  });

  test('hostPath of each type', async () => {
    const dir = join(my.cluster.dir, 'hostpath');
    const volume = (name: string, path: string, type?: string) => ({ name, hostPath: { path, ...(type ? { type } : {}) } });
    await create(
      pod(
        'host-path',
        [
          sh(`echo hi >/made/x; ${idle}`, {
            volumeMounts: [
              { name: 'made', mountPath: '/made' },
              { name: 'file', mountPath: '/file' },
            ],
          }),
        ],
        { volumes: [volume('made', dir, 'DirectoryOrCreate'), volume('file', join(root, 'package.json'), 'File')] },
      ),
      pod('host-path-none', [sh(idle, { volumeMounts: [{ name: 'none', mountPath: '/none' }] })], { volumes: [volume('none', '/no/such/dir', 'Directory')] }),
    );
    await pods.until('is ready', 'host-path', isReady);
    await eventually('the file is on the host', async () => existsSync(join(dir, 'x')) && readFileSync(join(dir, 'x'), 'utf8') === 'hi\n');
    assert.match(await exec('host-path', 'cat /file'), /"name": "batuta"/);
    await eventually('FailedMount', async () =>
      /FailedMount.*hostPath type check failed: \/no\/such\/dir is not a directory/.test(await events('host-path-none')),
    );
    assert.equal(pods.latest('host-path-none')?.status.phase, 'Pending');
  });

  test('security: user, group, fsGroup, read-only root, capabilities, no new privileges, runAsNonRoot', async () => {
    await create(
      pod(
        'secure',
        [
          sh(idle, {
            securityContext: { runAsUser: 1234, readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
            volumeMounts: [
              { name: 'd', mountPath: '/d' },
              { name: 'd', mountPath: '/sub', subPath: 'a/b' },
            ],
          }),
          sh(idle, { name: 'caps', securityContext: { capabilities: { add: ['SYS_TIME'], drop: ['CHOWN'] } } }),
        ],
        { securityContext: { runAsGroup: 2345, fsGroup: 3456, supplementalGroups: [4567] }, volumes: [{ name: 'd', emptyDir: {} }] },
      ),
      pod('root-refused', [sh(idle, { securityContext: { runAsNonRoot: true } })]),
      pod('confined', [sh(idle)], { securityContext: { seccompProfile: { type: 'RuntimeDefault' } } }),
      pod('no-profile', [sh(idle, { securityContext: { seccompProfile: { type: 'Localhost', localhostProfile: 'no-such.json' } } })]),
      pod('privileged', [sh(idle, { securityContext: { privileged: true } })]),
    );
    const refused = await pods.until('is refused', 'root-refused', (p) => waitingFor(p) === 'CreateContainerConfigError');
    assert.match(main(refused)?.state.waiting?.message ?? '', /container has runAsNonRoot and image will run as root \(pod: "root-refused_default\(/);
    await pods.until('is ready', 'secure', isReady);
    assert.match(await exec('secure', 'id'), /uid=1234 gid=2345 groups=.*2345.*3456.*4567|uid=1234 gid=2345 groups=.*3456.*4567/);
    assert.match((await my.cluster.tryKubectl(['exec', 'secure', '-c', 'main', '--', 'touch', '/x'])).err, /Read-only file system/);
    assert.equal(await exec('secure', 'touch /d/x /sub/y; stat -c "%u %g" /d/x /d/a/b/y'), '1234 3456\n1234 3456\n');
    const status = await exec('secure', 'cat /proc/1/status');
    assert.match(status, /CapBnd:\s+0000000000000000/);
    assert.match(status, /NoNewPrivs:\s+1/);
    const caps = BigInt(`0x${/CapEff:\s+(\w+)/.exec(await k('exec', 'secure', '-c', 'caps', '--', 'cat', '/proc/1/status'))?.[1]}`);
    assert.equal([caps & 1n, (caps >> 25n) & 1n].join(), '0,1', 'CHOWN dropped, SYS_TIME added');
    await pods.until('is ready', 'confined', isReady);
    assert.match(await exec('confined', 'cat /proc/1/status'), /Seccomp:\s+2/);
    const profile = await pods.until('is refused', 'no-profile', (p) => waitingFor(p) === 'CreateContainerError');
    assert.match(main(profile)?.state.waiting?.message ?? '', /no-such\.json/);
    const unknown = await my.cluster.tryKubectl(['create', '-f', '-'], { input: JSON.stringify(pod('no-class', [sh(idle)], { runtimeClassName: 'none' })) });
    assert.match(unknown.err, /pods "no-class" is forbidden: pod rejected: RuntimeClass "none" not found/);
    const runtimeClass = (name: string) => ({ apiVersion: 'node.k8s.io/v1', kind: 'RuntimeClass', metadata: { name }, handler: name });
    await create(runtimeClass('runc'), runtimeClass('kata'));
    await create(
      pod('of-class', [sh(idle)], { runtimeClassName: 'runc', hostnameOverride: 'any.name' }),
      pod('of-kata', [sh(idle)], { runtimeClassName: 'kata' }),
    );
    await pods.until('is ready', 'of-class', isReady);
    assert.equal((await k('exec', 'of-class', '--', 'hostname')).trim(), 'any.name');
    await eventually('its reason', async () =>
      /FailedCreatePodSandBox.*no runtime for "kata" is configured/.test(await k('get', 'events', '--field-selector=involvedObject.name=of-kata')),
    );
    await k('delete', 'pod', 'of-kata', '--wait=false');
    await pods.until('is ready', 'privileged', isReady);
    assert.match(await exec('privileged', 'mount -t tmpfs none /tmp && echo mounted'), /mounted/);
  });

  test('names: hostname, subdomain, hostAliases, dnsPolicy, dnsConfig', async () => {
    await create(
      { apiVersion: 'v1', kind: 'Service', metadata: { name: 'family' }, spec: { clusterIP: 'None', selector: { family: 'yes' }, ports: [{ port: 1 }] } },
      pod(
        'named',
        [sh(idle)],
        { hostname: 'child', subdomain: 'family', hostAliases: [{ ip: '10.9.8.7', hostnames: ['alias.test', 'alias'] }] },
        { labels: { family: 'yes' } },
      ),
      pod('dns-none', [sh(idle)], {
        dnsPolicy: 'None',
        dnsConfig: { nameservers: ['9.9.9.9'], searches: ['example.test'], options: [{ name: 'ndots', value: '2' }, { name: 'edns0' }] },
      }),
      pod('dns-default', [sh(idle)], { dnsPolicy: 'Default' }),
      pod('dns-first', [sh(idle)], { dnsConfig: { searches: ['more.test'] } }),
    );
    const named = await pods.until('is ready', 'named', isReady);
    assert.equal(await exec('named', 'hostname'), 'child\n');
    const hosts = await exec('named', 'cat /etc/hosts');
    assert.match(hosts, new RegExp(`${named.status.podIP}\\tchild\\.family\\.default\\.svc\\.cluster\\.local\\tchild`));
    assert.match(hosts, /10\.9\.8\.7\talias\.test\talias/);
    for (const name of ['dns-none', 'dns-default', 'dns-first']) await pods.until('is ready', name, isReady);
    await eventually('the name resolves elsewhere', async () =>
      (await exec('dns-first', 'nslookup child.family.default.svc.cluster.local')).includes(named.status.podIP ?? '?'),
    );
    assert.equal(await exec('dns-none', 'cat /etc/resolv.conf'), 'search example.test\nnameserver 9.9.9.9\noptions ndots:2 edns0\n');
    assert.match(
      await exec('dns-first', 'cat /etc/resolv.conf'),
      /^search default\.svc\.cluster\.local svc\.cluster\.local cluster\.local.* more\.test\nnameserver 10\.[\d.]+\noptions ndots:5/,
    );
    const host = readFileSync('/etc/resolv.conf', 'utf8');
    for (const [server] of host.matchAll(/^nameserver .*$/gm)) assert.ok((await exec('dns-default', 'cat /etc/resolv.conf')).includes(server), server);
  });

  test('hostNetwork and hostPort', async () => {
    const port = await freePort();
    const other = await freePort();
    await create(
      pod('host-net', [sh(`httpd -f -p ${other} -h /www`)], { hostNetwork: true }),
      pod('host-port', [{ name: 'main', image: 'hello:2', ports: [{ containerPort: 8080, hostPort: port }] }]),
      pod('host-port-too', [{ name: 'main', image: 'hello:2', ports: [{ containerPort: 8080, hostPort: port }] }]),
    );
    const net = await pods.until('is ready', 'host-net', isReady);
    assert.equal(net.status.podIP, net.status.hostIP);
    await eventually('the host network answers', async () => /hello 1/.test((await run('curl', ['-sS', `http://127.0.0.1:${other}`])).out));
    const first = await Promise.race(['host-port', 'host-port-too'].map(async (name) => pods.until('is ready', name, isReady)));
    for (const host of ['127.0.0.1', net.status.hostIP])
      await eventually(`hostPort answers on ${host}`, async () => /hello 2/.test((await run('curl', ['-sS', `http://${host}:${port}`])).out));
    const second = first.metadata.name === 'host-port' ? 'host-port-too' : 'host-port';
    const waits = await pods.until('waits for the port', second, (p) => p.status.conditions?.some((c) => c.type === 'PodScheduled' && c.status === 'False'));
    assert.match(
      waits.status.conditions?.find((c) => c.type === 'PodScheduled')?.message ?? '',
      /0\/1 nodes are available: 1 node\(s\) didn't have free ports for the requested pod ports/,
    );
    await k('delete', 'pod', first.metadata.name);
    await pods.until('takes the port over', second, isReady);
    await eventually('the port answers again', async () => /hello 2/.test((await run('curl', ['-sS', `http://127.0.0.1:${port}`])).out));
  });

  test('shareProcessNamespace, workingDir, and a changed environment of the image', async () => {
    await create(
      pod('shared', [sh(`pwd >/tmp/pwd; ${idle}`, { workingDir: '/www' }), sh('exec sleep 12345', { name: 'second' })], { shareProcessNamespace: true }),
    );
    await pods.until('is ready', 'shared', isReady);
    assert.equal(await exec('shared', 'cat /tmp/pwd'), '/www\n');
    assert.match(await exec('shared', 'ps'), /sleep 12345/);
  });
});
