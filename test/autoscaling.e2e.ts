import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { cannotRunContainers, eventually, root, useCluster, type Cluster } from './harness.ts';
import { idle, pod, sh } from './pod-kit.ts';

interface Autoscaler {
  status: {
    currentReplicas: number;
    desiredReplicas: number;
    conditions: { type: string; status: string; reason: string }[];
    currentMetrics?: { type: string; pods?: { current: { averageValue: string } } }[];
  };
}
type Fields = Record<string, unknown>;
const quick = ['--hpa-sync-period', '1', '--hpa-downscale-stabilization', '3', '--hpa-cpu-initialization-period', '0', '--scrape-interval', '2'];

function deployment(name: string, container: Fields, annotations: Record<string, string> = {}, replicas = 1): Fields {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name }, annotations },
        spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'main', image: 'app:1', ...container }] },
      },
    },
  };
}
function autoscaler(name: string, metrics: Fields[], spec: Fields = {}): Fields {
  const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name };
  return {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name },
    spec: { scaleTargetRef, minReplicas: 1, maxReplicas: 5, metrics, ...spec },
  };
}
const apply = (cluster: Cluster, ...items: Fields[]): Promise<string> => cluster.apply(JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
async function replicas(cluster: Cluster, what: string, wanted: number): Promise<void> {
  try {
    await eventually(`${what} has ${wanted} replicas`, async () => (await cluster.kubectl('get', what, '-o', 'jsonpath={.spec.replicas}')) === String(wanted));
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${await cluster.kubectl('describe', 'hpa')}`, { cause: error });
  }
}

describe('autoscaling on simulated nodes', () => {
  const my = useCluster('--runtime', 'sim', '--nodes', '0', '--sim-nodes', '2', '--store', 'memory', ...quick);
  const k = (...args: string[]): Promise<string> => my.cluster.kubectl(...args);

  it('kubectl autoscale follows the CPU of the pods, up and down', async () => {
    const requests = { resources: { requests: { cpu: '100m' } } };
    await apply(my.cluster, deployment('web', requests, { 'batuta.dev/sim-usage': 'cpu=200m,memory=50Mi' }));
    await k('autoscale', 'deployment', 'web', '--min=1', '--max=6', '--cpu-percent=50');
    await replicas(my.cluster, 'deployment/web', 6);
    await eventually('the target is shown', async () => /web\s+Deployment\/web\s+cpu: 200%\/50%\s+1\s+6\s+6\s/.test(await k('get', 'hpa', 'web')));
    const described = await k('describe', 'hpa', 'web');
    assert.match(described, /resource cpu on pods\s+\(as a percentage of request\):\s+200% \(200m\) \/ 50%/);
    assert.match(described, /AbleToScale\s+True\s+\w+/);
    assert.match(
      described,
      /ScalingActive\s+True\s+ValidMetricFound\s+the HPA was able to successfully calculate a replica count from cpu resource utilization/,
    );
    assert.match(described, /ScalingLimited\s+True\s+TooManyReplicas\s+the desired replica count is more than the maximum replica count/);
    assert.match(
      described,
      /Normal\s+SuccessfulRescale\s.*horizontal-pod-autoscaler\s+New size: 4; reason: cpu resource utilization \(percentage of request\) above target/,
    );
    await k('annotate', 'pods', '-l', 'app=web', '--overwrite', 'batuta.dev/sim-usage=cpu=10m,memory=50Mi');
    await replicas(my.cluster, 'deployment/web', 1);
    assert.match(await k('get', 'events', '--field-selector', 'reason=SuccessfulRescale'), /All metrics below target/);
  });
  it('behavior limits how fast', async () => {
    const slow = { scaleUp: { policies: [{ type: 'Pods', value: 1, periodSeconds: 1800 }] } };
    const metric = { type: 'Pods', pods: { metric: { name: 'rps' }, target: { type: 'AverageValue', averageValue: '10' } } };
    await apply(my.cluster, deployment('slow', {}, { 'batuta.dev/sim-metric.rps': '100' }), autoscaler('slow', [metric], { behavior: slow }));
    await replicas(my.cluster, 'deployment/slow', 2);
    const limited = await eventually('the limit is told', async () => {
      const { status } = await my.cluster.json<Autoscaler>('get', 'hpa', 'slow');
      return status.conditions.find(({ type, status: is }) => type === 'ScalingLimited' && is === 'True');
    });
    assert.equal(limited.reason, 'ScaleUpLimit');
    assert.equal(await k('get', 'deployment', 'slow', '-o', 'jsonpath={.spec.replicas}'), '2');
    assert.match(await k('get', '--raw', '/apis/custom.metrics.k8s.io/v1beta2'), /"name":"pods\/rps"/);
  });
  it('goes to zero and comes back by an external metric', async () => {
    const metric = { type: 'External', external: { metric: { name: 'queue_length' }, target: { type: 'AverageValue', averageValue: '10' } } };
    await apply(
      my.cluster,
      { ...pod('queue', [{ name: 'main', image: 'app:1' }], {}, { annotations: { 'batuta.dev/sim-metric.queue_length': '0' } }) },
      deployment('worker', {}),
      autoscaler('worker', [metric], { minReplicas: 0 }),
    );
    await replicas(my.cluster, 'deployment/worker', 0);
    await k('annotate', 'pod', 'queue', '--overwrite', 'batuta.dev/sim-metric.queue_length=25');
    await replicas(my.cluster, 'deployment/worker', 3);
    assert.match(await k('get', '--raw', '/apis/external.metrics.k8s.io/v1beta1/namespaces/default/queue_length'), /"value":"25"/);
  });
  it('scales custom resources', async () => {
    const properties = {
      spec: { type: 'object', properties: { size: { type: 'integer' } } },
      status: { type: 'object', properties: { size: { type: 'integer' }, selector: { type: 'string' } } },
    };
    const scale = { specReplicasPath: '.spec.size', statusReplicasPath: '.status.size', labelSelectorPath: '.status.selector' };
    await apply(my.cluster, {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'fleets.example.com' },
      spec: {
        group: 'example.com',
        names: { plural: 'fleets', kind: 'Fleet' },
        scope: 'Namespaced',
        versions: [
          { name: 'v1', served: true, storage: true, subresources: { status: {}, scale }, schema: { openAPIV3Schema: { type: 'object', properties } } },
        ],
      },
    });
    await k('wait', 'crd/fleets.example.com', '--for=condition=Established');
    const metric = { type: 'External', external: { metric: { name: 'queue_length' }, target: { type: 'Value', value: '10' } } };
    await apply(my.cluster, { apiVersion: 'example.com/v1', kind: 'Fleet', metadata: { name: 'f' }, spec: { size: 0 } });
    await k('patch', 'fleet', 'f', '--subresource=status', '--type=merge', '-p', '{"status":{"size":0,"selector":"app=fleet"}}');
    await apply(my.cluster, autoscaler('fleet', [metric], { minReplicas: 0, scaleTargetRef: { apiVersion: 'example.com/v1', kind: 'Fleet', name: 'f' } }));
    await eventually('it has 3', async () => (await k('get', 'fleet', 'f', '-o', 'jsonpath={.spec.size}')) === '3');
  });
  it('says what is missing', async () => {
    const metric = { type: 'External', external: { metric: { name: 'nothing' }, target: { type: 'Value', value: '5' } } };
    await apply(my.cluster, deployment('lost', {}), autoscaler('lost', [metric]));
    await eventually('it is told', async () => /FailedGetExternalMetric/.test(await k('describe', 'hpa', 'lost')));
    assert.match(
      await k('describe', 'hpa', 'lost'),
      /ScalingActive\s+False\s+FailedGetExternalMetric\s+the HPA was unable to compute the replica count: unable to get external metric default\/nothing\/nil: unable to fetch metrics from external metrics API: the server could not find the metric nothing/,
    );
  });
});

describe('autoscaling of containers', { skip: cannotRunContainers() ?? false }, () => {
  const my = useCluster('--preload', join(root, 'dist/images'), ...quick);
  const k = (...args: string[]): Promise<string> => my.cluster.kubectl(...args);

  it('kubectl top tells a busy loop from a pod that waits', async () => {
    await apply(my.cluster, pod('busy', [sh('while :; do :; done')]), pod('lazy', [sh(idle)]));
    const cores = async (name: string): Promise<number> => Number(/\s(\d+)m\s/.exec(await k('top', 'pod', name, '--no-headers'))?.[1]);
    await eventually('both are measured', async () => (await cores('busy')) > 200 && (await cores('lazy')) < 50);
    assert.match(await k('top', 'pod', 'busy', '--containers', '--no-headers'), /^busy\s+main\s+\d+m\s+\d+Mi/);
    assert.match(await k('top', 'nodes', '--no-headers'), /^node-1\s+\d+m\s+\d+%\s+\d+Mi\s+\d+%/);
    const page = await k('get', '--raw', '/api/v1/nodes/node-1/proxy/metrics/resource');
    assert.match(page, /^container_cpu_usage_seconds_total\{container="main",namespace="default",pod="busy"\} [\d.]+ \d+$/m);
    await k('delete', 'pod', 'busy', 'lazy', '--now');
  });
  it('follows a metric that its pods tell on a page of their own', async () => {
    // Fifty requests a second, whoever counts them.
    const script =
      'mkdir -p /tmp/w; (i=0; while :; do i=$((i+50)); echo "http_requests_total $i" > /tmp/w/new; mv /tmp/w/new /tmp/w/metrics; sleep 1; done) & exec httpd -f -p 8080 -h /tmp/w';
    const scraped = { 'prometheus.io/scrape': 'true', 'prometheus.io/port': '8080' };
    const metric = { type: 'Pods', pods: { metric: { name: 'http_requests_per_second' }, target: { type: 'AverageValue', averageValue: '20' } } };
    await apply(my.cluster, deployment('shop', { image: 'hello:1', command: ['sh', '-c', script] }, scraped), autoscaler('shop', [metric], { maxReplicas: 3 }));
    await replicas(my.cluster, 'deployment/shop', 3);
    const value = await eventually('the average is told', async () => {
      const { status } = await my.cluster.json<Autoscaler>('get', 'hpa', 'shop');
      return status.currentMetrics?.[0]?.pods?.current.averageValue;
    });
    assert.match(value, /^\d+m?$/);
    assert.match(await k('get', '--raw', '/apis/custom.metrics.k8s.io/v1beta1'), /"pods\/http_requests_per_second"/);
  });
});
