import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pod, Secret, ServiceAccount, type V1Secret } from '#kinds';
import { createWorld, podOf } from '../testing/world.ts';
import { legacyTokenCleanerController } from './legacy.ts';

const day = 86_400_000;
const token = (name: string, labels: { [name: string]: string } = {}): V1Secret => ({
  metadata: { name, namespace: 'default', labels, annotations: { 'kubernetes.io/service-account.name': 'app' } },
  type: 'kubernetes.io/service-account-token',
});

test('unused automatic tokens are marked after a year and deleted after another; others stay', async () => {
  const w = createWorld([legacyTokenCleanerController]);
  w.api.put(ServiceAccount, { metadata: { name: 'app', namespace: 'default' }, secrets: [{ name: 'old' }, { name: 'used' }, { name: 'mounted' }] });
  for (const name of ['old', 'mounted', 'by-hand']) w.api.put(Secret, token(name));
  w.api.put(Secret, token('used', { 'kubernetes.io/legacy-token-last-used': '2026-10-01' }));
  w.api.put(Pod, podOf('p', { spec: { containers: [], volumes: [{ name: 't', secret: { secretName: 'mounted' } }] } }));
  const state = (): string[] =>
    w.api.all(Secret).map((s) => `${s.metadata?.name ?? ''} ${s.metadata?.labels?.['kubernetes.io/legacy-token-invalid-since'] ?? '-'}`);
  await w.run(364 * day);
  assert.deepEqual(state(), ['by-hand -', 'mounted -', 'old -', 'used -']);
  await w.run(3 * day);
  assert.match(state().join(), /^by-hand -,mounted -,old 2027-01-0\d,used -$/);
  await w.run(368 * day);
  assert.match(state().join(), /^by-hand -,mounted -,used 2027-10-\d\d$/);
  await w.stop();
});
