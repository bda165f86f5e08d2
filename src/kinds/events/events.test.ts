import assert from 'node:assert/strict';
import test from 'node:test';
import { renderTable, type KubeObject } from '#machinery';
import { Event } from '../core/event.ts';
import { fixtures } from '../fixtures/index.ts';
import { objectOf, refused, refusedUpdate } from '../fixtures/objects.ts';
import { EventsEvent } from './event.ts';

test('one event, two faces: renamed there and back, nothing lost', () => {
  const object: KubeObject = objectOf(EventsEvent, fixtures['events.k8s.io/v1/Event']!.full);
  const [core] = EventsEvent.convert!([object], 'v1') as KubeObject[];
  assert.equal(core!.apiVersion, 'v1');
  assert.deepEqual(
    Object.keys(core!).filter((field) => ['note', 'regarding', 'reportingController'].includes(field)),
    [],
  );
  assert.deepEqual(EventsEvent.convert!([core!], 'events.k8s.io/v1'), [object]);
  assert.deepEqual(renderTable(EventsEvent, [object as never], 0).rows[0]!.cells, renderTable(Event, [core as never], 0).rows[0]!.cells);
  assert.equal(EventsEvent.prefix, Event.prefix);
});

test('new events say who reports what', () => {
  assert.deepEqual(
    refused(EventsEvent, (event) =>
      Object.assign(event, {
        eventTime: undefined,
        type: 'Loud',
        reportingController: '',
        reportingInstance: 'x'.repeat(129),
        action: '',
        note: 'x'.repeat(1025),
        deprecatedCount: 3,
        regarding: { namespace: 'other' },
      }),
    ),
    [
      'involvedObject.namespace: Invalid value: "other": does not match event.namespace',
      'eventTime: Required value',
      'type: Invalid value: "": has invalid value: Loud',
      'deprecatedCount: Invalid value: "": needs to be unset',
      'reportingController: Required value',
      'reportingInstance: Invalid value: "": can have at most 128 characters',
      'action: Required value',
      'note: Invalid value: "": can have at most 1024 bytes',
    ],
  );
  assert.deepEqual(
    refusedUpdate(EventsEvent, (event) => Object.assign(event, { note: 'other', series: { count: 1 } })),
    ['note: Invalid value: "other": field is immutable', 'series.count: Invalid value: "": should be at least 2', 'series.lastObservedTime: Required value'],
  );
});

test('core events of the newer sort say it too, the older ones need not', () => {
  const change = (event: object) => (object: object) => Object.assign(object, event);
  assert.deepEqual(refused(Event, change({ involvedObject: { kind: 'Node', name: 'n' } })), []);
  assert.deepEqual(refused(Event, change({ eventTime: '2031-01-01T00:00:00.000000Z' })), [
    'reportingComponent: Required value',
    'reportingInstance: Required value',
    'action: Required value',
    'reason: Required value',
  ]);
});
