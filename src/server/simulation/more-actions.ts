import { DaemonSet, Job, StatefulSet } from '#kinds';
import type { Kind, KubeObject } from '#machinery';
import type { Action, Churn } from './churn.ts';
import { job } from './workloads.ts';

async function patch<T extends KubeObject>(churn: Churn, kind: Kind<T>, object: T | undefined, change: { [field: string]: unknown }): Promise<void> {
  if (!object) return;
  const { namespace, name = '' } = object.metadata ?? {};
  churn.tell(`${kind.kind} ${namespace}/${name} ${JSON.stringify(change)}`);
  await churn.cluster.api.patch(kind, { namespace, name }, 'application/merge-patch+json', change as never);
}
const revision = (churn: Churn): { spec: unknown } => ({ spec: { template: { metadata: { annotations: { revision: String(churn.below(1000)) } } } } });

/** What happens to workloads other than Deployments. */
export const workloadActions: readonly Action[] = [
  {
    name: 'scale stateful set',
    weight: 6,
    act: (churn) => patch(churn, StatefulSet, churn.pick(churn.all(StatefulSet)), { spec: { replicas: churn.below(churn.options.mostReplicas + 1) } }),
  },
  { name: 'roll stateful set', weight: 6, act: (churn) => patch(churn, StatefulSet, churn.pick(churn.all(StatefulSet)), revision(churn)) },
  { name: 'roll daemon set', weight: 1, act: (churn) => patch(churn, DaemonSet, churn.pick(churn.cluster.client.informer(DaemonSet).list()), revision(churn)) },
  {
    name: 'job',
    weight: 6,
    async act(churn) {
      const name = churn.nextName('job');
      const [namespace, completions, parallelism] = [churn.space(), 1 + churn.below(10), 1 + churn.below(4)];
      churn.tell(`job ${namespace}/${name}: ${completions} completions, ${parallelism} at a time`);
      await churn.cluster.api.create(Job, job(namespace, name, completions, parallelism));
    },
  },
];
