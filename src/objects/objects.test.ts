import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { ObjectsError, type ObjectsErrorCode } from './errors.ts';
import { pieces, plain, readAll, TestObjects } from './testing.ts';

const md5 = (content: string | Buffer): string => createHash('md5').update(content).digest('hex');
const refuses = (code: ObjectsErrorCode, work: () => unknown): void =>
  assert.throws(work, (error) => error instanceof ObjectsError && (assert.equal(error.code, code, error.message), true));
const rejects = (code: ObjectsErrorCode, work: Promise<unknown>): Promise<void> =>
  assert.rejects(work, (error) => error instanceof ObjectsError && (assert.equal(error.code, code, error.message), true));

describe('buckets', () => {
  test('names are those of S3', () => {
    using t = new TestObjects();
    for (const name of ['ab', 'A-b-c', 'a..b', '1.2.3.4', '-abc', 'abc-', 'x'.repeat(64), 'xn--abc', 'a_b']) {
      refuses('InvalidBucketName', () => t.store.buckets.create(name, '1', 'us-east-1'));
    }
    t.store.buckets.create('a.b-c1', '1', 'eu-west-1');
  });
  test('one name, one owner', () => {
    using t = new TestObjects();
    const { buckets } = t.store;
    assert.equal(buckets.create('box', '000000000000', 'us-east-1').id, t.box().id);
    refuses('BucketAlreadyOwnedByYou', () => buckets.create('box', '000000000000', 'eu-west-1'));
    refuses('BucketAlreadyExists', () => buckets.create('box', '111111111111', 'us-east-1'));
  });
  test('only empty ones are deleted, and delete markers count', async () => {
    using t = new TestObjects();
    t.store.buckets.setVersioning('box', 'Enabled');
    const { version } = await t.put('a', 'x');
    refuses('BucketNotEmpty', () => t.store.buckets.delete('box'));
    t.store.objects.delete(t.box(), 'a', version);
    const marker = t.store.objects.delete(t.box(), 'b').version;
    refuses('BucketNotEmpty', () => t.store.buckets.delete('box'));
    t.store.objects.delete(t.box(), 'b', marker);
    t.store.multipart.create(t.box(), 'c', plain);
    t.store.buckets.delete('box');
    refuses('NoSuchBucket', () => t.box());
  });
});

describe('objects', () => {
  test('what is put is read, whole and in ranges, and is there after a restart', async () => {
    using t = new TestObjects();
    const content = Buffer.alloc(3_000_000, 'batuta');
    const put = await t.put('a/b', content, { headers: { 'content-type': 'text/plain' }, user: { who: 'ü' } });
    assert.equal(put.etag, md5(content));
    t.reopen();
    const found = t.store.objects.find(t.box(), 'a/b');
    assert.deepEqual(found.version, put);
    assert.ok(Buffer.from(await t.text('a/b')).equals(content));
    const part = await readAll(t.store.objects.read(found, { start: 1_048_570, end: 1_048_589 }));
    assert.equal(part.toString(), content.subarray(1_048_570, 1_048_590).toString());
  });
  test('a body that is not what was said is refused and leaves nothing', async () => {
    using t = new TestObjects();
    const put = (body: object): Promise<unknown> => t.store.objects.put(t.box, 'a', { data: pieces('x'), ...body }, plain);
    await rejects('BadDigest', put({ md5: Buffer.from(md5('y'), 'hex').toString('base64') }));
    await rejects('InvalidDigest', put({ md5: 'short' }));
    await rejects('BadDigest', put({ algorithm: 'CRC32', expected: () => 'AAAAAA==' }));
    const broken = (async function* () {
      yield Buffer.from('half');
      throw new Error('cut off');
    })();
    await assert.rejects(put({ data: broken }), /cut off/);
    await rejects('MetadataTooLarge', t.put('a', 'x', { user: { a: 'x'.repeat(2048) } }));
    await rejects('NotImplemented', t.put('a', 'x', { storageClass: 'GLACIER' }));
    await rejects('KeyTooLongError', t.put('ä'.repeat(600), 'x'));
    assert.equal(t.files(), 0);
    refuses('NoSuchKey', () => t.store.objects.find(t.box(), 'a'));
  });
  test('a bucket that goes while a body comes in takes the object with it', async () => {
    using t = new TestObjects();
    const slow = (async function* () {
      yield Buffer.from('x');
      t.store.buckets.delete('box');
    })();
    await rejects('NoSuchBucket', t.store.objects.put(t.box, 'a', { data: slow }, plain));
    assert.equal(t.files(), 0);
  });
  test('conditional writes: one of two creators wins, and a change needs the tag it saw', async () => {
    using t = new TestObjects();
    const put = (content: string, conditions: object): Promise<unknown> => t.store.objects.put(t.box, 'lock', { data: pieces(content) }, plain, conditions);
    const both = await Promise.allSettled([put('1', { ifNoneMatch: '*' }), put('2', { ifNoneMatch: '*' })]);
    assert.deepEqual(both.map((r) => r.status).toSorted(), ['fulfilled', 'rejected']);
    const { etag } = t.store.objects.find(t.box(), 'lock').version;
    await rejects('PreconditionFailed', put('3', { ifMatch: '"0"' }));
    await put('3', { ifMatch: `"${etag}"` });
    await rejects('PreconditionFailed', put('4', { ifMatch: `"${etag}"` }));
    refuses('PreconditionFailed', () => t.store.objects.delete(t.box(), 'lock', undefined, { ifMatch: etag }));
    await rejects('NoSuchKey', t.store.objects.put(t.box, 'other', { data: pieces('') }, plain, { ifMatch: '"x"' }));
    await rejects('NotImplemented', put('5', { ifNoneMatch: '"x"' }));
    assert.equal(t.files(), 1);
  });
  test('conditional reads', async () => {
    using t = new TestObjects();
    const { etag, modified } = await t.put('a', 'x');
    const read = (conditions: object): unknown => t.store.objects.findIf(t.box(), 'a', undefined, conditions);
    read({ ifMatch: `"${etag}"`, ifUnmodifiedSince: modified - 10_000 });
    read({ ifNoneMatch: '"other"', ifModifiedSince: modified });
    refuses('PreconditionFailed', () => read({ ifMatch: '"other"' }));
    refuses('NotModified', () => read({ ifNoneMatch: `W/"${etag}", "other"` }));
    refuses('NotModified', () => read({ ifModifiedSince: modified }));
    refuses('PreconditionFailed', () => read({ ifUnmodifiedSince: modified - 1000 }));
  });
  test('an object that is deleted or replaced while it is read is read to its end', async () => {
    using t = new TestObjects();
    await t.put('a', Buffer.alloc(3_000_000, 'a'));
    const stream = t.store.objects.read(t.store.objects.find(t.box(), 'a'), undefined)[Symbol.asyncIterator]();
    const first = (await stream.next()).value as Buffer;
    t.store.objects.delete(t.box(), 'a');
    assert.equal(t.files(), 1);
    let size = first.length;
    for (let next = await stream.next(); !next.done; next = await stream.next()) size += (next.value as Buffer).length;
    assert.equal(size, 3_000_000);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(t.files(), 0);
  });
  test('a copy shares bytes until the last of them goes', async () => {
    using t = new TestObjects();
    await t.put('a', 'hello', { user: { k: 'v' } });
    const copy = await t.store.objects.copy(t.store.objects.find(t.box(), 'a'), t.box, 'b', { ...plain, user: { k: 'w' } });
    assert.equal(copy.etag, md5('hello'));
    assert.equal(t.files(), 1);
    t.store.objects.delete(t.box(), 'a');
    assert.equal(await t.text('b'), 'hello');
    await t.store.objects.copy(t.store.objects.find(t.box(), 'b'), t.box, 'b', plain);
    assert.equal(await t.text('b'), 'hello');
    const summed = await t.store.objects.copy(t.store.objects.find(t.box(), 'b'), t.box, 'c', plain, { algorithm: 'SHA256' });
    assert.equal(summed.meta.checksum?.value, createHash('sha256').update('hello').digest('base64'));
    t.store.objects.delete(t.box(), 'b');
    t.store.objects.delete(t.box(), 'c');
    assert.equal(t.files(), 0);
  });
  test('tags', async () => {
    using t = new TestObjects();
    await t.put('a', 'x', { tags: [{ Key: 'k', Value: 'v' }] });
    const found = t.store.objects.find(t.box(), 'a');
    t.store.objects.setTags(found, [{ Key: 'z', Value: '' }]);
    assert.deepEqual(t.store.objects.find(t.box(), 'a').version.tags, [{ Key: 'z', Value: '' }]);
    refuses('InvalidTag', () => t.store.objects.setTags(found, [{ Key: 'aws:x', Value: '' }]));
    refuses('InvalidTag', () =>
      t.store.objects.setTags(found, [
        { Key: 'a', Value: '' },
        { Key: 'a', Value: '' },
      ]),
    );
  });
});

describe('versioning', () => {
  test('null, on, suspended: who takes whose place', async () => {
    using t = new TestObjects();
    const { buckets, objects } = t.store;
    await t.put('a', 'null 1');
    buckets.setVersioning('box', 'Enabled');
    const two = await t.put('a', 'two');
    const three = await t.put('a', 'three');
    buckets.setVersioning('box', 'Suspended');
    await t.put('a', 'null 2');
    assert.equal(await t.text('a'), 'null 2');
    assert.equal(await t.text('a', 'null'), 'null 2');
    assert.equal(await t.text('a', two.version), 'two');
    assert.equal(t.files(), 3);
    const deleted = objects.delete(t.box(), 'a');
    assert.deepEqual(deleted, { version: 'null', marker: true });
    refuses('NoSuchKey', () => objects.find(t.box(), 'a'));
    refuses('MethodNotAllowed', () => objects.find(t.box(), 'a', 'null'));
    objects.delete(t.box(), 'a', 'null');
    assert.equal(await t.text('a'), 'three');
    objects.delete(t.box(), 'a', three.version);
    assert.equal(await t.text('a'), 'two');
    refuses('NoSuchVersion', () => objects.find(t.box(), 'a', three.version));
    assert.equal(t.files(), 1);
  });
  test('a delete marker hides, and its removal shows again', async () => {
    using t = new TestObjects();
    t.store.buckets.setVersioning('box', 'Enabled');
    await t.put('a', 'x');
    const marker = t.store.objects.delete(t.box(), 'a');
    assert.equal(marker.marker, true);
    assert.deepEqual(t.store.list(t.box(), { limit: 10 }).items, []);
    const again = t.store.objects.delete(t.box(), 'a', marker.version);
    assert.deepEqual(again, { version: marker.version, marker: true });
    assert.equal(await t.text('a'), 'x');
  });
});

describe('lists', () => {
  const keys = ['a', 'a/1', 'a/2', 'b/x/1', 'b/x/2', 'b/y', 'c', 'd/', 'é', '🎻'];
  async function filled(): Promise<TestObjects> {
    const t = new TestObjects();
    for (const key of keys) await t.put(key, key);
    return t;
  }
  test('in pages of every size the whole comes once', async () => {
    using t = await filled();
    for (const [prefix, delimiter] of [
      ['', ''],
      ['', '/'],
      ['b/', '/'],
      ['a', '/'],
      ['zzz', ''],
      ['', 'x/'],
    ] as const) {
      const whole = t.store.list(t.box(), { prefix, delimiter, limit: 1000 });
      const expected = [...whole.items.map((v) => v.key), ...whole.prefixes].toSorted();
      for (let limit = 1; limit < 5; limit++) {
        const seen: string[] = [];
        let after: string | undefined;
        do {
          const page = t.store.list(t.box(), { prefix, delimiter, limit, after });
          assert.ok(page.items.length + page.prefixes.length <= limit);
          seen.push(...page.items.map((v) => v.key), ...page.prefixes);
          after = page.next?.item?.key ?? page.next?.prefix;
        } while (after !== undefined);
        assert.deepEqual(seen.toSorted(), expected, `prefix ${prefix}, delimiter ${delimiter}, limit ${limit}`);
      }
    }
  });
  test('prefixes roll up, in the order of UTF-8', async () => {
    using t = await filled();
    const page = t.store.list(t.box(), { delimiter: '/', limit: 1000 });
    assert.deepEqual(
      page.items.map((v) => v.key),
      ['a', 'c', 'é', '🎻'],
    );
    assert.deepEqual(page.prefixes, ['a/', 'b/', 'd/']);
    assert.deepEqual(t.store.list(t.box(), { prefix: 'b/', delimiter: '/', limit: 1000 }).prefixes, ['b/x/']);
    assert.deepEqual(t.store.list(t.box(), { limit: 0 }), { items: [], prefixes: [], next: undefined });
    assert.deepEqual(t.store.list(t.box(), { after: 'a/1', delimiter: '/', limit: 1 }).prefixes, ['a/']);
    assert.deepEqual(t.store.list(t.box(), { after: 'a/', delimiter: '/', limit: 1 }).prefixes, ['b/']);
  });
  test('versions go on behind one that is gone', async () => {
    using t = new TestObjects();
    t.store.buckets.setVersioning('box', 'Enabled');
    for (let i = 0; i < 4; i++) await t.put('k', String(i));
    await t.put('l', 'x');
    const first = t.store.listVersions(t.box(), { limit: 2 });
    assert.deepEqual(
      first.items.map((v) => v.latest),
      [true, false],
    );
    const last = first.next?.item;
    assert.ok(last);
    t.store.objects.delete(t.box(), 'k', last.version);
    const rest = t.store.listVersions(t.box(), { limit: 10, after: 'k', version: last.version });
    assert.deepEqual(
      rest.items.map((v) => v.key),
      ['k', 'k', 'l'],
    );
    assert.equal(rest.next, undefined);
  });
});

test('files that a crash left are given back, those of objects stay', async () => {
  using t = new TestObjects();
  await t.put('a', 'x');
  const orphan = join(t.dir, 'data', 'ab', 'abcd');
  mkdirSync(join(t.dir, 'data', 'ab'), { recursive: true });
  writeFileSync(orphan, 'x');
  const now = t.clock.now() / 1000;
  utimesSync(orphan, now - 7200, now - 7200);
  assert.deepEqual(await t.store.care(), { versions: 0, uploads: 0, files: 1 });
  assert.equal(await t.text('a'), 'x');
});
