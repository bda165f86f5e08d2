import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { after, before, describe } from 'node:test';
import { background, cannotRunContainers, eventually, root, run, useCluster } from './harness.ts';
import { idle, isReady, main, pod, sh, waitingFor, watchPods, type PodWatch } from './pod-kit.ts';

/** What a user sees of the life of pods: starting, failing, restarting, probing, ending. */
describe('the life of pods', { skip: cannotRunContainers() ?? false, concurrency: 4 }, () => {
  const my = useCluster('--preload', join(root, 'dist/images'));
  let pods: PodWatch;
  before(() => {
    pods = watchPods(my.cluster);
  });
  after(() => pods.stop());
  const k = (...args: string[]): Promise<string> => my.cluster.kubectl(...args);
  const create = (...objects: unknown[]): Promise<string> => my.cluster.apply(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
  const events = async (name: string): Promise<string> =>
    k('get', 'events', '--field-selector', `involvedObject.name=${name}`, '-o', 'custom-columns=R:.reason,M:.message,C:.count', '--no-headers');

  test('init containers run in order, a sidecar beside the rest, and each sees the volume', async () => {
    await create(
      pod('inits', [sh(`cat /data/order; ${idle}`, { volumeMounts: [{ name: 'data', mountPath: '/data' }] })], {
        volumes: [{ name: 'data', emptyDir: {} }],
        initContainers: [
          sh('sleep 0.5; echo one >>/data/order', { name: 'one', volumeMounts: [{ name: 'data', mountPath: '/data' }] }),
          sh(`echo side >>/data/order; ${idle}`, { name: 'side', restartPolicy: 'Always', volumeMounts: [{ name: 'data', mountPath: '/data' }] }),
          sh('echo two >>/data/order', { name: 'two', volumeMounts: [{ name: 'data', mountPath: '/data' }] }),
        ],
      }),
    );
    const up = await pods.until('is ready', 'inits', isReady);
    await pods.shows('inits', /2\/2\s+Running\s+0/);
    assert.equal((await k('logs', 'inits', '-c', 'main')).trim(), 'one\nside\ntwo');
    assert.deepEqual(
      up.status.initContainerStatuses?.map((s) => [s.name, s.state.terminated?.reason ?? (s.state.running ? 'running' : ''), s.ready, s.started]),
      [
        ['one', 'Completed', true, false],
        ['side', 'running', true, true],
        ['two', 'Completed', true, false],
      ],
    );
    await pods.showed('inits', ['Init:0/3', 'Running']);
  });

  test('a failing init container: Init:Error, then Init:CrashLoopBackOff, and the pod stays Pending', async () => {
    await create(pod('bad-init', [sh(idle)], { initContainers: [sh('echo trying; exit 3', { name: 'setup' })] }));
    await pods.until(
      'backs off',
      'bad-init',
      (p) => p.status.initContainerStatuses?.[0]?.state.waiting?.reason === 'CrashLoopBackOff' && p.status.initContainerStatuses[0].restartCount >= 1,
    );
    await pods.showed('bad-init', ['Init:Error', 'Init:CrashLoopBackOff']);
    const bad = pods.latest('bad-init');
    assert.equal(bad?.status.phase, 'Pending');
    assert.equal(bad?.status.initContainerStatuses?.[0]?.lastState.terminated?.exitCode, 3);
    assert.equal(bad && waitingFor(bad), 'PodInitializing');
    assert.match(await k('logs', 'bad-init', '-c', 'setup'), /trying/);
    const refused = await my.cluster.tryKubectl(['logs', 'bad-init', '-c', 'main']);
    assert.match(refused.err, /container "main" in pod "bad-init" is waiting to start: PodInitializing/);
  });

  test('a failing init container of a pod that never restarts fails the pod', async () => {
    await create(pod('never-init', [sh(idle)], { restartPolicy: 'Never', initContainers: [sh('exit 4', { name: 'setup' })] }));
    await pods.until('fails', 'never-init', (p) => p.status.phase === 'Failed');
    await pods.shows('never-init', /0\/1\s+Init:Error\s+0/);
  });

  test('a sidecar that dies is started again; a Job-like pod ends with its main container and the sidecar last', async () => {
    await create(
      pod('side-dies', [sh(idle)], { initContainers: [sh('sleep 1; exit 9', { name: 'side', restartPolicy: 'Always' })] }),
      pod('side-job', [sh('sleep 1; exit 0')], {
        restartPolicy: 'Never',
        initContainers: [sh('trap "echo bye; exit 0" TERM; while :; do sleep 1000 & wait $!; done', { name: 'side', restartPolicy: 'Always' })],
      }),
    );
    await pods.until(
      'restarts the sidecar',
      'side-dies',
      (p) => (p.status.initContainerStatuses?.[0]?.restartCount ?? 0) >= 1 && main(p)?.restartCount === 0 && p.status.phase === 'Running',
    );
    const done = await pods.until('completes', 'side-job', (p) => p.status.phase === 'Succeeded');
    assert.ok(done.status.initContainerStatuses?.[0]?.state.terminated, JSON.stringify(done.status.initContainerStatuses));
    await pods.shows('side-job', /0\/2\s+Completed\s+0/);
    assert.match(await k('logs', 'side-job', '-c', 'side'), /bye/);
  });

  test('restartPolicy Always: Error, CrashLoopBackOff, growing restart count, logs --previous', async () => {
    const count = { volumes: [{ name: 'd', emptyDir: {} }] };
    const counting = (then: string) => sh(`echo x >>/d/n; echo try $(wc -l </d/n); ${then}`, { volumeMounts: [{ name: 'd', mountPath: '/d' }] });
    await create(pod('crash', [counting('exit 5')], count), pod('crash-once', [counting(`[ $(wc -l </d/n) -gt 1 ] || exit 1; ${idle}`)], count));
    await pods.until('runs again', 'crash-once', (p) => main(p)?.restartCount === 1 && isReady(p));
    assert.equal(await k('logs', 'crash-once'), 'try 2\n');
    assert.equal(await k('logs', 'crash-once', '--previous'), 'try 1\n');
    assert.match((await my.cluster.tryKubectl(['logs', 'crash', '--previous', '-c', 'none'])).err, /container none is not valid for pod crash/);
    const seen = await pods.until('restarted twice', 'crash', (p) => (main(p)?.restartCount ?? 0) >= 2 && waitingFor(p) === 'CrashLoopBackOff');
    await pods.showed('crash', ['Error', 'CrashLoopBackOff']);
    await pods.shows('crash', /0\/1\s+CrashLoopBackOff\s+2 \(\d+s ago\)/);
    assert.equal(main(seen)?.lastState.terminated?.exitCode, 5);
    assert.match(main(seen)?.state.waiting?.message ?? '', /^back-off 20s restarting failed container=main pod=crash_default\(/);
    assert.equal(seen.status.phase, 'Running');
    assert.equal(await k('logs', 'crash'), 'try 3\n');
    assert.equal(await k('logs', 'crash', '--previous'), 'try 3\n', 'while it waits, the last end is both');
    assert.match(await events('crash'), /BackOff\s+Back-off restarting failed container main in pod crash_default/);
    assert.match(await k('describe', 'pod', 'crash'), /Last State:\s+Terminated\s+Reason:\s+Error\s+Exit Code:\s+5/);
  });

  test('restartPolicy OnFailure restarts failures only; Never restarts nothing', async () => {
    await create(
      pod('on-failure', [sh('if [ -e /data/x ]; then exit 0; fi; touch /data/x; exit 1', { volumeMounts: [{ name: 'd', mountPath: '/data' }] })], {
        restartPolicy: 'OnFailure',
        volumes: [{ name: 'd', emptyDir: {} }],
      }),
      pod('never-ok', [sh('echo done')], { restartPolicy: 'Never' }),
      pod('never-bad', [sh('exit 42'), sh('exit 0', { name: 'second' })], { restartPolicy: 'Never' }),
      pod(
        'by-rule',
        [sh('sleep 1; exit 42', { restartPolicy: 'Never', restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }] })],
        { restartPolicy: 'Never' },
      ),
      pod('always-ok', [sh('exit 0')]),
    );
    const failed = await pods.until('fails', 'never-bad', (p) => p.status.phase === 'Failed');
    assert.equal(main(failed)?.state.terminated?.exitCode, 42);
    await pods.shows('never-bad', /0\/2\s+Error\s+0/);
    await pods.until('succeeds', 'never-ok', (p) => p.status.phase === 'Succeeded');
    await pods.shows('never-ok', /0\/1\s+Completed\s+0/);
    const again = await pods.until('succeeds', 'on-failure', (p) => p.status.phase === 'Succeeded');
    assert.equal(main(again)?.restartCount, 1);
    const rule = await pods.until('backs off by its rule', 'by-rule', (p) => waitingFor(p) === 'CrashLoopBackOff');
    assert.equal(rule.status.phase, 'Running');
    await pods.until('backs off though it succeeded', 'always-ok', (p) => waitingFor(p) === 'CrashLoopBackOff');
    await pods.showed('always-ok', ['Completed', 'CrashLoopBackOff']);
    assert.equal((await k('wait', 'pod/never-ok', '--for=jsonpath={.status.phase}=Succeeded', '--timeout=120s')).trim(), 'pod/never-ok condition met');
  });

  test('several containers: one crashes, the others run on, all share the network', async () => {
    await create(pod('several', [sh(idle, { name: 'a' }), { name: 'web', image: 'hello:2' }, sh('sleep 1; exit 1', { name: 'main' })]));
    const p = await pods.until(
      'restarted one',
      'several',
      (o) => (main(o)?.restartCount ?? 0) >= 1 && o.status.containerStatuses?.filter((c) => c.ready).length === 2,
    );
    assert.deepEqual(
      p.status.containerStatuses?.map((c) => c.name),
      ['a', 'web', 'main'],
    );
    assert.match(await k('exec', 'several', '-c', 'a', '--', 'wget', '-qO-', 'http://127.0.0.1:8080'), /hello 2/);
    assert.match((await my.cluster.tryKubectl(['exec', 'several', '--', 'true'])).err, /Defaulted container "a" out of: a, web, main/);
  });

  test('a memory hog is OOMKilled', async () => {
    await create(pod('hog', [sh('head -c 200m /dev/zero | tail', { resources: { limits: { memory: '20Mi' } } })], { restartPolicy: 'Never' }));
    const p = await pods.until('is killed', 'hog', (o) => o.status.phase === 'Failed');
    assert.deepEqual([main(p)?.state.terminated?.exitCode, main(p)?.state.terminated?.reason], [137, 'OOMKilled'], JSON.stringify(main(p)?.state));
    await pods.shows('hog', /OOMKilled/);
  });

  const probe = { periodSeconds: 1, failureThreshold: 1, timeoutSeconds: 1 };
  test('liveness probes (exec, http, tcp) restart what fails them, and not what passes', async () => {
    const http = (path: string) => ({ httpGet: { path, port: 8080 }, ...probe, initialDelaySeconds: 1 });
    await create(
      pod('live-exec', [sh(`touch /tmp/ok; (sleep 2; rm /tmp/ok) & ${idle}`, { livenessProbe: { exec: { command: ['cat', '/tmp/ok'] }, ...probe } })]),
      pod('live-http', [{ name: 'main', image: 'hello:1', livenessProbe: http('/missing') }]),
      pod('live-tcp', [sh(idle, { livenessProbe: { tcpSocket: { port: 9 }, ...probe } })]),
      pod('live-well', [{ name: 'main', image: 'hello:1', livenessProbe: http('/healthz'), readinessProbe: { tcpSocket: { port: 8080 }, ...probe } }]),
    );
    for (const name of ['live-exec', 'live-http', 'live-tcp']) await pods.until('is restarted', name, (p) => (main(p)?.restartCount ?? 0) >= 1);
    assert.match(await events('live-http'), /Unhealthy\s+Liveness probe failed: HTTP probe failed with statuscode: 404/);
    assert.match(await events('live-exec'), /Unhealthy\s+Liveness probe failed: cat: can't open/);
    assert.match(await events('live-tcp'), /Unhealthy\s+Liveness probe failed: dial tcp [\d.]+:9: connect: connection refused/);
    assert.match(await events('live-http'), /Killing\s+Container main failed liveness probe, will be restarted/);
    const well = await pods.until('is ready', 'live-well', isReady);
    assert.equal(main(well)?.restartCount, 0);
    await k('delete', 'pod', 'live-exec', 'live-http', 'live-tcp', 'live-well', '--wait=false');
  });

  test('readiness gates the endpoints; a startup probe holds the others back', async () => {
    await create(
      pod(
        'ready-gate',
        [
          sh('httpd -p 8080 -h /www; while :; do sleep 1000 & wait $!; done', {
            readinessProbe: { exec: { command: ['test', '-e', '/tmp/ready'] }, ...probe },
          }),
        ],
        {},
        { labels: { app: 'gate' } },
      ),
      { apiVersion: 'v1', kind: 'Service', metadata: { name: 'gate' }, spec: { selector: { app: 'gate' }, ports: [{ port: 80, targetPort: 8080 }] } },
      pod('startup', [
        sh(`(sleep 3; touch /tmp/up) & ${idle}`, {
          startupProbe: { exec: { command: ['test', '-e', '/tmp/up'] }, periodSeconds: 1, failureThreshold: 30 },
          livenessProbe: { exec: { command: ['test', '-e', '/tmp/up'] }, ...probe },
        }),
      ]),
      pod('startup-late', [sh(idle, { startupProbe: { exec: { command: ['false'] }, periodSeconds: 1, failureThreshold: 2 } })]),
    );
    const addresses = async (): Promise<string> => k('get', 'endpoints', 'gate', '-o', 'jsonpath={.subsets[*].addresses[*].ip}');
    const unready = await pods.until('runs, not ready', 'ready-gate', (p) => p.status.phase === 'Running' && main(p)?.state.running && !isReady(p));
    assert.equal(unready.status.conditions?.find((c) => c.type === 'Ready')?.message, 'containers with unready status: [main]');
    assert.equal(await addresses(), '');
    await k('exec', 'ready-gate', '--', 'touch', '/tmp/ready');
    const p = await pods.until('is ready', 'ready-gate', isReady);
    await eventually('endpoint appears', async () => (await addresses()) === p.status.podIP);
    await k('exec', 'ready-gate', '--', 'rm', '/tmp/ready');
    await pods.until('is not ready', 'ready-gate', (o) => !isReady(o));
    await eventually('endpoint disappears', async () => (await addresses()) === '');
    const started = await pods.until('has started', 'startup', (o) => main(o)?.started === true && isReady(o));
    assert.equal(main(started)?.restartCount, 0);
    await pods.until('is restarted', 'startup-late', (o) => (main(o)?.restartCount ?? 0) >= 1);
    await k('delete', 'pod', 'ready-gate', 'startup', 'startup-late', '--wait=false');
  });

  test('graceful termination: preStop, then SIGTERM, then the grace period; --force at once', async () => {
    const share = { volumes: [{ name: 'd', hostPath: { path: join(my.cluster.dir, 'graceful'), type: 'DirectoryOrCreate' } }] };
    const mount = { volumeMounts: [{ name: 'd', mountPath: '/d' }] };
    await create(
      pod(
        'graceful',
        [
          sh('trap "echo term >>/d/log; sleep 1; echo end >>/d/log; exit 0" TERM; while :; do sleep 1000 & wait $!; done', {
            ...mount,
            lifecycle: {
              preStop: { exec: { command: ['sh', '-c', 'echo stop >>/d/log; sleep 0.5'] } },
              postStart: { exec: { command: ['sh', '-c', 'echo start >>/d/log'] } },
            },
          }),
        ],
        { ...share, terminationGracePeriodSeconds: 20 },
      ),
      pod('stubborn', [sh('trap "" TERM; while :; do sleep 1; done')], { terminationGracePeriodSeconds: 2 }),
      pod('forced', [sh('trap "" TERM; while :; do sleep 1; done')], { terminationGracePeriodSeconds: 60 }),
    );
    await pods.until('is ready', 'graceful', isReady);
    await k('delete', 'pod', 'graceful');
    assert.equal(readFileSync(join(my.cluster.dir, 'graceful/log'), 'utf8'), 'start\nstop\nterm\nend\n');
    await pods.until('is ready', 'stubborn', isReady);
    const begun = Date.now();
    await k('delete', 'pod', 'stubborn');
    const took = Date.now() - begun;
    // However busy the machine is: not before its 2 s, and not after the 30 s that a pod has by default.
    assert.ok(took > 1900 && took < 30_000, `${took} ms for a grace period of 2 s`);
    await pods.showed('stubborn', ['Terminating']);
    await pods.until('is ready', 'forced', isReady);
    const since = Date.now();
    await k('delete', 'pod', 'forced', '--grace-period=0', '--force');
    assert.ok(Date.now() - since < 60_000, 'a forced deletion does not wait for the grace period of 60 s');
    await pods.gone('forced');
  });

  test('hooks: a postStart that fails kills the container; preStop may sleep; sidecars end after the main container, last first', async () => {
    const share = { volumes: [{ name: 'd', hostPath: { path: join(my.cluster.dir, 'order'), type: 'DirectoryOrCreate' } }] };
    const says = (name: string, more = {}) =>
      sh(`trap "echo ${name} >>/d/log; exit 0" TERM; while :; do sleep 1000 & wait $!; done`, {
        name,
        volumeMounts: [{ name: 'd', mountPath: '/d' }],
        ...more,
      });
    await create(
      pod('post-start', [sh(idle, { lifecycle: { postStart: { exec: { command: ['sh', '-c', 'echo no; exit 1'] } } } })]),
      pod('pre-sleep', [sh(idle, { lifecycle: { preStop: { sleep: { seconds: 2 } } } })], { terminationGracePeriodSeconds: 10 }),
      pod('order', [says('main', { lifecycle: { preStop: { httpGet: { path: '/', port: 1 } } } })], {
        ...share,
        terminationGracePeriodSeconds: 10,
        initContainers: [says('first', { restartPolicy: 'Always' }), says('second', { restartPolicy: 'Always' })],
      }),
    );
    await pods.until('is killed and tried again', 'post-start', (p) => (main(p)?.restartCount ?? 0) >= 1);
    assert.match(await events('post-start'), /FailedPostStartHook\s+PostStartHook failed: command 'sh -c echo no; exit 1' exited with 1: no/);
    await pods.until('is ready', 'pre-sleep', isReady);
    const begun = Date.now();
    await k('delete', 'pod', 'pre-sleep');
    assert.ok(Date.now() - begun >= 2000, 'the hook sleeps first');
    await pods.until('is ready', 'order', isReady);
    await k('delete', 'pod', 'order');
    assert.equal(readFileSync(join(my.cluster.dir, 'order/log'), 'utf8'), 'main\nsecond\nfirst\n');
    assert.match(await events('order'), /FailedPreStopHook/);
  });

  test('a finalizer keeps the object, not the containers; a pod is deleted while its image is pulled', async () => {
    await create(pod('kept', [sh(idle)], {}, { finalizers: ['batuta.dev/test'] }), pod('pulling', [sh(idle, { image: '127.0.0.1:1/none:1' })]));
    await pods.until('is ready', 'kept', isReady);
    await k('delete', 'pod', 'kept', '--wait=false');
    await pods.until('has no running container', 'kept', (p) => main(p)?.state.terminated);
    assert.ok(pods.latest('kept')?.metadata.deletionTimestamp);
    await k('patch', 'pod', 'kept', '--type=merge', '-p', '{"metadata":{"finalizers":null}}');
    await pods.gone('kept');
    await k('delete', 'pod', 'pulling', '--timeout=120s');
  });

  test('a shorter grace period given later counts at once', async () => {
    await create(pod('impatient', [sh('trap "" TERM; while :; do sleep 1; done')], { terminationGracePeriodSeconds: 300 }));
    await pods.until('is ready', 'impatient', isReady);
    await k('delete', 'pod', 'impatient', '--wait=false');
    await pods.until('is terminating', 'impatient', (p) => p.metadata.deletionTimestamp);
    await k('delete', 'pod', 'impatient', '--grace-period=1', '--wait=false');
    await pods.gone('impatient');
  });

  test('images that cannot be had', async () => {
    await create(
      pod('image-never', [sh(idle, { image: 'not-here:1', imagePullPolicy: 'Never' })]),
      pod('image-refused', [sh(idle, { image: '127.0.0.1:1/none/such:1' })]),
      pod('image-name', [sh(idle, { image: 'Not A Name!' })]),
    );
    await pods.until('says so', 'image-never', (p) => waitingFor(p) === 'ErrImageNeverPull');
    await pods.until('says so', 'image-name', (p) => waitingFor(p) === 'InvalidImageName');
    await pods.until('backs off', 'image-refused', (p) => waitingFor(p) === 'ImagePullBackOff');
    await pods.showed('image-refused', ['ErrImagePull', 'ImagePullBackOff']);
    assert.match(await events('image-refused'), /Failed\s+Failed to pull image "127.0.0.1:1\/none\/such:1": .*connection refused/);
    assert.match(await events('image-refused'), /BackOff\s+Back-off pulling image "127.0.0.1:1\/none\/such:1"/);
    await pods.shows('image-never', /0\/1\s+ErrImageNeverPull\s+0/);
    const refused = await my.cluster.tryKubectl(['logs', 'image-never']);
    assert.match(refused.err, /container "main" in pod "image-never" is waiting to start: ErrImageNeverPull/);
    await k('set', 'image', 'pod/image-never', 'main=hello:1');
    await pods.until('runs with the corrected image', 'image-never', isReady);
  });

  test('a missing ConfigMap is CreateContainerConfigError until it appears; a missing volume source holds the pod', async () => {
    await create(
      pod('needs-map', [sh(idle, { env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'later', key: 'a' } } }] })]),
      pod('needs-secret-volume', [sh(idle, { volumeMounts: [{ name: 's', mountPath: '/s' }] })], { volumes: [{ name: 's', secret: { secretName: 'later' } }] }),
    );
    const p = await pods.until('says so', 'needs-map', (o) => waitingFor(o) === 'CreateContainerConfigError');
    assert.equal(main(p)?.state.waiting?.message, 'configmap "later" not found');
    await pods.until('waits', 'needs-secret-volume', (o) => waitingFor(o) === 'ContainerCreating');
    await eventually('FailedMount event', async () =>
      /FailedMount\s+MountVolume.SetUp failed for volume "s" : secret "later" not found/.test(await events('needs-secret-volume')),
    );
    await k('create', 'configmap', 'later', '--from-literal=a=b');
    await k('create', 'secret', 'generic', 'later', '--from-literal=a=b');
    await pods.until('heals', 'needs-map', isReady);
    await pods.until('heals', 'needs-secret-volume', isReady);
  });

  test('a command that does not exist: RunContainerError and StartError 128', async () => {
    await create(
      pod('no-command', [{ name: 'main', image: 'hello:1', command: ['/no/such/program'] }]),
      pod('no-command-never', [{ name: 'main', image: 'hello:1', command: ['/no/such/program'] }], { restartPolicy: 'Never' }),
    );
    const p = await pods.until('backs off', 'no-command', (o) => waitingFor(o) === 'CrashLoopBackOff');
    const last = main(p)?.lastState.terminated;
    assert.deepEqual([last?.exitCode, last?.reason], [128, 'StartError'], JSON.stringify(main(p)));
    assert.match(last?.message ?? '', /no such file or directory/);
    await pods.showed('no-command', ['RunContainerError', 'CrashLoopBackOff']);
    const never = await pods.until('fails', 'no-command-never', (o) => o.status.phase === 'Failed');
    assert.deepEqual([main(never)?.state.terminated?.exitCode, main(never)?.state.terminated?.reason], [128, 'StartError']);
    await pods.shows('no-command-never', /0\/1\s+StartError\s+0/);
  });

  test('the last words: termination file, another path, the log on error', async () => {
    await create(
      pod(
        'words',
        [
          sh('echo -n farewell >/dev/termination-log; exit 1'),
          sh('echo -n other >/tmp/last', { name: 'path', terminationMessagePath: '/tmp/last' }),
          sh('echo from the log; exit 1', { name: 'log', terminationMessagePolicy: 'FallbackToLogsOnError' }),
        ],
        { restartPolicy: 'Never' },
      ),
    );
    const p = await pods.until('ends', 'words', (o) => o.status.phase === 'Failed');
    assert.deepEqual(
      p.status.containerStatuses?.map((c) => c.state.terminated?.message),
      ['farewell', 'other', 'from the log\n'],
    );
  });

  test('activeDeadlineSeconds fails the pod', async () => {
    await create(pod('deadline', [sh(idle)], { activeDeadlineSeconds: 2 }));
    const p = await pods.until('fails', 'deadline', (o) => o.status.phase === 'Failed');
    assert.equal(p.status.reason, 'DeadlineExceeded');
    assert.match(await k('describe', 'pod', 'deadline'), /Reason:\s+DeadlineExceeded/);
    assert.ok(main(p)?.state.terminated, JSON.stringify(p.status));
  });

  test('kubectl logs with its options', async () => {
    await create(
      pod('logs', [
        sh(`for i in 1 2 3 4 5; do echo line $i; done; until [ -e /tmp/go ]; do sleep 0.1; done; echo late; ${idle}`),
        sh(`echo other; ${idle}`, { name: 'second' }),
      ]),
    );
    await pods.until('is ready', 'logs', isReady);
    const follow = background('kubectl', ['logs', '-f', 'logs', '-c', 'main'], { KUBECONFIG: my.cluster.kubeconfig });
    assert.equal(await k('logs', 'logs', '-c', 'main', '--tail=2'), 'line 4\nline 5\n');
    assert.equal(await k('logs', 'logs', '-c', 'main', '--tail=0'), '');
    assert.equal(await k('logs', 'logs', '-c', 'main', '--limit-bytes=6'), 'line 1');
    assert.match(await k('logs', 'logs', '-c', 'main', '--timestamps', '--tail=1'), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3,9}Z line 5\n$/);
    // kubectl asks for the containers in no particular order.
    const prefixed = await k('logs', 'logs', '--all-containers', '--prefix');
    for (const line of ['[pod/logs/main] line 1', '[pod/logs/second] other']) assert.ok(prefixed.split('\n').includes(line), prefixed);
    await k('exec', 'logs', '-c', 'main', '--', 'touch', '/tmp/go');
    await eventually('follow shows what comes', async () => /line 1[^]*late/.test(follow.output()));
    const [late = ''] = (await k('logs', 'logs', '-c', 'main', '--timestamps', '--tail=1')).split(' ', 1);
    assert.equal(await k('logs', 'logs', '-c', 'main', `--since-time=${late}`), 'late\n');
    assert.match((await my.cluster.tryKubectl(['logs', 'logs', '-c', 'none'])).err, /container none is not valid for pod logs/);
    await k('delete', 'pod', 'logs');
    await eventually('follow ends with the container', async () => follow.child.exitCode === 0);
    await follow.stop();
  });

  test('kubectl exec -it gives a terminal, attach -i reaches stdin, cp takes directories', async () => {
    await create(
      pod('tty', [sh(idle)]),
      pod('attached', [sh('while read line; do echo "got $line"; done; echo eof', { stdin: true, stdinOnce: true })], { restartPolicy: 'Never' }),
    );
    await pods.until('is ready', 'tty', isReady);
    const env = { KUBECONFIG: my.cluster.kubeconfig, TERM: 'xterm' };
    const typed = await run('script', ['-qec', 'stty rows 40 cols 111; kubectl exec -it tty -- sh -c "tty; sleep 1; stty size; exit 3"', '/dev/null'], { env });
    assert.match(typed.out, /\/dev\/pts\/\d+\r\n[^]*40 111\r\n/);
    assert.equal(typed.code, 3);
    await pods.until('is ready', 'attached', isReady);
    const attached = await my.cluster.tryKubectl(['attach', '-i', 'attached'], { input: 'one\ntwo\n' });
    assert.match(attached.out, /got one\ngot two/, attached.err);
    await pods.until('ends with its input', 'attached', (p) => p.status.phase === 'Succeeded');
    const from = join(my.cluster.dir, 'tree');
    mkdirSync(join(from, 'deep/er'), { recursive: true });
    writeFileSync(join(from, 'a'), 'A');
    writeFileSync(join(from, 'deep/er/b'), 'B');
    await k('cp', from, 'tty:/tmp/tree');
    assert.equal(await k('exec', 'tty', '--', 'cat', '/tmp/tree/a', '/tmp/tree/deep/er/b'), 'AB');
    await k('cp', 'tty:/tmp/tree', `${from}-back`);
    assert.equal(readFileSync(join(`${from}-back`, 'deep/er/b'), 'utf8'), 'B');
  });

  test('kubectl run -it --rm, and exec into what does not exist', async () => {
    const ran = await my.cluster.tryKubectl(['run', 'once', '-i', '--rm', '--restart=Never', '--image=hello:1', '--command', '--', 'sh', '-c', 'cat; exit 0'], {
      input: 'piped',
    });
    assert.match(ran.out, /piped/, ran.err);
    assert.equal(ran.code, 0, ran.err);
    await create(pod('here', [sh(idle)]));
    await pods.until('is ready', 'here', isReady);
    const none = await my.cluster.tryKubectl(['exec', 'here', '--', 'no-such-program']);
    assert.match(none.err, /executable file not found/);
    assert.notEqual(none.code, 0);
    assert.match((await my.cluster.tryKubectl(['exec', 'here', '-c', 'x', '--', 'true'])).err, /container not found|container x is not valid for pod here/);
    assert.match((await my.cluster.tryKubectl(['exec', 'nobody', '--', 'true'])).err, /pods "nobody" not found/);
  });
});
