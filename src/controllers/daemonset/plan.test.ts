import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { DaemonSet, type V1DaemonSet, type V1Node, type V1Pod } from '#kinds';
import { cloneObject } from '#machinery';
import { isPodReady, isPodTerminal, isTerminating } from '../pods.ts';
import { daemonSetOf, nodeObject } from '../testing/world.ts';
import { isUpdated, podBuilder } from './identity.ts';
import { nodeOf, placementOf } from './placement.ts';
import { planDaemonSet, type DaemonSetPlan } from './plan.ts';
import { limits, type DaemonSetState } from './state.ts';
import { Memory, viewNodes } from './views.ts';

const isUp = (pod: V1Pod): boolean => isPodReady(pod) && !isTerminating(pod);

interface Listed extends DaemonSetState {
  readonly pods: readonly V1Pod[];
  readonly nodes: readonly V1Node[];
}
class Model {
  set: V1DaemonSet;
  readonly pods = new Map<string, V1Pod>();
  readonly nodes = new Map<string, boolean>();
  version = 1;
  #count = 0;
  constructor(nodes: number, maxUnavailable: number, maxSurge: number) {
    this.set = daemonSetOf({ updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable, maxSurge } } });
    DaemonSet.defaults?.(this.set);
    for (let i = 0; i < nodes; i++) this.nodes.set(`n${i}`, true);
  }
  state(): Listed {
    const nodes = [...this.nodes].map(([name, welcome]) => nodeObject(name, {}, welcome ? [] : [{ key: 'closed', effect: 'NoSchedule' }]));
    return { set: this.set, pods: [...this.pods.values()], nodes, hash: `v${this.version}`, now: 0 };
  }
  carryOut(plan: DaemonSetPlan, limit: number): void {
    const build = podBuilder(this.set, `v${this.version}`);
    for (const node of plan.create.slice(0, limit)) {
      const name = `p${++this.#count}`;
      const pod = build(node);
      this.pods.set(name, {
        ...pod,
        metadata: { ...pod.metadata, name, creationTimestamp: String(this.#count).padStart(6, '0') },
        status: { phase: 'Pending' },
      });
    }
    for (const pod of plan.delete.slice(0, limit)) this.edit(pod.metadata?.name ?? '', (p) => void (p.metadata!.deletionTimestamp ??= 'now'));
  }
  edit(name: string, change: (pod: V1Pod) => void): void {
    const next = cloneObject(this.pods.get(name)!);
    change(next);
    this.pods.set(name, next);
  }
  advance(index: number, healthy: boolean): void {
    const [name, pod] = [...this.pods][index % Math.max(1, this.pods.size)] ?? [];
    if (!name || !pod) return;
    if (isTerminating(pod)) return void this.pods.delete(name);
    this.edit(name, (p) => {
      p.spec!.nodeName = nodeOf(p)!;
      p.status = { phase: 'Running', conditions: [{ type: 'Ready', status: healthy ? 'True' : 'False' }] };
    });
  }
}

function check(model: Model, plan: DaemonSetPlan): void {
  const state = model.state();
  const meant = state.nodes.filter((n) => placementOf(model.set)(n).run).map((n) => n.metadata?.name ?? '');
  const { unavailable, surge } = limits(model.set, meant.length);
  // One that has ended and is being deleted is as good as gone.
  const on = (node: string): V1Pod[] => state.pods.filter((p) => nodeOf(p) === node && !(isTerminating(p) && isPodTerminal(p)));
  assert.equal(new Set(plan.create).size, plan.create.length);
  for (const node of plan.create) {
    assert.ok(meant.includes(node));
    const present = on(node).filter((p) => !isTerminating(p));
    if (surge === 0) assert.equal(on(node).length, 0, 'without surge, none comes before the old one is gone');
    assert.ok(present.length <= 1 && present.every((p) => !isUpdated(model.set, state.hash, p)));
  }
  const doubled = meant.filter((node) => on(node).filter((p) => !isTerminating(p)).length > 1).length;
  const onTop = plan.create.filter((node) => on(node).some(isUp)).length;
  assert.ok(onTop === 0 || doubled + onTop <= surge, 'no more doubled than may be');
  if (surge > 0) return;
  // Up pods that are deleted although their node keeps being meant: the update's doing.
  const taken = plan.delete.filter((p) => isUp(p) && meant.includes(nodeOf(p) ?? '') && on(nodeOf(p) ?? '').filter((x) => !isTerminating(x)).length === 1);
  const freshDown = meant.filter(
    (node) => !on(node).some((p) => !isTerminating(p)) || on(node).some((p) => isUpdated(model.set, state.hash, p) && !isTerminating(p) && !isUp(p)),
  );
  assert.ok(taken.length === 0 || taken.length + freshDown.length <= unavailable, 'no more down than may be');
}

/** What is remembered from step to step, by comparing or by being told, is what a first look would see. */
class Watcher {
  readonly compared = new Memory();
  readonly #told = new Memory();
  #pods = new Map<string, V1Pod>();
  constructor(set: V1DaemonSet) {
    this.#told.follow([], set.spec?.selector);
  }
  check(state: Listed): void {
    const now = new Map(state.pods.map((pod) => [pod.metadata?.name ?? '', pod]));
    for (const name of new Set([...this.#pods.keys(), ...now.keys()]))
      if (now.get(name) !== this.#pods.get(name)) this.#told.podChanged(now.get(name), this.#pods.get(name));
    this.#pods = now;
    const first = seen({ ...state, memory: new Memory() });
    assert.deepEqual(seen({ ...state, memory: this.compared }), first);
    assert.deepEqual(seen({ ...state, pods: 'followed', memory: this.#told }), first);
  }
}
function seen(state: DaemonSetState): unknown {
  const { views, homeless } = viewNodes(state);
  const names = (pods: readonly V1Pod[]): string[] => pods.map((pod) => pod.metadata?.name ?? '');
  return { homeless: names(homeless).sort(), views: views.map(({ name, placement, pods }) => ({ name, ...placement, pods: names(pods) })) };
}

const script = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant('reconcile' as const), limit: fc.integer({ min: 0, max: 4 }) }),
    fc.record({ do: fc.constant('advance' as const), index: fc.nat(9), healthy: fc.boolean() }),
    fc.record({ do: fc.constant('lose' as const), index: fc.nat(9) }),
    fc.record({ do: fc.constant('fail' as const), index: fc.nat(9) }),
    fc.record({ do: fc.constant('node' as const), index: fc.nat(6), welcome: fc.boolean() }),
    fc.record({ do: fc.constant('update' as const) }),
  ),
  { maxLength: 40 },
);
const strategy = fc.oneof(
  fc.record({ maxUnavailable: fc.integer({ min: 1, max: 3 }), maxSurge: fc.constant(0) }),
  fc.record({ maxUnavailable: fc.constant(0), maxSurge: fc.integer({ min: 1, max: 3 }) }),
);

test('never above maxUnavailable or maxSurge, one pod for every node that is meant, and it ends', () => {
  fc.assert(
    fc.property(fc.nat(5), strategy, script, (nodes, { maxUnavailable, maxSurge }, steps) => {
      const model = new Model(nodes, maxUnavailable, maxSurge);
      const watcher = new Watcher(model.set);
      const reconcile = (limit: number): DaemonSetPlan => {
        const state = { ...model.state(), memory: watcher.compared };
        const plan = planDaemonSet(state, () => 0);
        watcher.check(state);
        check(model, plan);
        model.carryOut(plan, limit);
        return plan;
      };
      const named = (index: number): string => [...model.pods.keys()][index % Math.max(1, model.pods.size)] ?? '';
      for (const step of steps) {
        if (step.do === 'reconcile') reconcile(step.limit);
        if (step.do === 'advance') model.advance(step.index, step.healthy);
        if (step.do === 'lose') model.pods.delete(named(step.index));
        if (step.do === 'fail' && model.pods.size > 0) model.edit(named(step.index), (p) => void (p.status = { phase: 'Failed' }));
        if (step.do === 'node') model.nodes.set(`n${step.index}`, step.welcome);
        if (step.do === 'update') {
          model.version++;
          model.set = cloneObject(model.set);
          model.set.metadata!.annotations = { 'deprecated.daemonset.template.generation': String(model.version) };
        }
      }
      for (let i = 0; i < 60; i++) {
        for (let p = 0; p < model.pods.size * 2; p++) model.advance(p, true);
        const plan = reconcile(99);
        if (plan.create.length + plan.delete.length === 0 && [...model.pods.values()].every(isUp)) break;
      }
      const plan = reconcile(0);
      assert.deepEqual([plan.create, plan.delete], [[], []]);
      const state = model.state();
      for (const node of state.nodes) {
        const here = state.pods.filter((p) => nodeOf(p) === node.metadata?.name);
        if (!placementOf(model.set)(node).run) continue;
        assert.equal(here.length, 1);
        assert.ok(here.every((p) => isUp(p) && isUpdated(model.set, state.hash, p)));
      }
    }),
    { numRuns: 80 },
  );
});
