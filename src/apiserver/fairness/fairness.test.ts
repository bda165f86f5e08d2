import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { describe, it } from 'node:test';
import { FakeClock, Metrics, renderMetrics } from '#base';
import { defaultFlowSchemas, defaultPriorityLevels } from '#kinds';
import { isApiError, type KubeObject } from '#machinery';
import { parseRequest } from '../http/request-info.ts';
import type { Exchange, Response } from '../http/types.ts';
import type { ObjectReader } from '../types.ts';
import { Fairness } from './fairness.ts';
import type { FlowSchema, PriorityLevelConfiguration } from './specs.ts';

/** A filter in a world of its own: time, turns of the loop and objects are moved by hand. */
function world(seats = 600, levels = defaultPriorityLevels as readonly PriorityLevelConfiguration[]) {
  const clock = new FakeClock();
  const metrics = new Metrics();
  let ends: (() => void)[] = [];
  let changed: () => void = () => {};
  const stored = { flowschemas: [] as FlowSchema[], prioritylevelconfigurations: [] as PriorityLevelConfiguration[] };
  const fairness = new Fairness({
    clock,
    seats,
    metrics,
    builtIn: { schemas: defaultFlowSchemas, levels },
    now: () => clock.now(),
    defer: (fn) => void ends.push(fn),
    drained: (fn) => fn(),
  });
  const reader: ObjectReader = {
    get: () => undefined,
    list: (_group, plural) => stored[plural as keyof typeof stored] as readonly KubeObject[],
    count: () => 0,
    observe: (_group, _plural, handler) => (changed = () => handler(undefined, undefined)),
  };
  fairness.start(reader);
  return {
    fairness,
    clock,
    stored,
    changed: () => changed(),
    /** The turn of the event loop is over, and all those that follow at once. */
    turn() {
      for (let i = 0; i < 100 && ends.length > 0; i++) {
        const now = ends;
        ends = [];
        for (const end of now) end();
      }
    },
    metric: (line: string): number =>
      Number(new RegExp(`^apiserver_flowcontrol_${line.replace(/[{}]/g, '\\$&')} (.*)$`, 'm').exec(renderMetrics(metrics))?.[1]),
  };
}
type World = ReturnType<typeof world>;

/** A request that is answered when told. */
interface Sent {
  readonly exchange: Exchange;
  began: boolean;
  answer(code?: number): Promise<void>;
  readonly result: Promise<number>;
  outcome: number | Error | undefined;
}
function send({ fairness }: World, username: string, path = '/api/v1/namespaces/a/pods/b', options: { longRunning?: boolean; groups?: string[] } = {}): Sent {
  const response = new EventEmitter() as unknown as Response;
  const info = parseRequest('GET', path);
  const exchange = {
    request: {},
    response,
    info,
    user: { username, groups: options.groups ?? ['system:authenticated'] },
    longRunning: options.longRunning ?? false,
  } as unknown as Exchange;
  let finish: (code: number) => void = () => {};
  const answered = new Promise<number>((resolve) => (finish = resolve));
  const sent: { -readonly [K in keyof Sent]: Sent[K] } = {
    exchange,
    began: false,
    result: answered,
    outcome: undefined,
    async answer(code = 200) {
      finish(code);
      await sent.result;
      await Promise.resolve();
    },
  };
  const handled = fairness.handle(exchange, () => {
    sent.began = true;
    return answered;
  });
  sent.result = Promise.resolve(handled);
  sent.result.then(
    (code) => (sent.outcome = code),
    (error: Error) => (sent.outcome = error),
  );
  return sent;
}

describe('fairness', () => {
  it('lets requests through at once, synchronously where they are', () => {
    const { fairness, metric } = world();
    const { exchange } = send(world(), 'bob');
    assert.equal(
      fairness.handle(exchange, () => 200),
      200,
      'no promise',
    );
    assert.throws(() => fairness.handle(exchange, () => assert.fail('thrown')), /thrown/);
    const labels = '{flow_schema="global-default",priority_level="global-default"}';
    assert.equal(metric(`dispatched_requests_total${labels}`), 2);
    assert.equal(metric(`current_executing_seats${labels}`), 0);
    assert.equal(metric('nominal_limit_seats{priority_level="global-default"}'), 49);
  });

  it('queues what finds no seat, serves flows in turn, and answers 429 when queues are full', async () => {
    const level = {
      type: 'Limited',
      limited: {
        nominalConcurrencyShares: 1,
        borrowingLimitPercent: 0,
        limitResponse: { type: 'Queue', queuing: { queues: 8, handSize: 1, queueLengthLimit: 3 } },
      },
    };
    const levels = [...defaultPriorityLevels.slice(0, 2).map((one) => ({ ...one })), { metadata: { name: 'global-default' }, spec: level }];
    (levels[1] as PriorityLevelConfiguration).spec = { type: 'Limited', limited: { nominalConcurrencyShares: 1, limitResponse: { type: 'Reject' } } };
    const w = world(2, levels);
    const flood = Array.from({ length: 6 }, () => send(w, 'flood'));
    assert.deepEqual(
      flood.map((one) => one.began),
      [true, false, false, false, false, false],
    );
    await Promise.resolve();
    await Promise.resolve();
    const refused = flood[4]?.outcome;
    assert.ok(isApiError(refused, 'TooManyRequests'));
    assert.equal(refused.message, 'Too many requests, please try again later.');
    assert.equal(refused.details?.retryAfterSeconds, 1);
    assert.equal(w.metric('rejected_requests_total{flow_schema="global-default",priority_level="global-default",reason="queue-full"}'), 2);
    assert.equal(w.metric('current_inqueue_requests{flow_schema="global-default",priority_level="global-default"}'), 3);
    const quiet = send(w, 'quiet');
    w.turn();
    assert.equal(quiet.began, false, 'no seat yet');
    await flood[0]?.answer();
    w.turn();
    assert.equal(quiet.began || flood[1]?.began, true);
    await w.clock.advance(5);
    await (quiet.began ? quiet : (flood[1] as Sent)).answer();
    w.turn();
    assert.equal(quiet.began, true, 'before the rest of the flood');
    assert.equal(await quiet.answer().then(() => quiet.outcome), 200);
    for (const one of flood.slice(1, 4)) {
      w.turn();
      await one.answer();
    }
    assert.equal(w.metric('current_inqueue_requests{flow_schema="global-default",priority_level="global-default"}'), 0);
    assert.equal(w.metric('current_executing_requests{flow_schema="global-default",priority_level="global-default"}'), 0);
  });

  it('lets go of those who wait too long or go away', async () => {
    const w = world(16);
    const level = w.fairness;
    assert.ok(level);
    const running = Array.from({ length: 40 }, () => send(w, 'flood'));
    const waiting = running.filter((one) => !one.began);
    assert.ok(waiting.length > 2);
    (waiting[0] as Sent & { exchange: { response: unknown } }).exchange.response.emit('close');
    await Promise.resolve();
    assert.ok(isApiError(await waiting[0]?.result.catch((error: unknown) => error), 'TooManyRequests'));
    await w.clock.advance(10_000);
    assert.equal(waiting[1]?.outcome, undefined);
    await w.clock.advance(6_000);
    assert.ok(isApiError(waiting[1]?.outcome, 'TooManyRequests'));
    const labels = (reason: string): string => `rejected_requests_total{flow_schema="global-default",priority_level="global-default",reason="${reason}"}`;
    assert.equal(w.metric(labels('cancelled')), 1);
    assert.equal(w.metric(labels('time-out')), waiting.length - 1);
  });

  it('is no concern of administrators, and of streams', () => {
    const w = world(1);
    const admins = Array.from({ length: 50 }, () => send(w, 'root', undefined, { groups: ['system:masters'] }));
    assert.ok(admins.every((one) => one.began));
    const streams = Array.from({ length: 50 }, () => send(w, 'bob', '/api/v1/namespaces/a/pods/b/exec', { longRunning: true }));
    assert.ok(streams.every((one) => one.began));
    assert.equal(w.metric('current_executing_requests{flow_schema="exempt",priority_level="exempt"}'), 50);
  });

  it('frees the seats of a watch when it has begun', async () => {
    const w = world(600);
    const watch = send(w, 'bob', '/api/v1/pods?watch=1', { longRunning: true });
    const labels = '{flow_schema="global-default",priority_level="global-default"}';
    assert.equal(w.metric(`current_executing_seats${labels}`), 1);
    watch.exchange.begun?.();
    assert.equal(w.metric(`current_executing_seats${labels}`), 0);
    await watch.answer();
    assert.equal(w.metric(`current_executing_seats${labels}`), 0, 'not twice');
  });

  it('begins only so much in one turn of the loop', async () => {
    const w = world(600);
    const first = send(w, 'a');
    await w.clock.advance(6);
    const second = send(w, 'a');
    assert.deepEqual([first.began, second.began], [true, false]);
    w.turn();
    assert.equal(second.began, true);
  });

  it('follows the stored objects', async () => {
    const w = world(600);
    w.stored.flowschemas.push({
      metadata: { name: 'mine', uid: 'schema-uid' },
      spec: {
        matchingPrecedence: 2,
        priorityLevelConfiguration: { name: 'none' },
        rules: [
          { subjects: [{ kind: 'User', user: { name: 'bob' } }], resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'] }] },
        ],
      },
    });
    w.stored.prioritylevelconfigurations.push({
      metadata: { name: 'none', uid: 'level-uid' },
      spec: { type: 'Limited', limited: { nominalConcurrencyShares: 0, borrowingLimitPercent: 0, limitResponse: { type: 'Reject' } } },
    });
    w.changed();
    await Promise.resolve();
    const jailed = send(w, 'bob');
    await Promise.resolve();
    await Promise.resolve();
    assert.ok(isApiError(jailed.outcome, 'TooManyRequests'));
    assert.equal(send(w, 'alice').began, true);
    assert.equal(w.metric('rejected_requests_total{flow_schema="mine",priority_level="none",reason="concurrency-limit"}'), 1);
  });
});

describe('beside a flood', () => {
  /** Work as a request's: something at once, something after its promises, something in a later turn. */
  async function work(): Promise<number> {
    await Promise.resolve();
    const end = performance.now() + 0.15;
    while (performance.now() < end);
    await new Promise((resolve) => setImmediate(resolve));
    return 200;
  }
  /** How many requests of a flood of so many are answered while a quiet client has one answered, on average. */
  async function overtaken(handle: (user: string) => number | Promise<number>, outstanding: number): Promise<number> {
    const state = { over: false };
    let flooded = 0;
    const streams = Array.from({ length: outstanding }, async () => {
      while (!state.over) {
        await Promise.resolve(handle('flood')).catch(() => new Promise((resolve) => setImmediate(resolve)));
        flooded++;
      }
    });
    await new Promise((resolve) => setImmediate(resolve));
    let during = 0;
    const rounds = 6;
    for (let i = 0; i < rounds; i++) {
      const before = flooded;
      await handle('quiet');
      during += flooded - before;
      await new Promise((resolve) => setImmediate(resolve));
    }
    state.over = true;
    await Promise.all(streams);
    return during / rounds;
  }

  it('a quiet client is answered before most of what was there first', async () => {
    const fairness = new Fairness({ clock: new FakeClock(), builtIn: { schemas: defaultFlowSchemas, levels: defaultPriorityLevels } });
    const handle = (username: string): number | Promise<number> => {
      const exchange = {
        response: new EventEmitter(),
        info: parseRequest('GET', '/api/v1/namespaces/a/pods/b'),
        user: { username, groups: ['system:authenticated'] },
        longRunning: false,
      } as unknown as Exchange;
      return fairness.handle(exchange, work);
    };
    const outstanding = 200;
    const without = await overtaken(() => work(), outstanding);
    const beside = await overtaken(handle, outstanding);
    assert.ok(without > outstanding * 0.5, `without fairness ${without} of ${outstanding} come first`);
    assert.ok(beside < without / 2, `with fairness ${beside} of ${outstanding} come first, without ${without}`);
  });
});
