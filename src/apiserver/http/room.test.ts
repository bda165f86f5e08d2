import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { listen } from './taps.ts';
import { Room } from './room.ts';
import type { Exchange, Response } from './types.ts';

const MB = 1024 * 1024;
const answer = (sent: boolean): Response => ({ writableFinished: sent }) as Response;
const answer2 = (sent: boolean): Response => ({ writableFinished: true, stream: { writableFinished: sent } }) as unknown as Response;

describe('room for long bodies', () => {
  it('is used again when its body was sent', () => {
    for (const make of [answer, answer2]) {
      const room = new Room();
      const first = room.take(3 * MB);
      room.giveBack(first.subarray(0, 2 * MB), make(true));
      const second = room.take(2 * MB);
      assert.equal(second.buffer, first.buffer);
      assert.notEqual(room.take(2 * MB).buffer, first.buffer, 'one at a time');
    }
  });
  it('is not used again when the client went, or when someone listened', () => {
    const tapped = answer(true);
    listen({ request: {}, response: tapped } as Exchange, { request: () => {}, head: () => {}, body: () => {} });
    for (const response of [answer(false), answer2(false), tapped]) {
      const room = new Room();
      const first = room.take(3 * MB);
      room.giveBack(first, response);
      assert.notEqual(room.take(3 * MB).buffer, first.buffer);
    }
  });
  it('keeps the largest, but none that is small or huge', () => {
    const room = new Room();
    const [small, middle, large, huge] = [1000, 2 * MB, 5 * MB, 40 * MB].map((size) => room.take(size)) as [Buffer, Buffer, Buffer, Buffer];
    for (const body of [large, middle, small, huge]) room.giveBack(body, answer(true));
    assert.equal(room.take(MB).buffer, large.buffer);
    assert.ok(room.take(1000).length < 10_000);
  });
  it('has enough room', () => {
    const room = new Room();
    room.giveBack(room.take(MB), answer(true));
    assert.ok(room.take(4 * MB).length >= 4 * MB);
  });
});
