import { Deployment, HorizontalPodAutoscaler, Namespace, NodeGroup, type V1Deployment } from '#kinds';
import type { SimulatedCluster } from './cluster.ts';
import { deployment } from './workloads.ts';

/** The pool of the nodes that come and go with the pods of the namespace `auto`. */
const pool = 'example.com/pool';

/** Pods that do much at first, then little, and in the end just what they are meant to. */
const usage = (high: number, busy: number, calm: number): string => `cpu=steps(0s=${high}m,${busy}m=60m,${calm}m=200m)`;

/** Deployments with autoscalers, on a group of nodes with an autoscaler of its own. */
export async function setUpAutoscaling(cluster: SimulatedCluster, deployments: number): Promise<void> {
  const { api, random } = cluster;
  const below = (n: number): number => Math.floor(random.next() * n);
  await api.create(NodeGroup, {
    metadata: { name: 'elastic', annotations: { 'batuta.dev/autoscaled': 'true' } },
    spec: {
      replicas: 1,
      min: 1,
      max: 8,
      template: { instanceType: 'm5.large', zones: [...cluster.zones], labels: { [pool]: 'elastic' }, startDelaySeconds: 30 },
    },
  });
  await api.create(Namespace, { metadata: { name: 'auto' } });
  await cluster.run(60_000);
  for (let i = 0; i < deployments; i++) {
    const name = `auto-${i}`;
    const minReplicas = 1 + below(2);
    await api.create(HorizontalPodAutoscaler, {
      metadata: { namespace: 'auto', name },
      spec: {
        scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name },
        minReplicas,
        maxReplicas: minReplicas + 4 + below(8),
        metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } }],
      },
    });
    const annotations = { 'batuta.dev/sim-usage': usage(300 + below(300), 3 + below(3), 14 + below(6)) };
    const wanted: V1Deployment = deployment('auto', name, minReplicas, { cpu: '250m', annotations });
    if (wanted.spec?.template.spec) wanted.spec.template.spec.nodeSelector = { [pool]: 'elastic' };
    await api.create(Deployment, wanted);
  }
}

/** From now on every pod does what it is meant to: pods that move no longer begin with much work, and everything can come to rest. */
export async function calmDown({ api }: SimulatedCluster): Promise<void> {
  const patch = { spec: { template: { metadata: { annotations: { 'batuta.dev/sim-usage': 'cpu=200m' } } } } };
  for (const { metadata } of (await api.list(Deployment, { namespace: 'auto' })).items)
    await api.patch(Deployment, { namespace: 'auto', name: metadata?.name ?? '' }, 'application/merge-patch+json', patch);
}
