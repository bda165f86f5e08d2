import assert from 'node:assert/strict';
import { test } from 'node:test';
import { facts, schemas } from '#kinds';

test('facts fit the shape of their fields', () => {
  for (const [path, fact] of Object.entries(facts.fields)) {
    const dot = path.indexOf('.');
    const field = schemas.type(path.slice(0, dot)).fields[path.slice(dot + 1)]!;
    if (fact.pointer) assert.ok((field.scalar === 'string' || field.array) && !field.map, `${path} is neither text nor list`);
    if (fact.listType) assert.ok(field.array, `${path} is no list`);
    if (fact.listType === 'set') assert.ok(field.scalar, `${path} holds no scalars`);
  }
});

test('a field may be granular although its type is atomic elsewhere', () => {
  assert.equal(schemas.type('V1PersistentVolumeSpec').fields['claimRef']!.atomic, false);
  assert.equal(schemas.type('CoreV1Event').fields['involvedObject']!.atomic, true);
});
