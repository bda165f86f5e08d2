import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import {
  Backoff,
  FakeClock,
  WorkQueue,
  compareQuantity,
  createLogger,
  formatBytes,
  formatMicroTime,
  formatTime,
  parseQuantity,
  quantityToMilli,
  randomSuffix,
  seededRandom,
  settle,
  sleep,
} from './index.ts';

describe('FakeClock', () => {
  test('runs timers in order of time, then of creation, and cancels', async () => {
    const clock = new FakeClock(0);
    const seen: string[] = [];
    clock.after(20, () => seen.push('b'));
    clock.after(10, () => seen.push('a'));
    clock.after(20, () => seen.push('c'));
    clock.after(5, () => seen.push('never')).cancel();
    await clock.advance(20);
    assert.deepEqual(seen, ['a', 'b', 'c']);
    assert.equal(clock.now(), 20);
  });
  test('a timer set by a timer runs within the same advance', async () => {
    const clock = new FakeClock(0);
    let at = 0;
    clock.after(10, () => clock.after(10, () => (at = clock.now())));
    await clock.advance(100);
    assert.equal(at, 20);
  });
  test('sleep ends early on abort', async () => {
    const clock = new FakeClock(0);
    const stop = new AbortController();
    let done = false;
    void sleep(clock, 1000, stop.signal).then(() => (done = true));
    stop.abort();
    await settle();
    assert.equal(done, true);
  });
});

describe('WorkQueue', () => {
  test('a key is handled once however often it was added, and again when added while handled', async () => {
    const clock = new FakeClock();
    const handled: string[] = [];
    let release: () => void = () => {};
    const queue = new WorkQueue<string>({
      clock,
      async handle(key) {
        handled.push(key);
        if (handled.length === 1) await new Promise<void>((r) => (release = r));
      },
    });
    queue.add('a');
    queue.add('a');
    await settle();
    assert.deepEqual(handled, ['a']);
    queue.add('a');
    queue.add('a');
    await settle();
    assert.deepEqual(handled, ['a'], 'never twice at the same time');
    release();
    await queue.idle();
    assert.deepEqual(handled, ['a', 'a']);
  });
  test('failures back off and success forgets them', async () => {
    const clock = new FakeClock(0);
    const at: number[] = [];
    const waits: number[] = [];
    const queue = new WorkQueue<string>({
      clock,
      backoff: { firstMs: 10, capMs: 30 },
      onError: (_key, _error, wait) => waits.push(wait),
      async handle() {
        at.push(clock.now());
        if (at.length < 5) throw new Error('no');
      },
    });
    queue.add('a');
    await clock.advance(1000);
    assert.deepEqual(waits, [10, 20, 30, 30]);
    assert.deepEqual(at, [0, 10, 30, 60, 90]);
  });
  test('concurrency is a limit, and a returned number asks to be called again', async () => {
    const clock = new FakeClock(0);
    let running = 0;
    let most = 0;
    let calls = 0;
    const queue = new WorkQueue<number>({
      clock,
      concurrency: 3,
      async handle() {
        most = Math.max(most, ++running);
        await settle();
        running--;
        return ++calls <= 10 ? 50 : undefined;
      },
    });
    for (let i = 0; i < 10; i++) queue.add(i);
    await clock.advance(0);
    await queue.idle();
    assert.equal(most, 3);
    await clock.advance(50);
    await queue.idle();
    assert.equal(calls, 20);
  });
  test('close drops what waits and lets what runs end', async () => {
    const clock = new FakeClock(0);
    let handled = 0;
    const queue = new WorkQueue<string>({ clock, handle: async () => void handled++ });
    queue.addAfter('later', 10);
    queue.add('now');
    await queue.close();
    await clock.advance(100);
    assert.ok(handled <= 1);
  });
});

describe('quantities', () => {
  const cases: [string, number | undefined][] = [
    ['100m', 0.1],
    ['1', 1],
    ['1.5Gi', 1.5 * 2 ** 30],
    ['12e6', 12e6],
    ['1E', 1e18],
    ['64Mi', 64 * 2 ** 20],
    ['.5', 0.5],
    ['-1', -1],
    ['', undefined],
    ['1KB', undefined],
    ['a', undefined],
    ['1 Gi', undefined],
  ];
  for (const [text, value] of cases) test(`"${text}" is ${value}`, () => assert.equal(parseQuantity(text), value));
  test('milli units round up', () => {
    assert.equal(quantityToMilli('100m'), 100);
    assert.equal(quantityToMilli('0.1'), 100);
    assert.equal(quantityToMilli('1u'), 1);
    assert.equal(quantityToMilli(undefined), 0);
  });
  test('compare and format', () => {
    assert.ok(compareQuantity('1Gi', '1G') > 0);
    assert.equal(compareQuantity('1000m', '1'), 0);
    assert.equal(formatBytes(16 * 2 ** 20), '16Mi');
    assert.equal(formatBytes(1000), '1000');
  });
});

test('back-off doubles up to its cap per key', () => {
  const backoff = new Backoff(10, 50);
  assert.deepEqual(
    [1, 2, 3, 4].map(() => backoff.next('a')),
    [10, 20, 40, 50],
  );
  assert.equal(backoff.next('b'), 10);
  backoff.forget('a');
  assert.equal(backoff.next('a'), 10);
});

test('times are written as Kubernetes writes them', () => {
  const ms = Date.UTC(2026, 10, 23, 13, 6, 57, 123);
  assert.equal(formatTime(ms), '2026-11-23T13:06:57Z');
  assert.equal(formatMicroTime(ms), '2026-11-23T13:06:57.123000Z');
});

test('a seeded random repeats itself and names use the safe alphabet', () => {
  assert.equal(randomSuffix(seededRandom(7)), randomSuffix(seededRandom(7)));
  assert.match(randomSuffix(seededRandom(1), 10), /^[bcdfghjklmnpqrstvwxz2456789]{10}$/);
  assert.match(seededRandom(3).uuid(), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
});

test('log lines have a level, a component and fields', () => {
  const lines: string[] = [];
  const log = createLogger({ level: 'info', json: true, write: (l) => void lines.push(l), clock: new FakeClock(0) })
    .named('a')
    .named('b');
  log.debug('hidden');
  log.warn('shown', { error: new Error('boom'), n: 1 });
  assert.deepEqual(JSON.parse(lines[0] ?? ''), { time: '1970-01-01T00:00:00.000Z', level: 'warn', component: 'a.b', message: 'shown', error: 'boom', n: 1 });
  assert.equal(lines.length, 1);
});
