import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '#machinery';
import type { PlacementSource, PodPlacement } from '#scheduler';
import { placementGroup } from './placement-group.ts';

const web: PodPlacement = {
  kind: 'PodPlacement',
  metadata: { name: 'web', namespace: 'default' },
  status: { state: 'Waiting', schedulerName: 's', attempts: 1, nodes: [{ name: 'a', fits: true, objections: [] }] },
};
const source: PlacementSource = { placement: (_namespace, name) => (name === 'web' ? web : undefined), placements: () => [web] };
const read = (from: PlacementSource | undefined, name: string, plural = 'podplacements'): KubeObject | Promise<KubeObject> =>
  placementGroup(() => from).read({ plural, namespace: 'default', name, subresource: '', query: new URLSearchParams() });

test('placements: one, all, as a table', async () => {
  assert.equal(await read(source, 'web'), web);
  assert.deepEqual(((await read(source, '')) as KubeObject & { items: unknown }).items, [web]);
  const { columns = [] } = placementGroup(() => source);
  assert.deepEqual(
    columns.map((column) => column.value(web, 0)),
    ['web', 'Waiting', 1, '1/1', ''],
  );
});

test('placements: what is not there, and a scheduler that is not there yet', () => {
  assert.throws(() => void read(source, 'nobody'), /podplacements.scheduling.batuta.dev "nobody" not found/);
  assert.throws(() => void read(source, 'web', 'pods'), /could not find the requested resource/);
  assert.throws(() => void read(undefined, 'web'), /the scheduler has not started yet/);
});
