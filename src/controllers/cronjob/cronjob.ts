import { isDeepStrictEqual } from 'node:util';
import { formatTime } from '#base';
import { CronJob, Job, type V1CronJob, type V1CronJobStatus, type V1Job } from '#kinds';
import { isApiError } from '#machinery';
import { isNamespaceTerminating, keyFor, splitKey, type Controller, type ControllerContext, type Reconcile } from '../controller.ts';
import { conditionOf, isFinished } from '../job/judge.ts';
import { controllerOf } from '../ownership.ts';
import { PendingWrites } from '../pending.ts';
import { indexByController } from '../pods.ts';
import { dueStart, untilNext } from './missed.ts';
import { scheduleOf, type Next } from './next.ts';
import { buildJob, jobName } from './template.ts';

/** Makes a Job each time a CronJob is due, and removes the old ones. */
export const cronJobController: Controller = { name: 'cronjob', component: 'cronjob-controller', setup };

function setup(context: ControllerContext): Reconcile {
  const { api, recorder, clock } = context;
  const cronJobs = context.watch(CronJob, (job, old) => {
    const key = keyFor((job ?? old) as V1CronJob);
    const wait = job && old && job.metadata?.uid === old.metadata?.uid && isRescheduled(job, old) ? untilNextStart(job) : undefined;
    // A new schedule holds from now on: what it would have started before is not made up for.
    if (wait === undefined) return [key];
    context.enqueueAfter(key, wait);
    return [];
  });
  const jobs = context.watch(Job, (job, old) => [...new Set([...ownerOf(job), ...ownerOf(old)])]);
  const ownedJobs = indexByController(jobs);
  const pending = new PendingWrites(cronJobs);
  const pendingJobs = new PendingWrites(jobs);
  const uids = new Map<string, string>();

  return async (key) => {
    const { namespace, name } = splitKey(key);
    const cached = cronJobs.get(namespace, name);
    const uid = cached?.metadata?.uid ?? '';
    const before = uids.get(key);
    if (before !== undefined && before !== uid) {
      pending.forget(before);
      pendingJobs.forget(before);
      uids.delete(key);
    }
    if (!cached) return;
    uids.set(key, uid);
    const cron = pending.merge(uid, [cached])[0] ?? cached;
    const draft: V1CronJobStatus = { ...cron.status, active: [...(cron.status?.active ?? [])] };
    const owned = pendingJobs.merge(uid, ownedJobs(uid));
    let wait: number | undefined;
    let failure: unknown;
    try {
      await observe(cron, draft, owned);
      await clean(cron, draft, owned);
      wait = await start(cron, draft);
    } catch (error) {
      failure = error;
    }
    await write(cron, draft);
    if (failure !== undefined) throw failure;
    return wait;
  };

  /** Brings the list of running jobs up to date with the jobs that there are. */
  async function observe(cron: V1CronJob, draft: V1CronJobStatus, owned: readonly V1Job[]): Promise<void> {
    const listed = new Set(draft.active?.map((ref) => ref.uid));
    for (const job of owned) {
      const isListed = listed.has(job.metadata?.uid ?? '');
      if (!isListed && !isFinished(job))
        recorder.event(cron, 'Warning', 'UnexpectedJob', `Saw a job that the controller did not create or forgot: ${job.metadata?.name ?? ''}`);
      if (isListed && isFinished(job)) {
        unlist(draft, job);
        const how = conditionOf(job, 'Complete') ? 'Complete' : 'Failed';
        recorder.event(cron, 'Normal', 'SawCompletedJob', `Saw completed job: ${job.metadata?.name ?? ''}, condition: ${how}`);
      }
      const end = conditionOf(job, 'Complete') && job.status?.completionTime;
      if (end && Date.parse(end) > (Date.parse(draft.lastSuccessfulTime ?? '') || 0)) draft.lastSuccessfulTime = end;
    }
    const known = new Set(owned.map((job) => job.metadata?.uid));
    for (const ref of draft.active?.filter((r) => !known.has(r.uid)) ?? []) {
      const job = await find(ref.namespace, ref.name);
      if (job?.metadata?.uid === ref.uid) continue;
      recorder.event(cron, 'Normal', 'MissingJob', `Active job went missing: ${ref.name ?? ''}`);
      draft.active = draft.active?.filter((r) => r !== ref) ?? [];
    }
  }

  /** Makes the job that is due. Gives how long until the next one, ms. */
  async function start(cron: V1CronJob, draft: V1CronJobStatus): Promise<number | undefined> {
    const { suspend, concurrencyPolicy, startingDeadlineSeconds: deadline } = cron.spec ?? {};
    const next = cron.metadata?.deletionTimestamp || suspend ? undefined : scheduleFor(cron);
    if (!next) return undefined;
    const now = clock.now();
    const at = due(cron, next, now);
    const later = (): number | undefined => untilNext({ ...cron, status: draft }, next, now);
    if (at === undefined) return later();
    if (deadline !== undefined && at + deadline * 1000 < now) {
      recorder.event(cron, 'Warning', 'MissSchedule', `Missed scheduled time to start a job: ${new Date(at).toUTCString()}`);
      return later();
    }
    if (draft.active?.some((ref) => ref.name === jobName(cron, at)) || Date.parse(draft.lastScheduleTime ?? '') === at) return later();
    if (concurrencyPolicy === 'Forbid' && (draft.active ?? []).length > 0) {
      recorder.event(cron, 'Normal', 'JobAlreadyActive', 'Not starting job because prior execution is running and concurrency policy is Forbid');
      return later();
    }
    if (concurrencyPolicy === 'Replace') await replace(cron, draft);
    const job = await create(cron, at);
    if (!job) return later();
    const { namespace, name, uid, resourceVersion } = job.metadata ?? {};
    const ref = { apiVersion: 'batch/v1', kind: 'Job', name: name ?? '', namespace: namespace ?? '', resourceVersion: resourceVersion ?? '', uid: uid ?? '' };
    if (!draft.active?.some((one) => one.uid === uid)) draft.active = [...(draft.active ?? []), ref];
    draft.lastScheduleTime = formatTime(at);
    return later();
  }
  function due(cron: V1CronJob, next: Next, now: number): number | undefined {
    try {
      const { at, tooMany } = dueStart(cron, next, now);
      if (tooMany)
        recorder.event(cron, 'Warning', 'TooManyMissedTimes', 'too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew');
      return at;
    } catch (error) {
      recorder.event(cron, 'Warning', 'InvalidSchedule', `invalid schedule: ${cron.spec?.schedule ?? ''} : ${(error as Error).message}`);
      return undefined;
    }
  }
  /** The job as made, or as it was made by us before and not noted; undefined when the name is somebody else's. */
  async function create(cron: V1CronJob, at: number): Promise<V1Job | undefined> {
    try {
      const job = await api.create(Job, buildJob(cron, at));
      pendingJobs.wrote(cron.metadata?.uid ?? '', job);
      recorder.event(cron, 'Normal', 'SuccessfulCreate', `Created job ${job.metadata?.name ?? ''}`);
      return job;
    } catch (error) {
      if (isApiError(error, 'AlreadyExists')) {
        const job = await find(cron.metadata?.namespace, jobName(cron, at));
        return job && controllerOf(job)?.uid === cron.metadata?.uid ? job : undefined;
      }
      if (isNamespaceTerminating(error)) return undefined;
      recorder.event(cron, 'Warning', 'FailedCreate', `Error creating job: ${(error as Error).message}`);
      throw error;
    }
  }
  async function replace(cron: V1CronJob, draft: V1CronJobStatus): Promise<void> {
    for (const ref of draft.active ?? []) {
      const job = await find(ref.namespace, ref.name);
      if (job) await remove(cron, draft, job);
      else draft.active = draft.active?.filter((r) => r !== ref) ?? [];
    }
  }

  /** Keeps only so many of the finished jobs as the limits allow. */
  async function clean(cron: V1CronJob, draft: V1CronJobStatus, owned: readonly V1Job[]): Promise<void> {
    if (cron.metadata?.deletionTimestamp) return;
    const { successfulJobsHistoryLimit, failedJobsHistoryLimit } = cron.spec ?? {};
    const surplus = (type: string, limit: number | undefined): V1Job[] => {
      const ended = owned.filter((job) => conditionOf(job, type) && !job.metadata?.deletionTimestamp).sort(byStart);
      return limit === undefined ? [] : ended.slice(0, Math.max(0, ended.length - limit));
    };
    for (const job of [...surplus('Complete', successfulJobsHistoryLimit), ...surplus('Failed', failedJobsHistoryLimit)]) await remove(cron, draft, job);
  }
  async function remove(cron: V1CronJob, draft: V1CronJobStatus, job: V1Job): Promise<void> {
    const { namespace, name = '', uid = '' } = job.metadata ?? {};
    try {
      await api.delete(Job, { namespace, name }, { propagationPolicy: 'Background', preconditions: { uid } });
    } catch (error) {
      if (!isApiError(error, 'NotFound')) {
        recorder.event(cron, 'Warning', 'FailedDelete', `Deleted job: ${(error as Error).message}`);
        throw error;
      }
    }
    pendingJobs.removed(cron.metadata?.uid ?? '', job);
    unlist(draft, job);
    recorder.event(cron, 'Normal', 'SuccessfulDelete', `Deleted job ${name}`);
  }

  function scheduleFor(cron: V1CronJob): Next | undefined {
    const schedule = cron.spec?.schedule ?? '';
    const timeZone = cron.spec?.timeZone;
    try {
      return scheduleOf(schedule, timeZone);
    } catch (error) {
      const text = (error as Error).message;
      if (error instanceof RangeError) recorder.event(cron, 'Warning', 'UnknownTimeZone', `invalid timeZone: ${JSON.stringify(timeZone ?? '')}: ${text}`);
      else recorder.event(cron, 'Warning', 'UnparseableSchedule', `unparseable schedule: ${JSON.stringify(schedule)} : ${text}`);
      return undefined;
    }
  }
  function untilNextStart(cron: V1CronJob): number | undefined {
    try {
      return untilNext(cron, scheduleOf(cron.spec?.schedule ?? '', cron.spec?.timeZone), clock.now());
    } catch {
      return undefined;
    }
  }
  async function find(namespace: string | undefined, name: string | undefined): Promise<V1Job | undefined> {
    try {
      return await api.get(Job, { namespace, name: name ?? '' });
    } catch (error) {
      if (isApiError(error, 'NotFound')) return undefined;
      throw error;
    }
  }
  async function write(cron: V1CronJob, draft: V1CronJobStatus): Promise<void> {
    if (draft.active?.length === 0) delete draft.active;
    if (isDeepStrictEqual(draft, cron.status ?? {})) return;
    try {
      pending.wrote(cron.metadata?.uid ?? '', await api.update(CronJob, { ...cron, status: draft }, { subresource: 'status' }));
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
    }
  }
}

const isRescheduled = ({ spec: a }: V1CronJob, { spec: b }: V1CronJob): boolean => a?.schedule !== b?.schedule || a?.timeZone !== b?.timeZone;
function ownerOf(job: V1Job | undefined): string[] {
  const ref = job && controllerOf(job);
  return ref?.kind === 'CronJob' ? [`${job?.metadata?.namespace ?? ''}/${ref.name}`] : [];
}
function unlist(draft: V1CronJobStatus, job: V1Job): void {
  draft.active = draft.active?.filter((ref) => ref.uid !== job.metadata?.uid) ?? [];
}
function byStart(a: V1Job, b: V1Job): number {
  const key = (job: V1Job): string => `${job.status?.startTime ?? '9'} ${job.metadata?.name ?? ''}`;
  return key(a) < key(b) ? -1 : 1;
}
