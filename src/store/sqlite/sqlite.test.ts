import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { buildSync } from 'esbuild';
import { storeConformance } from '../conformance.ts';
import { StoreError, type ClosableStore, type StoreErrorCode } from '../store.ts';
import { testFolder } from '../testing/folder.ts';
import { bytes, record, text } from '../testing/recorder.ts';
import { StoreThread } from './thread.ts';
import { openSqliteStore } from './sqlite.ts';

const folder = testFolder();
const files = new WeakMap<ClosableStore, string>();

async function open(file = folder.path()): Promise<ClosableStore> {
  const store = await folder.open({ file });
  files.set(store, file);
  return store;
}

storeConformance('sqlite', () => open(), {
  async reopen(store) {
    await store.close();
    return open(files.get(store));
  },
});
storeConformance('sqlite after a crash', () => open(), {
  onlyReopen: true,
  reopen: (store) => open(folder.crash(files.get(store) as string)),
});

const refusal = (code: StoreErrorCode, words: RegExp) => (error: unknown) => {
  assert.ok(error instanceof StoreError, String(error));
  assert.equal(error.code, code);
  assert.match(error.message, words);
  assert.doesNotMatch(error.message, /\n/);
  return true;
};

/** A closed database with 500 keys of 1 KB. */
async function filled(): Promise<string> {
  const file = folder.path();
  const store = await open(file);
  await Promise.all(Array.from({ length: 500 }, (_, i) => store.commit([{ key: `/k/${i}`, value: new Uint8Array(1_024).fill(i) }])));
  await store.close();
  return file;
}

describe('opening a file that is not a good store', () => {
  const damage: Record<string, (file: string) => void> = {
    'not a database': (file) => writeFileSync(file, 'hello, this is a text file\n'.repeat(1_000)),
    'cut off in the middle': (file) => truncateSync(file, statSync(file).size / 2),
    'cut off in the first page': (file) => truncateSync(file, 1_000),
    'cut off to nothing': (file) => truncateSync(file, 0),
    'overwritten in the middle': (file) => {
      const content = readFileSync(file);
      for (let at = 8_192; at < content.length; at += 8_192) content.fill(0xff, at, at + 64);
      writeFileSync(file, content);
    },
    'another program’s database': (file) => {
      writeFileSync(file, '');
      const db = new DatabaseSync(file);
      db.exec('CREATE TABLE theirs (x)');
      db.close();
    },
  };
  for (const [title, spoil] of Object.entries(damage)) {
    it(title, async () => {
      const file = await filled();
      spoil(file);
      const before = readFileSync(file);
      await assert.rejects(openSqliteStore({ file, lockWaitMs: 0 }), refusal('corrupt', /move it away|put a backup/));
      assert.ok(before.equals(readFileSync(file)), 'the file was changed');
      assert.ok(!existsSync(`${file}-wal`) && !existsSync(`${file}-journal`));
    });
  }

  it('a newer format is refused with what to do', async () => {
    const file = await filled();
    const db = new DatabaseSync(file);
    db.exec('PRAGMA user_version = 99');
    db.close();
    await assert.rejects(openSqliteStore({ file, lockWaitMs: 0 }), refusal('unavailable', /format 99.*use the version that wrote it/));
  });

  it('a missing directory is refused with what to do', async () => {
    await assert.rejects(openSqliteStore({ file: `${folder.path()}/none/x.db` }), refusal('unavailable', /check that its directory exists/));
  });

  it('a file in use is refused, and left alone', async () => {
    const file = folder.path();
    const store = await open(file);
    await store.commit([{ key: '/a', value: bytes('1') }]);
    await assert.rejects(openSqliteStore({ file, lockWaitMs: 0 }), refusal('unavailable', /in use by another process/));
    await store.commit([{ key: '/a', value: bytes('2') }]);
    assert.equal(text((await store.get('/a')).entry?.value), '2');
  });
});

describe('a disk that refuses', () => {
  it('fails the batch and what is queued behind it, and goes on when there is space', async () => {
    const store = await folder.open({ quotaBytes: 512 * 1_024 });
    const watch = record(store, '/', 0);
    const good = await store.commit([{ key: '/a', value: bytes('good') }]);
    const big = new Uint8Array(64 * 1_024);
    const results = await Promise.allSettled(Array.from({ length: 20 }, (_, i) => store.commit([{ key: `/big/${i}`, value: big, expected: 0 }])));
    const reasons = results.map((result) => (result.status === 'rejected' ? (result.reason as StoreError).code : 'ok'));
    assert.deepEqual(new Set(reasons), new Set(['unavailable']), 'all of one batch');
    await assert.rejects(
      Promise.all([store.commit([{ key: '/b', value: new Uint8Array(1_024 * 1_024) }]), store.commit([{ key: '/c', value: bytes('') }])]),
      refusal('unavailable', /full.*free space/),
    );
    assert.deepEqual([(await store.list('/')).entries.length, (await store.get('/a')).revision], [1, good]);
    assert.deepEqual(watch.events.length, 1, 'nobody saw what was refused');
    // The same expectations as before: nothing of the refused commits is left in the way.
    const next = await store.commit([
      { key: '/big/0', value: bytes('small'), expected: 0 },
      { key: '/a', value: bytes('2'), expected: good },
    ]);
    assert.ok(next > good);
    assert.deepEqual(watch.faults, []);
    watch.close();
  });

  it('compaction makes room again', async () => {
    const store = await folder.open({ quotaBytes: 1_024 * 1_024 });
    let last = 0;
    const fill = async (): Promise<void> => {
      for (;;) last = await store.commit([{ key: '/a', value: new Uint8Array(50_000) }]);
    };
    await assert.rejects(fill(), refusal('unavailable', /full/));
    await store.compact(last);
    assert.ok((await store.commit([{ key: '/a', value: new Uint8Array(50_000) }])) > last);
  });
});

describe('size on disk', () => {
  it('renewals of the same keys with compactions keep file and log bounded', async () => {
    const file = folder.path();
    const store = await folder.open({ file });
    const value = new Uint8Array(500);
    const sizes: number[] = [];
    for (let round = 0; round < 6; round++) {
      const renewals = Array.from({ length: 1_000 }, (_, i) => store.commit([{ key: `/leases/${i % 20}`, value }]));
      await store.compact(Math.max(...(await Promise.all(renewals))));
      sizes.push(statSync(file).size + statSync(`${file}-wal`).size);
      assert.equal(store.figures().historyEvents, 0);
    }
    assert.ok(Math.max(...sizes) < 6 * 1_024 * 1_024, `grew to ${sizes.join(', ')}`);
    assert.ok((sizes[5] as number) <= (sizes[1] as number) * 1.2, `keeps growing: ${sizes.join(', ')}`);
    assert.equal(statSync(`${file}-wal`).size, 0);
  });

  it('space of deleted objects goes back to the disk', async () => {
    const file = folder.path();
    const store = await folder.open({ file });
    await Promise.all(Array.from({ length: 1_200 }, (_, i) => store.commit([{ key: `/k/${i}`, value: new Uint8Array(8_000) }])));
    const full = statSync(file).size;
    const deletes = Array.from({ length: 1_200 }, (_, i) => store.commit([{ key: `/k/${i}`, value: undefined }]));
    await store.compact(Math.max(...(await Promise.all(deletes))));
    assert.ok(statSync(file).size < full / 3, `${full} → ${statSync(file).size}`);
  });

  it('makes nothing but its own files', async () => {
    const file = await filled();
    assert.ok(existsSync(dirname(file)));
    assert.deepEqual(
      ['-wal', '-shm', '-journal', `.${process.pid}.new`].filter((suffix) => existsSync(file + suffix)),
      [],
    );
  });
});

describe('the writer thread', () => {
  it('runs from a bundle', async () => {
    const bundle = `${folder.path()}.mjs`;
    buildSync({ entryPoints: [fileURLToPath(new URL('./worker.ts', import.meta.url))], bundle: true, platform: 'node', format: 'esm', outfile: bundle });
    const store = await folder.open({ workerUrl: pathToFileURL(bundle) });
    assert.equal(await store.commit([{ key: '/a', value: bytes('1') }]), 1);
    await store.close();
  });

  it('may be started before there is a store to open', async () => {
    const store = await folder.open({ thread: new StoreThread() });
    assert.equal(await store.commit([{ key: '/a', value: bytes('1') }]), 1);
    await store.close();
  });

  it('that failed before it got a file is refused, too', async () => {
    const thread = new StoreThread(pathToFileURL(`${folder.path()}.mjs`));
    await thread.ended;
    await assert.rejects(folder.open({ thread }), refusal('unavailable', /did not start/));
  });

  it('that dies fails what is in flight and everything after, with what to do', async () => {
    const program = `${folder.path()}.mjs`;
    writeFileSync(
      program,
      `import { parentPort } from 'node:worker_threads';
       parentPort.postMessage({ kind: 'ready', compacted: 0 });
       parentPort.on('message', () => process.exit(3));`,
    );
    const store = await folder.open({ workerUrl: pathToFileURL(program) });
    for (let i = 0; i < 2; i++) await assert.rejects(store.commit([{ key: '/a', value: bytes('1') }]), refusal('unavailable', /writer thread died.*restart/));
    assert.equal((await store.get('/a')).entry, undefined);
    await store.close();
  });

  it('that cannot start is refused', async () => {
    const missing = pathToFileURL(`${folder.path()}.mjs`);
    await assert.rejects(folder.open({ workerUrl: missing }), refusal('unavailable', /did not start/));
  });
});
