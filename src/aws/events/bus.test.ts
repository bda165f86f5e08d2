import assert from 'node:assert/strict';
import test from 'node:test';
import { FakeClock, seededRandom, silentLogger } from '#base';
import { EventBus, type AwsEvent } from './bus.ts';

test('every subscriber gets every event with an id and a time, whatever another one throws', () => {
  const bus = new EventBus({ clock: new FakeClock(1_700_000_000_500), random: seededRandom(1), log: silentLogger });
  const seen: AwsEvent[] = [];
  bus.subscribe(() => {
    throw new Error('no');
  });
  const mine = bus.subscribe((event) => seen.push(event));
  const event = { 'detail-type': 'T', source: 'aws.test', account: '000000000000', region: 'us-east-1', resources: [], detail: { a: 1 } };
  bus.put(event);
  bus.put({ ...event, at: 0 });
  mine.close();
  bus.put(event);
  assert.deepEqual(
    seen.map(({ id: _id, ...rest }) => rest),
    [
      { version: '0', ...event, time: '2023-11-14T22:13:20Z' },
      { version: '0', ...event, time: '1970-01-01T00:00:00Z' },
    ],
  );
  assert.notEqual(seen[0]?.id, seen[1]?.id);
});
