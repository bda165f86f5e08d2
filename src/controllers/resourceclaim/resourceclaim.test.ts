import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pod, ResourceClaim, ResourceClaimTemplate, type ResourceV1ResourceClaim, type V1Pod } from '#kinds';
import { createWorld, type World } from '../testing/world.ts';
import { resourceClaimController } from './resourceclaim.ts';

const template = { metadata: { name: 't', namespace: 'default' }, spec: { metadata: { labels: { app: 'x' } }, spec: { devices: { requests: [] } } } };
const pod = (name: string, change: Partial<V1Pod> = {}): V1Pod => ({
  metadata: { name, namespace: 'default' },
  spec: { containers: [{ name: 'c', image: 'x' }], resourceClaims: [{ name: 'gpu', resourceClaimTemplateName: 't' }] },
  ...change,
});
const claims = (w: World): ResourceV1ResourceClaim[] => w.api.all(ResourceClaim, 'default');
const used = (w: World, consumer: V1Pod, finalizers = ['resource.kubernetes.io/delete-protection']): ResourceV1ResourceClaim =>
  w.api.put(ResourceClaim, {
    metadata: { name: 'shared', namespace: 'default', ...(finalizers.length > 0 ? { finalizers } : {}) },
    spec: {},
    status: {
      allocation: { devices: { results: [] } },
      reservedFor: [{ resource: 'pods', name: consumer.metadata?.name ?? '', uid: consumer.metadata?.uid ?? '' }],
    },
  });

test('a claim by the template, owned by the pod, told in its status; once, also while caches lag', async () => {
  const w = createWorld([resourceClaimController]);
  w.api.put(ResourceClaimTemplate, template);
  await w.run();
  w.api.pause();
  const made = w.api.put(Pod, pod('web'));
  w.api.resume();
  await w.run();
  assert.equal(claims(w).length, 1);
  const [claim] = claims(w);
  assert.match(claim?.metadata?.name ?? '', /^web-gpu-/);
  assert.deepEqual(claim?.metadata?.labels, { app: 'x' });
  assert.deepEqual(claim?.metadata?.annotations, { 'resource.kubernetes.io/pod-claim-name': 'gpu' });
  assert.deepEqual(
    claim?.metadata?.ownerReferences?.map((o) => [o.kind, o.name, o.uid, o.controller]),
    [['Pod', 'web', made.metadata?.uid, true]],
  );
  assert.deepEqual(w.api.all(Pod)[0]?.status?.resourceClaimStatuses, [{ name: 'gpu', resourceClaimName: claim?.metadata?.name }]);
  const writes = w.api.writes.length;
  await w.restart();
  await w.run();
  assert.equal(w.api.writes.length, writes, 'settled means no more writes');
  await w.stop();
});

test('without its template the pod is told why, and gets its claim when the template comes', async () => {
  const w = createWorld([resourceClaimController]);
  w.api.put(Pod, pod('web'));
  await w.run(1000);
  assert.ok(w.events().some((e) => e.startsWith('FailedResourceClaimCreation: PodResourceClaim gpu: resource claim template "t"')));
  w.api.put(ResourceClaimTemplate, template);
  await w.run(120_000);
  assert.equal(claims(w).length, 1);
  await w.stop();
});

test('what a pod held is free when it is done or gone; what others allocated by hand stays', async () => {
  for (const end of ['done', 'gone'] as const) {
    const w = createWorld([resourceClaimController]);
    const user = w.api.put(Pod, {
      metadata: { name: 'p', namespace: 'default' },
      spec: { containers: [], resourceClaims: [{ name: 'x', resourceClaimName: 'shared' }] },
    } as V1Pod);
    used(w, user);
    await w.run();
    assert.equal(claims(w)[0]?.status?.reservedFor?.length, 1);
    if (end === 'done') w.api.edit(Pod, 'default', 'p', (p) => (p.status = { phase: 'Succeeded' }));
    else await w.api.delete(Pod, { namespace: 'default', name: 'p' }, { gracePeriodSeconds: 0 });
    await w.run();
    const [claim] = claims(w);
    assert.deepEqual([claim?.status?.reservedFor ?? [], claim?.status?.allocation, claim?.metadata?.finalizers ?? []], [[], undefined, []]);
    await w.stop();
  }
  const w = createWorld([resourceClaimController]);
  w.api.put(ResourceClaim, { metadata: { name: 'by-hand', namespace: 'default' }, spec: {}, status: { allocation: { devices: { results: [] } } } });
  await w.run();
  assert.ok(claims(w)[0]?.status?.allocation);
  await w.stop();
});

test('the claim of a pod that is done is deleted; one that a pod bound by hand uses is reserved for it', async () => {
  const w = createWorld([resourceClaimController]);
  w.api.put(ResourceClaimTemplate, template);
  w.api.put(Pod, pod('job'));
  await w.run();
  assert.equal(claims(w).length, 1);
  w.api.edit(Pod, 'default', 'job', (p) => (p.status = { ...p.status, phase: 'Failed' }));
  await w.run();
  assert.equal(claims(w).length, 0);
  w.api.put(ResourceClaim, { metadata: { name: 'ready', namespace: 'default' }, spec: {}, status: { allocation: { devices: { results: [] } } } });
  const bound = w.api.put(
    Pod,
    pod('bound', { spec: { nodeName: 'n', containers: [{ name: 'c', image: 'x' }], resourceClaims: [{ name: 'x', resourceClaimName: 'ready' }] } }),
  );
  await w.run();
  assert.deepEqual(claims(w)[0]?.status?.reservedFor, [{ resource: 'pods', name: 'bound', uid: bound.metadata?.uid }]);
  await w.stop();
});

test('the claim for the extended resources of a pod is freed and deleted with the end of the pod', async () => {
  const w = createWorld([resourceClaimController]);
  const plain = w.api.put(Pod, pod('plain', { spec: { nodeName: 'n', containers: [{ name: 'c', image: 'x' }] } }));
  const uid = plain.metadata?.uid ?? '';
  const claim = used(w, plain);
  w.api.edit(ResourceClaim, 'default', 'shared', (one) => {
    one.metadata = { ...one.metadata, ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'plain', uid, controller: true }] };
  });
  w.api.edit(Pod, 'default', 'plain', (p) => {
    p.status = { ...p.status, phase: 'Running', extendedResourceClaimStatus: { resourceClaimName: claim.metadata?.name ?? '', requestMappings: [] } };
  });
  await w.run();
  assert.equal(claims(w)[0]?.status?.reservedFor?.length, 1);
  w.api.edit(Pod, 'default', 'plain', (p) => (p.status = { ...p.status, phase: 'Succeeded' }));
  await w.run();
  assert.deepEqual(claims(w), []);
  await w.stop();
});
