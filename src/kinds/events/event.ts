import { defineKind, type Column, type Kind, type KubeObject } from '#machinery';
import { eventColumns } from '../core/event-columns.ts';
import { validateNewEvent, validateNewEventUpdate } from '../core/event-validation.ts';
import type { CoreV1Event, EventsV1Event } from '../generated/types.ts';

const group = 'events.k8s.io';
const own = `${group}/v1`;

/** Field names that differ, as they are here and in the core API. */
const renamed = {
  note: 'message',
  regarding: 'involvedObject',
  reportingController: 'reportingComponent',
  deprecatedCount: 'count',
  deprecatedFirstTimestamp: 'firstTimestamp',
  deprecatedLastTimestamp: 'lastTimestamp',
  deprecatedSource: 'source',
} as const;
const back: { readonly [field: string]: string } = Object.fromEntries(Object.entries(renamed).map(([here, core]) => [core, here]));

function rename(object: KubeObject, apiVersion: string, names: { readonly [field: string]: string }): KubeObject {
  const out: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(object)) out[Object.hasOwn(names, field) ? names[field]! : field] = value;
  return { ...out, apiVersion };
}

export const asCoreEvent = (event: EventsV1Event): CoreV1Event => rename(event, 'v1', renamed) as CoreV1Event;
/** eventTime has no omitempty here: events of the old sort show null. */
const asNewEvent = (event: KubeObject): EventsV1Event => rename(event, own, back) as EventsV1Event;

const inCore = (column: Column<CoreV1Event>): Column<EventsV1Event> => ({ ...column, value: (event, now) => column.value(asCoreEvent(event), now) });
const regarding = (field: 'apiVersion' | 'fieldPath' | 'kind' | 'name' | 'namespace' | 'resourceVersion' | 'uid') => (event: EventsV1Event) =>
  event.regarding?.[field] ?? '';

/** The same events as the core API has, under newer names: one stored resource, two served. */
export const EventsEvent: Kind<EventsV1Event> = defineKind<EventsV1Event>({
  group,
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  shortNames: ['ev'],
  namespaced: true,
  schema: 'EventsV1Event',
  createOnUpdate: true,
  prefix: '/registry/core/events/',
  storageVersion: 'v1',
  convert: (objects, to) => objects.map((object) => (to === 'v1' ? asCoreEvent(object as EventsV1Event) : asNewEvent(object))),
  columns: eventColumns.map(inCore),
  selectableFields: {
    'regarding.kind': regarding('kind'),
    'regarding.namespace': regarding('namespace'),
    'regarding.name': regarding('name'),
    'regarding.uid': regarding('uid'),
    'regarding.apiVersion': regarding('apiVersion'),
    'regarding.resourceVersion': regarding('resourceVersion'),
    'regarding.fieldPath': regarding('fieldPath'),
    reason: (event) => event.reason ?? '',
    reportingController: (event) => event.reportingController ?? '',
    type: (event) => event.type ?? '',
  },
  defaults(event) {
    event.regarding ??= {};
  },
  validate(event, old) {
    const core = asCoreEvent(event);
    return old ? validateNewEventUpdate(core, asCoreEvent(old)) : validateNewEvent(core);
  },
});
