/** Loops over every kind: whatever is served has manifests, and they survive every step of a request. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { cloneObject, decode, renderTable, validateMetadata, type Json, type Kind, type KubeObject } from '#machinery';
import { allKinds, schemas } from '#kinds';
import { fixtures, type Manifest } from './fixtures/index.ts';
import { idOf, now, objectOf, prepared } from './fixtures/objects.ts';
import { decodeProtobuf, encodeObject } from './fixtures/protobuf.ts';

function decoded(kind: Kind, object: KubeObject): KubeObject {
  const { value, unknown, error } = decode(schemas, kind.schema, cloneObject(object), 'Strict');
  assert.equal(error, undefined, `${idOf(kind)}: ${error}`);
  assert.deepEqual(unknown, [], idOf(kind));
  return value as KubeObject;
}

const created = (kind: Kind, manifest: Manifest): KubeObject => prepared(kind, decoded(kind, objectOf(kind, manifest)));

/** Copies with one field (or list item) taken away or emptied, at every depth. */
function* variants(whole: unknown): Generator<KubeObject> {
  const walk = function* (value: unknown, rebuild: (next: unknown) => unknown): Generator<unknown> {
    if (typeof value !== 'object' || value === null) {
      yield rebuild(typeof value === 'number' ? 0 : typeof value === 'string' ? '' : false);
      return;
    }
    yield rebuild(Array.isArray(value) ? [] : {});
    if (Array.isArray(value)) yield rebuild([...value, null]);
    for (const key of Object.keys(value)) {
      const { [key]: inner, ...rest } = value as { [key: string]: unknown };
      const put = (next: unknown): unknown => rebuild(Array.isArray(value) ? value.with(Number(key), next) : { ...value, [key]: next });
      if (!Array.isArray(value)) yield rebuild(rest);
      // What is inside a pod is tried with the Pod.
      if (key === 'template') yield put({});
      else yield* walk(inner, put);
    }
  };
  for (const variant of walk(whole, (next) => next)) yield cloneObject(variant) as KubeObject;
}
function survives(kind: Kind, old: KubeObject, broken: KubeObject): void {
  const text = JSON.stringify(broken);
  try {
    const { value, error } = decode(schemas, kind.schema, broken, 'Ignore');
    if (error !== undefined) return;
    const object = value as KubeObject;
    object.metadata ??= {};
    const posted = prepared(kind, cloneObject(object));
    const refused = (kind.validate?.(posted, undefined) ?? []).length > 0;
    kind.prepareUpdate?.(posted, old, { now });
    kind.validate?.(posted, old);
    kind.warnings?.(posted, old);
    const reported = { ...posted, status: (object as { status?: unknown }).status } as KubeObject;
    kind.validateStatus?.(reported, old);
    // What was refused is never shown; a status is shown as it was reported.
    if (refused) return;
    renderTable(kind, [reported], now);
    for (const field in kind.selectableFields) kind.selectableFields[field]!(reported);
  } catch (error) {
    assert.fail(`${idOf(kind)}: ${error instanceof Error ? error.stack : String(error)}\n${text}`);
  }
}

test('every kind has manifests', () => {
  for (const kind of allKinds) assert.ok(fixtures[idOf(kind)], `src/kinds/fixtures/ has no manifests of ${idOf(kind)}`);
});

for (const kind of allKinds) {
  const fixture = fixtures[idOf(kind)];
  if (!fixture) continue;
  describe(`${kind.kind} of ${kind.apiVersion}`, () => {
    for (const size of ['minimal', 'full'] as const) {
      test(`${size}: valid, defaulted once and for all, shown, updated`, () => {
        const object = created(kind, fixture[size]);
        assert.deepEqual([...validateMetadata(kind, object), ...(kind.validate?.(object, undefined) ?? [])], []);
        const again = cloneObject(object);
        kind.defaults?.(again);
        assert.deepEqual(again, object);
        const reread = decoded(kind, object);
        kind.defaults?.(reread);
        assert.deepEqual(reread, object, 'what was stored, read again');
        kind.prepareUpdate?.(again, object, { now });
        assert.deepEqual(again, object, 'an update that changes nothing');
        assert.deepEqual([...validateMetadata(kind, again, object), ...(kind.validate?.(again, object) ?? [])], []);
        const { cells } = renderTable(kind, [object], now).rows[0]!;
        assert.equal(cells.length, kind.columns.length);
        assert.ok(!cells.includes(null), `an empty cell in ${JSON.stringify(cells)}`);
        for (const field in kind.selectableFields) assert.equal(typeof kind.selectableFields[field]!(object), 'string');
      });
      // Our own kinds travel as JSON, as custom resources do.
      if (kind.group.endsWith('batuta.dev') || kind.group === 'kwok.x-k8s.io') continue;
      test(`${size}: in protobuf`, () => {
        const object = decoded(kind, objectOf(kind, fixture[size]));
        assert.deepEqual(decodeProtobuf(encodeObject(object as { [field: string]: Json })), object);
      });
    }
    test('whatever one field is missing or empty, every step answers', () => {
      const old = created(kind, fixture.full);
      const whole = objectOf(kind, fixture.full);
      for (const broken of variants(fixture.status === undefined ? whole : { ...whole, status: fixture.status })) survives(kind, old, broken);
    });
    if (fixture.status === undefined) return;
    test('status: valid and shown', () => {
      assert.equal(kind.status, true);
      const object = created(kind, fixture.full);
      const wanted = decoded(kind, { ...object, status: fixture.status } as KubeObject);
      assert.deepEqual(kind.validateStatus?.(wanted, object) ?? [], []);
      assert.ok(!renderTable(kind, [wanted], now).rows[0]!.cells.includes(null));
    });
  });
}
