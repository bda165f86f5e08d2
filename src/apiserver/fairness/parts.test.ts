import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { seededRandom } from '#base';
import { defaultFlowSchemas, defaultPriorityLevels } from '#kinds';
import type { UserInfo } from '#machinery';
import { parseRequest } from '../http/request-info.ts';
import { Config } from './config.ts';
import { Level, type LevelSpec, type Ticket } from './level.ts';
import { divide, SeatPool, type Share } from './seats.ts';
import { deal, hashOf } from './shuffle.ts';
import { Turns } from './turns.ts';
import { widthOf } from './width.ts';

const builtIn = { schemas: defaultFlowSchemas, levels: defaultPriorityLevels };
const user = (username: string, ...groups: string[]): UserInfo => ({ username, groups: [...groups, 'system:authenticated'] });

describe('classification', () => {
  const config = new Config(600, builtIn);
  const kubeSystem = user('system:serviceaccount:kube-system:coredns', 'system:serviceaccounts', 'system:serviceaccounts:kube-system');
  const cases: readonly [string, UserInfo, string, string, string][] = [
    ['an administrator', user('admin', 'system:masters'), 'DELETE', '/api/v1/namespaces/a/pods/b', 'exempt'],
    ['a probe of nobody', { username: 'system:anonymous', groups: ['system:unauthenticated'] }, 'GET', '/readyz', 'probes'],
    ['anyone else', user('bob'), 'GET', '/api/v1/pods', 'global-default'],
    ['a path', user('bob'), 'GET', '/metrics', 'global-default'],
    [
      'a node and its lease',
      user('system:node:a', 'system:nodes'),
      'PUT',
      '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/a',
      'system-node-high',
    ],
    ['a node and its status', user('system:node:a', 'system:nodes'), 'PATCH', '/api/v1/nodes/a/status', 'system-node-high'],
    ['a node and its pods', user('system:node:a', 'system:nodes'), 'GET', '/api/v1/pods', 'system-nodes'],
    ['leader election', user('system:kube-scheduler'), 'PUT', '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/a', 'system-leader-election'],
    ['the scheduler', user('system:kube-scheduler'), 'POST', '/api/v1/namespaces/a/pods/b/binding', 'kube-scheduler'],
    ['an account of the system', kubeSystem, 'GET', '/api/v1/services', 'kube-system-service-accounts'],
    ['its leader election', kubeSystem, 'PUT', '/api/v1/namespaces/other/configmaps/a', 'workload-leader-election'],
    ['an account', user('system:serviceaccount:a:b', 'system:serviceaccounts'), 'GET', '/api/v1/services', 'service-accounts'],
    ['someone without groups', { username: 'x', groups: [] }, 'GET', '/api/v1/services', 'catch-all'],
  ];
  for (const [title, who, method, path, expected] of cases) {
    it(title, () => {
      const { schema, level } = config.classify(who, parseRequest(method, path));
      assert.equal(schema.name, expected);
      assert.equal(level.spec.name, defaultFlowSchemas.find((one) => one.metadata?.name === expected)?.spec?.priorityLevelConfiguration.name);
    });
  }
  it('takes over what is stored, keeps what must be, and ignores a schema without its level', () => {
    const own = new Config(600, builtIn);
    const mine = {
      metadata: { name: 'mine', uid: 'u' },
      spec: { ...defaultFlowSchemas[11]?.spec, matchingPrecedence: 10, priorityLevelConfiguration: { name: 'slow' } },
    };
    const slow = { metadata: { name: 'slow' }, spec: { type: 'Limited', limited: { nominalConcurrencyShares: 5, limitResponse: { type: 'Reject' } } } };
    const asked = (): string => own.classify(user('bob'), parseRequest('GET', '/api/v1/pods')).schema.name;
    own.load([mine], []);
    assert.equal(asked(), 'catch-all', 'its level is missing');
    own.load([mine], [slow]);
    assert.equal(asked(), 'mine');
    assert.deepEqual(
      own.levels().map(({ spec, share }) => [spec.name, share.nominal]),
      [
        ['exempt', 0],
        ['catch-all', 300],
        ['slow', 300],
      ],
    );
    own.load([], []);
    assert.equal(asked(), 'global-default');
  });
});

describe('shuffle sharding', () => {
  it('deals different cards, evenly', () => {
    const counts = new Array<number>(16).fill(0);
    const random = seededRandom(5);
    for (let i = 0; i < 20_000; i++) {
      const hand = deal(hashOf(`flow-${random.uuid()}`), 16, 4);
      assert.equal(new Set(hand).size, 4);
      for (const card of hand) counts[card] = (counts[card] as number) + 1;
    }
    for (const count of counts) assert.ok(count > 4700 && count < 5300, counts.join(' '));
  });
  it('deals the same hand for the same flow, and the whole deck when the hand is as large', () => {
    assert.deepEqual(deal(hashOf('a'), 128, 6), deal(hashOf('a'), 128, 6));
    assert.deepEqual(deal(123_456_789, 4, 9).toSorted(), [0, 1, 2, 3]);
  });
});

describe('seats', () => {
  it('are divided by shares, as kube-apiserver does', () => {
    const shares = divide(600, [
      { shares: 30, lendablePercent: 33, borrowingLimitPercent: undefined },
      { shares: 5, lendablePercent: 0, borrowingLimitPercent: 0 },
      { shares: 210, lendablePercent: 100, borrowingLimitPercent: 10 },
    ]);
    assert.deepEqual(shares, [
      { nominal: 74, min: 50, max: 600 },
      { nominal: 13, min: 13, max: 13 },
      { nominal: 515, min: 0, max: 567 },
    ]);
  });

  it('whatever is taken and given, each level finds its minimum and nobody has more than his maximum', () => {
    const specs = [
      { shares: 4, lendablePercent: 50, borrowingLimitPercent: undefined },
      { shares: 2, lendablePercent: 0, borrowingLimitPercent: 0 },
      { shares: 4, lendablePercent: 100, borrowingLimitPercent: 50 },
    ];
    const total = 20;
    const step = fc.record({ level: fc.nat(2), width: fc.integer({ min: 1, max: 4 }), give: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const shares = divide(total, specs);
        const pool = new SeatPool(total);
        const held = shares.map(() => [] as number[]);
        const inUse = (i: number): number => (held[i] as number[]).reduce((a, b) => a + b, 0);
        for (const share of shares) pool.resize(0, undefined, share);
        for (const { level, width, give } of steps) {
          const share = shares[level] as Share;
          const back = give ? held[level]?.pop() : undefined;
          if (back !== undefined) pool.give(share, inUse(level) + back, back);
          else if (pool.fits(share, inUse(level), width)) {
            pool.take(share, inUse(level), width);
            held[level]?.push(width);
          } else assert.ok(inUse(level) + width > share.min, 'the minimum is always free');
          const committed = shares.reduce((sum, one, i) => sum + Math.max(inUse(i), one.min), 0);
          assert.equal(pool.committed, committed);
          assert.ok(committed <= total, 'nothing is promised twice');
          shares.forEach((one, i) => assert.ok(inUse(i) <= one.max));
        }
      }),
      { seed: 20_261_124, numRuns: 200 },
    );
  });

  it('a request wider than all its level may have runs alone; a level without shares runs nothing', () => {
    const pool = new SeatPool(10);
    const narrow = { nominal: 2, min: 2, max: 2 };
    assert.equal(pool.fits(narrow, 0, 5), true);
    assert.equal(pool.fits(narrow, 1, 5), false);
    assert.equal(pool.fits({ nominal: 0, min: 0, max: 0 }, 0, 1), false);
  });
});

describe('a priority level', () => {
  const spec: LevelSpec = {
    name: 'test',
    uid: '',
    exempt: false,
    shares: 1,
    lendablePercent: 0,
    borrowingLimitPercent: 0,
    queuing: { queues: 64, handSize: 1, lengthLimit: 1000 },
  };
  const share = { nominal: 4, min: 4, max: 4 };
  const ticket = (level: Level, flow: string, width = 1): Ticket => ({
    level,
    schema: 's',
    flow,
    width,
    arrived: 0,
    decide: () => {},
    describe: () => ({ user: flow, verb: '', path: '' }),
  });
  /** Serves one request at a time and gives whose they were. */
  function serve(level: Level, count: number, msOf: (flow: string) => number = () => 3): string[] {
    const order: string[] = [];
    let now = 0;
    for (let i = 0; i < count; i++) {
      const next = level.next();
      if (!next) break;
      level.dispatch(next, now);
      now += msOf(next.flow);
      level.finish(next, now);
      order.push(next.flow);
    }
    return order;
  }

  it('serves flows in turn, however much one of them has queued', () => {
    const level = new Level(spec, share, new SeatPool(4));
    for (let i = 0; i < 200; i++) level.enqueue(ticket(level, 'flood'));
    serve(level, 50);
    level.enqueue(ticket(level, 'calm'));
    assert.ok(serve(level, 2).includes('calm'), 'who comes after the flood is next');
    for (let i = 0; i < 20; i++) level.enqueue(ticket(level, 'calm'));
    const order = serve(level, 40);
    assert.ok(Math.abs(order.filter((flow) => flow === 'calm').length - 20) <= 1, 'half each');
  });

  it('counts what requests really take, and how wide they are', () => {
    const level = new Level(spec, share, new SeatPool(4));
    for (let i = 0; i < 100; i++) level.enqueue(ticket(level, 'slow'));
    for (let i = 0; i < 100; i++) level.enqueue(ticket(level, 'fast'));
    const order = serve(level, 44, (flow) => (flow === 'slow' ? 30 : 3));
    const slow = order.filter((flow) => flow === 'slow').length;
    assert.ok(slow >= 3 && slow <= 6, `${slow} of 44 are slow: a tenth of the fast ones`);
    const wide = new Level(spec, share, new SeatPool(4));
    for (let i = 0; i < 100; i++) wide.enqueue(ticket(wide, 'wide', 4));
    for (let i = 0; i < 100; i++) wide.enqueue(ticket(wide, 'narrow'));
    const wides = serve(wide, 50).filter((flow) => flow === 'wide').length;
    assert.ok(wides >= 9 && wides <= 12, `${wides} of 50 are wide`);
  });

  it('gives nothing for having been away', () => {
    const level = new Level(spec, share, new SeatPool(4));
    for (let i = 0; i < 100; i++) level.enqueue(ticket(level, 'a'));
    serve(level, 100);
    for (let i = 0; i < 10; i++) level.enqueue(ticket(level, 'a'));
    for (let i = 0; i < 10; i++) level.enqueue(ticket(level, 'late'));
    assert.ok(serve(level, 10).filter((flow) => flow === 'late').length <= 6);
  });

  it('refuses when a queue is full, takes out who goes or is late, and keeps count', () => {
    const level = new Level({ ...spec, queuing: { queues: 1, handSize: 1, lengthLimit: 2 } }, share, new SeatPool(4));
    const tickets = ['a', 'b', 'c'].map((flow) => ticket(level, flow));
    assert.deepEqual(
      tickets.map((one) => level.enqueue(one)),
      [undefined, undefined, 'queue-full'],
    );
    assert.equal(level.remove(tickets[0] as Ticket), true);
    assert.equal(level.remove(tickets[0] as Ticket), false);
    assert.deepEqual([level.queued, level.queuedSeats], [1, 1]);
    assert.deepEqual(level.expire(-1), []);
    assert.deepEqual(level.expire(0), [tickets[1]]);
    assert.equal(level.idle, true);
    assert.equal(level.next(), undefined);
  });

  it('without queues refuses what finds no seat', () => {
    const level = new Level({ ...spec, queuing: undefined }, share, new SeatPool(4));
    level.take(3);
    assert.equal(level.enqueue(ticket(level, 'a')), undefined, 'waits for its turn only');
    assert.equal(level.enqueue(ticket(level, 'b')), 'concurrency-limit');
  });

  it('changes its configuration under load', () => {
    const pool = new SeatPool(10);
    const level = new Level(spec, share, pool);
    for (let i = 0; i < 10; i++) level.enqueue(ticket(level, `flow-${i}`));
    level.take(3);
    level.update({ ...spec, queuing: { queues: 2, handSize: 1, lengthLimit: 5 } }, { nominal: 6, min: 6, max: 6 });
    assert.equal(pool.committed, 6);
    assert.equal(serve(level, 10).length, 10, 'what waited in the old queues is served');
    level.retire();
    assert.equal(pool.committed, 3);
    level.give(3);
    assert.deepEqual([pool.committed, level.idle], [0, true]);
  });
});

describe('width', () => {
  const width = (url: string, objects: number, nominal = 100): number => widthOf(parseRequest('GET', url), nominal, () => objects);
  it('follows the number of objects', () => {
    assert.equal(width('/api/v1/pods', 0), 1);
    assert.equal(width('/api/v1/pods', 450), 5);
    assert.equal(width('/api/v1/pods', 100_000), 10);
    assert.equal(width('/api/v1/pods', 100_000, 20), 3, 'at most 15 % of the level');
    assert.equal(width('/api/v1/pods?limit=250', 100_000), 3);
    assert.equal(width('/api/v1/pods?limit=1&labelSelector=a', 450), 5);
    assert.equal(width('/api/v1/namespaces/a/pods?fieldSelector=metadata.name=b', 450), 1);
    assert.equal(width('/api/v1/namespaces/a/pods/b', 450), 1);
    assert.equal(width('/api/v1/pods?watch=1', 450), 1);
    assert.equal(width('/api/v1/pods?watch=1&sendInitialEvents=true', 450), 5);
  });
});

describe('turns', () => {
  it('let requests begin for one slice, and again in the next turn', () => {
    let now = 0;
    const ends: (() => void)[] = [];
    let ended = 0;
    const turns = new Turns(
      100,
      () => now,
      (fn) => ends.push(fn),
    );
    turns.onEnd(() => ended++);
    assert.equal(turns.mayBegin(), true);
    now = 4;
    assert.equal(turns.mayBegin(), true);
    now = 6;
    assert.equal(turns.mayBegin(), false);
    assert.equal(ends.length, 1);
    ends.pop()?.();
    assert.equal(ended, 1);
    now = 50;
    assert.equal(turns.mayBegin(), true, 'a new slice, however late');
  });
  it('let fewer requests run while turns are long, and more again when they are not', () => {
    let now = 0;
    let end: () => void = () => {};
    const turns = new Turns(
      600,
      () => now,
      (fn) => (end = fn),
    );
    const turn = (ms: number): void => {
      turns.ask();
      now += ms;
      end();
    };
    turns.running = 300;
    turn(20);
    assert.equal(turns.window, 210);
    for (let i = 0; i < 50; i++) {
      turns.running = turns.window;
      turn(20);
    }
    assert.equal(turns.window, 64);
    turns.running = 64;
    assert.equal(turns.mayBegin(), false);
    for (let i = 0; i < 200; i++) turn(1);
    assert.equal(turns.window, 600);
  });
});
