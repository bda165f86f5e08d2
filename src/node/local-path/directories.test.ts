import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { hostDirectories, noDirectories } from './directories.ts';

test('directories are made below their node, open to all, and go with what is in them and no more', async (t) => {
  const base = mkdtempSync(join(tmpdir(), 'batuta-directories-'));
  t.after(() => rmSync(base, { recursive: true }));
  const directories = hostDirectories(join(base, 'root'));
  const path = await directories.make('node-1', 'pvc-1_default_data');
  assert.equal(path, join(base, 'root/node-1/pvc-1_default_data'));
  assert.equal(statSync(path).mode & 0o7777, 0o777);
  assert.equal(await directories.make('node-1', 'pvc-1_default_data'), path, 'again');
  writeFileSync(join(base, 'outside'), 'x');
  mkdirSync(join(path, 'sub'));
  symlinkSync(join(base, 'outside'), join(path, 'sub', 'link'));
  await directories.remove('node-1', 'pvc-1_default_data');
  assert.equal(existsSync(path), false);
  assert.ok(existsSync(join(base, 'outside')), 'links are not followed');
  await directories.remove('node-1', 'pvc-1_default_data');
});

test('names that lead elsewhere are refused', async () => {
  for (const directories of [hostDirectories('/nonexistent/root'), noDirectories])
    for (const [node, name] of [
      ['..', 'pvc-1'],
      ['a/b', 'pvc-1'],
      ['a', '..'],
      ['a', '.'],
      ['a', ''],
      ['a', 'x/../../y'],
    ] as const)
      await assert.rejects(async () => directories.make(node, name), /is no name of a directory/);
});
