import { Deployment, Pod, ReplicaSet, type V1Deployment, type V1Pod, type V1ReplicaSet } from '#kinds';
import { keyFor, ownKey, splitKey, type Controller, type ControllerContext } from '../../controller.ts';
import { controllerOf } from '../../ownership.ts';
import { indexByController } from '../../pods.ts';
import { planRollback, type RollbackAction } from './plan.ts';
import { policyOf, rollbackAnnotation } from './policy.ts';

/** Rolls Deployments that ask for it back when their rollout fails. Not a part of Kubernetes; see docs/rollouts.md. */
export const autoRollbackController: Controller = {
  name: 'auto-rollback',
  component: 'auto-rollback-controller',
  setup(context) {
    const asks = (d: V1Deployment | undefined): boolean => d?.metadata?.annotations?.[rollbackAnnotation.policy] !== undefined;
    const deployments = context.watch(Deployment, (d, old) => (asks(d) || asks(old) ? ownKey(d, old) : []));
    const ownerOf = (rs: V1ReplicaSet | undefined): string[] => {
      const ref = rs && controllerOf(rs);
      const found = ref?.kind === 'Deployment' ? deployments.get(rs?.metadata?.namespace, ref.name) : undefined;
      return found && asks(found) ? [keyFor(found)] : [];
    };
    const sets = context.watch(ReplicaSet, (rs, old) => ownerOf(rs ?? old));
    const pods = context.watch(Pod, (pod, old) => {
      if (!pod || restartsOf(pod) === restartsOf(old)) return [];
      const ref = controllerOf(pod);
      return ref?.kind === 'ReplicaSet' ? ownerOf(sets.get(pod.metadata?.namespace, ref.name)) : [];
    });
    const ownedSets = indexByController(sets);
    const ownedPods = indexByController(pods);

    const invalid = new Map<string, string>();
    function tellInvalid(deployment: V1Deployment, message: string): void {
      const uid = deployment.metadata?.uid ?? '';
      if (invalid.get(uid) !== message) context.recorder.event(deployment, 'Warning', 'AutoRollbackInvalid', message);
      invalid.set(uid, message);
    }

    return async (key) => {
      const { namespace, name } = splitKey(key);
      const deployment = deployments.get(namespace, name);
      const policy = deployment && policyOf(deployment);
      if (!deployment || !policy) return;
      if (policy instanceof Error) return tellInvalid(deployment, policy.message);
      const action = planRollback({
        deployment,
        policy,
        replicaSets: ownedSets(deployment.metadata?.uid ?? ''),
        podsOf: (rs) => ownedPods(rs.metadata?.uid ?? ''),
        now: context.clock.now(),
      });
      return carryOut(context, action);
    };
  },
};

/** Restarts, and which containers are down after them. */
const restartsOf = (pod: V1Pod | undefined): string =>
  [...(pod?.status?.initContainerStatuses ?? []), ...(pod?.status?.containerStatuses ?? [])].map((s) => `${s.restartCount}${s.ready}`).join();

async function carryOut(context: ControllerContext, action: RollbackAction): Promise<number | void> {
  if (action.type === 'none') return action.requeueAfterMs;
  if (action.type === 'prove') {
    const { namespace, name = '', resourceVersion } = action.replicaSet.metadata ?? {};
    const annotations = { [rollbackAnnotation.proven]: 'true' };
    await context.api.patch(ReplicaSet, { namespace, name }, 'application/merge-patch+json', {
      metadata: { annotations, ...(resourceVersion ? { resourceVersion } : {}) },
    });
    return;
  }
  // Carries the revision that was looked at: whoever changed the deployment meanwhile has the word.
  await context.api.update(Deployment, action.deployment);
  if (action.event) context.recorder.event(action.deployment, 'Warning', action.event.reason, action.event.message);
}
