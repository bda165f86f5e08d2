import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { after, describe, test } from 'node:test';
import { FakeClock } from '../clock.ts';
import { GrowingFile } from './growing-file.ts';
import { Intake } from './intake.ts';

const dir = mkdtempSync(join(tmpdir(), 'batuta-intake-'));
const intake = new Intake(new FakeClock());
after(async () => {
  await intake.close();
  rmSync(dir, { recursive: true });
});
let files = 0;
function grow(content: Buffer = Buffer.alloc(0), mine = intake): GrowingFile {
  const path = join(dir, String(files++));
  writeFileSync(path, content);
  return new GrowingFile({ path, size: content.length, algorithms: ['sha256', 'md5'], intake: mine });
}
const bytes = (size: number, seed = 1): Buffer => Buffer.from(Uint8Array.from({ length: size }, (_v, i) => (i * 31 + (i >> 8) + seed) & 255));
/** In chunks of an odd size, each with memory of its own as those of a socket. */
const stream = (content: Buffer, chunk = 65_537): Readable => {
  const chunks: Buffer[] = [];
  for (let at = 0; at < content.length; at += chunk) chunks.push(Buffer.from(new Uint8Array(content.subarray(at, at + chunk))));
  return Readable.from(chunks, { objectMode: false });
};
async function holds(file: GrowingFile, content: Buffer): Promise<void> {
  assert.equal(file.size, content.length);
  assert.ok(readFileSync(file.path).equals(content), 'the file has other bytes');
  for (const [algorithm, value] of await file.values()) {
    assert.equal(Buffer.from(value).toString('hex'), createHash(algorithm).update(content).digest('hex'), algorithm);
  }
}
const large = bytes(3 << 20);
const small = bytes(1000, 7);

describe('a file that grows', () => {
  for (const [name, bodies] of Object.entries({
    nothing: [],
    'an empty body': [Buffer.alloc(0)],
    'a small body': [small],
    'small bodies': [small, small, small],
    'a large body': [large],
    'large and small bodies': [large, small, large, Buffer.alloc(0)],
    'small bodies, then a large one': [small, small, large],
    'a body of exactly a batch': [bytes(512 << 10)],
    'bodies that are small, the file is not': [bytes(300 << 10), bytes(300 << 10), small],
  })) {
    test(`${name}: bytes and digests`, async () => {
      const file = grow();
      for (const body of bodies) assert.equal(await file.append(stream(body)), true);
      await holds(file, Buffer.concat(bodies));
      file.end();
      await holds(file, Buffer.concat(bodies));
      file.end();
    });
  }
  test('what was there before is part of the digests', async () => {
    for (const before of [small, large]) {
      for (const body of [small, large]) {
        const file = grow(before);
        await file.append(stream(body));
        await holds(file, Buffer.concat([before, body]));
        file.end();
      }
    }
  });
  test('bodies that are no streams, with chunks of shared memory', async () => {
    const file = grow();
    async function* parts(): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < large.length; at += 100_000) yield large.subarray(at, at + 100_000);
    }
    await file.append(parts());
    await holds(file, Buffer.from(large));
    file.end();
  });
  test('a sender that leaves: what came stays, and the file goes on', async () => {
    for (const part of [small, large]) {
      const file = grow();
      const body = new PassThrough({ highWaterMark: 8 << 20 });
      body.write(Buffer.from(part));
      const appended = file.append(body);
      setImmediate(() => body.destroy(Object.assign(new Error('aborted'), { code: 'ECONNRESET' })));
      assert.equal(await appended, false);
      const kept = Buffer.from(part.subarray(0, file.size));
      await holds(file, kept);
      await file.append(stream(large));
      await holds(file, Buffer.concat([kept, large]));
      file.end();
    }
  });
  test('a body that has ended before it is read', async () => {
    const file = grow();
    const body = new PassThrough();
    body.destroy();
    await new Promise((resolve) => body.once('close', resolve));
    assert.equal(await file.append(body), false);
    await holds(file, Buffer.alloc(0));
  });
  test('a body that fails: the file is what it was', async () => {
    for (const part of [small, large]) {
      const file = grow(small);
      async function* broken(): AsyncGenerator<Uint8Array> {
        yield Buffer.from(part);
        throw new Error('not what was promised');
      }
      await assert.rejects(file.append(Readable.from(broken(), { objectMode: false })), /not what was promised/);
      await holds(file, small);
      await assert.rejects(file.append(broken()), /not what was promised/);
      await holds(file, small);
      file.end();
    }
  });
});

describe('the thread', () => {
  test('that cannot write: the file is what it was, and later bodies have another chance', async () => {
    const program = `import { parentPort } from 'node:worker_threads';
      parentPort.on('message', ({ job, do: what }) => what === 'write' && parentPort.postMessage({ job, error: { message: 'ENOSPC: no space left on device', code: 'ENOSPC' } }));`;
    const full = new Intake(new FakeClock(), new URL(`data:text/javascript,${encodeURIComponent(program)}`));
    const file = grow(Buffer.alloc(0), full);
    await assert.rejects(file.append(stream(large)), { code: 'ENOSPC' });
    await file.append(stream(small));
    await holds(file, small);
    await full.close();
  });
  test('that dies: bodies under way fail, the next one starts another', async () => {
    const mine = new Intake(new FakeClock());
    const file = grow(Buffer.alloc(0), mine);
    const body = new PassThrough();
    const appended = file.append(body);
    body.write(Buffer.from(large));
    while (statSync(file.path).size === 0) await new Promise((resolve) => setImmediate(resolve));
    void mine.close().then(() => body.end(Buffer.from(large)));
    await assert.rejects(appended, /has ended/);
    await holds(file, Buffer.alloc(0));
    await file.append(stream(large));
    await holds(file, large);
    file.end();
    await mine.close();
  });
  test('ends when nobody needs it for a while', async () => {
    const clock = new FakeClock();
    const mine = new Intake(clock);
    const file = grow(Buffer.alloc(0), mine);
    await file.append(stream(large));
    file.end();
    await clock.advance(60_000);
    await file.append(stream(large));
    await holds(file, Buffer.concat([large, large]));
    file.end();
    await mine.close();
  });
});
