import { defineKind, type Kind } from '#machinery';
import type { CoreV1Event } from '../generated/types.ts';
import { eventColumns } from './event-columns.ts';
import { validateCoreEvent } from './event-validation.ts';

export const Event: Kind<CoreV1Event> = defineKind<CoreV1Event>({
  group: '',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  shortNames: ['ev'],
  namespaced: true,
  schema: 'CoreV1Event',
  createOnUpdate: true,
  columns: eventColumns,
  selectableFields: {
    'involvedObject.kind': (event) => event.involvedObject?.kind ?? '',
    'involvedObject.namespace': (event) => event.involvedObject?.namespace ?? '',
    'involvedObject.name': (event) => event.involvedObject?.name ?? '',
    'involvedObject.uid': (event) => event.involvedObject?.uid ?? '',
    'involvedObject.apiVersion': (event) => event.involvedObject?.apiVersion ?? '',
    'involvedObject.resourceVersion': (event) => event.involvedObject?.resourceVersion ?? '',
    'involvedObject.fieldPath': (event) => event.involvedObject?.fieldPath ?? '',
    reason: (event) => event.reason ?? '',
    reportingComponent: (event) => event.reportingComponent ?? '',
    source: (event) => event.source?.component || event.reportingComponent || '',
    type: (event) => event.type ?? '',
  },
  defaults(event) {
    // As Go has it: the struct is always there, with what it is about in it.
    event.involvedObject ??= {};
  },
  validate: validateCoreEvent,
});
