import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { V1LabelSelector, V1Node, V1Pod, V1PodAffinityTerm, V1TopologySpreadConstraint } from '#kinds';
import { ClusterState } from './cluster-state.ts';
import { FilterCycle } from './filter-cycle.ts';
import type { NodeInfo } from './node-info.ts';
import { podInfo, type PodInfo } from './pod-info.ts';
import { totalScores } from './score-nodes.ts';
import { makeNode, makePod, testProfile } from './test-objects.ts';

/**
 * Pod affinity and topology spread by the book (the API reference and the documentation of both), nodes times pods,
 * against the counters that are kept incrementally.
 */

// ---- the model ----

interface World {
  nodes: V1Node[];
  pods: { pod: V1Pod; node: string }[];
  namespaces: Map<string, Record<string, string>>;
}
type Labels = { readonly [key: string]: string };
const labelsOf = (object: V1Pod | V1Node): Labels => object.metadata?.labels ?? {};
function selects(selector: V1LabelSelector | undefined, labels: Labels): boolean {
  if (!selector) return false;
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) if (labels[key] !== value) return false;
  for (const { key, operator, values = [] } of selector.matchExpressions ?? []) {
    const there = labels[key];
    if (operator === 'In' && !(there !== undefined && values.includes(there))) return false;
    if (operator === 'NotIn' && there !== undefined && values.includes(there)) return false;
    if (operator === 'Exists' && there === undefined) return false;
    if (operator === 'DoesNotExist' && there !== undefined) return false;
  }
  return true;
}
function means(term: V1PodAffinityTerm, holder: V1Pod, other: V1Pod, world: World): boolean {
  const own = labelsOf(holder);
  for (const key of term.matchLabelKeys ?? []) if (own[key] !== undefined && labelsOf(other)[key] !== own[key]) return false;
  for (const key of term.mismatchLabelKeys ?? []) if (own[key] !== undefined && labelsOf(other)[key] === own[key]) return false;
  const namespace = other.metadata?.namespace ?? '';
  const byName = term.namespaces?.includes(namespace) ?? false;
  const bySelector = term.namespaceSelector !== undefined && selects(term.namespaceSelector, world.namespaces.get(namespace) ?? {});
  const byDefault = !term.namespaces?.length && !term.namespaceSelector && namespace === holder.metadata?.namespace;
  return (byName || bySelector || byDefault) && selects(term.labelSelector, labelsOf(other));
}
const required = (pod: V1Pod, which: 'podAffinity' | 'podAntiAffinity'): V1PodAffinityTerm[] =>
  pod.spec?.affinity?.[which]?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
const preferred = (pod: V1Pod): { weight: number; term: V1PodAffinityTerm }[] => [
  ...(pod.spec?.affinity?.podAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((p) => ({ weight: p.weight, term: p.podAffinityTerm })),
  ...(pod.spec?.affinity?.podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((p) => ({ weight: -p.weight, term: p.podAffinityTerm })),
];
const sameDomain = (a: V1Node | undefined, b: V1Node, key: string): boolean =>
  a !== undefined && labelsOf(a)[key] !== undefined && labelsOf(a)[key] === labelsOf(b)[key];

function placedOn(world: World): { pod: V1Pod; at: V1Node | undefined }[] {
  return world.pods.map(({ pod, node }) => ({ pod, at: world.nodes.find((one) => one.metadata?.name === node) }));
}
function affinityAllows(pod: V1Pod, node: V1Node, world: World): boolean {
  const placed = placedOn(world);
  for (const other of placed) {
    for (const term of required(other.pod, 'podAntiAffinity'))
      if (means(term, other.pod, pod, world) && sameDomain(other.at, node, term.topologyKey)) return false;
  }
  for (const term of required(pod, 'podAntiAffinity')) {
    if (placed.some((other) => means(term, pod, other.pod, world) && sameDomain(other.at, node, term.topologyKey))) return false;
  }
  const terms = required(pod, 'podAffinity');
  if (terms.length === 0) return true;
  if (terms.some((term) => labelsOf(node)[term.topologyKey] === undefined)) return false;
  const group = placed.filter((other) => terms.every((term) => means(term, pod, other.pod, world)));
  if (terms.every((term) => group.some((other) => sameDomain(other.at, node, term.topologyKey)))) return true;
  const nowhere = !group.some((other) => terms.some((term) => other.at && labelsOf(other.at)[term.topologyKey] !== undefined));
  return nowhere && terms.every((term) => means(term, pod, pod, world));
}

const selectedNode = (pod: V1Pod, node: V1Node): boolean => Object.entries(pod.spec?.nodeSelector ?? {}).every(([key, value]) => labelsOf(node)[key] === value);
const tolerates = (pod: V1Pod, node: V1Node): boolean =>
  (node.spec?.taints ?? []).every((taint) => pod.spec?.tolerations?.some((t) => t.key === taint.key && t.operator === 'Exists') ?? false);
const constraints = (pod: V1Pod, when: string): V1TopologySpreadConstraint[] =>
  (pod.spec?.topologySpreadConstraints ?? []).filter((c) => c.whenUnsatisfiable === when);
function counted(constraint: V1TopologySpreadConstraint, pod: V1Pod, node: V1Node, all: V1TopologySpreadConstraint[]): boolean {
  if (all.some((c) => labelsOf(node)[c.topologyKey] === undefined)) return false;
  if (constraint.nodeAffinityPolicy !== 'Ignore' && !selectedNode(pod, node)) return false;
  return constraint.nodeTaintsPolicy !== 'Honor' || tolerates(pod, node);
}
function spreadCounts(constraint: V1TopologySpreadConstraint, pod: V1Pod, other: V1Pod): boolean {
  if (other.metadata?.deletionTimestamp || other.metadata?.namespace !== pod.metadata?.namespace) return false;
  for (const key of constraint.matchLabelKeys ?? []) {
    if (labelsOf(pod)[key] !== undefined && labelsOf(other)[key] !== labelsOf(pod)[key]) return false;
  }
  return selects(constraint.labelSelector, labelsOf(other));
}
function domainsOf(constraint: V1TopologySpreadConstraint, pod: V1Pod, world: World, all: V1TopologySpreadConstraint[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const node of world.nodes) {
    if (!counted(constraint, pod, node, all)) continue;
    const domain = labelsOf(node)[constraint.topologyKey] as string;
    const here = world.pods.filter((other) => other.node === node.metadata?.name && spreadCounts(constraint, pod, other.pod)).length;
    counts.set(domain, (counts.get(domain) ?? 0) + here);
  }
  return counts;
}
function spreadAllows(pod: V1Pod, node: V1Node, world: World): boolean {
  const all = constraints(pod, 'DoNotSchedule');
  return all.every((constraint) => {
    const domain = labelsOf(node)[constraint.topologyKey];
    if (domain === undefined) return false;
    const counts = domainsOf(constraint, pod, world, all);
    const fewest = counts.size < (constraint.minDomains ?? 1) ? 0 : Math.min(...counts.values());
    return (counts.get(domain) ?? 0) + (spreadCounts(constraint, pod, pod) ? 1 : 0) - fewest <= constraint.maxSkew;
  });
}

function affinityScores(pod: V1Pod, nodes: V1Node[], world: World): number[] {
  const raw = nodes.map((node) => {
    let sum = 0;
    for (const other of placedOn(world)) {
      for (const { weight, term } of preferred(pod)) if (means(term, pod, other.pod, world) && sameDomain(other.at, node, term.topologyKey)) sum += weight;
      for (const { weight, term } of preferred(other.pod))
        if (means(term, other.pod, pod, world) && sameDomain(other.at, node, term.topologyKey)) sum += weight;
      for (const term of required(other.pod, 'podAffinity')) if (means(term, other.pod, pod, world) && sameDomain(other.at, node, term.topologyKey)) sum += 1;
    }
    return sum;
  });
  const least = Math.min(...raw);
  const most = Math.max(...raw);
  return raw.map((score) => (most > least ? Math.trunc((100 * (score - least)) / (most - least)) : 0));
}
function spreadScores(pod: V1Pod, nodes: V1Node[], world: World): number[] {
  const all = constraints(pod, 'ScheduleAnyway');
  if (all.length === 0) return nodes.map(() => 0);
  const known = nodes.filter((node) => all.every((c) => labelsOf(node)[c.topologyKey] !== undefined));
  const raw = known.map((node) => {
    let sum = 0;
    for (const constraint of all) {
      const counts = domainsOf(constraint, pod, world, all);
      const values = constraint.topologyKey === host ? known.length : new Set(known.map((one) => labelsOf(one)[constraint.topologyKey])).size;
      sum += (counts.get(labelsOf(node)[constraint.topologyKey] as string) ?? 0) * Math.log(values + 2) + (constraint.maxSkew - 1);
    }
    return Math.round(sum);
  });
  const least = Math.min(...raw);
  const most = Math.max(0, ...raw);
  return nodes.map((node) => {
    const at = known.indexOf(node);
    if (at < 0) return 0;
    return most === 0 ? 100 : Math.trunc((100 * (most + least - (raw[at] as number))) / most);
  });
}

// ---- random clusters ----

const host = 'kubernetes.io/hostname';
const zone = 'topology.kubernetes.io/zone';
const namespaces = ['a', 'b', 'c'];
const labels: fc.Arbitrary<Record<string, string>> = fc.record({ app: fc.constantFrom('x', 'y'), rev: fc.constantFrom('1', '2') }, { requiredKeys: [] });
const selector: fc.Arbitrary<V1LabelSelector> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('x', 'y').map((app) => ({ matchLabels: { app } })) },
  fc.constantFrom('In', 'NotIn').map((operator) => ({ matchExpressions: [{ key: 'rev', operator, values: ['1'] }] })),
  fc.constantFrom<V1LabelSelector>({}, { matchExpressions: [{ key: 'app', operator: 'Exists' }] }),
);
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(arbitrary, { maxLength: 2 });
const topologyKey = fc.constantFrom(host, zone);
const term: fc.Arbitrary<V1PodAffinityTerm> = fc.record(
  {
    topologyKey,
    labelSelector: selector,
    namespaces: fc.constantFrom(['a'], ['b', 'c']),
    namespaceSelector: fc.constantFrom({}, { matchLabels: { team: 't' } }),
    matchLabelKeys: fc.constant(['rev']),
    mismatchLabelKeys: fc.constant(['app']),
  },
  { requiredKeys: ['topologyKey', 'labelSelector'] },
);
const weighted = fc.record({ weight: fc.integer({ min: 1, max: 100 }), podAffinityTerm: term });
const constraint: fc.Arbitrary<V1TopologySpreadConstraint> = fc.record(
  {
    topologyKey,
    maxSkew: fc.integer({ min: 1, max: 3 }),
    whenUnsatisfiable: fc.constantFrom('DoNotSchedule', 'ScheduleAnyway'),
    labelSelector: selector,
    minDomains: fc.integer({ min: 1, max: 4 }),
    nodeAffinityPolicy: fc.constantFrom('Honor', 'Ignore'),
    nodeTaintsPolicy: fc.constantFrom('Honor', 'Ignore'),
    matchLabelKeys: fc.constant(['rev']),
  },
  { requiredKeys: ['topologyKey', 'maxSkew', 'whenUnsatisfiable', 'labelSelector'] },
);
const aPod = fc.record({
  namespace: fc.constantFrom(...namespaces),
  labels,
  affinity: maybe(term),
  anti: maybe(term),
  liked: maybe(weighted),
  disliked: maybe(weighted),
  spread: maybe(constraint),
  only: fc.option(fc.constantFrom('1', '2'), { freq: 5 }),
  bears: fc.boolean(),
  leaving: fc.boolean(),
});
type Facts = typeof aPod extends fc.Arbitrary<infer T> ? T : never;
function build(name: string, facts: Facts): V1Pod {
  const affinity = {
    podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: facts.affinity, preferredDuringSchedulingIgnoredDuringExecution: facts.liked },
    podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: facts.anti, preferredDuringSchedulingIgnoredDuringExecution: facts.disliked },
  };
  return makePod(
    name,
    {
      affinity,
      topologySpreadConstraints: facts.spread,
      ...(facts.only ? { nodeSelector: { disk: facts.only } } : {}),
      ...(facts.bears ? { tolerations: [{ key: 'k', operator: 'Exists' }] } : {}),
    },
    { namespace: facts.namespace, labels: facts.labels, ...(facts.leaving ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}) },
  );
}
const arriving = (facts: Facts): V1Pod => build('new', { ...facts, leaving: false });
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('place' as const), pod: aPod, id: fc.nat(9), node: fc.nat(4) }) },
  fc.record({ do: fc.constant('remove' as const), id: fc.nat(9) }),
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('node' as const),
      node: fc.nat(4),
      zone: fc.constantFrom('', 'z1', 'z2'),
      disk: fc.constantFrom('1', '2'),
      taint: fc.boolean(),
    }),
  },
  fc.record({ do: fc.constant('drop' as const), node: fc.nat(4) }),
  fc.record({ do: fc.constant('namespace' as const), name: fc.constantFrom(...namespaces), team: fc.constantFrom('t', 'u') }),
  { weight: 2, arbitrary: fc.record({ do: fc.constant('ask' as const), pod: aPod }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const profile = testProfile();
const filters = profile.filters.filter(({ name }) => name === 'InterPodAffinity' || name === 'PodTopologySpread');
const scoreOf = (name: string): typeof profile.scores =>
  profile.scores.filter(({ plugin }) => plugin.name === name).map(({ plugin }) => ({ plugin, weight: 1 }));

class Pair {
  readonly world: World = { nodes: [], pods: [], namespaces: new Map() };
  readonly state = new ClusterState();

  apply(step: Step): void {
    const { world, state } = this;
    if (step.do === 'place') {
      const pod = build(`p${step.id}`, step.pod);
      world.pods = [...world.pods.filter((other) => other.pod.metadata?.name !== pod.metadata?.name), { pod, node: `n${step.node}` }];
      state.addPod(podInfo(pod), `n${step.node}`);
    } else if (step.do === 'remove') {
      world.pods = world.pods.filter((other) => other.pod.metadata?.name !== `p${step.id}`);
      state.removePod(`uid-p${step.id}`);
    } else if (step.do === 'node') {
      const name = `n${step.node}`;
      const node = makeNode(name, {
        labels: { [host]: name, disk: step.disk, ...(step.zone === '' ? {} : { [zone]: step.zone }) },
        ...(step.taint ? { taints: [{ key: 'k', effect: 'NoSchedule' }] } : {}),
      });
      world.nodes = [...world.nodes.filter((other) => other.metadata?.name !== name), node];
      state.setNode(node);
    } else if (step.do === 'drop') {
      world.nodes = world.nodes.filter((other) => other.metadata?.name !== `n${step.node}`);
      state.removeNode(`n${step.node}`);
    } else if (step.do === 'namespace') {
      world.namespaces.set(step.name, { team: step.team });
      state.setNamespace(step.name, { team: step.team });
    } else this.compare(arriving(step.pod));
  }
  compare(pod: V1Pod): void {
    const { world, state } = this;
    const info: PodInfo = podInfo(pod);
    const cycle = new FilterCycle(state, info, filters);
    const nodes = world.nodes;
    const infos = nodes.map((node) => state.node(node.metadata?.name ?? '') as NodeInfo);
    assert.deepEqual(
      infos.map((node) => cycle.check(node) === undefined),
      nodes.map((node) => affinityAllows(pod, node, world) && spreadAllows(pod, node, world)),
    );
    if (nodes.length === 0) return;
    assert.deepEqual([...totalScores(scoreOf('InterPodAffinity'), info, infos, state)], affinityScores(pod, nodes, world));
    if (constraints(pod, 'ScheduleAnyway').length > 0)
      assert.deepEqual([...totalScores(scoreOf('PodTopologySpread'), info, infos, state)], spreadScores(pod, nodes, world));
  }
}

test('property: pod affinity and topology spread, counted incrementally and by the book', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 40 }), aPod, (steps, last) => {
      const pair = new Pair();
      for (const one of steps) pair.apply(one);
      pair.compare(arriving(last));
    }),
    { numRuns: 400 },
  );
});
