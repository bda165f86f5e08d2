import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { openSqliteStore, type SqliteStoreOptions } from '../sqlite/sqlite.ts';
import type { EmbeddedStore } from '../core/embedded.ts';

/** A folder of database files that goes when the tests of the file are over. */
export interface Folder {
  path(): string;
  open(options?: Partial<SqliteStoreOptions>): Promise<EmbeddedStore>;
  /** What a kill -9 at this moment would leave to the next process. The original stays open until `closeAll`. */
  crash(file: string): string;
}

export function testFolder(): Folder {
  const directory = mkdtempSync(join(tmpdir(), 'batuta-store-test-'));
  const opened: EmbeddedStore[] = [];
  let count = 0;
  after(async () => {
    await Promise.all(opened.map((store) => store.close()));
    rmSync(directory, { recursive: true, force: true });
  });
  const path = (): string => join(directory, `${count++}.db`);
  return {
    path,
    async open(options = {}) {
      const store = await openSqliteStore({ file: path(), lockWaitMs: 0, ...options });
      opened.push(store);
      return store;
    },
    crash(file) {
      const copy = path();
      for (const suffix of ['', '-wal']) if (existsSync(file + suffix)) cpSync(file + suffix, copy + suffix);
      return copy;
    },
  };
}
