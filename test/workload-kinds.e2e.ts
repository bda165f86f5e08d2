import assert from 'node:assert/strict';
import { join } from 'node:path';
import test, { after, before, describe } from 'node:test';
import { cannotRunContainers, eventually, root, useCluster, type Output } from './harness.ts';
import { idle, isReady, pod, sh, watchPods, type PodObject, type PodWatch } from './pod-kit.ts';

type Fields = Record<string, unknown>;
interface Named {
  metadata: { name: string; generation?: number; labels?: Record<string, string>; annotations?: Record<string, string> };
}

const template = { metadata: { labels: { app: 'x' } }, spec: { containers: [{ name: 'c', image: 'nginx:1' }] } };
const selector = { matchLabels: { app: 'x' } };
const jobTemplate = { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'busybox:1' }] } };
const object = (apiVersion: string, kind: string, name: string, rest: Fields): Fields => ({ apiVersion, kind, metadata: { name }, ...rest });

/** One of each, the columns of `kubectl get -o wide`, and the row as it is before any controller looks at it. */
const all: { type: string; manifest: Fields; columns: RegExp; row: RegExp }[] = [
  {
    type: 'statefulset',
    manifest: object('apps/v1', 'StatefulSet', 'web', { spec: { serviceName: 'web', replicas: 0, selector, template } }),
    columns: /^NAME +READY +AGE +CONTAINERS +IMAGES$/m,
    row: /^web +0\/0 +\S+ +c +nginx:1$/m,
  },
  {
    type: 'daemonset',
    manifest: object('apps/v1', 'DaemonSet', 'ds', {
      spec: { selector, template: { ...template, spec: { ...template.spec, nodeSelector: { none: 'here' } } } },
    }),
    columns: /^NAME +DESIRED +CURRENT +READY +UP-TO-DATE +AVAILABLE +NODE SELECTOR +AGE +CONTAINERS +IMAGES +SELECTOR$/m,
    row: /^ds +0 +0 +0 +0 +0 +none=here +\S+ +c +nginx:1 +app=x$/m,
  },
  {
    type: 'replicationcontroller',
    manifest: object('v1', 'ReplicationController', 'rc', { spec: { replicas: 0, template } }),
    columns: /^NAME +DESIRED +CURRENT +READY +AGE +CONTAINERS +IMAGES +SELECTOR$/m,
    row: /^rc +0 +0 +0 +\S+ +c +nginx:1 +app=x$/m,
  },
  {
    type: 'podtemplate',
    manifest: object('v1', 'PodTemplate', 'pt', { template }),
    columns: /^NAME +CONTAINERS +IMAGES +POD LABELS$/m,
    row: /^pt +c +nginx:1 +app=x$/m,
  },
  {
    type: 'controllerrevision',
    manifest: object('apps/v1', 'ControllerRevision', 'cr', { data: { spec: {} }, revision: 3 }),
    columns: /^NAME +CONTROLLER +REVISION +AGE$/m,
    row: /^cr +<none> +3 +\S+$/m,
  },
  {
    type: 'job',
    manifest: object('batch/v1', 'Job', 'pi', { spec: { suspend: true, template: jobTemplate } }),
    columns: /^NAME +STATUS +COMPLETIONS +DURATION +AGE +CONTAINERS +IMAGES +SELECTOR$/m,
    row: /^pi +\S+ +0\/1 +.*c +busybox:1 +batch.kubernetes.io\/controller-uid=[0-9a-f-]+$/m,
  },
  {
    type: 'cronjob',
    manifest: object('batch/v1', 'CronJob', 'cron', {
      spec: { schedule: '0 0 1 1 *', timeZone: 'Europe/Madrid', suspend: true, jobTemplate: { spec: { template: jobTemplate } } },
    }),
    columns: /^NAME +SCHEDULE +TIMEZONE +SUSPEND +ACTIVE +LAST SCHEDULE +AGE +CONTAINERS +IMAGES +SELECTOR$/m,
    row: /^cron +0 0 1 1 \* +Europe\/Madrid +True +0 +<none> +\S+ +c +busybox:1 +<none>$/m,
  },
  {
    type: 'horizontalpodautoscaler',
    manifest: object('autoscaling/v2', 'HorizontalPodAutoscaler', 'hpa', {
      spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'nothing' }, maxReplicas: 4 },
    }),
    columns: /^NAME +REFERENCE +TARGETS +MINPODS +MAXPODS +REPLICAS +AGE$/m,
    row: /^hpa +Deployment\/nothing +cpu: <unknown>\/80% +1 +4 +0 +\S+$/m,
  },
  {
    type: 'poddisruptionbudget',
    manifest: object('policy/v1', 'PodDisruptionBudget', 'pdb', { spec: { minAvailable: '50%', selector: { matchLabels: { app: 'nobody' } } } }),
    columns: /^NAME +MIN AVAILABLE +MAX UNAVAILABLE +ALLOWED DISRUPTIONS +AGE$/m,
    row: /^pdb +50% +N\/A +0 +\S+$/m,
  },
  {
    type: 'priorityclass',
    manifest: object('scheduling.k8s.io/v1', 'PriorityClass', 'gold', { value: 1000, description: 'gold' }),
    columns: /^NAME +VALUE +GLOBAL-DEFAULT +AGE +PREEMPTIONPOLICY$/m,
    row: /^gold +1000 +false +\S+ +PreemptLowerPriority$/m,
  },
  {
    type: 'runtimeclass',
    manifest: object('node.k8s.io/v1', 'RuntimeClass', 'fast', { handler: 'runc' }),
    columns: /^NAME +HANDLER +AGE$/m,
    row: /^fast +runc +\S+$/m,
  },
];

describe('workload kinds as kubectl uses them', () => {
  const my = useCluster('--runtime', 'sim', '--sim-nodes', '2', '--nodes', '0');
  const k = (...args: string[]): Promise<string> => my.cluster.kubectl(...args);
  const json = <T>(...args: string[]): Promise<T> => my.cluster.json<T>(...args);
  const on = (input: unknown, ...args: string[]): Promise<Output> => my.cluster.tryKubectl(args, { input: JSON.stringify(input) });
  const fails = async (message: RegExp, ...args: string[]): Promise<void> => {
    const result = await my.cluster.tryKubectl(args);
    assert.notEqual(result.code, 0, `kubectl ${args.join(' ')} should have failed: ${result.out}`);
    assert.match(result.err, message);
  };

  for (const { type, manifest, columns, row } of all)
    test(`${type}: apply, get -o wide, explain, patch, label, server-side apply, delete`, async () => {
      const { name } = (manifest as unknown as Named).metadata;
      const applied = await on(manifest, 'apply', '--validate=strict', '-f', '-');
      assert.equal(applied.code, 0, applied.err);
      assert.equal(applied.err, '');
      const table = await k('get', type, '-o', 'wide');
      assert.match(table, columns);
      assert.match(table, row);
      // The patch strategy of a budget's selector is `replace`, which kubectl always sends.
      assert.match((await on(manifest, 'apply', '-f', '-')).out, type === 'poddisruptionbudget' ? /configured/ : /unchanged/);
      assert.equal((await on(manifest, 'diff', '-f', '-')).out, '');
      assert.match(await k('explain', type, '--recursive'), /KIND: +\w+\nVERSION: +\S+/);
      await k('patch', type, name, '--type=merge', '-p', '{"metadata":{"annotations":{"a":"b"}}}');
      await k('patch', type, name, '--type=json', '-p', '[{"op":"add","path":"/metadata/labels","value":{"l":"1"}}]');
      await k('label', type, name, 'l=2', '--overwrite');
      assert.deepEqual((await json<Named>('get', type, name)).metadata.labels, { l: '2' });
      const owned = await on(manifest, 'apply', '--server-side', '--force-conflicts', '-f', '-');
      assert.equal(owned.code, 0, owned.err);
      assert.match(await k('describe', type, name), new RegExp(`^Name: +${name}$`, 'm'));
      assert.match(await k('delete', type, name), /deleted/);
      await fails(/not found/, 'get', type, name);
    });

  test('replicas are scaled, images set, and what may not change is refused with the texts of Kubernetes', async () => {
    await on(object('apps/v1', 'StatefulSet', 'web', { spec: { serviceName: 'web', replicas: 0, selector, template } }), 'apply', '-f', '-');
    await on(object('v1', 'ReplicationController', 'rc', { spec: { replicas: 0, template } }), 'apply', '-f', '-');
    for (const target of ['sts/web', 'rc/rc']) {
      await k('scale', target, '--replicas=1');
      assert.equal(await k('get', target, '-o', 'jsonpath={.spec.replicas}'), '1');
      await k('scale', target, '--current-replicas=1', '--replicas=0');
    }
    await k('set', 'image', 'sts/web', 'c=nginx:2');
    const changed = await json<Named & { spec: { template: { spec: { containers: { image: string }[] } } } }>('get', 'sts', 'web');
    assert.equal(changed.spec.template.spec.containers[0]!.image, 'nginx:2');
    await fails(/updates to statefulset spec for fields other than 'replicas', 'ordinals'/, 'patch', 'sts', 'web', '-p', '{"spec":{"serviceName":"other"}}');
    await k('delete', 'sts/web', 'rc/rc');
  });

  test('kubectl makes jobs, cron jobs, budgets, priorities and autoscalers', async () => {
    await k('create', 'cronjob', 'tick', '--image=busybox:1', '--schedule=*/5 * * * *');
    await k('patch', 'cronjob', 'tick', '-p', '{"spec":{"suspend":true}}');
    await k('create', 'job', 'by-hand', '--from=cronjob/tick');
    const job = await json<Named & { spec: { selector: { matchLabels: Record<string, string> } } }>('get', 'job', 'by-hand');
    assert.deepEqual(Object.keys(job.spec.selector.matchLabels), ['batch.kubernetes.io/controller-uid']);
    assert.equal(job.metadata.annotations?.['cronjob.kubernetes.io/instantiate'], 'manual');
    await fails(/must be no more than 52 characters/, 'create', 'cronjob', 'x'.repeat(53), '--image=busybox:1', '--schedule=* * * * *');
    await fails(/expected exactly 5 fields, found 1: \[now\]/, 'create', 'cronjob', 'odd', '--image=busybox:1', '--schedule=now');
    const bare = await my.cluster.tryKubectl(['delete', '--raw', '/apis/batch/v1/namespaces/default/jobs/by-hand']);
    assert.match(bare.err, /Warning: child pods are preserved by default when jobs are deleted/);
    await k('create', 'pdb', 'min', '--selector=app=y', '--min-available=1');
    await k('create', 'priorityclass', 'silver', '--value=5', '--preemption-policy=Never');
    await fails(/maximum allowed value of a user defined priority is 1000000000/, 'create', 'priorityclass', 'huge', '--value=2000000000');
    assert.match(await k('get', 'pc'), /^system-cluster-critical +2000000000 +false [\s\S]*^system-node-critical +2000001000 +false /m);
    await k('create', 'deployment', 'scaled', '--image=nginx:1', '--replicas=1');
    await k('autoscale', 'deployment', 'scaled', '--min=2', '--max=5', '--cpu-percent=70');
    const v1 = await json<{ apiVersion: string; spec: { targetCPUUtilizationPercentage: number } }>('get', 'horizontalpodautoscalers.v1.autoscaling', 'scaled');
    assert.deepEqual([v1.apiVersion, v1.spec.targetCPUUtilizationPercentage], ['autoscaling/v1', 70]);
    await k('patch', 'horizontalpodautoscalers.v1.autoscaling', 'scaled', '--type=merge', '-p', '{"spec":{"targetCPUUtilizationPercentage":60}}');
    const v2 = await json<{ apiVersion: string; spec: { metrics: unknown[] } }>('get', 'hpa', 'scaled');
    assert.deepEqual(
      [v2.apiVersion, v2.spec.metrics],
      ['autoscaling/v2', [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 60 } } }]],
    );
    await k('delete', 'cronjob/tick', 'pdb/min', 'pc/silver', 'hpa/scaled', 'deployment/scaled');
  });

  test('warnings reach the user', async () => {
    const old = { ...template, spec: { ...template.spec, nodeSelector: { 'beta.kubernetes.io/os': 'linux' } } };
    const result = await on(object('apps/v1', 'Deployment', 'a.b', { spec: { replicas: 0, selector, template: old } }), 'apply', '-f', '-');
    assert.equal(result.code, 0, result.err);
    assert.match(result.err, /Warning: metadata.name: this is used in Pod names and hostnames/);
    assert.match(result.err, /Warning: spec.template.spec.nodeSelector\[beta.kubernetes.io\/os\]: deprecated since v1.14; use "kubernetes.io\/os" instead/);
    await k('delete', 'deployment', 'a.b');
  });

  /** What a disruption controller would find: as many healthy pods as wanted, and so many to spare. */
  const setBudget = async (name: string, minAvailable: number, healthy: number): Promise<void> => {
    await k('patch', 'pdb', name, '--type=merge', '-p', JSON.stringify({ spec: { minAvailable } }));
    const { metadata } = await json<Named>('get', 'pdb', name);
    const status = {
      observedGeneration: metadata.generation,
      desiredHealthy: minAvailable,
      currentHealthy: healthy,
      expectedPods: healthy,
      disruptionsAllowed: healthy - minAvailable,
    };
    await k('patch', 'pdb', name, '--subresource=status', '--type=merge', '-p', JSON.stringify({ status }));
  };

  test('drain waits for a disruption budget, and goes on when it allows', async () => {
    const make = (name: string): Fields =>
      pod(name, [{ name: 'c', image: 'nginx:1' }], { nodeName: 'sim-node-1' }, { labels: { app: 'kept' }, ownerReferences: [] });
    const node = (await json<{ items: Named[] }>('get', 'nodes')).items[0]!.metadata.name;
    for (const name of ['kept-1', 'kept-2']) await on({ ...make(name), spec: { ...(make(name)['spec'] as Fields), nodeName: node } }, 'create', '-f', '-');
    await k('wait', 'pod', '-l', 'app=kept', '--for=condition=Ready', '--timeout=120s');
    await k('create', 'pdb', 'kept', '--selector=app=kept', '--min-available=2');
    await setBudget('kept', 2, 2);
    const drain = ['drain', node, '--force', '--ignore-daemonsets', '--delete-emptydir-data', '--pod-selector=app=kept'];
    const stuck = await my.cluster.tryKubectl([...drain, '--timeout=2s']);
    assert.notEqual(stuck.code, 0);
    assert.match(stuck.err, /Cannot evict pod as it would violate the pod's disruption budget/);
    assert.equal((await json<{ items: PodObject[] }>('get', 'pods', '-l', 'app=kept')).items.length, 2);
    // A dry run takes nothing from the budget.
    await setBudget('kept', 1, 2);
    await k(...drain, '--dry-run=server');
    assert.equal(await k('get', 'pdb', 'kept', '-o', 'jsonpath={.status.disruptionsAllowed}'), '1');
    await setBudget('kept', 0, 2);
    assert.match(await k(...drain, '--timeout=120s'), /evicted/);
    await k('uncordon', node);
    await k('delete', 'pdb', 'kept');
  });

  test('pods are resized through their own door', async () => {
    const resources = { requests: { cpu: '100m' }, limits: { cpu: '200m' } };
    await on(pod('big', [{ name: 'c', image: 'nginx:1', resources }]), 'create', '-f', '-');
    const bigger = JSON.stringify({ spec: { containers: [{ name: 'c', resources: { limits: { cpu: '300m' } } }] } });
    await fails(/pod updates may not change fields other than `spec.containers\[\*\].image`[\s\S]*-[ ]+"cpu": "200m"/, 'patch', 'pod', 'big', '-p', bigger);
    await k('patch', 'pod', 'big', '--subresource=resize', '-p', bigger);
    assert.equal(await k('get', 'pod', 'big', '-o', 'jsonpath={.spec.containers[0].resources.limits.cpu} {.metadata.generation}'), '300m 2');
    await k('delete', 'pod', 'big', '--now');
  });
});

interface Debugged extends PodObject {
  spec: PodObject['spec'] & { ephemeralContainers?: { name: string; targetContainerName?: string }[] };
  status: PodObject['status'] & { ephemeralContainerStatuses?: { name: string; state: { running?: object; terminated?: { exitCode: number } } }[] };
}

describe('kubectl debug', { skip: cannotRunContainers() ?? false }, () => {
  const my = useCluster('--nodes', '1', '--preload', join(root, 'dist/images'));
  const k = (...args: string[]): Promise<string> => my.cluster.kubectl(...args);
  let pods: PodWatch;
  before(() => {
    pods = watchPods(my.cluster);
  });
  after(() => pods.stop());
  const ephemeral = (p: PodObject, i = 0) => (p as Debugged).status.ephemeralContainerStatuses?.[i];

  test('an ephemeral container runs in the pod, sees the processes of its target, ends, and stays ended', async () => {
    await my.cluster.apply(JSON.stringify(pod('main', [sh(idle)])));
    await pods.until('is ready', 'main', isReady);
    await k(
      'debug',
      'main',
      '--image=hello:1',
      '--target=main',
      '--container=look',
      '--profile=general',
      '--',
      'sh',
      '-c',
      'tr "\\0" " " < /proc/1/cmdline; exit 3',
    );
    const ended = await pods.until('the debugger ended', 'main', (p) => ephemeral(p)?.state.terminated);
    assert.equal(ephemeral(ended)?.state.terminated?.exitCode, 3);
    assert.ok(isReady(ended), 'the pod does not mind');
    assert.match(await k('logs', 'main', '-c', 'look'), /trap "exit 0" TERM/);
    assert.match(await k('describe', 'pod', 'main'), /Ephemeral Containers:\n +look:[\s\S]*Exit Code: +3/);
    const again = await my.cluster.tryKubectl(['debug', 'main', '--image=hello:1', '--container=look', '--profile=general', '--', 'true']);
    assert.notEqual(again.code, 0);
    // One that stays: exec goes into it.
    await k('debug', 'main', '--image=hello:1', '--container=stay', '--profile=general', '--', 'sh', '-c', idle);
    await pods.until('the second runs', 'main', (p) => ephemeral(p, 1)?.state.running);
    assert.match(await k('exec', 'main', '-c', 'stay', '--', 'echo', 'inside'), /inside/);
    await k('delete', 'pod', 'main');
    await eventually('the pod is gone', async () => pods.latest('main') === undefined);
  });

  test('drain evicts from a real node', async () => {
    await my.cluster.apply(JSON.stringify(pod('victim', [sh(idle)])));
    await pods.until('is ready', 'victim', isReady);
    assert.match(await k('drain', 'node-1', '--force', '--ignore-daemonsets', '--timeout=120s'), /pod\/victim evicted/);
    await pods.gone('victim');
    await k('uncordon', 'node-1');
  });
});
