import { Job, Pod, type V1Job, type V1Pod } from '#kinds';
import { isApiError, type ObjectKey } from '#machinery';
import { keyFor, splitKey, type Controller } from '../controller.ts';
import { controllerOf } from '../ownership.ts';
import { PendingWrites } from '../pending.ts';
import { indexByController } from '../pods.ts';
import { PodActions } from './actions.ts';
import { isManagedElsewhere } from './job.ts';
import { isFinished } from './judge.ts';
import { isTracked } from './pods.ts';

/** Takes the finalizer from pods that no job counts any more: its job is gone or finished, or let them go. Keys are pods. */
export const jobOrphanController: Controller = {
  name: 'job-orphans',
  component: 'job-controller',
  setup(context) {
    const pods = context.watch(Pod, (pod) => (pod && isTracked(pod) ? [keyFor(pod)] : []));
    const ownedPods = indexByController(pods);
    const jobs = context.watch(Job, (job, old) => {
      if (job && !isFinished(job)) return [];
      return ownedPods((job ?? old)?.metadata?.uid ?? '').flatMap((pod) => (isTracked(pod) ? [keyFor(pod)] : []));
    });
    const actions = new PodActions(context, new PendingWrites(pods));

    return async (key) => {
      const { namespace, name } = splitKey(key);
      const pod = pods.get(namespace, name);
      if (pod && isTracked(pod) && (await isLoose(pod))) await actions.untrack(pod);
    };

    async function isLoose(pod: V1Pod): Promise<boolean> {
      const ref = controllerOf(pod);
      if (!ref) return true;
      if (ref.kind !== 'Job') return false;
      const key = { namespace: pod.metadata?.namespace, name: ref.name };
      const cached = jobs.get(key.namespace, key.name);
      // A job that is not in the cache may only be new to it.
      const job = cached?.metadata?.uid === ref.uid ? cached : await find(key);
      return !job || job.metadata?.uid !== ref.uid || (isFinished(job) && !isManagedElsewhere(job));
    }
    async function find(key: ObjectKey): Promise<V1Job | undefined> {
      try {
        return await context.api.get(Job, key);
      } catch (error) {
        if (isApiError(error, 'NotFound')) return undefined;
        throw error;
      }
    }
  },
};
