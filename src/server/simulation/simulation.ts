import { calmDown } from './autoscaled.ts';
import { Churn, type ChurnOptions } from './churn.ts';
import { SimulatedCluster, type SimulationOptions } from './cluster.ts';
import { doubles, followIdentities, unsettled } from './rest.ts';
import type { ScalingModel } from './scaling-model.ts';

export interface Simulation extends SimulationOptions {
  churn: ChurnOptions;
  /** How long the churn goes on, ms of fake time. */
  forMs: number;
  /** How long everything has to settle after it. Large StatefulSets roll one pod after the other. Default 30 minutes. */
  restMs?: number;
}
export interface Outcome {
  /** Invariants that did not hold at a commit. */
  violations: readonly string[];
  /** What was still wrong when the churn had ended and everything had had its time. */
  unsettled: readonly string[];
  commits: number;
  /** Of them, by group and resource. */
  counts: ReadonlyMap<string, number>;
  /** Hash over all commits, in order. */
  digest: string;
  /** What was done to the cluster. */
  story: readonly string[];
  pods: number;
  /** How often pods and nodes became more and fewer by autoscalers. */
  scalings: Readonly<ScalingModel['counts']>;
  fakeMs: number;
}

/** Nodes that fell silent lose their pods after 5 minutes, and containers that crashed often wait as long. */
const usualRestMs = 30 * 60_000;
const minute = 60_000;

/** Runs a cluster through churn and lets it settle. The same options give the same outcome. */
export async function simulate({ churn: churnOptions, forMs, restMs = usualRestMs, ...options }: Simulation): Promise<Outcome> {
  const cluster = new SimulatedCluster(options);
  const began = cluster.clock.now();
  await cluster.start();
  const churn = new Churn(cluster, churnOptions);
  followIdentities(cluster, churn.isIdentity);
  await churn.setUp();
  await cluster.run(minute);
  const twice: string[] = [];
  churn.begin();
  for (let left = forMs; left > 0; left -= minute) {
    await cluster.run(Math.min(left, minute));
    twice.push(...(await doubles(cluster, churn.isIdentity)));
  }
  await churn.end();
  await calmDown(cluster);
  await cluster.run(restMs);
  const outcome: Outcome = {
    violations: [...cluster.model.violations, ...twice],
    unsettled: await unsettled(cluster),
    commits: cluster.model.commits,
    counts: cluster.model.counts,
    digest: cluster.digest(),
    story: churn.story,
    pods: cluster.model.pods.size,
    scalings: cluster.scaling.counts,
    fakeMs: cluster.clock.now() - began,
  };
  await cluster.stop();
  return outcome;
}
