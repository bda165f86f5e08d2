import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ScalingModel } from './scaling-model.ts';

function bench() {
  let now = 0;
  const wrong: string[] = [];
  const model = new ScalingModel(
    () => now,
    (text) => wrong.push(text),
  );
  const commit = (key: string, object: unknown): void => model.commit(key, Buffer.from(JSON.stringify(object)));
  const replicas = (n: number, afterMs = 0): void => {
    now += afterMs;
    commit('/registry/apps/deployments/auto/web', { spec: { replicas: n } });
  };
  commit('/registry/autoscaling/horizontalpodautoscalers/auto/web', { spec: { scaleTargetRef: { name: 'web' }, minReplicas: 2, maxReplicas: 9 } });
  return { wrong, model, commit, replicas };
}

test('bounds, steps and flapping are seen; what is allowed is not', () => {
  const b = bench();
  for (const n of [2, 6]) b.replicas(n);
  b.replicas(9, 15_000);
  b.replicas(3, 300_000);
  assert.deepEqual(b.wrong, []);
  b.replicas(1, 400_000);
  b.replicas(7, 400_000);
  b.replicas(4, 60_000);
  b.replicas(12, 400_000);
  assert.deepEqual(b.wrong, [
    'deployment auto/web has 1 replicas, not 2 to 9',
    'deployment auto/web was scaled from 1 to 7 at once',
    'deployment auto/web flaps: from 7 to 4, 60 s after it was raised to 7',
    'deployment auto/web has 12 replicas, not 2 to 9',
    'deployment auto/web was scaled from 4 to 12 at once',
  ]);
  assert.deepEqual(b.model.counts, { up: 4, down: 3, nodesUp: 0, nodesDown: 0 });
});

test('node groups have bounds too', () => {
  const b = bench();
  for (const replicas of [1, 3, 2, 5])
    b.commit('/registry/batuta.dev/nodegroups/elastic', { metadata: { name: 'elastic' }, spec: { replicas, min: 1, max: 4 } });
  assert.deepEqual(b.wrong, ['node group elastic has 5 replicas, not 1 to 4']);
  assert.deepEqual([b.model.counts.nodesUp, b.model.counts.nodesDown], [2, 1]);
});
