import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { seededRandom, silentLogger } from '#base';
import { ConfigMap, Namespace, Node, NodeGroup, nodeGroupLabel, Pod, removeFirstAnnotation, type V1Node, type V1Pod } from '#kinds';
import { WhatIf } from '#scheduler';
import { ApiError } from '#machinery';
import type { ClusterAutoscalerOptions } from './types.ts';
import { createWorld, podOf, type World } from '../testing/world.ts';
import { clusterAutoscalerController } from './cluster-autoscaler.ts';
import { choose } from './expanders.ts';
import { templateNode, ZoneTurns, type Option } from './scale-up.ts';

const minute = 60_000;

describe('cluster autoscaler', () => {
  let world: World;
  let evicted: string[];

  beforeEach(() => {
    // The cluster in thought reads nothing from the API: the plugins of these pods need no other objects.
    const options: { clusterAutoscaler?: ClusterAutoscalerOptions } = {};
    world = createWorld([
      {
        ...clusterAutoscalerController,
        setup: (context) => {
          options.clusterAutoscaler = { placement: () => new WhatIf({ client: context.client, clock: context.clock, log: silentLogger }) };
          return clusterAutoscalerController.setup({ ...context, options });
        },
      },
    ]);
    evicted = [];
    world.api.subresource = async (_kind, key) => {
      evicted.push(key.name);
      world.api.drop(Pod, key.namespace, key.name);
      return {} as never;
    };
    world.api.put(Namespace, { metadata: { name: 'default' } });
  });
  function group(
    name: string,
    spec: Partial<NonNullable<NodeGroup['spec']>> = {},
    annotations: Record<string, string> = { 'batuta.dev/autoscaled': 'true' },
  ): void {
    world.api.put<NodeGroup>(NodeGroup, {
      metadata: { name, annotations },
      spec: { replicas: 0, min: 0, max: 5, template: { instanceType: 'm5.large' }, ...spec },
    });
  }
  const size = (name: string): number | undefined => world.api.all(NodeGroup).find(({ metadata }) => metadata?.name === name)?.spec?.replicas;
  /** Plays the machines: as many nodes as each group wants; those that are to go first, go. */
  function machines(): void {
    for (const one of world.api.all(NodeGroup)) {
      const name = one.metadata?.name ?? '';
      const nodes = world.api.all(Node).filter(({ metadata }) => metadata?.labels?.[nodeGroupLabel] === name);
      for (let i = 0; nodes.length + i < (one.spec?.replicas ?? 0); i++) {
        const node = templateNode(one, `${name}-${world.api.all(Node).length}-${i}`, 'zone-a');
        world.api.put(Node, node);
      }
      const first = nodes.toSorted((a) => (a.metadata?.annotations?.[removeFirstAnnotation] ? -1 : 1));
      for (const { metadata } of first.slice(0, Math.max(0, nodes.length - (one.spec?.replicas ?? 0)))) world.api.drop(Node, undefined, metadata?.name ?? '');
    }
  }
  /** Pods that asked for so much CPU and found no node, or that are on one. */
  function pods(names: readonly string[], cpu: string, node?: string, change: (pod: V1Pod) => void = () => {}): void {
    for (const name of names) {
      const pod = podOf(name, {
        metadata: {
          name,
          namespace: 'default',
          ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'rs', uid: `rs-${cpu}`, controller: true }],
        },
        spec: { containers: [{ name: 'app', image: 'i', resources: { requests: { cpu } } }], ...(node ? { nodeName: node } : {}) },
        status: node ? { phase: 'Running' } : { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable' }] },
      });
      change(pod);
      world.api.put(Pod, pod);
    }
  }
  const bind = (name: string, node: string): void =>
    void world.api.edit(Pod, 'default', name, (pod) => {
      pod.spec!.nodeName = node;
      pod.status = { phase: 'Running' };
    });
  const nodes = (): string[] => world.api.all(Node).map(({ metadata }) => metadata?.name ?? '');

  it('orders as many nodes as the pods need, once, and tells', async () => {
    group('workers');
    pods(['a', 'b', 'c'], '1500m');
    pods(['huge'], '64');
    await world.run(1000);
    assert.equal(size('workers'), 3);
    assert.deepEqual(
      world
        .events()
        .filter((event) => !event.startsWith('ScaledUpGroup'))
        .toSorted(),
      [
        "NotTriggerScaleUp: pod didn't trigger scale-up: 1 Insufficient cpu",
        ...Array.from({ length: 3 }, () => 'TriggeredScaleUp: pod triggered scale-up: [{workers 0->3 (max: 5)}]'),
      ],
    );
    assert.ok(world.events().includes('ScaledUpGroup: Scale-up: group workers size set to 3 instead of 0 (max: 5)'));
    // The machines are on their way: nothing more is ordered.
    await world.run(minute);
    assert.equal(size('workers'), 3);
    pods(['d', 'e', 'f'], '1500m');
    await world.run(minute);
    assert.equal(size('workers'), 5);
    assert.ok(world.events().some((event) => event.includes("pod didn't trigger scale-up: 1 max node group size reached")));
    const status = world.api.all(ConfigMap)[0]?.data?.['status'] ?? '';
    assert.match(status, /autoscalerStatus: Running[^]*name: "workers"[^]*cloudProviderTarget: 5[^]*status: InProgress/);
  });
  it('leaves groups alone that are not given to it', async () => {
    group('manual', {}, {});
    pods(['a'], '1');
    await world.run(minute);
    assert.equal(size('manual'), 0);
    world.api.edit(NodeGroup, undefined, 'manual', ({ metadata }) => void (metadata!.annotations = { 'batuta.dev/autoscaled': 'true' }));
    await world.run(minute);
    assert.equal(size('manual'), 1);
  });
  it('takes the cheaper group, unless another has priority, and one that the pod tolerates', async () => {
    group('dear', { template: { instanceType: 'r5.xlarge' } });
    group('cheap', { template: { instanceType: 'm5.large' } });
    group('closed', { priority: 9, template: { instanceType: 't3.large', taints: [{ key: 'x', effect: 'NoSchedule' }] } });
    pods(['a'], '1');
    await world.run(1000);
    assert.deepEqual([size('dear'), size('cheap'), size('closed')], [0, 1, 0]);
    machines();
    bind('a', nodes()[0] as string);
    world.api.edit(NodeGroup, undefined, 'dear', ({ spec }) => void (spec!.priority = 1));
    pods(['b'], '1900m');
    await world.run(minute);
    assert.deepEqual([size('dear'), size('cheap'), size('closed')], [1, 1, 0]);
  });
  it('an order that is refused is told and made again', async () => {
    group('workers');
    world.api.refuse = ({ kind, verb }) => (kind === 'NodeGroup' && verb === 'patch' ? new ApiError('Forbidden', 'no money') : undefined);
    pods(['a'], '1');
    await world.run(1000);
    assert.ok(world.events().includes('FailedToScaleUpGroup: Scale-up failed for group workers: no money'));
    world.api.refuse = undefined;
    await world.run(20_000);
    assert.equal(size('workers'), 1);
  });
  it('empty nodes go after ten minutes, down to the least', async () => {
    group('workers', { replicas: 3, min: 1 });
    machines();
    await world.run(9 * minute);
    assert.equal(size('workers'), 3);
    await world.run(2 * minute);
    machines();
    assert.equal(size('workers'), 1);
    await world.run(30 * minute);
    assert.equal(size('workers'), 1);
    assert.equal(nodes().length, 1);
    assert.ok(world.events().some((event) => event.startsWith('ScaleDownEmpty: Scale-down: removing empty node "workers-')));
    assert.ok(world.events().some((event) => event.startsWith('ScaleDown: node removed by cluster autoscaler')));
  });
  it('a little used node is emptied when its pods find room elsewhere', async () => {
    group('workers', { replicas: 2 });
    machines();
    const [first = '', second = ''] = nodes();
    pods(['a'], '100m', first);
    pods(['b'], '1', second);
    await world.run(9 * minute);
    assert.deepEqual(evicted, []);
    await world.run(2 * minute);
    assert.deepEqual(evicted, ['a']);
    await world.run(minute);
    machines();
    assert.deepEqual(nodes(), [second]);
    assert.ok(world.events().includes('ScaleDown: deleting pod for node scale down'));
    await world.run(30 * minute);
    assert.deepEqual(nodes(), [second], 'what is used stays');
  });
  it('nodes stay that are disabled, or whose pods cannot move', async () => {
    group('workers', { replicas: 3 });
    machines();
    const [first = '', second = '', third = ''] = nodes();
    world.api.edit(Node, undefined, first, ({ metadata }) => void (metadata!.annotations = { 'cluster-autoscaler.kubernetes.io/scale-down-disabled': 'true' }));
    pods(['alone'], '100m', second, (pod) => delete pod.metadata?.ownerReferences);
    pods(['bound'], '900m', third, (pod) => void (pod.spec!.nodeSelector = { 'kubernetes.io/hostname': third }));
    pods(['larger'], '900m', first);
    pods(['also'], '900m', second);
    await world.run(30 * minute);
    assert.equal(size('workers'), 3);
    assert.deepEqual(evicted, []);
  });
  it('a drain that does not end is given up', async () => {
    group('workers', { replicas: 2 });
    machines();
    const [first = '', second = ''] = nodes();
    pods(['a'], '100m', first);
    pods(['b'], '1', second);
    world.api.subresource = async () => {
      throw new ApiError('TooManyRequests', "Cannot evict pod as it would violate the pod's disruption budget.");
    };
    await world.run(11 * minute);
    assert.equal(world.api.all(Node).filter(({ spec }) => spec?.taints?.length).length, 1);
    await world.run(11 * minute);
    assert.ok(world.events().some((event) => event.startsWith('ScaleDownFailed: failed to drain the node, aborting ScaleDown')));
    assert.equal(size('workers'), 2);
  });
});

it('nodes go to the zone that has fewest, in thought too', () => {
  const node = (zone: string): V1Node => ({ metadata: { labels: { 'topology.kubernetes.io/zone': zone } } });
  const turns = new ZoneTurns(['a', 'b'], [node('a'), node('a'), node('c')]);
  const copy = turns.copy();
  assert.deepEqual(
    [1, 2, 3, 4].map(() => turns.next()),
    ['b', 'b', 'a', 'b'],
  );
  assert.equal(copy.next(), 'b');
  assert.equal(new ZoneTurns([]).next(), undefined);
});

it('expanders', () => {
  const option = (name: string, count: number, pods: number, waste: number, priority = 0): Option => ({
    group: { metadata: { name }, spec: { priority, template: { instanceType: name } } },
    count,
    pods: Array.from({ length: pods }, () => podOf('p')),
    waste,
  });
  const options = [option('m5.large', 2, 4, 0.5), option('m5.2xlarge', 1, 5, 0.9), option('c5.large', 3, 4, 0.2, 1)];
  const chosen = (...names: string[]): string | undefined => choose(options, names, seededRandom(1))?.group.metadata?.name;
  assert.equal(chosen('priority'), 'c5.large');
  assert.equal(chosen('price'), 'm5.large');
  assert.equal(chosen('least-waste'), 'c5.large');
  assert.equal(chosen('most-pods'), 'm5.2xlarge');
  assert.equal(chosen('least-nodes'), 'm5.2xlarge');
  assert.ok(chosen('random'));
  assert.equal(choose([], ['price'], seededRandom(1)), undefined);
});
