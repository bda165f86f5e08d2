import { closeSync, existsSync, fsyncSync, linkSync, openSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { threadId } from 'node:worker_threads';
import { createDatabase, Empty, NotMade } from './database.ts';

/** Makes the database when there is none; whole or not at all, so that an empty file always means damage. Throws Empty or NotMade. */
export function makeDatabase(file: string): void {
  try {
    if (!existsSync(file)) create(file);
    else if (statSync(file).size === 0) throw new Empty();
  } catch (error) {
    throw error instanceof Empty ? error : new NotMade((error as Error).message);
  }
}

function create(file: string): void {
  const fresh = `${file}.${process.pid}-${threadId}.new`;
  rmSync(fresh, { force: true });
  try {
    createDatabase(fresh);
    flush(fresh);
    linkSync(fresh, file);
  } catch (error) {
    // Another process was faster: its file is as good.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(fresh, { force: true });
  }
  flush(dirname(file));
}

/** Makes a file, or the names in a directory, survive a power cut. */
function flush(path: string): void {
  const handle = openSync(path, 'r');
  fsyncSync(handle);
  closeSync(handle);
}
