import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pod, ResourceClaim, type ResourceV1ResourceClaim } from '#kinds';
import { claimProblem } from './claims.ts';
import { createBench } from './testing.ts';

test('a pod waits until its claim is allocated and reserved for it', async () => {
  const b = await createBench({ events: true });
  const pod = b.pod('web', (p) => (p.spec!.resourceClaims = [{ name: 'gpu', resourceClaimName: 'one' }]));
  await b.clock.advance(100);
  assert.notEqual(b.get('web')?.status?.phase, 'Running');
  assert.match(
    b.events()[0] ?? '',
    /^FailedPrepareDynamicResources: Failed to prepare dynamic resources: failed to fetch ResourceClaim one referenced by pod web/,
  );
  b.api.put(ResourceClaim, {
    metadata: { name: 'one', namespace: 'default' },
    spec: {},
    status: {
      allocation: { devices: { results: [{ request: 'r', driver: 'd.example.com', pool: 'p', device: 'x' }] } },
      reservedFor: [{ resource: 'pods', name: 'web', uid: pod.metadata?.uid ?? '' }],
    },
  });
  await b.clock.advance(10_100);
  assert.equal(b.get('web')?.status?.phase, 'Running');
  await b.agent.stop();
});

test('what is wrong with a claim is named', async () => {
  const claim: ResourceV1ResourceClaim = { metadata: { name: 'one', uid: 'c' }, spec: {} };
  const objects = { resourceClaim: async () => claim };
  const told = (real: boolean, status?: ResourceV1ResourceClaim['status'], statuses = [{ name: 'x', resourceClaimName: 'one' }]) => {
    if (status) claim.status = status;
    const pod = { metadata: { name: 'p', uid: 'u' }, spec: { containers: [], resourceClaims: [{ name: 'x' }] }, status: { resourceClaimStatuses: statuses } };
    return claimProblem({ objects, volumes: real ? {} : undefined } as never, pod as Parameters<typeof Pod.validate & object>[0]);
  };
  assert.match((await told(true, undefined, [])) ?? '', /ResourceClaim "x" is not created yet/);
  assert.equal(await told(true), 'claim one is not allocated');
  const allocation = { devices: { results: [{ request: 'r', driver: 'd.example.com', pool: 'p', device: 'x' }] } };
  assert.equal(await told(true, { allocation }), 'pod p (u) is not allowed to use ResourceClaim one (c)');
  const reservedFor = [{ resource: 'pods', name: 'p', uid: 'u' }];
  assert.equal(await told(true, { allocation, reservedFor }), 'prepare dynamic resources: DRA driver d.example.com is not registered on this node');
  assert.equal(await told(false, { allocation, reservedFor }), undefined);
});
