import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Deployment, V1ReplicaSet } from '#kinds';
import { deploymentOf } from '../testing/world.ts';
import { templateHash, templatesEqual } from './hash.ts';
import { annotation, maxSurge, maxUnavailable } from './numbers.ts';
import { planDeployment, type DeploymentPlan } from './plan.ts';
import { proportionalSizes } from './proportional.ts';
import { buildReplicaSet, scaledTo } from './revision.ts';

const now = Date.UTC(2026, 0, 1);
const at = (minutes: number): string => new Date(now + minutes * 60_000).toISOString();

function given(spec: Partial<NonNullable<V1Deployment['spec']>> = {}, image = 'app:2'): V1Deployment {
  const d = deploymentOf(spec, image);
  d.metadata = { ...d.metadata, uid: 'd', generation: 2, annotations: { [annotation.revision]: '1' } };
  return d;
}
/** A ReplicaSet of the deployment with another image: replicas wanted, existing, available. */
function set(d: V1Deployment, image: string, numbers: [number, number, number], revision = 1, createdMinutes = revision): V1ReplicaSet {
  const rs = scaledTo(d, buildReplicaSet({ ...d, spec: { ...d.spec!, template: deploymentOf({}, image).spec!.template } }, revision), numbers[0]);
  rs.metadata = { ...rs.metadata, uid: image, creationTimestamp: at(createdMinutes), generation: 1 };
  rs.status = { replicas: numbers[1], readyReplicas: numbers[2], availableReplicas: numbers[2], observedGeneration: 1 };
  return rs;
}
const plan = (deployment: V1Deployment, replicaSets: V1ReplicaSet[], oldPodsRunning = false): DeploymentPlan =>
  planDeployment({ deployment, replicaSets, oldPodsRunning: () => oldPodsRunning, now });
const scalings = (p: DeploymentPlan): string[] => p.writes.map((w) => `${w.type} ${w.replicaSet.metadata?.uid ?? 'new'} → ${w.replicaSet.spec?.replicas ?? 0}`);
const reasons = (p: DeploymentPlan): string[] => (p.status?.conditions ?? []).map((c) => `${c.type}=${c.status} ${c.reason ?? ''}`);

test('the first step makes a ReplicaSet of revision 1 with all replicas', () => {
  const d = given({}, 'app:1');
  delete d.metadata!.annotations;
  const p = plan(d, []);
  const rs = p.writes[0]?.replicaSet;
  assert.equal(p.writes.length, 1);
  assert.equal(p.writes[0]?.scaling, `Scaled up replica set ${rs?.metadata?.name ?? ''} from 0 to 3`);
  assert.equal(p.revision, '1');
  assert.deepEqual(rs?.metadata?.annotations, { [annotation.revision]: '1', [annotation.desired]: '3', [annotation.max]: '4' });
  const hash = rs?.metadata?.labels?.['pod-template-hash'] ?? '';
  assert.match(hash, /^[bcdfghjklmnpqrstvwxz2456789]{5,10}$/);
  assert.equal(rs?.metadata?.name, `web-${hash}`);
  assert.deepEqual(rs?.spec?.selector.matchLabels, { app: 'web', 'pod-template-hash': hash });
  assert.deepEqual(rs?.spec?.template?.metadata?.labels, { app: 'web', 'pod-template-hash': hash });
  assert.deepEqual(reasons(p), ['Progressing=True NewReplicaSetCreated', 'Available=False MinimumReplicasUnavailable']);
});

test('a new template: one surge replica first, the old ones stay', () => {
  const d = given();
  const p = plan(d, [set(d, 'app:1', [3, 3, 3])]);
  assert.deepEqual(scalings(p), ['create new → 1']);
  assert.equal(p.revision, '2');
});
test('an available surge replica lets one old one go', () => {
  const d = given();
  assert.deepEqual(scalings(plan(d, [set(d, 'app:1', [3, 3, 3]), set(d, 'app:2', [1, 1, 1], 2)])), ['update app:1 → 2']);
});
test('what a ReplicaSet is about to lose counts as available no more', () => {
  // Scaled from 18 to 10 in the middle of a rollout: the statuses still tell of the pods of before.
  const d = given({ replicas: 10, strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: '25%' } } });
  assert.deepEqual(scalings(plan(d, [set(d, 'app:1', [6, 10, 10]), set(d, 'app:2', [4, 8, 4], 2)])), ['update app:1 → 4']);
});
test('a surge replica that is not available lets nothing go', () => {
  const d = given();
  assert.deepEqual(scalings(plan(d, [set(d, 'app:1', [3, 3, 3]), set(d, 'app:2', [1, 1, 0], 2)])), []);
});
test('unavailable old replicas go first, beyond what availability would allow', () => {
  const d = given({ replicas: 10, strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 3, maxUnavailable: 2 } } });
  assert.deepEqual(scalings(plan(d, [set(d, 'app:1', [8, 8, 5]), set(d, 'app:2', [5, 5, 5], 2)])), ['update app:1 → 3']);
});
test('surge rounds up, unavailable down, and both zero means one unavailable', () => {
  const d = (replicas: number, surge: number | string, unavailable: number | string): V1Deployment =>
    given({ replicas, strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: surge, maxUnavailable: unavailable } } });
  const limits = (x: V1Deployment): number[] => [maxSurge(x), maxUnavailable(x)];
  assert.deepEqual(limits(d(10, '25%', '25%')), [3, 2]);
  assert.deepEqual(limits(d(1, '25%', '25%')), [1, 0]);
  assert.deepEqual(limits(d(3, 0, '10%')), [0, 1]);
  assert.deepEqual(limits(d(0, 0, 0)), [0, 0]);
  assert.deepEqual(limits(d(2, 0, 5)), [0, 2]);
});

test('scaling in the middle of a rollout is proportional', () => {
  const strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge: 3, maxUnavailable: 2 } };
  const before = given({ replicas: 10, strategy });
  const sets = [set(before, 'app:1', [8, 8, 8]), set(before, 'app:2', [5, 5, 0], 2)];
  const d = given({ replicas: 15, strategy });
  assert.deepEqual(scalings(plan(d, sets)), ['update app:1 → 11', 'update app:2 → 7']);
  assert.deepEqual(
    proportionalSizes(given({ replicas: 0, strategy }), sets).map((s) => s.replicas),
    [0, 0],
  );
});
test('scaling a settled deployment changes its one ReplicaSet', () => {
  const before = given();
  const d = given({ replicas: 5 });
  const p = plan(d, [set(before, 'app:2', [3, 3, 3], 1)]);
  assert.deepEqual(scalings(p), ['update app:2 → 5']);
  assert.deepEqual(p.writes[0]?.replicaSet.metadata?.annotations?.[annotation.max], '6');
});

test('paused: nothing rolls, scaling works, the condition tells', () => {
  const d = given({ paused: true });
  const p = plan(d, [set(d, 'app:1', [3, 3, 3])]);
  assert.deepEqual(scalings(p), []);
  assert.deepEqual(reasons(p), ['Progressing=Unknown DeploymentPaused', 'Available=True MinimumReplicasAvailable']);
  const scaled = given({ paused: true, replicas: 4 });
  assert.deepEqual(scalings(plan(scaled, [set(d, 'app:1', [3, 3, 3])])), ['update app:1 → 4']);
});
test('resumed: the condition tells, and the rollout goes on', () => {
  const d = given();
  d.status = { conditions: [{ type: 'Progressing', status: 'Unknown', reason: 'DeploymentPaused', message: 'Deployment is paused' }] };
  const p = plan(d, [set(d, 'app:1', [3, 3, 3])]);
  assert.deepEqual(scalings(p), ['create new → 1']);
});

test('rolling back takes the old ReplicaSet, with a new revision and its history', () => {
  const d = given({}, 'app:1');
  const p = plan(d, [set(d, 'app:1', [0, 0, 0], 1), set(d, 'app:2', [3, 3, 3], 2)]);
  assert.deepEqual(scalings(p), ['update app:1 → 1']);
  assert.equal(p.writes[0]?.replicaSet.metadata?.annotations?.[annotation.revision], '3');
  assert.equal(p.writes[0]?.replicaSet.metadata?.annotations?.[annotation.history], '1');
  assert.equal(p.revision, '3');
});

test('Recreate: all old ones down, then nothing while pods remain, then the new one', () => {
  const d = given({ strategy: { type: 'Recreate' } });
  assert.deepEqual(scalings(plan(d, [set(d, 'app:1', [3, 3, 3])])), ['update app:1 → 0']);
  assert.deepEqual(scalings(plan(d, [set(d, 'app:1', [0, 0, 0])], true)), []);
  assert.deepEqual(scalings(plan(d, [set(d, 'app:1', [0, 0, 0])])), ['create new → 3']);
});

test('history beyond the limit is deleted when the rollout is complete, oldest first', () => {
  const d = given({ revisionHistoryLimit: 1 }, 'app:4');
  d.status = { observedGeneration: 2, replicas: 3, updatedReplicas: 3, availableReplicas: 3 };
  const sets = [set(d, 'app:1', [0, 0, 0], 1), set(d, 'app:2', [0, 0, 0], 2), set(d, 'app:3', [0, 1, 0], 3), set(d, 'app:4', [3, 3, 3], 4)];
  assert.deepEqual(scalings(plan(d, sets)), ['delete app:1 → 0', 'delete app:2 → 0']);
  assert.deepEqual(scalings(plan(given({ revisionHistoryLimit: 0 }, 'app:4'), sets)), [], 'an unfinished rollout keeps all');
});

test('complete, deadline, and progress in between', () => {
  const d = given();
  const done = plan(d, [set(d, 'app:1', [0, 0, 0]), set(d, 'app:2', [3, 3, 3], 2)]);
  const condition = done.status?.conditions?.find((c) => c.type === 'Progressing');
  assert.equal(condition?.reason, 'NewReplicaSetAvailable');
  assert.match(condition?.message ?? '', /^ReplicaSet "web-\w+" has successfully progressed\.$/);

  const late = given();
  late.status = {
    observedGeneration: 2,
    replicas: 4,
    updatedReplicas: 1,
    readyReplicas: 3,
    availableReplicas: 3,
    conditions: [{ type: 'Progressing', status: 'True', reason: 'ReplicaSetUpdated', lastUpdateTime: at(-11), lastTransitionTime: at(-20) }],
  };
  const sets = [set(d, 'app:1', [3, 3, 3]), set(d, 'app:2', [1, 1, 0], 2)];
  const timedOut = plan(late, sets).status?.conditions?.find((c) => c.type === 'Progressing');
  assert.equal(`${timedOut?.status ?? ''} ${timedOut?.reason ?? ''}`, 'False ProgressDeadlineExceeded');
  assert.match(timedOut?.message ?? '', /^ReplicaSet "web-\w+" has timed out progressing\.$/);

  late.status.conditions![0]!.lastUpdateTime = at(-9);
  const waiting = plan(late, sets);
  assert.equal(waiting.requeueAfterMs, 61_000);
});

test('a ReplicaSet that cannot make pods shows in the status', () => {
  const d = given();
  const rs = set(d, 'app:2', [3, 0, 0], 2);
  rs.status = { replicas: 0, conditions: [{ type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: 'exceeded quota' }] };
  assert.ok(reasons(plan(d, [rs])).includes('ReplicaFailure=True FailedCreate'));
});

test('a settled deployment wants no write at all', () => {
  const d = given();
  const rs = set(d, 'app:2', [3, 3, 3], 2);
  d.metadata!.annotations = { [annotation.revision]: '2' };
  const status = plan(d, [rs]).status;
  assert.ok(status);
  const again = plan({ ...d, status }, [rs]);
  assert.deepEqual([again.writes, again.status, again.revision], [[], undefined, undefined]);
});

test('templates are equal whatever the order of their keys and with or without the hash label', () => {
  const a = deploymentOf().spec!.template;
  const b = { spec: { containers: [{ image: 'app:1', name: 'app' }] }, metadata: { labels: { 'pod-template-hash': 'x', app: 'web' } } };
  assert.ok(templatesEqual(a, b));
  assert.ok(!templatesEqual(a, deploymentOf({}, 'app:2').spec!.template));
  assert.equal(templateHash(a, undefined), templateHash(structuredClone(a), undefined));
  assert.notEqual(templateHash(a, undefined), templateHash(a, 1));
});
