import assert from 'node:assert/strict';
import test from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { alpine, apk, debian, dpkg, imageOf, inPieces, tarOf } from '../testing.ts';
import { ScanError } from '../types.ts';
import { takeInventory } from './inventory.ts';
import { readLayer, type Entry } from './layer.ts';
import { Budget, defaultLimits } from './limits.ts';

const names = async (...layers: Buffer[]): Promise<string[]> => (await takeInventory(imageOf(...layers))).packages.map((p) => `${p.name} ${p.version}`);
const status = 'var/lib/dpkg/status';
const refused =
  (reason: ScanError['reason'], text: RegExp) =>
  (error: unknown): boolean =>
    error instanceof ScanError && error.reason === reason && text.test(error.message);
async function entries(bytes: Buffer, budget = new Budget()): Promise<Entry[]> {
  const seen: Entry[] = [];
  await readLayer(inPieces(bytes), budget, (entry) => void seen.push(entry));
  return seen;
}

test('layers are read as they are, compressed by gzip and by zstd', async () => {
  const tar = await tarOf({ 'etc/os-release': debian('12'), [status]: dpkg('bash', '5.2-1') });
  for (const bytes of [tar, gzipSync(tar), zstdCompressSync(tar), Buffer.concat([gzipSync(tar.subarray(0, 700)), gzipSync(tar.subarray(700))])]) {
    const inventory = await takeInventory(imageOf(bytes));
    assert.deepEqual(inventory.distribution, { id: 'debian', idLike: [], versionId: '12', name: 'Debian GNU/Linux 12' });
    assert.deepEqual(
      inventory.packages.map((p) => [p.type, p.name, p.version, p.arch, p.path]),
      [['deb', 'bash', '5.2-1', 'amd64', status]],
    );
  }
});

test('an upper layer replaces, deletes and hides what lower ones have', async () => {
  const base = await tarOf({
    'etc/os-release': alpine('3.18.4'),
    'lib/apk/db/installed': apk('openssl', '3.1.0-r0'),
    'app/node_modules/a/package.json': '{"name":"a","version":"1.0.0"}',
  });
  const layer = (files: Parameters<typeof tarOf>[0]): Promise<Buffer> => tarOf(files);
  assert.deepEqual(await names(base), ['openssl 3.1.0-r0', 'a 1.0.0']);
  assert.deepEqual(await names(base, await layer({ 'lib/apk/db/installed': apk('openssl', '3.1.4-r5') })), ['openssl 3.1.4-r5', 'a 1.0.0']);
  assert.deepEqual(await names(base, await layer({ 'lib/apk/db/.wh.installed': '' })), ['a 1.0.0']);
  assert.deepEqual(await names(base, await layer({ './app/.wh.node_modules': '' })), ['openssl 3.1.0-r0']);
  assert.deepEqual(await names(base, await layer({ '.wh.app': '', 'app/node_modules/b/package.json': '{"name":"b","version":"2.0.0"}' })), [
    'openssl 3.1.0-r0',
    'b 2.0.0',
  ]);
  // The mark may come after what the same layer puts into the directory, and hides only what is below.
  assert.deepEqual(await names(base, await layer({ 'app/node_modules/b/package.json': '{"name":"b","version":"2.0.0"}', 'app/.wh..wh..opq': '' })), [
    'openssl 3.1.0-r0',
    'b 2.0.0',
  ]);
  assert.deepEqual(await names(base, await layer({ '.wh..wh..opq': '' })), []);
  assert.deepEqual(await names(base, await layer({ app: { type: 'symlink', linkname: '/srv' } })), ['openssl 3.1.0-r0'], 'a directory becomes a link');
  assert.deepEqual(await names(base, await layer({ app: { type: 'directory' } })), ['openssl 3.1.0-r0', 'a 1.0.0'], 'a directory again keeps what it has');
  assert.deepEqual(await names(base, await layer({ 'lib/apk/db/installed': { type: 'symlink', linkname: '/x' } })), ['a 1.0.0']);
  assert.deepEqual(await names(base, await layer({ 'app/.wh..wh.plnk': '', 'app/.wh.': '' })), ['openssl 3.1.0-r0', 'a 1.0.0'], 'marks of aufs mean nothing');
  assert.deepEqual(await names(base, await layer({ 'lib/apk/db/.wh.installed': '' }), await layer({ 'lib/apk/db/installed': apk('musl', '1.2.4-r0') })), [
    'musl 1.2.4-r0',
    'a 1.0.0',
  ]);
});

test('hard links share what they link to', async () => {
  const path = 'app/node_modules/a/package.json';
  const found = await names(await tarOf({ [path]: '{"name":"a","version":"1.0.0"}', 'b/node_modules/a/package.json': { type: 'link', linkname: path } }));
  assert.deepEqual(found, ['a 1.0.0', 'a 1.0.0']);
});

test('long names in pax and GNU headers are read whole', async () => {
  const deep = `${'d'.repeat(90)}/${'e'.repeat(90)}/node_modules/a/package.json`;
  assert.deepEqual(await names(await tarOf({ [deep]: '{"name":"a","version":"1.0.0"}' })), ['a 1.0.0']);
  const long = Buffer.from(`${'f'.repeat(120)}/node_modules/a/package.json\0`);
  const gnu = Buffer.concat([
    block('././@LongLink', 'L', long.length),
    padded(long),
    block('short', '0', 30),
    padded(Buffer.from('{"name":"g","version":"1.0.0"} '.slice(0, 30))),
  ]);
  assert.deepEqual(await names(Buffer.concat([gnu, Buffer.alloc(1024)])), ['g 1.0.0']);
});

test('paths that lead out of the image are left out, with a warning', async () => {
  const inventory = await takeInventory(imageOf(await tarOf({ '../../var/lib/dpkg/status': dpkg('evil', '1'), [`/${status}`]: dpkg('good', '1') })));
  assert.deepEqual(
    inventory.packages.map((p) => p.name),
    ['good'],
  );
  assert.match(inventory.warnings.join(), /a path with \.\. was left out/);
  const budget = new Budget({ ...defaultLimits, pathLength: 50 });
  assert.equal((await entries(await tarOf({ ['x'.repeat(60)]: 'a', y: 'b' }), budget)).length, 1);
  assert.match(budget.warnings.join(), /60 characters/);
});

test('bombs end at a limit', async () => {
  const zeros = Buffer.alloc(4 * 1024 * 1024);
  const bomb = await tarOf({ zeros });
  const small = { ...defaultLimits, ratioFrom: 100_000 };
  for (const bytes of [gzipSync(bomb), zstdCompressSync(bomb)]) {
    await assert.rejects(entries(bytes, new Budget(small)), refused('limit-exceeded', /grows more than 250 times/));
    await assert.rejects(entries(bytes, new Budget({ ...defaultLimits, bytes: 1_000_000 })), refused('limit-exceeded', /more than 1000000 bytes/));
  }
  assert.equal((await entries(gzipSync(bomb))).length, 1, 'a small one is allowed to be empty');
  const many = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`f${i}`, '']));
  await assert.rejects(entries(await tarOf(many), new Budget({ ...defaultLimits, entries: 49 })), refused('limit-exceeded', /more than 49 files/));
  const large = await takeInventory(imageOf(await tarOf({ [status]: Buffer.alloc(2000) })), { ...defaultLimits, textBytes: 1000 });
  assert.match(large.warnings.join(), /var\/lib\/dpkg\/status: larger than 1000 bytes, not read/);
});

test('what is no archive, and what is cut off, is malformed', async () => {
  const tar = await tarOf({ a: 'x'.repeat(5000) });
  const malformed = refused('malformed', /a layer cannot be read/);
  await assert.rejects(entries(Buffer.from('no archive at all'.repeat(100))), malformed);
  await assert.rejects(entries(tar.subarray(0, 2000)), malformed);
  await assert.rejects(entries(gzipSync(tar).subarray(0, 60)), malformed);
  await assert.rejects(entries(zstdCompressSync(tar).subarray(0, 40)), malformed);
  const damaged = gzipSync(tar);
  damaged.fill(0xff, 20, 40);
  await assert.rejects(entries(damaged), malformed);
  await assert.rejects(entries(Buffer.concat([block('a', 'x', 100 * 1024 * 1024), Buffer.alloc(4096)])), malformed, 'a header of 100 MB');
  await assert.rejects(
    entries(Buffer.concat([block('PaxHeader', 'x', 12), padded(Buffer.from('12 size=-5\n\n')), block('a', '0', 5), padded(Buffer.from('hello'))])),
    malformed,
  );
  // Sparse files of old GNU tar: what the tar says is taken, nothing is filled in.
  assert.deepEqual(
    (await entries(Buffer.concat([block('sparse', 'S', 5), padded(Buffer.from('hello')), Buffer.alloc(1024)]))).map((e) => [e.path, e.type]),
    [['sparse', 'other']],
  );
  assert.deepEqual(await entries(Buffer.alloc(0)), []);
});

test('a source that fails ends the reading with its own words', async () => {
  async function* failing(): AsyncGenerator<Buffer> {
    yield (await tarOf({ a: 'x'.repeat(5000) })).subarray(0, 1024);
    throw new Error('the disk is gone');
  }
  await assert.rejects(
    readLayer(failing(), new Budget(), () => undefined),
    refused('malformed', /the disk is gone/),
  );
});

/** A header of GNU tar. */
function block(name: string, type: string, size: number): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write('0000644\0', 100);
  header.write('0000000\0', 108);
  header.write('0000000\0', 116);
  header.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
  header.write('00000000000\0', 136);
  header.write('        ', 148);
  header.write(type, 156);
  header.write('ustar  \0', 257, 'latin1');
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}
function padded(content: Buffer): Buffer {
  return Buffer.concat([content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}
