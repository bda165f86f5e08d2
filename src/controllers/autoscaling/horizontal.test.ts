import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { formatTime } from '#base';
import { Deployment, HorizontalPodAutoscaler, Pod, type V2HorizontalPodAutoscaler, type V2HorizontalPodAutoscalerSpec } from '#kinds';
import { ApiError } from '#machinery';
import { createWorld, deploymentOf, podOf, type World } from '../testing/world.ts';
import { horizontalPodAutoscalerController } from './horizontal.ts';

const period = 15_000;
const cpu = (averageUtilization: number): V2HorizontalPodAutoscalerSpec['metrics'] => [
  { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } } },
];

describe('HorizontalPodAutoscaler', () => {
  let world: World;
  /** Millicores of each pod; undefined: no metrics API. */
  let load: number | undefined;
  let external: Record<string, string[]>;
  let asked: string[];

  beforeEach(() => {
    world = createWorld([horizontalPodAutoscalerController], { autoscaler: { cpuInitializationMs: 0 } });
    load = 100;
    external = {};
    asked = [];
    world.api.answer = answer;
    world.api.put(Deployment, { ...deploymentOf({ replicas: 2 }), status: { replicas: 2 } });
    fill(2);
  });
  function answer(path: string): unknown {
    asked.push(path);
    const { pathname, searchParams } = new URL(path, 'http://x');
    const timestamp = formatTime(world.clock.now());
    if (pathname === '/apis/metrics.k8s.io/v1beta1/namespaces/default/pods') {
      if (load === undefined) return undefined;
      assert.equal(searchParams.get('labelSelector'), 'app=web');
      return {
        items: world.api.all(Pod).map(({ metadata }) => ({ metadata, timestamp, window: '10s', containers: [{ name: 'app', usage: { cpu: `${load}m` } }] })),
      };
    }
    const item = (name: string, value: string): object => ({ describedObject: { name }, timestamp, value });
    const custom = '/apis/custom.metrics.k8s.io/v1beta2/namespaces/default/';
    if (pathname === `${custom}pods/*/rps`) return { items: world.api.all(Pod).map(({ metadata }) => item(metadata?.name ?? '', '15')) };
    if (pathname === `${custom}services/front/hits`) return { items: [item('front', '100')] };
    const metric = /external.metrics.k8s.io\/v1beta1\/namespaces\/default\/(.*)/.exec(pathname)?.[1] ?? '';
    return external[metric] && { items: external[metric].map((value) => ({ metricName: metric, timestamp, value })) };
  }
  /** As many ready pods as that. */
  function fill(count: number): void {
    for (const { metadata } of world.api.all(Pod)) world.api.drop(Pod, 'default', metadata?.name ?? '');
    for (let i = 0; i < count; i++)
      world.api.put(
        Pod,
        podOf(`web-${i}`, {
          spec: { containers: [{ name: 'app', image: 'i', resources: { requests: { cpu: '100m' } } }] },
          status: {
            phase: 'Running',
            startTime: formatTime(world.clock.now() - 3_600_000),
            conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: formatTime(world.clock.now() - 3_600_000) }],
          },
        }),
      );
  }
  function put(spec: Partial<V2HorizontalPodAutoscalerSpec> = {}, name = 'hpa'): void {
    const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' };
    world.api.put<V2HorizontalPodAutoscaler>(HorizontalPodAutoscaler, {
      metadata: { name, namespace: 'default' },
      spec: { scaleTargetRef, minReplicas: 1, maxReplicas: 10, metrics: cpu(50) ?? [], ...spec },
    });
  }
  const replicas = (): number | undefined => world.api.all(Deployment)[0]?.spec?.replicas;
  const hpa = (): V2HorizontalPodAutoscaler => world.api.all(HorizontalPodAutoscaler)[0] as V2HorizontalPodAutoscaler;
  const conditions = (): Record<string, string> =>
    Object.fromEntries((hpa().status?.conditions ?? []).map(({ type, status, reason = '' }) => [type, `${status} ${reason}`]));
  /** Makes the pods that are wanted, and lets a period pass. */
  async function sync(ms = period): Promise<void> {
    fill(replicas() ?? 0);
    await world.run(ms);
  }

  it('scales up by CPU, says so, and settles', async () => {
    put();
    await world.run(0);
    assert.equal(replicas(), 4);
    assert.deepEqual(world.events(), ['SuccessfulRescale: New size: 4; reason: cpu resource utilization (percentage of request) above target']);
    assert.deepEqual(conditions(), {
      AbleToScale: 'True SucceededRescale',
      ScalingActive: 'True ValidMetricFound',
      ScalingLimited: 'False DesiredWithinRange',
    });
    const { currentReplicas, desiredReplicas, currentMetrics, lastScaleTime } = hpa().status ?? {};
    assert.deepEqual(
      { currentReplicas, desiredReplicas, currentMetrics },
      {
        currentReplicas: 2,
        desiredReplicas: 4,
        currentMetrics: [{ type: 'Resource', resource: { name: 'cpu', current: { averageValue: '100m', averageUtilization: 100 } } }],
      },
    );
    assert.ok(lastScaleTime);
    load = 50;
    await sync();
    await sync();
    assert.equal(replicas(), 4);
    world.api.writes.length = 0;
    await sync(5 * period);
    assert.deepEqual(world.api.writes, [], 'settled means no more writes');
  });
  it('does not hurry because of its own writes', async () => {
    put();
    await world.run(1000);
    assert.equal(asked.length, 1);
  });
  it('scales down when all recommendations of five minutes agree', async () => {
    put();
    await world.run(0);
    load = 10;
    await sync(4 * 60_000);
    assert.equal(replicas(), 4);
    assert.equal(conditions()['AbleToScale'], 'True ScaleDownStabilized');
    await sync(2 * 60_000);
    assert.equal(replicas(), 1);
    assert.ok(world.events().includes('SuccessfulRescale: New size: 1; reason: All metrics below target'));
  });
  it('keeps to its bounds without any metrics', async () => {
    load = undefined;
    put({ minReplicas: 3 });
    await world.run(0);
    assert.equal(replicas(), 3);
    assert.deepEqual(world.events(), ['SuccessfulRescale: New size: 3; reason: Current number of replicas below Spec.MinReplicas']);
    world.api.edit(HorizontalPodAutoscaler, 'default', 'hpa', ({ spec }) => Object.assign(spec, { minReplicas: 1, maxReplicas: 2 }));
    await world.run(0);
    assert.equal(replicas(), 2);
  });
  it('does nothing while the target is at zero', async () => {
    world.api.edit(Deployment, 'default', 'web', ({ spec }) => void (spec!.replicas = 0));
    put();
    await world.run(0);
    assert.equal(replicas(), 0);
    assert.deepEqual(conditions(), { AbleToScale: 'True SucceededGetScale', ScalingActive: 'False ScalingDisabled' });
  });
  it('goes to zero and back by an external metric', async () => {
    const metrics = [
      {
        type: 'External',
        external: { metric: { name: 'queue', selector: { matchLabels: { q: 'a' } } }, target: { type: 'AverageValue', averageValue: '10' } },
      },
    ];
    external['queue'] = ['0'];
    put({ minReplicas: 0, metrics, behavior: { scaleDown: { stabilizationWindowSeconds: 0 } } });
    await world.run(0);
    assert.equal(replicas(), 0);
    external['queue'] = ['20', '5'];
    world.api.edit(Deployment, 'default', 'web', (deployment) => void (deployment.status = { replicas: 0 }));
    await sync();
    assert.equal(replicas(), 3);
    assert.match(asked.at(-1) ?? '', /labelSelector=q%3Da$/);
    const name = 'external metric queue(&LabelSelector{MatchLabels:map[string]string{q: a,},MatchExpressions:[]LabelSelectorRequirement{},})';
    assert.ok(world.events().includes(`SuccessfulRescale: New size: 3; reason: ${name} above target`));
  });
  it('takes the most of several metrics, of pods and objects too', async () => {
    load = 50;
    put({
      metrics: [
        ...(cpu(50) ?? []),
        { type: 'Pods', pods: { metric: { name: 'rps' }, target: { type: 'AverageValue', averageValue: '10' } } },
        {
          type: 'Object',
          object: { describedObject: { kind: 'Service', name: 'front', apiVersion: 'v1' }, metric: { name: 'hits' }, target: { type: 'Value', value: '50' } },
        },
      ],
    });
    await world.run(0);
    assert.equal(replicas(), 4);
    assert.equal(hpa().status?.conditions?.[1]?.message, 'the HPA was able to successfully calculate a replica count from Service metric hits');
    assert.deepEqual(hpa().status?.currentMetrics?.slice(1), [
      { type: 'Pods', pods: { metric: { name: 'rps' }, current: { averageValue: '15' } } },
      {
        type: 'Object',
        object: { describedObject: { kind: 'Service', name: 'front', apiVersion: 'v1' }, metric: { name: 'hits' }, current: { value: '100' } },
      },
    ]);
  });
  it('a metric that is missing stops no growth, and no metric shrinks while one is missing', async () => {
    const missing = { type: 'External', external: { metric: { name: 'none' }, target: { type: 'Value', value: '1' } } };
    put({ metrics: [...(cpu(50) ?? []), missing] });
    await world.run(0);
    assert.equal(replicas(), 4);
    load = 5;
    await sync(600_000);
    assert.equal(replicas(), 4);
    assert.equal(conditions()['ScalingActive'], 'False FailedGetExternalMetric');
    assert.ok(
      world
        .events()
        .some((event) =>
          event.startsWith('FailedComputeMetricsReplicas: invalid metrics (1 invalid out of 2), first error is: failed to get external metric none: '),
        ),
    );
  });
  it('tells what is missing, and goes on when it is there', async () => {
    load = undefined;
    put();
    await world.run(0);
    const failed =
      'unable to get metrics for resource cpu: unable to fetch metrics from resource metrics API: the server could not find the requested resource';
    assert.deepEqual(world.events().toSorted(), [
      `FailedComputeMetricsReplicas: invalid metrics (1 invalid out of 1), first error is: failed to get cpu utilization: ${failed}`,
      `FailedGetResourceMetric: ${failed}`,
    ]);
    assert.equal(conditions()['ScalingActive'], 'False FailedGetResourceMetric');
    assert.equal(hpa().status?.currentReplicas, 2);
    load = 100;
    await world.run(period);
    assert.equal(replicas(), 4);
  });
  it('tells when there is nothing to scale', async () => {
    put({ scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'gone' } });
    await world.run(0);
    assert.deepEqual(conditions(), { AbleToScale: 'False FailedGetScale' });
    assert.deepEqual(world.events(), ['FailedGetScale: deployments.apps "gone" not found']);
    world.api.edit(HorizontalPodAutoscaler, 'default', 'hpa', ({ spec }) => void (spec.scaleTargetRef = { apiVersion: 'v9', kind: 'Thing', name: 'x' }));
    await world.run(0);
    assert.ok(world.events().includes('FailedGetScale: no matches for kind "Thing" in group ""'));
  });
  it('two that want the same pods do nothing', async () => {
    put({}, 'a');
    await world.run(0);
    const before = replicas();
    put({}, 'b');
    await sync();
    assert.equal(replicas(), before);
    assert.match(world.events().join('\n'), /AmbiguousSelector: pods by selector app=web are controlled by multiple HPAs: \[default\/a default\/b\]/);
    world.api.drop(HorizontalPodAutoscaler, 'default', 'b');
    await sync();
    assert.notEqual(replicas(), before);
  });
  it('a refused rescale is told, and made later', async () => {
    world.api.refuse = ({ verb, kind }) => (kind === 'Deployment' && verb === 'patch' ? new ApiError('Forbidden', 'no') : undefined);
    put();
    await world.run(0);
    assert.equal(replicas(), 2);
    assert.equal(conditions()['AbleToScale'], 'False FailedUpdateScale');
    assert.ok(world.events().includes('FailedRescale: New size: 4; reason: cpu resource utilization (percentage of request) above target; error: no'));
    world.api.refuse = undefined;
    await world.run(period);
    assert.equal(replicas(), 4);
  });
  it('a status that cannot be written is written next time', async () => {
    world.api.refuse = ({ subresource, kind }) =>
      kind === 'HorizontalPodAutoscaler' && subresource === 'status' ? new ApiError('InternalError', 'full') : undefined;
    put();
    await world.run(0);
    assert.equal(replicas(), 4, 'and the rescale is not made twice');
    world.api.refuse = undefined;
    load = 50;
    await sync();
    assert.equal(hpa().status?.currentReplicas, 4);
  });
});
