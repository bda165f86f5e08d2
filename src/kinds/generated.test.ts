import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { generate } from '../../scripts/generate-schemas.ts';
import { allKinds, facts, loadDescriptions, schemas } from '#kinds';

test('the generated files are what the script would write now (npm run generate)', () => {
  for (const [file, text] of Object.entries(generate())) {
    assert.ok(readFileSync(new URL(`./generated/${file}`, import.meta.url), 'utf8') === text, `${file} is out of date: run npm run generate`);
  }
});

test('every fact is about a field that exists', () => {
  for (const key of Object.keys(facts.fields)) {
    const [type = '', field = ''] = key.split('.');
    assert.ok(schemas.has(type) && schemas.type(type).fields[field], key);
  }
  for (const type of facts.atomicTypes) assert.ok(schemas.has(type), type);
});

test('list map keys are fields of the list elements', () => {
  for (const name of schemas.names) {
    for (const field of Object.values(schemas.type(name).fields)) {
      for (const key of field?.listMapKeys ?? []) assert.ok(schemas.type(field!.type!).fields[key], `${name}.${field!.name}: ${key}`);
    }
  }
});

test('every type that a kind needs has an OpenAPI name', () => {
  const descriptions = loadDescriptions();
  const seen = new Set<string>();
  const visit = (type: string): void => {
    if (seen.has(type)) return;
    seen.add(type);
    assert.ok(descriptions[type]?.name, type);
    for (const field of Object.values(schemas.type(type).fields)) if (field?.type) visit(field.type);
  };
  for (const kind of allKinds) visit(kind.schema);
});
