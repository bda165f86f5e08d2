/**
 * A process to be killed: commits without end, 16 at a time, and prints `<revision> <key> <value> .` for each
 * commit that was acknowledged (waiting when the reader is slow), and compacts now and then. Arguments: the database file.
 */
import { openSqliteStore } from '../sqlite/sqlite.ts';
import { bytes } from './recorder.ts';

const store = await openSqliteStore({ file: process.argv[2] as string });
async function client(id: number): Promise<never> {
  for (let n = 0; ; n++) {
    const key = `/client-${id}/${n % 50}`;
    const revision = await store.commit([
      { key, value: bytes(`${n}`) },
      { key: `/newest/${id}`, value: bytes(`${n}`) },
    ]);
    await new Promise((written) => process.stdout.write(`${revision} ${key} ${n} .\n`, written));
    if (id === 0 && n % 40 === 39) void store.compact(revision);
  }
}
await Promise.all(Array.from({ length: 16 }, (_, id) => client(id)));
