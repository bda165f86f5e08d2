/** The whole cluster on fake time, larger than the unit tests have it: hours of churn, and 1,000 nodes. */
import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { simulate, type Outcome } from '../src/server/simulation/simulation.ts';

const hour = 3_600_000;
function holds({ violations, unsettled, story }: Outcome): void {
  assert.deepEqual(violations, [], story.join('\n'));
  assert.deepEqual(unsettled, [], story.join('\n'));
}

describe('a cluster on fake time', { concurrency: false }, () => {
  // 3: rollouts took more than they might when a Deployment was scaled down in the middle of one.
  for (const seed of [3, 4])
    test(`seed ${seed}: an hour of 30 nodes`, async () => {
      const churn = { everyMs: 5000, namespaces: 5, quotaPods: 80, deployments: 10, mostReplicas: 12, statefulSets: 4, daemonSet: true };
      holds(await simulate({ seed, nodes: 30, churn, forMs: hour / 2 }));
    });
  test('1,000 nodes: scaled, rolled, drained and lost', async () => {
    const churn = { everyMs: 5000, namespaces: 5, quotaPods: 400, deployments: 50, mostReplicas: 12, statefulSets: 17, daemonSet: true };
    const outcome = await simulate({ seed: 1, nodes: 1000, leaseSeconds: 400, churn, forMs: hour / 4 });
    holds(outcome);
    assert.ok(outcome.pods > 1000 && outcome.story.length > 100);
  });
});
