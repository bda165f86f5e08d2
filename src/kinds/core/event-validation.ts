/** Validation of events in both of their APIs (pkg/apis/core/validation/events.go); both are stored as core events. */
import type { FieldError } from '#machinery';
import type { CoreV1Event } from '../generated/types.ts';
import { invalidValue, required, unchanged } from '../support/errors.ts';
import { checked, dnsSubdomain, qualifiedName } from '../support/names.ts';

const maxText = 128;
const maxNote = 1024;

/** Events about cluster-scoped objects live in the default namespace. */
function validateNamespace(event: CoreV1Event, elsewhere: readonly string[]): FieldError[] {
  const namespace = event.metadata.namespace ?? '';
  const about = event.involvedObject?.namespace ?? '';
  const fits = about === '' ? elsewhere.includes(namespace) : about === namespace;
  return fits ? [] : [invalidValue('involvedObject.namespace', about, 'does not match event.namespace')];
}

function validateText(field: string, text: string | undefined): FieldError[] {
  if (!text) return [required(field)];
  return text.length > maxText ? [invalidValue(field, '', `can have at most ${maxText} characters`)] : [];
}

/** What an event of the newer sort must say, whichever API it comes through. */
function validateReporter(event: CoreV1Event, reporter: string): FieldError[] {
  const controller = event.reportingComponent;
  return [
    ...(controller ? checked(reporter, controller, qualifiedName) : [required(reporter)]),
    ...validateText('reportingInstance', event.reportingInstance),
    ...validateText('action', event.action),
    ...validateText('reason', event.reason),
  ];
}

/** Core events; those with an eventTime are of the newer sort. */
export function validateCoreEvent(event: CoreV1Event): FieldError[] {
  const errors: FieldError[] = [];
  if (!event.eventTime) errors.push(...validateNamespace(event, ['default']));
  else {
    errors.push(...validateNamespace(event, ['default', 'kube-system']), ...validateReporter(event, 'reportingComponent'));
    if (Buffer.byteLength(event.message ?? '') > maxNote) errors.push(invalidValue('message', '', `can have at most ${maxNote} bytes`));
  }
  return [...errors, ...checked('metadata.namespace', event.metadata.namespace ?? '', dnsSubdomain)];
}

/** events.k8s.io events in their stored form: they carry nothing that only the old API had. */
export function validateNewEvent(event: CoreV1Event): FieldError[] {
  const errors = validateNamespace(event, ['default', 'kube-system']);
  if (!event.eventTime) errors.push(required('eventTime'));
  if (event.type !== 'Normal' && event.type !== 'Warning') errors.push(invalidValue('type', '', `has invalid value: ${event.type ?? ''}`));
  if (event.firstTimestamp) errors.push(invalidValue('deprecatedFirstTimestamp', '', 'needs to be unset'));
  if (event.lastTimestamp) errors.push(invalidValue('deprecatedLastTimestamp', '', 'needs to be unset'));
  if (event.count) errors.push(invalidValue('deprecatedCount', '', 'needs to be unset'));
  if (event.source?.component || event.source?.host) errors.push(invalidValue('deprecatedSource', '', 'needs to be unset'));
  errors.push(...validateReporter(event, 'reportingController'));
  if (Buffer.byteLength(event.message ?? '') > maxNote) errors.push(invalidValue('note', '', `can have at most ${maxNote} bytes`));
  return errors;
}

const fixed = {
  involvedObject: 'regarding',
  reason: 'reason',
  message: 'note',
  source: 'deprecatedSource',
  firstTimestamp: 'deprecatedFirstTimestamp',
  lastTimestamp: 'deprecatedLastTimestamp',
  count: 'deprecatedCount',
  action: 'action',
  related: 'related',
  reportingComponent: 'reportingController',
  reportingInstance: 'reportingInstance',
  type: 'type',
  eventTime: 'eventTime',
} as const;

/** Only the series of an event goes on. */
export function validateNewEventUpdate(event: CoreV1Event, old: CoreV1Event): FieldError[] {
  const errors = (Object.keys(fixed) as (keyof typeof fixed)[]).flatMap((field) => unchanged(fixed[field], event[field], old[field]));
  if (!event.series) return errors;
  if ((event.series.count ?? 0) < 2) errors.push(invalidValue('series.count', '', 'should be at least 2'));
  if (!event.series.lastObservedTime) errors.push(required('series.lastObservedTime'));
  return errors;
}
