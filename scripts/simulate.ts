/**
 * A cluster on fake time: sh scripts/node.sh scripts/simulate.ts --seed 3 --nodes 30 --minutes 30 [--every 5] [--lease 40] [--story]
 * --every: seconds between two actions, on average; --lease: how long a node is alive without a word, renewed four times as often.
 * Exit code 1 when an invariant did not hold or something did not settle.
 */
import { parseArgs } from 'node:util';
import { simulate } from '../src/server/simulation/simulation.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    nodes: { type: 'string', default: '30' },
    minutes: { type: 'string', default: '30' },
    deployments: { type: 'string', default: '10' },
    autoscaled: { type: 'string', default: '0' },
    lease: { type: 'string', default: '40' },
    every: { type: 'string', default: '5' },
    story: { type: 'boolean', default: false },
  },
});
const [nodes, minutes, deployments] = [Number(values.nodes), Number(values.minutes), Number(values.deployments)];
const began = performance.now();
const outcome = await simulate({
  seed: Number(values.seed),
  nodes,
  autoscaling: Number(values.autoscaled) > 0,
  leaseSeconds: Number(values.lease),
  churn: {
    everyMs: Number(values.every) * 1000,
    namespaces: 5,
    quotaPods: deployments * 8,
    deployments,
    mostReplicas: 12,
    statefulSets: Math.ceil(deployments / 3),
    daemonSet: true,
    cronJobs: Math.ceil(deployments / 5),
    autoscaled: Number(values.autoscaled),
  },
  forMs: minutes * 60_000,
});
const seconds = (performance.now() - began) / 1000;
if (values.story) console.log(outcome.story.join('\n'));
for (const problem of [...outcome.violations, ...outcome.unsettled]) console.log(problem);
console.log(
  `seed ${values.seed}: ${nodes} nodes, ${(outcome.fakeMs / 3_600_000).toFixed(1)} h in ${seconds.toFixed(1)} s, ${outcome.commits} commits, ${outcome.pods} pods at the end, ${JSON.stringify(outcome.scalings)}, ${outcome.digest.slice(0, 12)}`,
);
process.exitCode = outcome.violations.length + outcome.unsettled.length > 0 ? 1 : 0;
