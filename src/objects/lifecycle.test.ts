import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { dueAfter, type LifecycleRule } from './lifecycle.ts';
import { plain, TestObjects } from './testing.ts';

const DAY = 24 * 60 * 60 * 1000;
function ruled(...rules: Partial<LifecycleRule>[]): TestObjects {
  const t = new TestObjects();
  t.store.buckets.set(t.box(), 'lifecycle', { Rules: rules.map((rule) => ({ Status: 'Enabled', Filter: {}, ...rule })) });
  return t;
}
const keys = (t: TestObjects): string[] => t.store.list(t.box(), { limit: 1000 }).items.map((v) => v.key);

describe('lifecycle rules', () => {
  test('days end at the midnight after', () => {
    assert.equal(dueAfter(Date.UTC(2026, 0, 1, 10), 1), Date.UTC(2026, 0, 3));
    assert.equal(dueAfter(Date.UTC(2026, 0, 1), 1), Date.UTC(2026, 0, 2));
  });
  test('expire what a filter names: prefix, tags, size', async () => {
    using t = ruled({ Filter: { And: { Prefix: 'logs/', Tags: [{ Key: 'keep', Value: 'no' }], ObjectSizeGreaterThan: 1 } }, Expiration: { Days: 1 } });
    const tags = [{ Key: 'keep', Value: 'no' }];
    await t.put('logs/a', 'xx', { tags });
    await t.put('logs/small', 'x', { tags });
    await t.put('logs/kept', 'xx');
    await t.put('other', 'xx', { tags });
    await t.clock.advance(DAY - 1);
    assert.equal((await t.store.care()).versions, 0);
    await t.clock.advance(DAY);
    await t.store.care();
    assert.deepEqual(keys(t), ['logs/kept', 'logs/small', 'other']);
    assert.equal(t.files(), 3);
  });
  test('rules that are disabled do nothing', async () => {
    using t = ruled({ Status: 'Disabled', Expiration: { Days: 1 } });
    await t.put('a', 'x');
    await t.clock.advance(9 * DAY);
    assert.equal((await t.store.care()).versions, 0);
  });
  test('with versions: a marker first, then old versions, then the lonely marker', async () => {
    using t = ruled(
      { Expiration: { Days: 1 } },
      { NoncurrentVersionExpiration: { NoncurrentDays: 1, NewerNoncurrentVersions: 1 } },
      { Expiration: { ExpiredObjectDeleteMarker: true } },
    );
    t.store.buckets.setVersioning('box', 'Enabled');
    for (const content of ['1', '2', '3']) await t.put('a', content);
    const all = (): [boolean, number][] => t.store.listVersions(t.box(), { limit: 10 }).items.map((v) => [v.marker, v.size]);
    await t.clock.advance(3 * DAY);
    await t.store.care();
    assert.deepEqual(all(), [
      [true, 0],
      [false, 1],
    ]);
    t.store.buckets.set(t.box(), 'lifecycle', {
      Rules: [
        { Status: 'Enabled', Prefix: '', NoncurrentVersionExpiration: { NoncurrentDays: 1 } },
        { Status: 'Enabled', Prefix: '', Expiration: { ExpiredObjectDeleteMarker: true } },
      ],
    });
    await t.clock.advance(3 * DAY);
    await t.store.care();
    await t.store.care();
    assert.deepEqual(all(), []);
    assert.equal(t.files(), 0);
  });
  test('move to another class, and end uploads that nobody completes', async () => {
    using t = ruled({ Transitions: [{ Days: 1, StorageClass: 'STANDARD_IA' }], AbortIncompleteMultipartUpload: { DaysAfterInitiation: 2 } });
    await t.put('a', 'x');
    t.store.multipart.create(t.box(), 'b', plain);
    await t.clock.advance(DAY + 1);
    await t.store.care();
    assert.equal(t.store.objects.find(t.box(), 'a').version.storageClass, 'STANDARD_IA');
    await t.clock.advance(2 * DAY);
    await t.store.care();
    assert.deepEqual(t.store.multipart.list(t.box(), { key: '', after: undefined }, undefined), []);
  });
  test('run by themselves', async () => {
    using t = ruled({ Expiration: { Days: 1 } });
    await t.put('a', 'x');
    await t.clock.advance(3 * DAY);
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(keys(t), []);
  });
});
