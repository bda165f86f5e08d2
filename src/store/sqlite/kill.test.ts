import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { StoreError } from '../store.ts';
import { testFolder } from '../testing/folder.ts';
import { record, text } from '../testing/recorder.ts';
import { openSqliteStore } from './sqlite.ts';

const folder = testFolder();
const committer = fileURLToPath(new URL('../testing/committer.ts', import.meta.url));

interface Acknowledged {
  revision: number;
  key: string;
  n: number;
}

/** Lets a process commit until it acknowledged `count` commits, kills it with SIGKILL, and returns all that it acknowledged. */
async function killAfter(file: string, count: number): Promise<Acknowledged[]> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', committer, file], { stdio: ['ignore', 'pipe', 'inherit'] });
  const acknowledged: Acknowledged[] = [];
  const closed = once(child, 'close');
  for await (const line of createInterface({ input: child.stdout })) {
    const [revision, key, n, end] = line.split(' ');
    if (end !== '.') continue; // cut off by the kill
    acknowledged.push({ revision: Number(revision), key: key as string, n: Number(n) });
    if (acknowledged.length === 10) await assertRefused(file);
    if (acknowledged.length === count) child.kill('SIGKILL');
  }
  await closed;
  assert.equal(child.signalCode, 'SIGKILL');
  return acknowledged;
}

describe('kill -9 while committing', () => {
  it('every acknowledged write is there, whole, the revision has not gone back, and the file is free', async () => {
    const file = folder.path();
    let highest = 0;
    for (const count of [100, 1_500]) {
      const acknowledged = await killAfter(file, count);
      const store = await folder.open({ file });
      const { entries, revision } = await store.list('/');
      const now = new Map(entries.map((entry) => [entry.key, entry]));
      for (const { revision: at, key } of acknowledged) {
        const entry = now.get(key);
        assert.ok(entry && entry.revision >= at, `${key} of revision ${at} is lost`);
        highest = Math.max(highest, at);
      }
      assert.ok(revision >= highest, `revision went back from ${highest} to ${revision}`);
      assertWhole(entries);
      const watch = record(store, '/', store.figures().compacted);
      await watch.reached(revision);
      assert.deepEqual(watch.faults, []);
      watch.close();
      await store.close();
    }
  });
});

/** The other process has the file. */
function assertRefused(file: string): Promise<void> {
  const inUse = (error: unknown): boolean => error instanceof StoreError && error.code === 'unavailable' && /in use by another process/.test(error.message);
  return assert.rejects(openSqliteStore({ file, lockWaitMs: 0 }), inUse);
}

/** Both keys of a commit are there or neither: the newest of a client's keys is what `/newest/<client>` says. */
function assertWhole(entries: readonly { key: string; value: Uint8Array; revision: number }[]): void {
  for (const { key, value, revision } of entries) {
    if (!key.startsWith('/newest/')) continue;
    const client = key.slice('/newest/'.length);
    const twin = entries.find((entry) => entry.key.startsWith(`/client-${client}/`) && entry.revision === revision);
    assert.equal(text(twin?.value), text(value), `half a commit at revision ${revision}`);
  }
}
