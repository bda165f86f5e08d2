import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { cloneObject, createSchemaSet, decode, renderTable, type CompactTypes, type KubeObject } from '#machinery';
import { allKinds, facts, schemas } from '#kinds';
import * as kinds from '#kinds';
import types from './generated/schemas.json' with { type: 'json' };
import { Greeting, greetingTypes } from './hello.example.ts';

const here = fileURLToPath(new URL('.', import.meta.url));

test('the index holds every kind that has a file', () => {
  const files = readdirSync(here, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts') && !/\.(test|example)\.ts$/.test(file));
  const defined = files.flatMap((file) =>
    [...readFileSync(join(here, file), 'utf8').matchAll(/export const (\w+): Kind<.*define(?:Aws)?Kind</g)].map((match) => match[1]!),
  );
  // A kind that several groups or versions have is called after its group or version.
  const exported = new Set<unknown>(defined.map((name) => (kinds as Record<string, unknown>)[name]));
  for (const name of defined) assert.ok(name in kinds, `${name} is not exported`);
  for (const kind of allKinds) assert.ok(exported.has(kind), `${kind.kind} of ${kind.apiVersion} has no file`);
  assert.equal(defined.length, allKinds.length);
});

test('resource names and short names are unique', () => {
  const taken = new Map<string, string>();
  for (const kind of allKinds) {
    for (const name of new Set([kind.plural, kind.singular, ...kind.shortNames])) {
      // One stored resource that several groups or versions show is one resource to its users.
      assert.equal(taken.get(name) ?? kind.prefix, kind.prefix, name);
      taken.set(name, kind.prefix);
    }
  }
});

test('defaulting twice changes nothing, and empty objects survive every step', () => {
  for (const kind of allKinds) {
    assert.ok(schemas.has(kind.schema), kind.schema);
    const object: KubeObject = { apiVersion: kind.apiVersion, kind: kind.kind, metadata: { name: 'x', ...(kind.namespaced ? { namespace: 'default' } : {}) } };
    kind.defaults?.(object);
    const once = cloneObject(object);
    kind.defaults?.(object);
    assert.deepEqual(object, once, kind.kind);
    assert.ok(Array.isArray(kind.validate?.(object, undefined) ?? []), kind.kind);
    const created = cloneObject(object);
    kind.prepareCreate?.(created, { now: 0 });
    assert.ok(Array.isArray(kind.validate?.(created, created) ?? []));
    assert.equal(renderTable(kind, [created], 0).rows[0]!.cells.length, kind.columns.length);
    for (const field in kind.selectableFields) assert.equal(typeof kind.selectableFields[field]!(created), 'string');
    assert.deepEqual(decode(schemas, kind.schema, cloneObject(created), 'Strict').unknown, [], kind.kind);
  }
});

test('the hello-world kind works', () => {
  const own = createSchemaSet({ ...(types as CompactTypes), ...greetingTypes }, facts);
  const { value, unknown } = decode(own, Greeting.schema, { metadata: { name: 'g' }, spec: { text: 'hi', loud: true } }, 'Strict');
  assert.deepEqual(unknown, ['spec.loud']);
  const greeting = value as Greeting;
  Greeting.defaults!(greeting);
  assert.deepEqual(greeting.spec, { text: 'hi', times: 1 });
  assert.deepEqual(Greeting.validate!({ spec: { times: 0 } }, undefined), [
    { field: 'spec.times', reason: 'FieldValueInvalid', message: 'Invalid value: 0: must be greater than 0' },
  ]);
  assert.deepEqual(renderTable(Greeting, [greeting], 0).rows[0]!.cells, ['g', 'hi', '<unknown>']);
});
