import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { StatefulSet, type V1Pod, type V1StatefulSet } from '#kinds';
import { cloneObject } from '#machinery';
import { isTerminating } from '../pods.ts';
import { buildRevision } from '../revisions.ts';
import { statefulSetOf } from '../testing/world.ts';
import { isInRange, ordinalOf, revisionOf, startOrdinal } from './identity.ts';
import { planStatefulSet, type StatefulSetPlan, type StatefulSetState } from './plan.ts';
import { maxUnavailable, partitionOf } from './strategy.ts';

const now = Date.UTC(2026, 0, 1);

/** A small world that carries plans out: pods that are deleted end later, pods that are made become ready later. */
class Model {
  set: V1StatefulSet;
  pods = new Map<string, V1Pod>();
  #current: V1StatefulSet;
  #uid = 0;

  constructor(spec: Partial<NonNullable<V1StatefulSet['spec']>>) {
    this.set = statefulSetOf(spec);
    this.set.metadata!.uid = 'set';
    StatefulSet.defaults?.(this.set);
    this.#current = this.set;
  }
  state(): StatefulSetState {
    const [current, update] = [this.#current, this.set].map((set, i) => buildRevision(StatefulSet, set, i + 1, 0, 'hash'));
    return {
      set: this.set,
      pods: [...this.pods.values()],
      revisions: { current: current!, update: update!, collisionCount: 0 },
      claim: () => undefined,
      failureWait: () => 0,
      now,
    };
  }
  /** Does at most the first `limit` actions, as a process that is killed in the middle would. */
  carryOut(plan: StatefulSetPlan, limit: number): void {
    for (const action of plan.phases.flat().slice(0, limit)) {
      const name = action.pod.metadata?.name ?? '';
      if (action.type === 'create') {
        assert.ok(!this.pods.has(name), `${name} made although it is there`);
        this.pods.set(name, { ...action.pod, metadata: { ...action.pod.metadata, uid: String(++this.#uid) }, status: { phase: 'Pending' } });
      }
      if (action.type === 'delete') this.edit(name, (pod) => void (pod.metadata!.deletionTimestamp ??= '2026-01-01T00:00:00Z'));
    }
  }
  edit(name: string, change: (pod: V1Pod) => void): void {
    const next = cloneObject(this.pods.get(name)!);
    change(next);
    this.pods.set(name, next);
  }
  /** Lets the pod come one step further: pending, ready, or gone when it is ending. */
  advance(index: number, healthy: boolean): void {
    const pod = [...this.pods.values()][index % Math.max(1, this.pods.size)];
    const name = pod?.metadata?.name ?? '';
    if (!pod) return;
    if (isTerminating(pod)) return void this.pods.delete(name);
    this.edit(name, (p) => void (p.status = { phase: 'Running', conditions: [{ type: 'Ready', status: healthy ? 'True' : 'False' }] }));
  }
  settle(): void {
    for (let i = 0; i < this.pods.size * 2; i++) this.advance(i, true);
  }
}

const isUp = (pod: V1Pod): boolean => pod.status?.conditions?.[0]?.status === 'True' && !isTerminating(pod);

function check(model: Model, plan: StatefulSetPlan): void {
  const { set } = model;
  const ordered = !plan.parallel;
  const actions = plan.phases.flat();
  const update = model.state().revisions.update.metadata?.name;
  const lowest = startOrdinal(set);
  for (const { type, pod } of actions) {
    const below = [...model.pods.values()].filter((p) => ordinalOf(p) >= lowest && ordinalOf(p) < Math.min(ordinalOf(pod), lowest + (set.spec?.replicas ?? 0)));
    const allUp = below.length === Math.min(ordinalOf(pod), lowest + (set.spec?.replicas ?? 0)) - lowest && below.every(isUp);
    if (type === 'create') {
      assert.ok(isInRange(set, ordinalOf(pod)));
      if (ordered) assert.ok(allUp, 'in order: all before it are there and ready');
      const { current } = model.state().revisions;
      assert.equal(revisionOf(pod), ordinalOf(pod) < lowest + partitionOf(set) ? current.metadata?.name : update);
    }
    if (type !== 'delete') continue;
    const isScaling = !isInRange(set, ordinalOf(pod));
    if (ordered && isScaling) {
      const above = [...model.pods.values()].filter((p) => ordinalOf(p) > ordinalOf(pod));
      assert.ok(
        above.every((p) => isInRange(set, ordinalOf(p))),
        'in order: all after it are gone',
      );
    }
    if (!isScaling && pod.status?.phase !== 'Failed') {
      assert.ok(ordinalOf(pod) >= lowest + partitionOf(set), 'never below the partition');
      assert.notEqual(revisionOf(pod), update);
    }
  }
  if (ordered) assert.ok(actions.filter((a) => a.type === 'create').length <= 1);
  const updated = plan.phases[3] ?? [];
  const gone = [...model.pods.values()].filter((p) => isInRange(set, ordinalOf(p)) && !isUp(p) && (revisionOf(p) === update || isTerminating(p))).length;
  assert.ok(updated.length === 0 || updated.length + gone <= maxUnavailable(set), 'no more down than may be');
}

const script = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant('reconcile' as const), limit: fc.integer({ min: 0, max: 4 }) }),
    fc.record({ do: fc.constant('advance' as const), index: fc.nat(9), healthy: fc.boolean() }),
    fc.record({ do: fc.constant('fail' as const), index: fc.nat(9) }),
    fc.record({ do: fc.constant('lose' as const), index: fc.nat(9) }),
    fc.record({ do: fc.constant('scale' as const), replicas: fc.nat(5) }),
    fc.record({ do: fc.constant('image' as const), image: fc.constantFrom('app:1', 'app:2', 'app:3') }),
    fc.record({ do: fc.constant('partition' as const), partition: fc.nat(4) }),
  ),
  { maxLength: 40 },
);
const strategy = fc.record({
  podManagementPolicy: fc.constantFrom('OrderedReady', 'Parallel'),
  ordinals: fc.record({ start: fc.nat(2) }),
  replicas: fc.nat(4),
  updateStrategy: fc.record({
    type: fc.constant('RollingUpdate'),
    rollingUpdate: fc.record({ partition: fc.nat(3), maxUnavailable: fc.integer({ min: 1, max: 3 }) }),
  }),
});

test('never two of one identity, never out of order, never below the partition, never more down than may be; and it ends', () => {
  fc.assert(
    fc.property(strategy, script, (spec, steps) => {
      const model = new Model(spec);
      const named = (index: number): string => [...model.pods.keys()][index % Math.max(1, model.pods.size)] ?? '';
      const reconcile = (limit: number): StatefulSetPlan => {
        const plan = planStatefulSet(model.state());
        check(model, plan);
        model.carryOut(plan, limit);
        return plan;
      };
      for (const step of steps) {
        if (step.do === 'reconcile') reconcile(step.limit);
        if (step.do === 'advance') model.advance(step.index, step.healthy);
        if (step.do === 'lose') model.pods.delete(named(step.index));
        if (step.do === 'fail' && model.pods.size > 0) model.edit(named(step.index), (pod) => void (pod.status = { phase: 'Failed' }));
        if (step.do === 'scale') model.set = { ...model.set, spec: { ...model.set.spec!, replicas: step.replicas } };
        if (step.do === 'partition')
          model.set = { ...model.set, spec: { ...model.set.spec!, updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: step.partition } } } };
        if (step.do === 'image') {
          model.set = cloneObject(model.set);
          model.set.spec!.template.spec!.containers[0]!.image = step.image;
        }
      }
      for (let i = 0; i < 60; i++) {
        model.settle();
        if (reconcile(99).phases.flat().length === 0 && [...model.pods.values()].every(isUp)) break;
      }
      const plan = reconcile(0);
      assert.deepEqual(plan.phases.flat(), []);
      assert.equal(model.pods.size, model.set.spec?.replicas);
      assert.ok([...model.pods.values()].every((pod) => isInRange(model.set, ordinalOf(pod)) && isUp(pod)));
      const { update } = model.state().revisions;
      for (const pod of model.pods.values())
        if (ordinalOf(pod) >= startOrdinal(model.set) + partitionOf(model.set)) assert.equal(revisionOf(pod), update.metadata?.name);
    }),
    { numRuns: 60 },
  );
});
