import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const root = new URL('../../', import.meta.url);

test('the paths in docs/adding-a-kind.md exist, and the example is short', () => {
  const text = readFileSync(new URL('docs/adding-a-kind.md', root), 'utf8');
  const paths = [...text.matchAll(/`((?:src|docs|scripts)\/[\w./-]+)`/g)].map((match) => match[1]!);
  assert.ok(paths.length > 10);
  for (const path of paths) assert.ok(existsSync(new URL(path, root)), path);
  assert.ok(readFileSync(new URL('src/kinds/hello.example.ts', root), 'utf8').split('\n').length < 40);
});
