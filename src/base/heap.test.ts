import assert from 'node:assert/strict';
import test from 'node:test';
import { Heap } from './heap.ts';
import { seededRandom } from './random.ts';

test('a heap gives what it was given in order, whatever the order was', () => {
  const random = seededRandom(5);
  const heap = new Heap<number>((a, b) => a < b);
  const model: number[] = [];
  for (let i = 0; i < 2000; i++) {
    if (random.next() < 0.6) {
      const value = Math.floor(random.next() * 100);
      heap.push(value);
      model.push(value);
      model.sort((a, b) => a - b);
    } else assert.equal(heap.pop(), model.shift());
    assert.equal(heap.size, model.length);
    assert.equal(heap.peek(), model[0]);
  }
});
