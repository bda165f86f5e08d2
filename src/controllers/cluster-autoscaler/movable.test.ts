import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Pod, V1PodDisruptionBudget, V1Volume } from '#kinds';
import { podOf } from '../testing/world.ts';
import { holds, staysWithNode } from './movable.ts';

const owned = (kind = 'ReplicaSet'): V1Pod['metadata'] => ({ ownerReferences: [{ apiVersion: 'apps/v1', kind, name: 'o', uid: 'o', controller: true }] });
const pod = (metadata: V1Pod['metadata'] = {}, volumes: V1Volume[] = []): V1Pod =>
  podOf('p', { metadata: { name: 'p', namespace: 'default', labels: { app: 'web' }, ...metadata }, spec: { containers: [], volumes } });
const budget = (disruptionsAllowed: number, namespace = 'default'): V1PodDisruptionBudget => ({
  metadata: { name: 'b', namespace },
  spec: { selector: { matchLabels: { app: 'web' } } },
  status: { disruptionsAllowed, currentHealthy: 1, desiredHealthy: 1, expectedPods: 1 },
});
const local: V1Volume = { name: 'tmp', emptyDir: {} };

test('what keeps a pod where it is', () => {
  const cases: [V1Pod, V1PodDisruptionBudget[], string | undefined][] = [
    [pod(owned()), [], undefined],
    [pod(), [], 'default/p is not replicated'],
    [pod({ annotations: { 'cluster-autoscaler.kubernetes.io/safe-to-evict': 'true' } }, [local]), [], undefined],
    [pod({ ...owned(), annotations: { 'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false' } }), [], 'pod annotated as not safe to evict present: p'],
    [pod(owned(), [local]), [], 'pod with local storage present: p'],
    [pod(owned(), [{ name: 'host', hostPath: { path: '/' } }]), [], 'pod with local storage present: p'],
    [pod(owned(), [{ name: 'memory', emptyDir: { medium: 'Memory' } }]), [], undefined],
    [pod({ ...owned(), annotations: { 'cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes': 'a, tmp' } }, [local]), [], undefined],
    [pod({ ...owned(), namespace: 'kube-system' }), [], 'non-daemonset, non-mirrored, non-pdb-assigned kube-system pod present: p'],
    [pod({ ...owned(), namespace: 'kube-system' }), [budget(1, 'kube-system')], undefined],
    [pod(owned()), [budget(0)], 'not enough pod disruption budget to move default/p'],
    [pod(owned()), [budget(1), budget(0, 'other')], undefined],
  ];
  for (const [one, budgets, why] of cases) assert.equal(holds(one, budgets), why);
  assert.ok(staysWithNode(pod(owned('DaemonSet'))));
  assert.ok(!staysWithNode(pod(owned())));
});
