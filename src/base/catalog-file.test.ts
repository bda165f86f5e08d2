import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { CatalogFile, type CatalogFormat } from './catalog-file.ts';

const first: CatalogFormat = { name: 'list of things', application: 7, version: 1, schema: 'CREATE TABLE things (name TEXT PRIMARY KEY) STRICT;' };
const second: CatalogFormat = {
  ...first,
  version: 2,
  schema: 'CREATE TABLE things (name TEXT PRIMARY KEY, color TEXT) STRICT;',
  upgrades: { 1: 'ALTER TABLE things ADD COLUMN color TEXT;' },
};

describe('a file of SQLite', () => {
  const dir = mkdtempSync(join(tmpdir(), 'batuta-catalog-'));
  after(() => rmSync(dir, { recursive: true }));
  let files = 0;
  const path = (): string => join(dir, `${files++}.db`);

  test('keeps what was written, and a failed transaction leaves nothing', () => {
    const file = path();
    const db = new CatalogFile(file, first);
    assert.equal(db.run('INSERT INTO things VALUES (?)', 'a'), 1);
    const failing = (): void => {
      db.run('INSERT INTO things VALUES (?)', 'b');
      throw new Error('not after all');
    };
    assert.throws(() => db.transaction(failing), /not after all/);
    db.close();
    const again = new CatalogFile(file, first);
    assert.deepEqual(
      again.all('SELECT name FROM things').map((row) => row['name']),
      ['a'],
    );
    again.close();
  });
  test('of an older version is brought up; of a newer one is refused', () => {
    const file = path();
    const old = new CatalogFile(file, first);
    old.run('INSERT INTO things VALUES (?)', 'a');
    old.close();
    const now = new CatalogFile(file, second);
    assert.deepEqual({ ...now.one('SELECT * FROM things') }, { name: 'a', color: null });
    now.close();
    assert.throws(() => new CatalogFile(file, first), /has format 2, this version reads 1: use the version that wrote it/);
  });
  test('whose upgrade fails is what it was', () => {
    const file = path();
    new CatalogFile(file, first).close();
    assert.throws(() => new CatalogFile(file, { ...second, upgrades: { 1: 'CREATE TABLE more (n); CREATE TABLE things (n);' } }), /already exists/);
    const still = new CatalogFile(file, first);
    assert.equal(still.one("SELECT 1 FROM sqlite_schema WHERE name = 'more'"), undefined);
    still.close();
  });
  test('of somebody else is refused and left alone', () => {
    const file = path();
    new CatalogFile(file, { ...first, application: 8 }).close();
    assert.throws(() => new CatalogFile(file, first), /is no list of things: move it away/);
    const text = path();
    writeFileSync(text, 'no database at all, but long enough to have a header of one if it were. '.repeat(20));
    assert.throws(() => new CatalogFile(text, first), /not a database/);
  });
});
