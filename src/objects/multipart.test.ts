import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { combineChecksums, startChecksum, type ChecksumAlgorithm } from './checksums.ts';
import { ObjectsError, type ObjectsErrorCode } from './errors.ts';
import { MIN_PART_BYTES, type UploadAttributes } from './multipart.ts';
import { pieces, plain, TestObjects } from './testing.ts';

const refuses = (code: ObjectsErrorCode, work: () => unknown): void =>
  assert.throws(work, (error) => error instanceof ObjectsError && (assert.equal(error.code, code, error.message), true));
const sum = (algorithm: ChecksumAlgorithm, content: string | Buffer): string => {
  const running = startChecksum(algorithm);
  running.update(Buffer.from(content));
  return running.value();
};

describe('checksums', () => {
  test('check values of the catalogue of CRCs', () => {
    assert.equal(Buffer.from(sum('CRC32', '123456789'), 'base64').toString('hex'), 'cbf43926');
    assert.equal(Buffer.from(sum('CRC32C', '123456789'), 'base64').toString('hex'), 'e3069283');
    assert.equal(Buffer.from(sum('CRC64NVME', '123456789'), 'base64').toString('hex'), 'ae8b14860a799888');
  });
  test('joined checks are those of the whole', () => {
    const parts = ['', 'a', 'hello', 'x'.repeat(1000)];
    for (const algorithm of ['CRC32', 'CRC32C', 'CRC64NVME'] as const) {
      const joined = combineChecksums(
        algorithm,
        'FULL_OBJECT',
        parts.map((p) => ({ size: p.length, value: sum(algorithm, p) })),
      );
      assert.equal(joined.value, sum(algorithm, parts.join('')), algorithm);
    }
  });
});

describe('multipart uploads', () => {
  const first = Buffer.alloc(MIN_PART_BYTES, '1');
  async function begun(t: TestObjects, attributes: Partial<UploadAttributes> = {}): Promise<{ id: string; etags: string[] }> {
    const { id } = t.store.multipart.create(t.box(), 'big', { ...plain, ...attributes });
    const one = await t.store.multipart.put(t.box, 'big', id, 1, { data: pieces(first) });
    const two = await t.store.multipart.put(t.box, 'big', id, 7, { data: pieces('end') });
    return { id, etags: [one.etag, two.etag] };
  }
  const claims = (etags: string[]): { number: number; etag: string }[] => etags.map((etag, i) => ({ number: [1, 7][i] as number, etag: `"${etag}"` }));

  test('become one object, also over a restart', async () => {
    using t = new TestObjects();
    const { id, etags } = await begun(t, { algorithm: 'CRC32', checksumType: 'FULL_OBJECT' });
    t.reopen();
    const made = t.store.multipart.complete(t.box, 'big', id, claims(etags), { whole: sum('CRC32', Buffer.concat([first, Buffer.from('end')])) });
    const md5 = createHash('md5').update(etags.join(''), 'hex').digest('hex');
    assert.equal(made.etag, `${md5}-2`);
    assert.equal(made.size, first.length + 3);
    assert.equal(made.meta.checksum?.type, 'FULL_OBJECT');
    assert.equal((await t.text('big')).slice(-4), '1end');
    refuses('NoSuchUpload', () => t.store.multipart.get(t.box(), 'big', id));
    const copy = await t.store.objects.copy(t.store.objects.find(t.box(), 'big'), t.box, 'copy', plain);
    assert.equal(copy.etag, createHash('md5').update(first).update('end').digest('hex'));
    t.store.objects.delete(t.box(), 'big');
    assert.equal(t.files(), 1);
  });
  test('a composite checksum is that of the checksums', async () => {
    using t = new TestObjects();
    const { id, etags } = await begun(t, { algorithm: 'SHA256' });
    const made = t.store.multipart.complete(t.box, 'big', id, claims(etags));
    const both = [first, 'end'].map((p) => createHash('sha256').update(p).digest());
    assert.equal(made.meta.checksum?.value, `${createHash('sha256').update(Buffer.concat(both)).digest('base64')}-2`);
  });
  test('parts that are wrong, small or out of order are refused, and the upload stays', async () => {
    using t = new TestObjects();
    const { id, etags } = await begun(t);
    const [one, two] = claims(etags) as [{ number: number; etag: string }, { number: number; etag: string }];
    const complete = (...parts: { number: number; etag: string }[]): unknown => t.store.multipart.complete(t.box, 'big', id, parts);
    refuses('MalformedXML', () => complete());
    refuses('InvalidPartOrder', () => complete(two, one));
    refuses('InvalidPart', () => complete({ number: 1, etag: 'x' }));
    refuses('InvalidPart', () => complete({ number: 2, etag: one.etag }));
    refuses('NoSuchUpload', () => t.store.multipart.complete(t.box, 'other', id, [one]));
    refuses('NoSuchKey', () => t.store.multipart.complete(t.box, 'big', id, [one], { conditions: { ifMatch: 'x' } }));
    const small = await t.store.multipart.put(t.box, 'big', id, 1, { data: pieces('small') });
    refuses('EntityTooSmall', () => complete({ number: 1, etag: small.etag }, two));
    assert.equal(t.store.multipart.parts(t.store.multipart.get(t.box(), 'big', id)).length, 2);
    assert.equal(t.files(), 2);
  });
  test('an abort gives everything back', async () => {
    using t = new TestObjects();
    const { id } = await begun(t);
    t.store.multipart.abort(t.box(), 'big', id);
    assert.equal(t.files(), 0);
    refuses('NoSuchUpload', () => t.store.multipart.abort(t.box(), 'big', id));
  });
  test('a part that arrives after the abort is refused', async () => {
    using t = new TestObjects();
    const { id } = await begun(t);
    const late = (async function* () {
      yield Buffer.from('x');
      t.store.multipart.abort(t.box(), 'big', id);
    })();
    await assert.rejects(t.store.multipart.put(t.box, 'big', id, 2, { data: late }), { code: 'NoSuchUpload' });
    assert.equal(t.files(), 0);
  });
});
