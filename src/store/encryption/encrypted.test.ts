import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { EmbeddedStore } from '../core/embedded.ts';
import { storeConformance } from '../conformance.ts';
import { createMemoryStore } from '../memory/memory.ts';
import { StoreError, type ClosableStore, type Entry } from '../store.ts';
import { testFolder } from '../testing/folder.ts';
import { bytes, record, text } from '../testing/recorder.ts';
import { encryptedStore, type EncryptedStore, type EncryptionRule } from './encrypted.ts';
import { aesCbc, aesGcm, identity, type Transformer, type TransformerKey } from './transformers.ts';

const folder = testFolder();
const key = (name: string): TransformerKey => ({ name, secret: createHash('sha256').update(name).digest() });
const rule = (prefix: string, ...transformers: [Transformer, ...Transformer[]]): EncryptionRule => ({ prefix, transformers });
const everything = (name: string): EncryptionRule => rule('/', aesGcm(key(name)));

storeConformance('encrypted memory', () => Promise.resolve(encryptedStore(createMemoryStore(), [everything('one')])));
const files = new WeakMap<ClosableStore, string>();
async function openFile(file: string): Promise<ClosableStore> {
  const store = encryptedStore(await folder.open({ file }), [everything('one')]);
  files.set(store, file);
  return store;
}
storeConformance('encrypted sqlite', () => openFile(folder.path()), {
  onlyReopen: true,
  async reopen(store) {
    await store.close();
    return openFile(files.get(store) as string);
  },
});

/** Several views of one store: what one wrote, another reads. */
function views(...rules: EncryptionRule[][]): { inner: EmbeddedStore; stores: EncryptedStore[] } {
  const inner = createMemoryStore();
  return { inner, stores: rules.map((one) => encryptedStore(inner, one)) };
}
async function raw(inner: EmbeddedStore, at: string): Promise<string> {
  return Buffer.from((await inner.get(at)).entry?.value ?? []).toString('latin1');
}
const valueOf = async (store: EncryptedStore, at: string): Promise<string | undefined> => text((await store.get(at)).entry?.value);
const unreadable = (words: RegExp) => (error: unknown) => error instanceof StoreError && error.code === 'unreadable' && words.test(error.message);

describe('encrypted store', () => {
  it('encrypts what a rule is for and nothing else; the first rule that fits counts', async () => {
    const { inner, stores } = views([rule('/secrets/', aesGcm(key('one'))), rule('/', identity)]);
    const store = stores[0] as EncryptedStore;
    await store.commit([
      { key: '/secrets/a', value: bytes('hidden') },
      { key: '/open/a', value: bytes('seen') },
    ]);
    const sealed = await raw(inner, '/secrets/a');
    assert.ok(sealed.startsWith('k8s:enc:aesgcm:v1:one:'));
    assert.ok(!sealed.includes('hidden'));
    assert.equal(await raw(inner, '/open/a'), 'seen');
    assert.equal(await valueOf(store, '/secrets/a'), 'hidden');
    assert.equal(await valueOf(store, '/open/a'), 'seen');
  });

  it('writes the same value differently each time', async () => {
    const { inner, stores } = views([everything('one')]);
    const seen = new Set<string>();
    for (let i = 0; i < 600; i++) {
      await stores[0]?.commit([{ key: '/a', value: bytes('same') }]);
      seen.add(await raw(inner, '/a'));
    }
    assert.equal(seen.size, 600);
  });

  it('reads what another process wrote, in lists, watches and conflicts', async () => {
    const { stores } = views([everything('one')], [everything('one')]);
    const [writer, reader] = stores as [EncryptedStore, EncryptedStore];
    const watch = record(reader, '/', 0);
    const first = await writer.commit([{ key: '/a', value: bytes('1') }]);
    await writer.commit([{ key: '/a', value: bytes('2') }]);
    await watch.reached(2);
    assert.deepEqual(
      watch.events.map((event) => [text(event.entry?.value), text(event.previous?.value)]),
      [
        ['1', undefined],
        ['2', '1'],
      ],
    );
    assert.deepEqual(
      (await reader.list('/')).entries.map((entry) => text(entry.value)),
      ['2'],
    );
    for (const value of [bytes('3'), undefined])
      await assert.rejects(reader.commit([{ key: '/a', value, expected: first }]), (error: unknown) => {
        assert.equal(text((error as StoreError).detail.current?.value), '2');
        return true;
      });
    watch.close();
  });

  it('a value that was moved, changed or cut off does not open', async () => {
    const { inner, stores } = views([everything('one')]);
    const store = stores[0] as EncryptedStore;
    await store.commit([{ key: '/a', value: bytes('1') }]);
    const sealed = Buffer.from(((await inner.get('/a')).entry as Entry).value);
    const changed = Buffer.from(sealed);
    changed[changed.length - 1] = (changed.at(-1) as number) ^ 1;
    await inner.commit([
      { key: '/moved', value: sealed },
      { key: '/changed', value: changed },
      { key: '/cut', value: sealed.subarray(0, 30) },
    ]);
    for (const at of ['/moved', '/changed', '/cut']) await assert.rejects(valueOf(store, at), unreadable(new RegExp(`${at} cannot be decrypted`)));
    assert.equal(await valueOf(store, '/a'), '1');
  });

  it('without the key, the value says so and all else is read', async () => {
    const { stores } = views([everything('one')], [rule('/', aesGcm(key('two')), identity)]);
    const [writer, reader] = stores as [EncryptedStore, EncryptedStore];
    await writer.commit([{ key: '/a', value: bytes('1') }]);
    await reader.commit([{ key: '/b', value: bytes('2') }]);
    const { entries } = await reader.list('/');
    assert.deepEqual(
      entries.map((entry) => entry.key),
      ['/a', '/b'],
    );
    assert.equal(text(entries[1]?.value), '2');
    assert.throws(() => entries[0]?.value, unreadable(/no matching prefix found/));
    await assert.rejects(valueOf(reader, '/a'), unreadable(/\/a cannot/));
    assert.equal(await reader.rewrite(), 0, 'what cannot be read is left alone');
  });

  it('rotates: the first key writes, all read, rewrite leaves nothing to the old ones', async () => {
    const [one, two] = [aesGcm(key('one')), aesCbc(key('two'))];
    const { inner, stores } = views([rule('/', identity)], [rule('/', one, identity)], [rule('/', two, one)], [rule('/', two)]);
    const [plain, old, both, fresh] = stores as [EncryptedStore, EncryptedStore, EncryptedStore, EncryptedStore];
    await plain.commit([{ key: '/plain', value: bytes('0') }]);
    await old.commit([{ key: '/a', value: bytes('1') }]);
    assert.equal(await old.rewrite(), 1);
    assert.equal(await valueOf(both, '/plain'), '0');
    await both.commit([{ key: '/b', value: bytes('2') }]);
    assert.equal(await both.rewrite(), 2);
    assert.equal(await both.rewrite(), 0);
    assert.deepEqual([await valueOf(fresh, '/plain'), await valueOf(fresh, '/a'), await valueOf(fresh, '/b')], ['0', '1', '2']);
    assert.ok((await raw(inner, '/a')).startsWith('k8s:enc:aescbc:v1:two:'));
    assert.equal(await plain.rewrite(), 0, 'identity does not take over what it cannot read');
  });

  it('shares the memory of what was just written', async () => {
    const { stores } = views([everything('one')]);
    const value = bytes('1');
    await stores[0]?.commit([{ key: '/a', value }]);
    assert.equal((await stores[0]?.get('/a'))?.entry?.value, value);
  });

  it('leaves no plaintext in the files', async () => {
    const file = folder.path();
    const store = encryptedStore(await folder.open({ file }), [rule('/secrets/', aesGcm(key('one')))]);
    await store.commit([{ key: '/secrets/a', value: bytes('a-very-hidden-word') }]);
    await store.commit([{ key: '/open/a', value: bytes('a-word-in-the-open') }]);
    const live = folder.crash(file);
    const content = readFileSync(live, 'latin1') + readFileSync(`${live}-wal`, 'latin1');
    assert.ok(content.includes('a-word-in-the-open'));
    assert.ok(!content.includes('a-very-hidden-word'));
    await store.close();
    assert.ok(!readFileSync(file, 'latin1').includes('a-very-hidden-word'));
  });
});
