import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { V1Affinity, V1NodeSelectorRequirement } from '#kinds';
import type { ClusterEvent, FilterPlugin } from '../plugin.ts';
import { container, info, nodeInfo, type NodeFacts } from '../test-objects.ts';
import { balancedAllocationScore } from './balanced-allocation.ts';
import { definitions } from './index.ts';
import { nodeAffinityFilter, nodeAffinityScore } from './node-affinity.ts';
import { nodeNameFilter as nodeName } from './node-name.ts';
import { nodePortsFilter as nodePorts } from './node-ports.ts';
import { nodeResourcesFitFilter as nodeResourcesFit } from './node-resources-fit.ts';
import { nodeUnschedulableFilter as nodeUnschedulable } from './node-unschedulable.ts';
import { leastAllocated as least, mostAllocated as most, readStrategy, requestedToCapacityRatio, resourceScore } from './support/scoring-strategy.ts';
import { taintTolerationFilter as taintToleration, taintTolerationScore } from './taint-toleration.ts';

const nodeAffinity = nodeAffinityFilter();
const leastAllocated = resourceScore(least);
const balancedAllocation = balancedAllocationScore();
type Spec = Parameters<typeof info>[1];
interface FilterCase {
  name: string;
  plugin: FilterPlugin;
  pod: Spec;
  node?: NodeFacts;
  on?: Spec[];
  wanted: string[];
}
const affinity = (...terms: V1NodeSelectorRequirement[][]): V1Affinity => ({
  nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms.map((matchExpressions) => ({ matchExpressions })) } },
});
const notMatching = ["node(s) didn't match Pod's node affinity/selector"];
const taint = { key: 'k', value: 'v', effect: 'NoSchedule' };
const untolerated = ['node(s) had untolerated taint(s)'];
const port = (hostPort: number, hostIP?: string, protocol = 'TCP'): Spec => ({
  containers: [container({}, { ports: [{ containerPort: 80, hostPort, protocol, ...(hostIP ? { hostIP } : {}) }] })],
});
const taken = ["node(s) didn't have free ports for the requested pod ports"];

const cases: FilterCase[] = [
  { name: 'a schedulable node', plugin: nodeUnschedulable, pod: {}, wanted: [] },
  { name: 'a cordoned node', plugin: nodeUnschedulable, pod: {}, node: { unschedulable: true }, wanted: ['node(s) were unschedulable'] },
  {
    name: 'a cordoned node and a pod that bears it',
    plugin: nodeUnschedulable,
    pod: { tolerations: [{ operator: 'Exists' }] },
    node: { unschedulable: true },
    wanted: [],
  },
  { name: 'the named node', plugin: nodeName, pod: { nodeName: 'n' }, wanted: [] },
  { name: 'another node than the named one', plugin: nodeName, pod: { nodeName: 'x' }, wanted: ["node(s) didn't match the requested node name"] },
  { name: 'a taint', plugin: taintToleration, pod: {}, node: { taints: [taint] }, wanted: untolerated },
  {
    name: 'a tolerated taint',
    plugin: taintToleration,
    pod: { tolerations: [{ key: 'k', value: 'v', effect: 'NoSchedule' }] },
    node: { taints: [taint] },
    wanted: [],
  },
  {
    name: 'a toleration of another value',
    plugin: taintToleration,
    pod: { tolerations: [{ key: 'k', value: 'w' }] },
    node: { taints: [taint] },
    wanted: untolerated,
  },
  {
    name: 'Exists ignores the value',
    plugin: taintToleration,
    pod: { tolerations: [{ key: 'k', operator: 'Exists' }] },
    node: { taints: [taint] },
    wanted: [],
  },
  { name: 'PreferNoSchedule does not filter', plugin: taintToleration, pod: {}, node: { taints: [{ ...taint, effect: 'PreferNoSchedule' }] }, wanted: [] },
  { name: 'NoExecute filters', plugin: taintToleration, pod: {}, node: { taints: [{ ...taint, effect: 'NoExecute' }] }, wanted: untolerated },
  { name: 'nodeSelector', plugin: nodeAffinity, pod: { nodeSelector: { a: '1' } }, node: { labels: { a: '1' } }, wanted: [] },
  { name: 'nodeSelector that differs', plugin: nodeAffinity, pod: { nodeSelector: { a: '1' } }, node: { labels: { a: '2' } }, wanted: notMatching },
  {
    name: 'In',
    plugin: nodeAffinity,
    pod: { affinity: affinity([{ key: 'a', operator: 'In', values: ['1', '2'] }]) },
    node: { labels: { a: '2' } },
    wanted: [],
  },
  { name: 'NotIn of an absent label', plugin: nodeAffinity, pod: { affinity: affinity([{ key: 'a', operator: 'NotIn', values: ['1'] }]) }, wanted: [] },
  { name: 'Gt', plugin: nodeAffinity, pod: { affinity: affinity([{ key: 'a', operator: 'Gt', values: ['3'] }]) }, node: { labels: { a: '4' } }, wanted: [] },
  {
    name: 'Lt of text',
    plugin: nodeAffinity,
    pod: { affinity: affinity([{ key: 'a', operator: 'Lt', values: ['3'] }]) },
    node: { labels: { a: 'x' } },
    wanted: notMatching,
  },
  {
    name: 'terms are alternatives',
    plugin: nodeAffinity,
    pod: { affinity: affinity([{ key: 'a', operator: 'Exists' }], [{ key: 'b', operator: 'DoesNotExist' }]) },
    wanted: [],
  },
  {
    name: 'expressions of a term must all hold',
    plugin: nodeAffinity,
    pod: {
      affinity: affinity([
        { key: 'a', operator: 'Exists' },
        { key: 'b', operator: 'Exists' },
      ]),
    },
    node: { labels: { a: '1' } },
    wanted: notMatching,
  },
  { name: 'an empty term matches nothing', plugin: nodeAffinity, pod: { affinity: affinity([]) }, wanted: notMatching },
  {
    name: 'selector and affinity, both',
    plugin: nodeAffinity,
    pod: { nodeSelector: { a: '1' }, affinity: affinity([{ key: 'b', operator: 'Exists' }]) },
    node: { labels: { a: '1' } },
    wanted: notMatching,
  },
  { name: 'a free port', plugin: nodePorts, pod: port(80), on: [port(81)], wanted: [] },
  { name: 'a taken port', plugin: nodePorts, pod: port(80), on: [port(80)], wanted: taken },
  { name: 'the same port of another protocol', plugin: nodePorts, pod: port(80, undefined, 'UDP'), on: [port(80)], wanted: [] },
  { name: 'the same port on another address', plugin: nodePorts, pod: port(80, '10.0.0.1'), on: [port(80, '10.0.0.2')], wanted: [] },
  { name: 'all addresses against one', plugin: nodePorts, pod: port(80), on: [port(80, '10.0.0.2')], wanted: taken },
  { name: 'one address against all', plugin: nodePorts, pod: port(80, '10.0.0.2'), on: [port(80)], wanted: taken },
  {
    name: 'host network takes container ports',
    plugin: nodePorts,
    pod: { hostNetwork: true, containers: [container({}, { ports: [{ containerPort: 80 }] })] },
    on: [port(80)],
    wanted: taken,
  },
  { name: 'what fits exactly', plugin: nodeResourcesFit, pod: { requests: { cpu: '3', memory: '8Gi' } }, on: [{ requests: { cpu: '1' } }], wanted: [] },
  {
    name: 'too much cpu and memory',
    plugin: nodeResourcesFit,
    pod: { requests: { cpu: '3001m', memory: '9Gi' } },
    on: [{ requests: { cpu: '1' } }],
    wanted: ['Insufficient cpu', 'Insufficient memory'],
  },
  { name: 'too many pods', plugin: nodeResourcesFit, pod: {}, node: { allocatable: { pods: '1' } }, on: [{}], wanted: ['Too many pods'] },
  {
    name: 'ephemeral storage',
    plugin: nodeResourcesFit,
    pod: { requests: { 'ephemeral-storage': '2Gi' } },
    node: { allocatable: { 'ephemeral-storage': '1Gi' } },
    wanted: ['Insufficient ephemeral-storage'],
  },
  {
    name: 'an extended resource',
    plugin: nodeResourcesFit,
    pod: { requests: { 'nvidia.com/gpu': '1' } },
    node: { allocatable: { 'nvidia.com/gpu': '1' } },
    on: [{ requests: { 'nvidia.com/gpu': '1' } }],
    wanted: ['Insufficient nvidia.com/gpu'],
  },
  { name: 'a request of nothing on a full node', plugin: nodeResourcesFit, pod: {}, on: [{ requests: { cpu: '4', memory: '8Gi' } }], wanted: [] },
  {
    name: 'the largest init container counts',
    plugin: nodeResourcesFit,
    pod: { containers: [container({ cpu: '1' })], initContainers: [container({ cpu: '2' }), container({ cpu: '5' })] },
    wanted: ['Insufficient cpu'],
  },
  {
    name: 'init containers run one after the other',
    plugin: nodeResourcesFit,
    pod: { containers: [container({ cpu: '1' })], initContainers: [container({ cpu: '4' }), container({ cpu: '4' })] },
    wanted: [],
  },
  {
    name: 'sidecars add to the containers',
    plugin: nodeResourcesFit,
    pod: { containers: [container({ cpu: '3' })], initContainers: [container({ cpu: '2' }, { restartPolicy: 'Always' })] },
    wanted: ['Insufficient cpu'],
  },
  {
    name: 'sidecars add to later init containers',
    plugin: nodeResourcesFit,
    pod: { containers: [container()], initContainers: [container({ cpu: '2' }, { restartPolicy: 'Always' }), container({ cpu: '3' })] },
    wanted: ['Insufficient cpu'],
  },
  {
    name: 'sidecars do not add to earlier init containers',
    plugin: nodeResourcesFit,
    pod: { containers: [container()], initContainers: [container({ cpu: '3' }), container({ cpu: '2' }, { restartPolicy: 'Always' })] },
    wanted: [],
  },
  { name: 'overhead', plugin: nodeResourcesFit, pod: { requests: { cpu: '4' }, overhead: { cpu: '1m' } }, wanted: ['Insufficient cpu'] },
  {
    name: 'pod-level requests override',
    plugin: nodeResourcesFit,
    pod: { requests: { cpu: '1' }, resources: { requests: { cpu: '5' } } },
    wanted: ['Insufficient cpu'],
  },
];
for (const c of cases) {
  test(`${c.plugin.name}: ${c.name}`, () => {
    const pod = info('p', c.pod);
    const node = nodeInfo(
      'n',
      c.node,
      (c.on ?? []).map((spec, i) => info(`on-${i}`, spec)),
    );
    const applies = c.plugin.applies?.(pod) !== false;
    assert.deepEqual(applies ? (c.plugin.filter(pod, node, undefined)?.reasons ?? []) : [], c.wanted);
  });
}

test('NodeResourcesFit: evicting helps only where the pod could ever fit', () => {
  const node = nodeInfo('n', {}, [info('on', { requests: { cpu: '4' } })]);
  assert.equal(nodeResourcesFit.filter(info('p', { requests: { cpu: '2' } }), node, undefined)?.unresolvable, false);
  assert.equal(nodeResourcesFit.filter(info('p', { requests: { cpu: '5' } }), node, undefined)?.unresolvable, true);
});

const scores: [name: string, wanted: number, got: number][] = [
  ['LeastAllocated: an empty node and defaults (100m of 4, 200Mi of 8Gi)', 97, leastAllocated.score(info('p'), nodeInfo('n'))],
  ['LeastAllocated: half used', 50, leastAllocated.score(info('p', { requests: { cpu: '2', memory: '4Gi' } }), nodeInfo('n'))],
  ['LeastAllocated: more than there is', 0, leastAllocated.score(info('p', { requests: { cpu: '9', memory: '9Gi' } }), nodeInfo('n'))],
  ['BalancedAllocation: balanced', 100, balancedAllocation.score(info('p', { requests: { cpu: '2', memory: '4Gi' } }), nodeInfo('n'))],
  ['BalancedAllocation: only cpu', 50, balancedAllocation.score(info('p', { requests: { cpu: '4' } }), nodeInfo('n'))],
  [
    'TaintToleration: soft taints that are not tolerated',
    1,
    taintTolerationScore.score(
      info('p', { tolerations: [{ key: 'a', operator: 'Exists' }] }),
      nodeInfo('n', { taints: [{ key: 'a', effect: 'PreferNoSchedule' }, { key: 'b', effect: 'PreferNoSchedule' }, taint] }),
    ),
  ],
  [
    'NodeAffinity: preferred weights',
    30,
    nodeAffinityScore().score(
      info('p', {
        affinity: {
          nodeAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [
              { weight: 10, preference: {} },
              { weight: 20, preference: { matchExpressions: [{ key: 'a', operator: 'Exists' }] } },
              { weight: 40, preference: { matchExpressions: [{ key: 'b', operator: 'Exists' }] } },
            ],
          },
        },
      }),
      nodeInfo('n', { labels: { a: '' } }),
    ),
  ],
];
for (const [name, wanted, got] of scores) test(name, () => assert.equal(got, wanted));

test('scoringStrategy: most allocated, a curve, extended resources, and what is wrong with one', () => {
  const node = nodeInfo('n', { allocatable: { 'x.io/gpu': '4' } });
  const pod = info('p', { requests: { cpu: '1', memory: '4Gi', 'x.io/gpu': '4' } });
  assert.equal(resourceScore(most).score(pod, node), 37);
  const strategy = (resources: unknown, type = 'MostAllocated', more: object = {}): number => readStrategy({ type, resources, ...more }).score(pod, node);
  assert.equal(strategy([{ name: 'x.io/gpu', weight: 3 }, { name: 'cpu' }]), 81);
  const shape = [
    { utilization: 0, score: 0 },
    { utilization: 50, score: 10 },
    { utilization: 100, score: 0 },
  ];
  const curve = requestedToCapacityRatio(shape);
  assert.deepEqual(
    [0, 25, 50, 75, 100, 200].map((used) => curve(used, 100)),
    [0, 50, 100, 50, 0, 0],
  );
  assert.equal(strategy([{ name: 'memory', weight: 1 }], 'RequestedToCapacityRatio', { requestedToCapacityRatio: { shape } }), 100);
  assert.throws(() => readStrategy({ type: 'Best' }), /args.type: Unsupported value: "Best": supported values: "LeastAllocated"/);
  assert.throws(() => readStrategy({ type: 'RequestedToCapacityRatio' }), /at least one point must be specified/);
  assert.throws(() => readStrategy({ resources: [{ name: 'cpu', weight: 0 }] }), /resource weight of cpu not in valid range/);
});

const none = { allocatable: false, labels: false, taints: false, unschedulable: false };
const nodeEvent = (facts: NodeFacts, change?: Partial<typeof none>): ClusterEvent =>
  change ? { type: 'NodeChanged', node: nodeInfo('n', facts), change: { ...none, ...change } } : { type: 'NodeAdded', node: nodeInfo('n', facts) };
const removed = (spec: Spec): ClusterEvent => ({ type: 'PodRemoved', pod: info('gone', spec) });
const hints: [name: string, plugin: FilterPlugin, pod: Spec, event: ClusterEvent, wanted: boolean][] = [
  ['uncordoned', nodeUnschedulable, {}, nodeEvent({}, { unschedulable: true }), true],
  ['cordoned', nodeUnschedulable, {}, nodeEvent({ unschedulable: true }, { unschedulable: true }), false],
  ['a pod went', nodeUnschedulable, {}, removed({}), false],
  ['a taint went', taintToleration, {}, nodeEvent({}, { taints: true }), true],
  ['a tainted node came', taintToleration, {}, nodeEvent({ taints: [taint] }), false],
  ['labels changed to match', nodeAffinity, { nodeSelector: { a: '1' } }, nodeEvent({ labels: { a: '1' } }, { labels: true }), true],
  ['labels changed otherwise', nodeAffinity, { nodeSelector: { a: '1' } }, nodeEvent({ labels: { a: '2' } }, { labels: true }), false],
  ['the port became free', nodePorts, port(80), removed(port(80)), true],
  ['another port became free', nodePorts, port(80), removed(port(81)), false],
  ['a pod went', nodeResourcesFit, { requests: { cpu: '1' } }, removed({ requests: { cpu: '1' } }), true],
  [
    'a pod went from a node that is still too full',
    nodeResourcesFit,
    { requests: { cpu: '9' } },
    { ...removed({}), node: nodeInfo('n') } as ClusterEvent,
    false,
  ],
  ['a node grew enough', nodeResourcesFit, { requests: { cpu: '5' } }, nodeEvent({ allocatable: { cpu: '6' } }, { allocatable: true }), true],
  ['a node that is too small came', nodeResourcesFit, { requests: { cpu: '5' } }, nodeEvent({}), false],
  ['the named node came', nodeName, { nodeName: 'n' }, nodeEvent({}), true],
];
for (const [name, plugin, pod, event, wanted] of hints) {
  test(`${plugin.name} un-stuck: ${name}: ${wanted}`, () => assert.equal(plugin.unstuckBy(event, info('p', pod)), wanted));
}

test('every plugin file is in the index', () => {
  const files = readdirSync(import.meta.dirname).filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && file !== 'index.ts');
  const index = readFileSync(`${import.meta.dirname}/index.ts`, 'utf8');
  for (const file of files) assert.ok(index.includes(`'./${file}'`), `${file} is not in the index`);
  const names = definitions.map((definition) => definition.name);
  assert.equal(new Set(names).size, names.length);
});
