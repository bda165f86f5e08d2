import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { OrderedMap, prefixEnd } from './ordered-map.ts';

const keysOf = (map: OrderedMap<number>, from = '', to?: string): string[] => {
  const keys: string[] = [];
  map.scan(from, to, (key, value) => {
    assert.equal(map.get(key), value);
    return keys.push(key) > 0;
  });
  return keys;
};

describe('OrderedMap', () => {
  it('agrees with a sorted array', () => {
    const key = fc.stringMatching(/^[ab/]{0,5}$/);
    const operations = fc.array(fc.tuple(key, fc.boolean()), { maxLength: 200 });
    fc.assert(
      fc.property(operations, key, key, (steps, from, to) => {
        const map = new OrderedMap<number>();
        const model = new Map<string, number>();
        for (const [index, [name, remove]] of steps.entries()) {
          if (remove) assert.equal(map.delete(name), model.delete(name));
          else {
            map.set(name, index);
            model.set(name, index);
          }
        }
        const expected = [...model.keys()].filter((name) => name >= from && name < to).sort();
        assert.deepEqual(keysOf(map, from, to), expected);
        assert.equal(map.count(from, to), expected.length);
        assert.equal(map.size, model.size);
      }),
      { seed: 7, numRuns: 200 },
    );
  });

  it('splits and empties chunks: rising, falling and scattered keys', () => {
    const name = (i: number): string => String(i).padStart(6, '0');
    for (const order of [(i: number) => i, (i: number) => 4_999 - i, (i: number) => (i * 1_237) % 5_000]) {
      const map = new OrderedMap<number>();
      for (let i = 0; i < 5_000; i++) map.set(name(order(i)), order(i));
      assert.equal(keysOf(map).length, 5_000);
      assert.deepEqual(keysOf(map, name(1_000), name(1_003)), [name(1_000), name(1_001), name(1_002)]);
      for (let i = 0; i < 5_000; i++) if (i % 100 !== 0) map.delete(name(i));
      assert.deepEqual(
        keysOf(map),
        Array.from({ length: 50 }, (_, i) => name(i * 100)),
      );
      assert.equal(map.count('', undefined), 50);
    }
  });

  it('loads at once', () => {
    const map = new OrderedMap<number>();
    map.load(new Map(Array.from({ length: 2_000 }, (_, i) => [`${i}`, i])));
    map.set('5', -5);
    assert.deepEqual([map.size, map.get('5'), map.count('1', '2')], [2_000, -5, 1_111]);
  });

  it('knows where a prefix ends', () => {
    assert.deepEqual([prefixEnd('/a/'), prefixEnd(''), prefixEnd('a\uffff'), prefixEnd('\uffff')], ['/a0', undefined, 'b', undefined]);
  });
});
