/** The jobs that a CronJob makes. Pure. */
import { formatTime } from '#base';
import { CronJob, type V1CronJob, type V1Job } from '#kinds';
import { cloneObject } from '#machinery';
import { controllerReference } from '../ownership.ts';

const scheduledAnnotation = 'batch.kubernetes.io/cronjob-scheduled-timestamp';

/** One name per start, so that no start is made twice. */
export const jobName = (job: V1CronJob, at: number): string => `${job.metadata?.name ?? ''}-${Math.floor(at / 60_000)}`;

export function buildJob(job: V1CronJob, at: number): V1Job {
  const { metadata, spec } = job.spec?.jobTemplate ?? {};
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: jobName(job, at),
      namespace: job.metadata?.namespace ?? '',
      ...(metadata?.labels ? { labels: { ...metadata.labels } } : {}),
      annotations: { ...metadata?.annotations, [scheduledAnnotation]: stampIn(job.spec?.timeZone, at) },
      ownerReferences: [controllerReference(CronJob, job)],
    },
    ...(spec ? { spec: cloneObject(spec) } : {}),
  };
}

/** RFC 3339 with the offset of the zone. */
export function stampIn(zone: string | undefined, at: number): string {
  const name = new Intl.DateTimeFormat('en-US', { timeZone: zone ?? 'UTC', timeZoneName: 'longOffset' }).formatToParts(at);
  const offset = /[+-]\d\d:\d\d/.exec(name.find((part) => part.type === 'timeZoneName')?.value ?? '')?.[0];
  if (!offset || offset.endsWith('00:00')) return formatTime(at);
  const [hours = 0, minutes = 0] = offset.slice(1).split(':').map(Number);
  const local = at + (offset.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * 60_000;
  return formatTime(local).replace('Z', offset);
}
