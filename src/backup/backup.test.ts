import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { FakeClock, seededRandom } from '#base';
import { BackupError } from './errors.ts';
import { Repository } from './repository.ts';
import { outdated } from './retention.ts';
import type { Secret } from './seal.ts';
import type { StateEntry } from './state.ts';
import type { Target } from './target.ts';
import type { BlobSource, Source } from './types.ts';

/** A target in memory that may fail after so many writes. */
class MemoryTarget implements Target {
  readonly content = new Map<string, Buffer>();
  writesLeft = Number.POSITIVE_INFINITY;
  async list(prefix: string): Promise<string[]> {
    return [...this.content.keys()].filter((name) => name.startsWith(prefix));
  }
  async get(name: string): Promise<Buffer | undefined> {
    return this.content.get(name);
  }
  async put(name: string, content: Buffer): Promise<void> {
    if (this.writesLeft-- <= 0) throw new Error('gone');
    this.content.set(name, Buffer.from(content));
  }
  async putNew(name: string, content: Buffer): Promise<boolean> {
    if (this.content.has(name)) return false;
    await this.put(name, content);
    return true;
  }
  async delete(name: string): Promise<void> {
    this.content.delete(name);
  }
}

const clock = new FakeClock();
const random = seededRandom(3);
const open = (target: Target, secret?: Secret, create = true): Promise<Repository> => Repository.open({ target, secret, create, clock, random });
const entries = (n: number, value: (i: number) => string = (i) => `value ${i}`): StateEntry[] =>
  Array.from({ length: n }, (_, i) => ({ key: `/pods/${String(i).padStart(6, '0')}`, value: Buffer.from(value(i)) }));
function blob(content: Buffer): BlobSource {
  return {
    digest: `sha256:${createHash('sha256').update(content).digest('hex')}`,
    read: async function* () {
      for (let at = 0; at < content.length; at += 100_000) yield content.subarray(at, at + 100_000);
    },
  };
}
async function* bytes(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}
function source(state: StateEntry[], blobs: BlobSource[] = []): Source {
  return { instance: { id: 'abc', slot: 0, version: '1' }, state: { revision: 42, entries: state }, registry: { catalog: bytes('catalog'), blobs } };
}
async function stateOf(repository: Repository, id = 'latest'): Promise<string[]> {
  const found: string[] = [];
  for await (const { key, value } of repository.state(await repository.manifest(await repository.find(id))))
    found.push(`${key}=${Buffer.from(value).toString()}`);
  return found;
}
const expected = (state: StateEntry[]): string[] => state.map(({ key, value }) => `${key}=${Buffer.from(value).toString()}`);
const chunkCount = (target: MemoryTarget): number => [...target.content.keys()].filter((name) => name.startsWith('chunks/')).length;

describe('backups', () => {
  for (const [what, secret] of [
    ['open', undefined],
    ['with a passphrase', { passphrase: 'correct horse' }],
    ['with a raw key', { rawKey: randomBytes(32) }],
  ] as const) {
    test(`${what}: what goes in comes out`, async () => {
      const target = new MemoryTarget();
      const state = entries(500);
      const large = randomBytes(9 << 20);
      const repository = await open(target, secret);
      const created = await repository.create(source(state, [blob(large), blob(Buffer.from('small'))]));
      assert.equal(created.objects, 500);
      assert.equal(created.blobs, 2);
      const again = await open(target, secret, false);
      assert.deepEqual(await stateOf(again), expected(state));
      const manifest = await again.manifest(await again.find(created.id));
      const [digest, where] = Object.entries(manifest.registry?.blobs ?? {})[0] ?? [];
      const read: Buffer[] = [];
      for await (const piece of again.blob(digest as string, where as never)) read.push(piece);
      assert.ok(Buffer.concat(read).equals(large));
      assert.deepEqual(await again.verify(await again.find('latest')), []);
      const stored = Buffer.concat([...target.content.values()]);
      assert.equal(stored.includes(large.subarray(0, 64)), secret === undefined);
    });
  }
  test('the second one sends what changed', async () => {
    const target = new MemoryTarget();
    const repository = await open(target);
    const layer = blob(randomBytes(1 << 20));
    await repository.create(source(entries(5000), [layer]));
    const unread: BlobSource = {
      digest: layer.digest,
      read: () => {
        throw new Error('read again');
      },
    };
    const second = await repository.create(
      source(
        entries(5000, (i) => (i === 77 ? 'changed' : `value ${i}`)),
        [unread],
      ),
    );
    // One piece of state and the manifest that names it.
    assert.equal(second.sent.chunks, 2);
    assert.ok(second.sent.bytes < 50_000, String(second.sent.bytes));
  });
  test('a key is needed, and no other opens it', async () => {
    const target = new MemoryTarget();
    await (await open(target, { passphrase: 'a' })).create(source(entries(3)));
    await assert.rejects(open(target), /are encrypted: give/);
    await assert.rejects(open(target, { passphrase: 'b' }), /this is not the key/);
    await assert.rejects(open(target, { rawKey: randomBytes(32) }), /encrypted with a passphrase/);
    await assert.rejects(open(new MemoryTarget(), { rawKey: randomBytes(16) }), /32 bytes/);
    assert.equal((await Repository.list(target)).backups.length, 1);
    const plain = new MemoryTarget();
    await open(plain);
    await assert.rejects(open(plain, { passphrase: 'a' }), /not encrypted/);
    await assert.rejects(open(new MemoryTarget(), undefined, false), /there are no backups here/);
  });
  test('damage is found: a changed, missing, swapped or forged object', async () => {
    for (const secret of [undefined, { rawKey: randomBytes(32) }]) {
      const target = new MemoryTarget();
      const repository = await open(target, secret);
      const summary = await repository.create(source(entries(5000), [blob(Buffer.from('layer'))]));
      const { state } = await repository.manifest(summary);
      const nameOf = (id: string): string => `chunks/${id.slice(0, 2)}/${id}`;
      const [one, two] = [nameOf(state[0] as string), nameOf(state[1] as string)];
      const whole = target.content.get(one) as Buffer;
      const flipped = Buffer.from(whole);
      flipped[flipped.length - 1] = (flipped.at(-1) as number) ^ 1;
      for (const content of [flipped, Buffer.alloc(0), target.content.get(two) as Buffer]) {
        target.content.set(one, content);
        assert.deepEqual(await repository.verify(summary), [`${one} is damaged: it is not what was written`]);
      }
      target.content.delete(one);
      assert.deepEqual(await repository.verify(summary), [`${one} is missing`]);
      await assert.rejects(stateOf(repository), BackupError);
      const name = `backups/${summary.id}.json`;
      target.content.set(name, Buffer.from((target.content.get(name) as Buffer).toString().replace('5000', '5001')));
      assert.deepEqual((await Repository.list(target)).damaged, [name]);
    }
  });
  test('cut off at any write, it is either whole or not there, and the next one completes', async () => {
    const state = entries(300);
    for (let writes = 2; ; writes++) {
      const target = new MemoryTarget();
      const repository = await open(target);
      target.writesLeft = writes;
      const whole = await repository.create(source(state, [blob(Buffer.from('layer'))])).then(
        () => true,
        () => false,
      );
      target.writesLeft = Number.POSITIVE_INFINITY;
      assert.equal((await Repository.list(target)).backups.length, whole ? 1 : 0);
      await repository.create(source(state, [blob(Buffer.from('layer'))]));
      assert.deepEqual(await stateOf(repository), expected(state));
      if (whole) break;
    }
  });
  test('pruning leaves what backups need and nothing else', async () => {
    const target = new MemoryTarget();
    const repository = await open(target);
    const ids: string[] = [];
    for (let i = 0; i < 4; i++) {
      const { id, pruned } = await repository.create(
        source(
          entries(200, (n) => `${n} ${i}`),
          [blob(Buffer.from(`layer ${i}`))],
        ),
        { last: 2 },
      );
      ids.push(id);
      assert.equal(pruned.length, i < 2 ? 0 : 1);
      await clock.advance(1000);
    }
    const { backups } = await Repository.list(target);
    assert.deepEqual(
      backups.map((b) => b.id),
      [ids[3], ids[2]],
    );
    for (const backup of backups) assert.deepEqual(await repository.verify(backup), []);
    const fresh = new MemoryTarget();
    await (
      await open(fresh)
    ).create(
      source(
        entries(200, (n) => `${n} 3`),
        [blob(Buffer.from('layer 3'))],
      ),
    );
    assert.ok(chunkCount(target) <= 2 * chunkCount(fresh));
  });
  test('one writer at a time; one that died is taken over', async () => {
    const target = new MemoryTarget();
    const repository = await open(target);
    await target.put('lock.json', Buffer.from(JSON.stringify({ owner: 'other', at: clock.now() })));
    await assert.rejects(repository.create(source([])), /instance other has been writing/);
    await clock.advance(61 * 60 * 1000);
    await repository.create(source([]));
    await target.put('lock.json', Buffer.from(JSON.stringify({ owner: 'abc', at: clock.now() })));
    await repository.create(source([]));
    assert.equal(target.content.has('lock.json'), false);
  });
  test('a blob of the registry that is damaged is not backed up', async () => {
    const repository = await open(new MemoryTarget());
    const bad = { ...blob(Buffer.from('x')), digest: blob(Buffer.from('y')).digest };
    await assert.rejects(repository.create(source([], [bad])), /is damaged/);
  });
});

describe('retention', () => {
  const at = (iso: string): { id: string; created: number } => ({ id: iso, created: Date.parse(iso) });
  const backups = ['2026-01-01T10:00Z', '2026-01-01T20:00Z', '2026-01-02T10:00Z', '2026-01-05T10:00Z', '2026-01-06T10:00Z', '2026-01-06T11:00Z'].map(at);
  test('no rule keeps all, and the newest always stays', () => {
    assert.deepEqual(outdated(backups, {}), []);
    assert.equal(outdated(backups, { last: 0 }).length, 5);
  });
  test('days and weeks keep their newest', () => {
    assert.deepEqual(outdated(backups, { last: 1, daily: 3 }), ['2026-01-06T10:00Z', '2026-01-01T20:00Z', '2026-01-01T10:00Z']);
    // 5 January 2026 is a Monday.
    assert.deepEqual(outdated(backups, { weekly: 2 }), ['2026-01-06T10:00Z', '2026-01-05T10:00Z', '2026-01-01T20:00Z', '2026-01-01T10:00Z']);
  });
});
