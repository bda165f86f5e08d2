import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock, silentLogger } from '#base';
import { createClient, createFakeApi, type FakeApi } from '#client';
import { Deployment, Event, Pod, ReplicaSet, type V1Pod } from '#kinds';
import type { PlacementStatus } from '#scheduler';
import { explain, type WhyReport } from './why.ts';

const meta = (name: string, owner?: string): object => ({
  name,
  namespace: 'default',
  uid: `uid-${name}`,
  ...(owner ? { ownerReferences: [{ apiVersion: 'apps/v1', kind: 'X', name: owner, uid: `uid-${owner}`, controller: true }] } : {}),
});
const pod = (name: string, status: V1Pod['status'], owner?: string): V1Pod =>
  ({ metadata: meta(name, owner), spec: { nodeName: 'n1', containers: [] }, status }) as V1Pod;
async function why(put: (api: FakeApi) => void, kind: string, name: string, placement?: PlacementStatus): Promise<WhyReport> {
  const clock = new FakeClock();
  const api = createFakeApi(clock);
  put(api);
  const client = createClient(api, clock, silentLogger);
  try {
    const found = placement && { kind: 'PodPlacement', metadata: {}, status: placement };
    return await explain(client, { placement: () => found, placements: () => [] }, { kind, namespace: 'default', name });
  } finally {
    client.close();
  }
}

test('a container that does not start', async () => {
  const status = {
    phase: 'Pending',
    containerStatuses: [
      { name: 'c', image: '', imageID: '', ready: false, restartCount: 0, state: { waiting: { reason: 'ImagePullBackOff', message: 'no such image' } } },
    ],
  };
  const report = await why((api) => void api.put(Pod, pod('web', status)), 'po', 'web');
  assert.deepEqual(
    [report.subject, report.summary, report.details],
    ['pod default/web', 'Pending on n1', ['container c waits: ImagePullBackOff: no such image']],
  );
});

test('a pod without a node tells what the scheduler says', async () => {
  const nodes = [{ name: 'n1', fits: false, objections: [{ plugin: 'P', reasons: ['full'], preemptible: false }] }];
  const placement: PlacementStatus = { state: 'Waiting', schedulerName: 's', attempts: 3, message: 'text', nodes };
  const report = await why((api) => void api.put(Pod, { metadata: meta('web'), spec: { containers: [] } } as V1Pod), 'pod', 'web', placement);
  assert.deepEqual([report.summary, report.details, report.nodes], ['none of 1 nodes can take it (tried 3 times)', ['text'], nodes]);
});

test('a Deployment leads to what its ReplicaSet could not do, and to its pods that are not well', async () => {
  const report = await why(
    (api) => {
      api.put(Deployment, { metadata: meta('web'), spec: { replicas: 3, selector: {}, template: {} }, status: { readyReplicas: 1 } } as never);
      api.put(ReplicaSet, { metadata: meta('web-1', 'web'), spec: { replicas: 3, selector: {} }, status: { replicas: 2, readyReplicas: 1 } } as never);
      api.put(ReplicaSet, { metadata: meta('web-0', 'web'), spec: { replicas: 0, selector: {} }, status: { replicas: 0 } } as never);
      api.put(Pod, pod('well', { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] }, 'web-1'));
      api.put(Pod, pod('ill', { phase: 'Failed', reason: 'Evicted', message: 'no memory' }, 'web-1'));
      const event = { type: 'Warning', reason: 'FailedCreate', message: 'exceeded quota', count: 4, lastTimestamp: '2026-01-01T00:00:00Z' };
      api.put(Event, { ...event, metadata: { name: 'e', namespace: 'default' }, involvedObject: { uid: 'uid-web-1' } } as never);
    },
    'deploy',
    'web',
  );
  assert.equal(report.summary, '1 of 3 replicas are ready');
  const [set, ...others] = report.owned;
  assert.deepEqual(others, []);
  assert.equal(set?.subject, 'replicaset default/web-1');
  assert.deepEqual(set?.events, [{ reason: 'FailedCreate', message: 'exceeded quota', count: 4, last: '2026-01-01T00:00:00Z' }]);
  assert.deepEqual(
    set?.owned.map((one) => [one.subject, one.summary]),
    [['pod default/ill', 'Failed on n1: Evicted: no memory']],
  );
});

test('what there is not', async () => {
  await assert.rejects(
    why(() => {}, 'pod', 'web'),
    /there is no pod web in the namespace default/,
  );
  await assert.rejects(
    why(() => {}, 'secret', 'web'),
    /secret: why knows pod, deployment/,
  );
});
