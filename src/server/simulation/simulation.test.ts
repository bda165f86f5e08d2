/** The whole cluster on fake time: API server, controllers, scheduler and simulated nodes, under churn. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { simulate, type Simulation } from './simulation.ts';

const minutes = (n: number): number => n * 60_000;
const small = (seed: number): Simulation => ({
  seed,
  nodes: 9,
  leaseSeconds: 160,
  churn: { everyMs: 10_000, namespaces: 2, quotaPods: 30, deployments: 4, mostReplicas: 6, statefulSets: 2, daemonSet: true, cronJobs: 1 },
  forMs: minutes(10),
});

describe('a cluster under churn', { concurrency: false }, () => {
  // Seeds that failed once stay here.
  for (const seed of [1, 2])
    test(`seed ${seed}: every commit keeps the invariants, and all of it settles`, async () => {
      const { violations, unsettled, story } = await simulate(small(seed));
      assert.deepEqual(violations, [], story.join('\n'));
      assert.deepEqual(unsettled, [], story.join('\n'));
      assert.ok(story.length > 40);
    });
  // Churn that takes nodes away makes autoscalers of pods and nodes work against it.
  for (const seed of [3])
    test(`seed ${seed}: autoscalers keep their bounds, and do not flap`, async () => {
      const churn = { everyMs: 40_000, namespaces: 1, quotaPods: 20, deployments: 1, mostReplicas: 4, autoscaled: 2 };
      const { violations, unsettled, story, scalings } = await simulate({
        seed,
        nodes: 4,
        leaseSeconds: 160,
        autoscaling: true,
        churn,
        forMs: minutes(17),
        restMs: minutes(20),
      });
      assert.deepEqual(violations, [], story.join('\n'));
      assert.deepEqual(unsettled, [], story.join('\n'));
      for (const [what, count] of Object.entries(scalings)) assert.ok(count > 0, `nothing was scaled: ${what}`);
    });
  test('the same seed makes the same commits, another one others', async () => {
    const brief = (seed: number): Promise<{ digest: string; commits: number }> => simulate({ ...small(seed), nodes: 6, forMs: minutes(1) });
    const [first, again, other] = [await brief(7), await brief(7), await brief(8)];
    assert.equal(first.digest, again.digest);
    assert.equal(first.commits, again.commits);
    assert.notEqual(first.digest, other.digest);
  });
});
