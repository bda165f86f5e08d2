/**
 * A whole cluster on fake time: nodes with heartbeats as a kubelet's defaults have them, and hours of churn (lost nodes and zones,
 * drains, rollouts of Deployments, StatefulSets and a DaemonSet, scaling, CronJobs, quotas, budgets), every commit held against
 * the invariants. BENCH_NODES, BENCH_MINUTES, BENCH_EVERY (seconds between two actions), BENCH_LEASE (how long a node
 * is alive without a word, s) and BENCH_SEED make it another one.
 */
import { simulate } from '../src/server/simulation/simulation.ts';
import { report } from './lib.ts';

const nodes = Number(process.env.BENCH_NODES ?? 1000);
const minutes = Number(process.env.BENCH_MINUTES ?? 120);
const every = Number(process.env.BENCH_EVERY ?? 20);
const leaseSeconds = Number(process.env.BENCH_LEASE ?? 40);
const seed = Number(process.env.BENCH_SEED ?? 1);

const began = performance.now();
const outcome = await simulate({
  seed,
  nodes,
  leaseSeconds,
  churn: {
    everyMs: every * 1000,
    namespaces: 5,
    quotaPods: 480,
    deployments: 60,
    mostReplicas: 12,
    statefulSets: 20,
    daemonSet: true,
    cronJobs: 5,
  },
  forMs: minutes * 60_000,
  restMs: 15 * 60_000,
});
const seconds = (performance.now() - began) / 1000;
const hours = outcome.fakeMs / 3_600_000;
for (const problem of [...outcome.violations, ...outcome.unsettled]) console.log(problem);
console.log(`seed ${seed}: ${nodes} nodes, ${hours.toFixed(2)} h, ${outcome.story.length} events, ${outcome.commits} commits, ${outcome.pods} pods at the end`);
console.log(
  [...outcome.counts]
    .toSorted((a, b) => b[1] - a[1])
    .slice(0, 8)
    .map(([what, count]) => `${what} ${count}`)
    .join(', '),
);
report('a simulated cluster, wall time', seconds, 's', { name: 'aim', figure: 30 }, '≤ 30 s', false);
report('simulated time over wall time', outcome.fakeMs / 1000 / seconds, '×', { name: 'aim', figure: 240 }, '≥ 240', true);
process.exitCode = outcome.violations.length + outcome.unsettled.length > 0 ? 1 : 0;
