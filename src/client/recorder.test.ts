import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '#base';
import { ConfigMap, Event, type V1ConfigMap, type V1Event } from '#kinds';
import { ApiError, type KubeObject } from '#machinery';
import { createRecorder } from './recorder.ts';
import { createFakeApi, type FakeApi } from './testing.ts';

const pod: KubeObject = { apiVersion: 'v1', kind: 'Pod', metadata: { namespace: 'default', name: 'p', uid: 'u', resourceVersion: '7' } };
function start(): { api: FakeApi; clock: FakeClock; events: () => V1Event[]; recorder: ReturnType<typeof createRecorder> } {
  const clock = new FakeClock();
  const api = createFakeApi(clock);
  return { api, clock, events: () => api.all(Event), recorder: createRecorder({ api, clock }, 'tester') };
}

test('an event names its object, its source and its time', async () => {
  const { recorder, events } = start();
  recorder.event(pod, 'Warning', 'Failed', 'no image', 'spec.containers{app}');
  await recorder.flush();
  const event = events()[0];
  assert.deepEqual(event?.involvedObject, {
    apiVersion: 'v1',
    kind: 'Pod',
    namespace: 'default',
    name: 'p',
    uid: 'u',
    resourceVersion: '7',
    fieldPath: 'spec.containers{app}',
  });
  assert.match(event?.metadata.name ?? '', /^p\.[0-9a-f]{16}$/);
  assert.deepEqual(
    [event?.type, event?.reason, event?.message, event?.count, event?.source?.component, event?.reportingComponent, event?.firstTimestamp],
    ['Warning', 'Failed', 'no image', 1, 'tester', 'tester', '2026-01-01T00:00:00Z'],
  );
});

test('repeats are counted on one Event', async () => {
  const { recorder, events, clock } = start();
  for (let i = 0; i < 3; i++) {
    recorder.event(pod, 'Normal', 'Pulled', 'cached');
    await recorder.flush();
    await clock.advance(60_000);
  }
  assert.equal(events().length, 1);
  assert.deepEqual([events()[0]?.count, events()[0]?.firstTimestamp, events()[0]?.lastTimestamp], [3, '2026-01-01T00:00:00Z', '2026-01-01T00:02:00Z']);
});

test('an Event that has expired is written anew', async () => {
  const { recorder, events, api } = start();
  recorder.event(pod, 'Normal', 'Pulled', 'cached');
  await recorder.flush();
  api.drop(Event, 'default', events()[0]?.metadata.name ?? '');
  recorder.event(pod, 'Normal', 'Pulled', 'cached');
  await recorder.flush();
  assert.equal(events()[0]?.count, 2);
});

test('many similar ones are combined, and an object may not flood', async () => {
  const { recorder, events } = start();
  for (let i = 0; i < 1000; i++) recorder.event(pod, 'Normal', 'Created', `thing ${i}`);
  await recorder.flush();
  assert.equal(events().length, 11);
  assert.ok(events().some((e) => e.message?.startsWith('(combined from similar events): thing ')));
  assert.ok(events().reduce((total, e) => total + (e.count ?? 0), 0) <= 1000);
});

test('the burst of an object is 25, and it earns one more every five minutes', async () => {
  const { recorder, events, clock } = start();
  for (let i = 0; i < 40; i++) recorder.event(pod, 'Normal', `Reason${i}`, 'x');
  await recorder.flush();
  assert.equal(events().length, 25);
  await clock.advance(300_000);
  recorder.event(pod, 'Normal', 'Later', 'x');
  recorder.event(pod, 'Normal', 'TooMany', 'x');
  await recorder.flush();
  assert.deepEqual(
    events()
      .map((e) => e.reason)
      .filter((r) => !r?.startsWith('Reason')),
    ['Later'],
  );
});

test('it never throws: refusals and overflow are counted', async () => {
  const { recorder, api, events } = start();
  api.refuse = () => new ApiError('Forbidden', 'no');
  recorder.event(pod, 'Normal', 'A', 'x');
  recorder.event({}, 'Normal', 'A', 'x');
  await recorder.flush();
  assert.deepEqual([recorder.dropped, events().length], [2, 0]);
  api.refuse = undefined;
  const before = recorder.dropped;
  for (let i = 0; i < 11_000; i++) recorder.event({ ...pod, metadata: { ...pod.metadata, name: `p${i}`, uid: `u${i}` } }, 'Normal', 'A', 'x');
  assert.ok(recorder.dropped - before >= 900);
  await recorder.flush();
  assert.equal(events().length, 11_000 - (recorder.dropped - before));
});

test('the fake API: compare-and-swap, finalizers, watch', async () => {
  const clock = new FakeClock();
  const api = createFakeApi(clock);
  const seen: string[] = [];
  const made: V1ConfigMap = await api.create<V1ConfigMap>(ConfigMap, { metadata: { name: 'a', namespace: 'n', finalizers: ['x/y'] } });
  api.watch(
    ConfigMap,
    { resourceVersion: made.metadata?.resourceVersion ?? '' },
    { event: (type, o) => void seen.push(`${type} ${o.metadata?.name ?? ''}`), end: () => {} },
  );
  await api.update(ConfigMap, { ...made, data: { k: 'v' } });
  await assert.rejects(api.update(ConfigMap, { ...made, data: { k: 'w' } }), { reason: 'Conflict' });
  await api.delete(ConfigMap, { namespace: 'n', name: 'a' });
  assert.equal(api.all(ConfigMap).length, 1);
  await api.patch(ConfigMap, { namespace: 'n', name: 'a' }, 'application/merge-patch+json', { metadata: { finalizers: null } });
  assert.equal(api.all(ConfigMap).length, 0);
  assert.deepEqual(seen, ['MODIFIED a', 'MODIFIED a', 'DELETED a']);
});
