import { defineKind, type FieldError, type Kind } from '#machinery';
import type { V1CronJob, V1CronJobSpec, V1JobTemplateSpec } from '../generated/types.ts';
import { containerColumns, nameWarnings } from '../apps/workload.ts';
import { defaultPodTemplate } from '../core/pod-spec-defaults.ts';
import { templateWarnings } from '../core/pod-warnings.ts';
import { ageColumn, column, nameColumn, since } from '../support/columns.ts';
import { parseCron } from '../support/cron.ts';
import { invalidValue, nonNegative, oneOf, required, unsupportedOf } from '../support/errors.ts';
import { formatSelector } from '../support/selectors.ts';
import { validateJobSpec } from './job-validation.ts';

/** The controller names jobs after the CronJob and the time, 11 characters more. */
const longestName = 52;

function validateSchedule({ schedule, timeZone }: V1CronJobSpec, old: V1CronJobSpec | undefined): FieldError[] {
  const at = 'spec.schedule';
  if (!schedule) return [required(at)];
  const errors: FieldError[] = [];
  try {
    parseCron(schedule);
  } catch (error) {
    errors.push(invalidValue(at, schedule, (error as Error).message));
  }
  if (!schedule.includes('TZ')) return errors;
  if (!(old?.schedule as string | undefined)?.includes('TZ'))
    errors.push(invalidValue(at, schedule, 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead'));
  else if (timeZone !== undefined) errors.push(invalidValue(at, schedule, 'cannot use both timeZone field and TZ or CRON_TZ in schedule'));
  return errors;
}

function validateTimeZone(zone: string | undefined): FieldError[] {
  const at = 'spec.timeZone';
  if (zone === undefined) return [];
  if (zone === '') return [invalidValue(at, zone, 'timeZone must be nil or non-empty string')];
  const odd = zone.split('/').some((part) => part === '.' || part === '..' || part.startsWith('-') || !/^[A-Za-z._\-0-9+]{1,14}$/.test(part));
  if (odd) return [invalidValue(at, zone, `unknown time zone ${zone}`)];
  if (zone.toLowerCase() === 'local') return [invalidValue(at, zone, 'timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones')];
  try {
    Intl.DateTimeFormat('en', { timeZone: zone });
    return [];
  } catch {
    return [invalidValue(at, zone, `unknown time zone ${zone}`)];
  }
}

function validateJobTemplate({ spec }: V1JobTemplateSpec): FieldError[] {
  const at = 'spec.jobTemplate.spec';
  if (!spec) return [required(`${at}.template`)];
  const errors = validateJobSpec(spec, at);
  if (spec.selector) errors.push(invalidValue(`${at}.selector`, spec.selector, '`selector` will be auto-generated'));
  if (spec.manualSelector) errors.push(unsupportedOf(`${at}.manualSelector`, true, ['nil', 'false']));
  return errors;
}

function validateSpec(spec: V1CronJobSpec, old: V1CronJobSpec | undefined): FieldError[] {
  return [
    ...validateSchedule(spec, old),
    ...nonNegative('spec.startingDeadlineSeconds', spec.startingDeadlineSeconds),
    ...(old && old.timeZone === spec.timeZone ? [] : validateTimeZone(spec.timeZone)),
    ...oneOf('spec.concurrencyPolicy', spec.concurrencyPolicy, ['Allow', 'Forbid', 'Replace']),
    ...validateJobTemplate(spec.jobTemplate ?? {}),
    ...nonNegative('spec.successfulJobsHistoryLimit', spec.successfulJobsHistoryLimit),
    ...nonNegative('spec.failedJobsHistoryLimit', spec.failedJobsHistoryLimit),
  ];
}

const flag = (value: boolean | undefined): string => (value === undefined ? '<unset>' : value ? 'True' : 'False');

export const CronJob: Kind<V1CronJob> = defineKind<V1CronJob>({
  group: 'batch',
  version: 'v1',
  kind: 'CronJob',
  plural: 'cronjobs',
  shortNames: ['cj'],
  categories: ['all'],
  namespaced: true,
  schema: 'V1CronJob',
  status: true,
  columns: [
    nameColumn,
    column('Schedule', 'string', 'The schedule in Cron format, see https://en.wikipedia.org/wiki/Cron.', ({ spec }) => spec?.schedule),
    column('Timezone', 'string', 'The time zone name for the given schedule.', ({ spec }) => spec?.timeZone ?? '<none>'),
    column(
      'Suspend',
      'boolean',
      'This flag tells the controller to suspend subsequent executions, it does not apply to already started executions.',
      ({ spec }) => flag(spec?.suspend),
    ),
    column('Active', 'integer', 'A list of pointers to currently running jobs.', ({ status }) => status?.active?.length ?? 0),
    column('Last Schedule', 'string', 'Information when was the last time the job was successfully scheduled.', ({ status }, now) =>
      status?.lastScheduleTime ? since(status.lastScheduleTime, now) : '<none>',
    ),
    ageColumn,
    ...containerColumns<V1CronJob>((job) => job.spec?.jobTemplate?.spec?.template),
    column(
      'Selector',
      'string',
      'A label query over pods that should match the pod count.',
      ({ spec }) => formatSelector(spec?.jobTemplate?.spec?.selector) || '<none>',
      1,
    ),
  ],
  defaults({ spec }) {
    if (!spec) return;
    spec.concurrencyPolicy ||= 'Allow';
    spec.suspend ??= false;
    spec.successfulJobsHistoryLimit ??= 3;
    spec.failedJobsHistoryLimit ??= 1;
    defaultPodTemplate(spec.jobTemplate?.spec?.template);
  },
  prepareCreate(job) {
    job.status = {};
  },
  validate(job, old) {
    if (!job.spec) return [required('spec.schedule')];
    const errors = validateSpec(job.spec, old?.spec);
    const name = job.metadata?.name ?? '';
    if (!old && name.length > longestName) errors.push(invalidValue('metadata.name', name, `must be no more than ${longestName} characters`));
    return errors;
  },
  warnings(job, old) {
    const out = old ? [] : nameWarnings(job);
    if (!old || job.metadata?.generation !== old.metadata?.generation)
      out.push(...templateWarnings(job.spec?.jobTemplate?.spec?.template, 'spec.jobTemplate.spec.template', old?.spec?.jobTemplate?.spec?.template));
    if ((job.spec?.schedule as string | undefined)?.includes('TZ'))
      out.push(
        'CRON_TZ or TZ used in spec.schedule is not officially supported, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details',
      );
    return out;
  },
});
