import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { isCurrent, sourceOf } from '../scripts/bundle/manifest.ts';

describe('whether sources are what they were', () => {
  const root = mkdtempSync(join(tmpdir(), 'batuta-bundle-'));
  after(() => rmSync(root, { recursive: true, force: true }));
  const path = join(root, 'a.ts');
  const write = (text: string): void => writeFileSync(path, text);
  write('one');
  const sources = { 'a.ts': sourceOf(path) };

  it('they are when nothing happened, when only touched, and when changed back', () => {
    assert.equal(isCurrent(root, sources), true);
    utimesSync(path, 1, 1);
    assert.equal(isCurrent(root, sources), true);
    write('two');
    write('one');
    assert.equal(isCurrent(root, sources), true);
  });
  it('they are not with another content, be it of the same size and with the old times', () => {
    write('two');
    assert.equal(isCurrent(root, sources), false);
    utimesSync(path, 1, (sources['a.ts']?.[1] ?? 0) / 1000);
    assert.equal(isCurrent(root, sources), false);
    write('three');
    assert.equal(isCurrent(root, sources), false);
  });
  it('they are not when one is gone', () => {
    rmSync(path);
    assert.equal(isCurrent(root, sources), false);
  });
});
