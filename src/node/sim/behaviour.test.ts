import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { seededRandom } from '#base';
import type { V1Container, V1Pod } from '#kinds';
import { createBench, type Bench } from '../testing.ts';
import { behaviourOf, draw } from './behaviour.ts';

const bench = (): Promise<Bench> => createBench();
const own = (what: string): string => `batuta.dev/sim-${what}`;
function place(b: Bench, annotations: Record<string, string>, container: Partial<V1Container> = {}, spec: Partial<V1Pod['spec']> = {}): void {
  b.pod('p', (pod) => {
    pod.metadata = { ...pod.metadata, annotations };
    pod.spec = { ...pod.spec, containers: [{ name: 'main', image: 'app:1', ...container }], ...spec };
  });
}
const state = (b: Bench) => b.get('p')?.status?.containerStatuses?.[0];
const isReady = (b: Bench): boolean => b.get('p')?.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ?? false;
const probe = { tcpSocket: { port: 80 }, periodSeconds: 1 };

describe('what annotations ask of a simulated pod', () => {
  test('a time between two bounds, drawn anew', () => {
    const { startDelay } = behaviourOf({ [own('start-delay')]: '2s..10s' }, 'c');
    assert.deepEqual(startDelay, [2000, 10_000]);
    const random = seededRandom(1);
    const drawn = Array.from({ length: 50 }, () => draw(startDelay, random));
    assert.ok(drawn.every((ms) => ms >= 2000 && ms < 10_000) && new Set(drawn).size > 40);
    assert.equal(draw([5, 5], random), 5);
  });
  test("kwok's stages: ready, complete, delete", () => {
    const { startDelay, exitAfter, stopDelay } = behaviourOf(
      {
        'pod-ready.stage.kwok.x-k8s.io/delay': '3s',
        'pod-complete.stage.kwok.x-k8s.io/delay': '10s',
        'pod-complete.stage.kwok.x-k8s.io/jitter-delay': '20s',
        'pod-delete.stage.kwok.x-k8s.io/jitter-delay': '4s',
      },
      'c',
    );
    assert.deepEqual(
      [startDelay, exitAfter, stopDelay],
      [
        [3000, 3000],
        [10_000, 20_000],
        [0, 4000],
      ],
    );
  });
  test('what is malformed asks nothing', () => {
    const { startDelay, exitAfter, exitCode } = behaviourOf({ [own('start-delay')]: '1s..2s..3s', [own('exit-after')]: 'soon', [own('exit-code')]: 'x' }, 'c');
    assert.deepEqual([startDelay, exitAfter, exitCode], [[0, 0], [0, 0], 1]);
  });
  test('readiness comes after a while and goes again', async () => {
    const b = await bench();
    place(b, { [own('ready-after')]: '10s', [own('ready-until')]: '60s' }, { readinessProbe: probe });
    await b.clock.advance(9000);
    assert.deepEqual([b.get('p')?.status?.phase, isReady(b)], ['Running', false]);
    await b.clock.advance(4000);
    assert.equal(isReady(b), true);
    await b.clock.advance(60_000);
    assert.equal(isReady(b), false);
  });
  test('liveness fails from a time on: it is killed and starts anew', async () => {
    const b = await bench();
    place(b, { [own('alive-until')]: '30s' }, { livenessProbe: probe });
    await b.clock.advance(29_000);
    assert.equal(state(b)?.restartCount, 0);
    await b.clock.advance(15_000);
    assert.equal(state(b)?.restartCount, 1);
  });
  test('more memory than it may have: OOMKilled, again and again', async () => {
    const b = await bench();
    place(b, { [own('usage')]: 'memory=ramp(0,200Mi,20s)' }, { resources: { limits: { memory: '100Mi' } } });
    await b.clock.advance(9000);
    assert.equal(state(b)?.restartCount, 0);
    await b.clock.advance(3000);
    assert.deepEqual([state(b)?.restartCount, state(b)?.lastState?.terminated?.reason, state(b)?.lastState?.terminated?.exitCode], [1, 'OOMKilled', 137]);
    await b.clock.advance(15_000);
    assert.equal(state(b)?.state?.waiting?.reason, 'CrashLoopBackOff');
  });
  test('it crashes some times, and then it runs', async () => {
    const b = await bench();
    place(b, { [own('exit-after')]: '1s', [own('exit-code')]: '3', [own('exit-attempts')]: '2' });
    await b.clock.advance(120_000);
    assert.deepEqual([state(b)?.restartCount, state(b)?.lastState?.terminated?.exitCode], [2, 3]);
    assert.ok(state(b)?.state?.running);
  });
  test('init containers end by themselves, sidecars go on', async () => {
    const b = await bench();
    place(
      b,
      {},
      {},
      {
        initContainers: [
          { name: 'side', image: 'app:1', restartPolicy: 'Always' },
          { name: 'first', image: 'app:1' },
        ],
      },
    );
    await b.clock.advance(5000);
    assert.equal(isReady(b), true);
    const [side, first] = b.get('p')?.status?.initContainerStatuses ?? [];
    assert.ok(side?.state?.running);
    assert.equal(first?.state?.terminated?.exitCode, 0);
  });
});
