import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isApiError } from '../errors.ts';
import type { Json, KubeObject, ManagedFieldsEntry } from '../object.ts';
import { noSchema } from '../schema-view.ts';
import { applyPatch } from './apply.ts';
import { trackUpdate } from './track.ts';
import type { ObjectVersions } from './versions.ts';

interface Box extends KubeObject {
  /** v1 */
  wide?: number;
  /** v2 */
  width?: number;
  color?: string;
}
const now = Date.UTC(2026, 0, 1);
/** v2 says `width` where v1 says `wide`; v0 is no more. */
function convert(object: KubeObject, apiVersion: string): Box {
  const { wide, width, ...rest } = object as Box;
  const value = wide ?? width;
  return { ...rest, apiVersion, ...(value === undefined ? {} : apiVersion === 'g/v2' ? { width: value } : { wide: value }) };
}
const versionsOf = (convertNow: boolean): ObjectVersions => ({
  typeOf: (apiVersion) => (apiVersion === 'g/v0' ? undefined : { schema: noSchema, type: undefined }),
  convert: (object, apiVersion) => (convertNow ? convert(object, apiVersion) : Promise.resolve(convert(object, apiVersion))),
});

for (const at of ['once', 'last']) {
  const versions = versionsOf(at === 'once');
  const write = (apiVersion: string): { apiVersion: string; schema: typeof noSchema; type: undefined; now: number; versions: ObjectVersions } => ({
    apiVersion,
    schema: noSchema,
    type: undefined,
    now,
    versions,
  });
  const apply = async (live: Box | undefined, manager: string, config: Box, force = false): Promise<Box> => {
    const apiVersion = config.apiVersion as string;
    const shown = live && convert(live, apiVersion);
    return (await applyPatch({
      ...write(apiVersion),
      live: shown,
      patch: { ...config, kind: 'Box', metadata: { name: 'b' } } as unknown as Json,
      manager,
      force,
    })) as Box;
  };
  const update = async (old: Box, manager: string, next: Box): Promise<ManagedFieldsEntry[] | undefined> =>
    trackUpdate({ ...write(next.apiVersion as string), old: convert(old, next.apiVersion as string), next, manager });
  const entries = (list: ManagedFieldsEntry[] | undefined): unknown[] => (list ?? []).map((entry) => [entry.manager, entry.apiVersion, entry.fieldsV1]);

  test(`converted at ${at}: an applier goes over to a version with another name for its field`, async () => {
    const one = await apply(undefined, 'me', { apiVersion: 'g/v1', wide: 1, color: 'red' });
    const two = await apply(one, 'me', { apiVersion: 'g/v2', width: 2, color: 'red' });
    assert.deepEqual([two.width, two.wide, two.color], [2, undefined, 'red']);
    assert.deepEqual(entries(two.metadata?.managedFields), [['me', 'g/v2', { 'f:width': {}, 'f:color': {} }]]);
  });

  test(`converted at ${at}: what it leaves out in the other version goes`, async () => {
    const one = await apply(undefined, 'me', { apiVersion: 'g/v1', wide: 1, color: 'red' });
    const two = await apply(one, 'me', { apiVersion: 'g/v2', color: 'blue' });
    assert.deepEqual([two.width, two.color], [undefined, 'blue']);
    assert.equal(two.metadata?.name, 'b');
  });

  test(`converted at ${at}: but not what another one owns in the old version`, async () => {
    const one = await apply(undefined, 'me', { apiVersion: 'g/v1', wide: 1, color: 'red' });
    const both = await apply(one, 'you', { apiVersion: 'g/v1', wide: 1 });
    const two = await apply(both, 'me', { apiVersion: 'g/v2', color: 'red' });
    assert.deepEqual([two.width, two.color], [1, 'red']);
    assert.deepEqual(entries(two.metadata?.managedFields), [
      ['me', 'g/v2', { 'f:color': {} }],
      ['you', 'g/v1', { 'f:wide': {} }],
    ]);
  });

  test(`converted at ${at}: a conflict names the field as its owner does`, async () => {
    const one = await apply(undefined, 'you', { apiVersion: 'g/v1', wide: 1 });
    const refused = apply(one, 'me', { apiVersion: 'g/v2', width: 2 });
    await assert.rejects(refused, (error) => isApiError(error, 'Conflict') && error.message.endsWith('conflict with "you": .wide'));
    const forced = await apply(one, 'me', { apiVersion: 'g/v2', width: 2 }, true);
    assert.deepEqual(entries(forced.metadata?.managedFields), [['me', 'g/v2', { 'f:width': {} }]]);
  });

  test(`converted at ${at}: an update in one version takes a field of the other`, async () => {
    const one = await apply(undefined, 'you', { apiVersion: 'g/v1', wide: 1, color: 'red' });
    const after = await update(one, 'me', { ...convert(one, 'g/v2'), width: 5 });
    assert.deepEqual(entries(after), [
      ['you', 'g/v1', { 'f:color': {} }],
      ['me', 'g/v2', { 'f:width': {} }],
    ]);
    const touched = await update(one, 'me', convert(one, 'g/v2'));
    assert.deepEqual(entries(touched), entries(one.metadata?.managedFields));
  });

  test(`converted at ${at}: entries of a version that is no more are dropped`, async () => {
    const one = await apply(undefined, 'you', { apiVersion: 'g/v1', wide: 1 });
    const entry: ManagedFieldsEntry = { manager: 'old', operation: 'Update', apiVersion: 'g/v0', time: '2025-01-01T00:00:00Z', fieldsType: 'FieldsV1' };
    one.metadata?.managedFields?.push({ ...entry, fieldsV1: { 'f:color': {} } });
    assert.deepEqual(entries(await update(one, 'me', { ...one, color: 'red' })).length, 2);
    const applied = await apply(one, 'you', { apiVersion: 'g/v2', width: 3 });
    assert.deepEqual(entries(applied.metadata?.managedFields), [['you', 'g/v2', { 'f:width': {} }]]);
    const last = await apply({ ...one, metadata: { name: 'b', managedFields: [{ ...entry, operation: 'Apply', fieldsV1: { 'f:wide': {} } }] } }, 'old', {
      apiVersion: 'g/v1',
      color: 'red',
    });
    assert.equal(last.wide, 1, 'nobody can tell what the fields of that version are now');
  });
}
