import { Job, type V1Job } from '#kinds';
import { isApiError } from '#machinery';
import { keyFor, splitKey, type Controller } from '../controller.ts';
import { conditionOf } from './judge.ts';

/** Deletes finished Jobs, and all that they own, once their time is over. */
export const ttlAfterFinishedController: Controller = {
  name: 'ttl-after-finished',
  component: 'ttl-after-finished-controller',
  setup(context) {
    const jobs = context.watch(Job, (job) => (job && expiry(job) !== undefined ? [keyFor(job)] : []));

    return async (key) => {
      const { namespace, name } = splitKey(key);
      const job = jobs.get(namespace, name);
      const left = job && timeLeft(job);
      if (left === undefined || left > 0) return left;
      try {
        // The time may have been changed since the cache was filled: a deletion cannot be taken back.
        const fresh = await context.api.get(Job, { namespace, name });
        const still = timeLeft(fresh);
        if (still === undefined || still > 0) return still;
        const { uid = '', resourceVersion = '' } = fresh.metadata ?? {};
        await context.api.delete(Job, { namespace, name }, { propagationPolicy: 'Foreground', preconditions: { uid, resourceVersion } });
      } catch (error) {
        if (!isApiError(error, 'NotFound')) throw error;
      }
    };
    function timeLeft(job: V1Job): number | undefined {
      const at = expiry(job);
      return at === undefined ? undefined : at - context.clock.now();
    }
  },
};

/** When the job is to go, ms since the epoch. */
function expiry(job: V1Job): number | undefined {
  const ttl = job.spec?.ttlSecondsAfterFinished;
  const end = (conditionOf(job, 'Complete') ?? conditionOf(job, 'Failed'))?.lastTransitionTime;
  return ttl === undefined || !end || job.metadata?.deletionTimestamp ? undefined : Date.parse(end) + ttl * 1000;
}
