/** What `kubectl get events` shows, of either API; and what events can be selected by. */
import type { Column } from '#machinery';
import type { CoreV1Event } from '../generated/types.ts';
import { column, nameColumn, since } from '../support/columns.ts';

const first = (event: CoreV1Event, now: number): string => since(event.firstTimestamp ?? event.eventTime, now);
const last = (event: CoreV1Event, now: number): string => {
  if (event.series?.lastObservedTime) return since(event.series.lastObservedTime, now);
  return event.lastTimestamp ? since(event.lastTimestamp, now) : first(event, now);
};

function objectText(event: CoreV1Event): string {
  const { kind, name } = event.involvedObject ?? {};
  return name ? `${(kind ?? '').toLowerCase()}/${name}` : (kind ?? '').toLowerCase();
}

function sourceText(event: CoreV1Event): string {
  const component = event.source?.component || event.reportingComponent || '';
  const host = event.source?.host || event.reportingInstance || '';
  return [component, host].filter(Boolean).join(', ');
}

export const eventColumns: readonly Column<CoreV1Event>[] = [
  column('Last Seen', 'string', 'The time at which the most recent occurrence of this event was recorded.', last),
  column('Type', 'string', 'Type of this event (Normal, Warning), new types could be added in the future', (event) => event.type ?? ''),
  column(
    'Reason',
    'string',
    "This should be a short, machine understandable string that gives the reason for the transition into the object's current status.",
    (event) => event.reason ?? '',
  ),
  column('Object', 'string', 'The object that this event is about.', objectText),
  column('Subobject', 'string', 'The part of the object that this event is about.', (event) => event.involvedObject?.fieldPath ?? '', 1),
  column('Source', 'string', 'The component reporting this event.', sourceText, 1),
  column('Message', 'string', 'A human-readable description of the status of this operation.', (event) => event.message?.trim() ?? ''),
  column('First Seen', 'string', 'The time at which the event was first recorded.', first, 1),
  column('Count', 'string', 'The number of times this event has occurred.', (event) => event.series?.count ?? (event.count || 1), 1),
  { ...nameColumn, priority: 1 },
];
