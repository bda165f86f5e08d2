/**
 * The scheduler alone, without an API: a decision per pod over a state that is kept up to date, as kube-scheduler's own
 * benchmarks (test/integration/scheduler_perf) have them. Figures to compare with are the thresholds of its CI.
 */
import { seededRandom } from '../src/base/index.ts';
import { ClusterState, defaultProfile, findNode, planPreemption, podInfo, type PodInfo, type Profile } from '../src/scheduler/index.ts';
import { FakeClock, silentLogger } from '../src/base/index.ts';
import { createClient, createFakeApi } from '../src/client/index.ts';
import type { V1Node, V1Pod, V1PodSpec } from '../src/kinds/index.ts';

interface Case {
  readonly name: string;
  /** Pods per second that kube-scheduler's CI demands at 5,000 nodes. */
  readonly threshold?: number;
  readonly before: number;
  readonly measured: number;
  pod(i: number, first: boolean): { spec?: Partial<V1PodSpec>; labels?: Record<string, string>; namespace?: string };
  readonly zones?: number;
  readonly namespaces?: number;
}

const host = 'kubernetes.io/hostname';
const zone = 'topology.kubernetes.io/zone';
const green = { matchLabels: { color: 'green' } };
const both = ['sched-0', 'sched-1'];
const inBoth = (i: number, first: boolean): string => both[first ? 0 : 1] ?? '';

const cases: readonly Case[] = [
  { name: 'basic', threshold: 680, before: 1000, measured: 10_000, pod: () => ({}) },
  {
    name: 'node affinity',
    threshold: 220,
    before: 5000,
    measured: 5000,
    pod: () => ({
      spec: {
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [{ matchExpressions: [{ key: zone, operator: 'In', values: ['zone-0', 'zone-1'] }] }],
            },
          },
        },
      },
    }),
  },
  {
    name: 'preferred pod affinity',
    threshold: 90,
    before: 5000,
    measured: 5000,
    pod: (i, first) => ({
      namespace: inBoth(i, first),
      labels: { foo: '', color: 'green' },
      spec: {
        affinity: {
          podAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, podAffinityTerm: { labelSelector: green, topologyKey: host, namespaces: both } }],
          },
        },
      },
    }),
  },
  {
    name: 'required anti-affinity',
    threshold: 60,
    before: 1000,
    measured: 1000,
    pod: (i, first) => ({
      namespace: inBoth(i, first),
      labels: { color: 'green', name: 'test' },
      spec: {
        affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ labelSelector: green, topologyKey: host, namespaces: both }] } },
      },
    }),
  },
  {
    name: 'required affinity',
    threshold: 35,
    before: 5000,
    measured: 5000,
    zones: 1,
    pod: (i, first) => ({
      namespace: inBoth(i, first),
      labels: { color: 'blue' },
      spec: {
        affinity: {
          podAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: [{ labelSelector: { matchLabels: { color: 'blue' } }, topologyKey: zone, namespaces: both }],
          },
        },
      },
    }),
  },
  {
    name: 'required anti-affinity with a namespace selector',
    threshold: 24,
    before: 4000,
    measured: 1000,
    namespaces: 100,
    pod: (i) => ({
      namespace: `team-${i % 100}`,
      labels: { color: 'green' },
      spec: {
        affinity: {
          podAntiAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: [
              { labelSelector: green, topologyKey: host, namespaceSelector: { matchLabels: { team: 'devops' } } },
            ],
          },
        },
      },
    }),
  },
  {
    name: 'topology spread',
    threshold: 85,
    before: 5000,
    measured: 5000,
    zones: 3,
    pod: () => ({
      labels: { color: 'blue' },
      spec: {
        topologySpreadConstraints: [{ maxSkew: 5, topologyKey: zone, whenUnsatisfiable: 'DoNotSchedule', labelSelector: { matchLabels: { color: 'blue' } } }],
      },
    }),
  },
];

function makeNode(i: number, zones: number): V1Node {
  const name = `node-${i}`;
  return {
    metadata: { name, labels: { [host]: name, [zone]: `zone-${i % zones}` } },
    status: { allocatable: { cpu: '4', memory: '32Gi', pods: '110' } },
  };
}
function makePod(name: string, { spec, labels = {}, namespace = 'default' }: ReturnType<Case['pod']>, requests = { cpu: '100m', memory: '500Mi' }): V1Pod {
  return {
    metadata: { name, namespace, uid: name, labels },
    spec: { containers: [{ name: 'pause', image: 'pause', resources: { requests } }], ...spec },
  };
}
function cluster(nodes: number, zones: number, namespaces: number): { state: ClusterState; profile: Profile } {
  const state = new ClusterState();
  const clock = new FakeClock();
  const client = createClient(createFakeApi(clock), clock, silentLogger);
  const profile = defaultProfile({ state, api: client.api, clock, log: silentLogger, random: seededRandom(1), informer: (kind) => client.informer(kind) });
  for (let i = 0; i < namespaces; i++) state.setNamespace(`team-${i}`, { team: 'devops' });
  for (let i = 0; i < nodes; i++) state.setNode(makeNode(i, zones));
  return { state, profile };
}

const random = seededRandom(1);
interface Took {
  readonly wall: number;
  readonly cpu: number;
}
function timed(work: () => void): Took {
  const from = performance.now();
  const cpu = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(cpu);
  return { wall: (performance.now() - from) / 1000, cpu: (user + system) / 1e6 };
}
const print = (name: string, nodes: number, pods: number, took: Took, threshold: number | undefined): void => {
  const rate = pods / took.wall;
  const ratio = threshold && nodes === 5000 ? `  ${(rate / threshold).toFixed(1)} × kube-scheduler's CI threshold (${threshold}/s)` : '';
  console.log(`${name}, ${nodes} nodes: ${Math.round(rate)} pods/s (${Math.round(pods / took.cpu)} per second of CPU)${ratio}`);
};

function run({ name, threshold, before, measured, pod, zones = 5, namespaces = 0 }: Case, nodes: number): void {
  const { state, profile } = cluster(nodes, zones, namespaces);
  let start = 0;
  const place = (info: PodInfo): void => {
    const { node, examined, message } = findNode(state, info, profile, start, random);
    start = (start + examined) % nodes;
    if (!node) throw new Error(`${name}: ${message}`);
    state.addPod(info, node.name);
  };
  const scale = nodes / 5000;
  const pods = (count: number, first: boolean): V1Pod[] => Array.from({ length: Math.round(count * scale) }, (_, i) => makePod(`${first}-${i}`, pod(i, first)));
  for (const one of pods(before, true)) place(podInfo(one));
  const waiting = pods(measured, false);
  const took = timed(() => {
    for (const one of waiting) place(podInfo(one));
  });
  print(name, nodes, waiting.length, took, threshold);
}

/** Every node is full of four small pods; each new one must drive out what is in its way. */
function preemption(nodes: number): void {
  const { state, profile } = cluster(nodes, 5, 0);
  for (let i = 0; i < nodes * 4; i++) state.addPod(podInfo(makePod(`low-${i}`, {}, { cpu: '900m', memory: '500Mi' })), `node-${i % nodes}`);
  const waiting = Array.from({ length: nodes / 10 }, (_, i) => podInfo(makePod(`high-${i}`, { spec: { priority: 10 } }, { cpu: '3', memory: '500Mi' })));
  const evict = (pod: PodInfo): void => {
    const { node, rejections } = findNode(state, pod, profile, 0, random);
    if (node) throw new Error('preemption: there should be no room');
    const { best } = planPreemption({ state, pod, filters: profile.filters, rejections, budgets: [], random });
    if (!best) throw new Error('preemption: nobody to evict');
    for (const victim of best.victims) state.removePod(victim.uid);
    state.addPod(pod, best.node.name);
  };
  print(
    'preemption',
    nodes,
    waiting.length,
    timed(() => waiting.forEach(evict)),
    undefined,
  );
}

for (const nodes of [1000, 5000]) {
  for (const one of cases) run(one, nodes);
  preemption(nodes);
}
