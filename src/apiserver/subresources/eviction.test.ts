import assert from 'node:assert/strict';
import test from 'node:test';
import { Pod, PodDisruptionBudget, schemas } from '#kinds';
import type { AdmissionPlugin } from '../types.ts';
import { fixture } from '../test-support.ts';
import { podEviction } from './eviction.ts';

test('an eviction is admitted as itself, and not once more as a deletion', async () => {
  const asked: string[] = [];
  const spy: AdmissionPlugin = {
    name: 'spy',
    handles: (kind) => kind.plural === 'pods',
    operations: ['CREATE', 'DELETE'],
    subresources: true,
    validate: ({ operation, subresource }) => void asked.push(`${operation} ${subresource ?? 'pods'}`),
  };
  const { api } = await fixture({ kinds: [Pod, PodDisruptionBudget] as never, schemas, admission: [spy], subresources: [podEviction()] });
  const at = { namespace: 'default', name: 'p' };
  for (const leave of ['eviction', 'deletion']) {
    await api.create(Pod, { metadata: at, spec: { containers: [{ name: 'c', image: 'i' }] } });
    if (leave === 'eviction') await api.subresource(Pod as never, at, 'eviction', { metadata: at } as never);
    else await api.delete(Pod, at);
  }
  assert.deepEqual(asked, ['CREATE pods', 'CREATE eviction', 'CREATE pods', 'DELETE pods']);
});
