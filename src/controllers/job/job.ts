import { isDeepStrictEqual } from 'node:util';
import { formatTime } from '#base';
import { Job, Pod, type V1Job, type V1JobStatus, type V1Pod } from '#kinds';
import { isApiError, labelSelectorMatcher } from '#machinery';
import { keyFor, ownKey, splitKey, type Controller, type ControllerContext, type Reconcile } from '../controller.ts';
import { controllerOf } from '../ownership.ts';
import { PendingWrites } from '../pending.ts';
import { indexByController, indexOrphans } from '../pods.ts';
import { PodActions, type Removed } from './actions.ts';
import { nextRecord, noFailures, type BackoffRecord } from './backoff.ts';
import { completions, isFinished, isSuspended, judge, untilDeadline, withCondition, type Verdict } from './judge.ts';
import { observe, type JobFacts } from './observe.ts';
import { planPods } from './plan.ts';
import { isTracked, uidOf } from './pods.ts';
import { finished, setCount, settle, track, withInterim } from './track.ts';

/** Runs pods until as many of them have succeeded as a Job asks for. */
export const jobController: Controller = { name: 'job', component: 'job-controller', setup };

const ourName = 'kubernetes.io/job-controller';
/** Whether some other program looks after the job. */
export const isManagedElsewhere = ({ spec }: V1Job): boolean => spec?.managedBy !== undefined && spec.managedBy !== ourName;

interface Work {
  job: V1Job;
  pods: V1Pod[];
  facts: JobFacts;
  backoff: BackoffRecord;
}
/** What the pods come to once the writes of this round are done. */
interface Done {
  active: number;
  ready: number;
  terminating: number;
  /** Everything that was to be removed is being removed. */
  whole: boolean;
  managed: boolean;
  error?: unknown;
  wait?: number | undefined;
}

function setup(context: ControllerContext): Reconcile {
  const jobs = context.watch(Job, ownKey);
  const pods = context.watch(Pod, (pod, old) => [...new Set([...ownersOf(pod), ...ownersOf(old)])]);
  const ownedPods = indexByController(pods);
  const orphanPods = indexOrphans(pods);
  const pendingSelf = new PendingWrites(jobs);
  const actions = new PodActions(context, new PendingWrites(pods));
  const backoffs = new Map<string, { uid: string; record: BackoffRecord }>();

  function ownersOf(pod: V1Pod | undefined): string[] {
    const ref = pod && controllerOf(pod);
    if (!pod) return [];
    if (ref) return ref.kind === 'Job' ? [`${pod.metadata?.namespace ?? ''}/${ref.name}`] : [];
    const labels = pod.metadata?.labels;
    return labels ? jobs.list(pod.metadata?.namespace).flatMap((job) => (labelSelectorMatcher(job.spec?.selector)(labels) ? [keyFor(job)] : [])) : [];
  }

  return async (key) => {
    const { namespace, name } = splitKey(key);
    const cached = jobs.get(namespace, name);
    const known = backoffs.get(key);
    if (known && (!cached || known.uid !== cached.metadata?.uid)) {
      backoffs.delete(key);
      forget(known.uid);
    }
    if (!cached || isManagedElsewhere(cached)) return;
    const uid = cached.metadata?.uid ?? '';
    const job = started(pendingSelf.merge(uid, [cached])[0] ?? cached);
    if (isFinished(job)) {
      backoffs.delete(key);
      return actions.forget(uid);
    }
    const candidates = [...ownedPods(uid), ...orphanPods(namespace ?? '')];
    const present = actions.present(uid, await actions.claim(job, candidates));
    const facts = observe(job, present);
    const record = nextRecord(backoffs.get(key)?.record ?? noFailures, facts.newSucceeded, facts.newFailed);
    return sync({ job, pods: present, facts, backoff: record }, () => backoffs.set(key, { uid, record }));
  };

  function forget(uid: string): void {
    actions.forget(uid);
    pendingSelf.forget(uid);
  }

  /** The time that a job runs begins when it is first looked at. */
  function started(job: V1Job): V1Job {
    if (job.status?.startTime || isSuspended(job)) return job;
    return { ...job, status: { ...job.status, startTime: formatTime(context.clock.now()) } };
  }

  async function sync(work: Work, noted: () => void): Promise<number | void> {
    const { job, facts } = work;
    const judged = judge(job, work.pods, facts, context.clock.now());
    const done = judged ? await end(work) : await manage(work);
    let status = nextStatus(job, done);
    let verdict = judged && done.whole ? judged : undefined;
    if (!judged && isComplete(job, facts, done.active)) verdict = completions;
    else if (!judged && done.managed) status = suspension(job, status);
    await writeResults(work, status, verdict, noted);
    if (done.error !== undefined) throw done.error;
    const waits = [done.wait, untilDeadline(job, context.clock.now())].filter((ms) => ms !== undefined && ms > 0) as number[];
    return waits.length > 0 ? Math.min(...waits) : undefined;
  }

  /** The job is over: what still runs is stopped. Its pods are counted before they lose their finalizer. */
  async function end({ job, facts }: Work): Promise<Done> {
    const removed = await actions.remove(job, facts.active, { uncounted: false });
    return { ...after(facts, removed), whole: removed.pods === facts.active.length, managed: false };
  }
  async function manage({ job, pods: all, facts, backoff }: Work): Promise<Done> {
    const none = { pods: 0, ready: 0, error: undefined };
    if (job.metadata?.deletionTimestamp) return { ...after(facts, none), whole: true, managed: false };
    const plan = planPods(job, all, facts, backoff, context.clock.now());
    const removed = plan.remove.length > 0 ? await actions.remove(job, plan.remove, { uncounted: true }) : none;
    const made = await actions.create(job, plan.create, (index) => facts.indexes?.kept.get(index));
    const done = after(facts, removed);
    return { ...done, active: done.active + made.pods, error: removed.error ?? made.error, wait: plan.wait, whole: true, managed: true };
  }
  function after(facts: JobFacts, removed: Removed): Omit<Done, 'whole' | 'managed'> {
    return {
      active: facts.active.length - removed.pods,
      ready: facts.ready - removed.ready,
      terminating: facts.terminating + removed.pods,
      error: removed.error,
    };
  }

  /** Says whether the job is suspended. One that goes on has its time from now. */
  function suspension(job: V1Job, status: V1JobStatus): V1JobStatus {
    const now = context.clock.now();
    const [reason, message, event] = isSuspended(job) ? ['JobSuspended', 'Job suspended', 'Suspended'] : ['JobResumed', 'Job resumed', 'Resumed'];
    const next = { type: 'Suspended', status: isSuspended(job) ? ('True' as const) : ('False' as const), reason: reason as string, message: message as string };
    const { conditions, changed } = withCondition(status.conditions, next, now);
    if (!changed) return status;
    context.recorder.event(job, 'Normal', event as string, message as string);
    return { ...status, conditions, ...(isSuspended(job) ? {} : { startTime: formatTime(now) }) };
  }

  async function writeResults({ job, pods: all, facts }: Work, draft: V1JobStatus, verdict: Verdict | undefined, noted: () => void): Promise<void> {
    const plan = track(job, draft, all, facts, verdict);
    const first = verdict ? withInterim(plan.status, verdict, context.clock.now()) : plan.status;
    // What counts the pods must be written before they are let go; without any, one write is enough.
    const before = plan.release.length > 0 || verdict ? await write(job, first) : job;
    if (!before) return;
    noted();
    const released = await Promise.allSettled(plan.release.map((pod) => actions.release(job, pod)));
    const left = plan.release.filter((_pod, i) => released[i]?.status === 'rejected');
    const tracked = new Set([...all.filter((pod) => isTracked(pod) && !plan.release.includes(pod)), ...left].map(uidOf));
    const counted = settle(before === job ? first : (before.status ?? {}), tracked);
    const last = verdict && !plan.partial ? finished(counted, verdict, context.clock.now()) : undefined;
    const written = await write(before, last ?? counted);
    if (written && last && verdict) tell(written, verdict);
    const failure = released.find((result) => result.status === 'rejected');
    if (failure) throw failure.reason;
  }
  function tell(job: V1Job, { outcome, reason, message }: Verdict): void {
    const wanted = job.spec?.completions;
    if (outcome === 'Failed') return context.recorder.event(job, 'Warning', reason, message);
    if (wanted !== undefined && (job.status?.succeeded ?? 0) > wanted)
      context.recorder.event(job, 'Warning', 'TooManySucceededPods', 'Too many succeeded pods recorded');
    context.recorder.event(job, 'Normal', 'Completed', 'Job completed');
  }

  /** The job as written; undefined when it is gone. */
  async function write(job: V1Job, status: V1JobStatus): Promise<V1Job | undefined> {
    const uid = job.metadata?.uid ?? '';
    const { namespace, name = '' } = job.metadata ?? {};
    const current = pendingSelf.merge(uid, [jobs.get(namespace, name) ?? job])[0] ?? job;
    if (current.metadata?.resourceVersion === job.metadata?.resourceVersion && isDeepStrictEqual(current.status ?? {}, status)) return current;
    try {
      const written = await context.api.update(Job, { ...job, status }, { subresource: 'status' });
      pendingSelf.wrote(uid, written);
      return written;
    } catch (error) {
      if (isApiError(error, 'NotFound')) return undefined;
      throw error;
    }
  }
}

function nextStatus(job: V1Job, { active, ready, terminating }: Done): V1JobStatus {
  const status = { ...job.status, ready, terminating };
  setCount(status, 'active', active);
  return status;
}
function isComplete({ spec }: V1Job, { succeeded }: JobFacts, active: number): boolean {
  if (active > 0) return false;
  return spec?.completions === undefined ? succeeded > 0 : succeeded >= spec.completions;
}
