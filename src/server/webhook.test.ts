import assert from 'node:assert/strict';
import test from 'node:test';
import { FakeClock, silentLogger } from '#base';
import { openWebhook } from './webhook.ts';

/** Lets what was started go on until it waits. */
const settle = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};

test('events are posted in order; what is refused is sent again, and given up at last', async () => {
  const clock = new FakeClock(0);
  const got: string[] = [];
  let status = 200;
  const webhook = openWebhook({
    url: 'http://x/hook',
    clock,
    log: silentLogger,
    fetch: async (_url, { body, headers }) => {
      assert.equal(headers['content-type'], 'application/json');
      got.push(body);
      if (status === 0) throw new Error('connection refused');
      return { ok: status < 300, status };
    },
  });
  webhook.send({ n: 1 });
  webhook.send({ n: 2 });
  await settle();
  assert.deepEqual(got, ['{"n":1}', '{"n":2}']);
  status = 503;
  webhook.send({ n: 3 });
  webhook.send({ n: 4 });
  await settle();
  status = 0;
  await clock.advance(1000);
  await settle();
  status = 200;
  await clock.advance(5000);
  await settle();
  assert.deepEqual(got.slice(2), ['{"n":3}', '{"n":3}', '{"n":3}', '{"n":4}']);
  status = 500;
  got.length = 0;
  webhook.send({ n: 5 });
  for (const ms of [1000, 5000, 30_000, 120_000]) {
    await settle();
    await clock.advance(ms);
  }
  await settle();
  assert.deepEqual(
    got,
    Array.from({ length: 5 }, () => '{"n":5}'),
  );
  status = 200;
  webhook.send({ n: 6 });
  await settle();
  assert.equal(got.at(-1), '{"n":6}');
  webhook.close();
  webhook.send({ n: 7 });
  await settle();
  assert.equal(got.at(-1), '{"n":6}');
});

test('an answer that does not come is waited for ten seconds; a full queue loses its oldest', async () => {
  const clock = new FakeClock(0);
  const got: string[] = [];
  let hang = true;
  const webhook = openWebhook({
    url: 'http://x/hook',
    clock,
    log: silentLogger,
    fetch: (_url, { body, signal }) => {
      got.push(body);
      if (!hang) return Promise.resolve({ ok: true, status: 204 });
      return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
    },
  });
  for (let n = 0; n < 10_002; n++) webhook.send({ n });
  hang = false;
  await clock.advance(10_000);
  await settle();
  await clock.advance(1000);
  while (got.length < 10_001) await settle();
  assert.deepEqual([got[0], got[1], got[2], got.at(-1)], ['{"n":0}', '{"n":0}', '{"n":3}', '{"n":10001}']);
  webhook.close();
});
