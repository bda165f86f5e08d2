import assert from 'node:assert/strict';
import { connect } from 'node:net';
import test from 'node:test';
import { array, assert as check, asyncProperty, constant, integer, oneof, record } from 'fast-check';
import { sha, testRegistry, type TestRegistry } from './testing.ts';

/** What a client, honest or not, does to an upload. Sizes in bytes; `by` is how far a claim is from the truth. */
const size = integer({ min: 0, max: 5000 });
const steps = array(
  oneof(
    { weight: 4, arbitrary: record({ do: constant('chunk' as const), size: integer({ min: 1, max: 5000 }) }) },
    { weight: 2, arbitrary: record({ do: constant('stream' as const), size }) },
    record({ do: constant('misplaced' as const), size: integer({ min: 1, max: 100 }), by: integer({ min: -3, max: 3 }).filter((n) => n !== 0) }),
    record({ do: constant('cut' as const), size: integer({ min: 2, max: 5000 }), sent: integer({ min: 0, max: 4999 }) }),
    record({ do: constant('status' as const) }),
    record({ do: constant('restart' as const) }),
    record({ do: constant('finish' as const), size }),
    record({ do: constant('finish wrongly' as const), size }),
    record({ do: constant('cancel' as const) }),
  ),
  { minLength: 1, maxLength: 12 },
);

/** Sends a request whose body ends early, and waits until the server has dropped it. */
async function cut(my: TestRegistry, path: string, size: number, body: Buffer): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const socket = connect(my.server.port, '127.0.0.1', () =>
      socket.end(Buffer.concat([Buffer.from(`PATCH ${path} HTTP/1.1\r\nhost: x\r\ncontent-length: ${size}\r\n\r\n`), body])),
    );
    socket.resume();
    socket.once('error', reject);
    socket.once('close', () => resolve());
  });
  for (;;) {
    const asked = await my.call('PATCH', path, { body: '' });
    if (asked.status !== 409) return;
  }
}

test('an upload holds what was acknowledged, whatever the client does', async () => {
  const my = await testRegistry();
  let filler = 0;
  const bytes = (n: number): Buffer => Buffer.from(Array.from({ length: n }, () => (filler = (filler * 31 + 7) % 251)));
  try {
    await check(
      asyncProperty(steps, async (steps) => {
        const at = (await my.call('POST', '/v2/fuzz/blobs/uploads/')).headers.get('location') as string;
        const standing = async (): Promise<number> => {
          const range = (await my.call('GET', at)).headers.get('range') as string;
          return range === '0-0' ? -1 : Number(range.slice(2)) + 1;
        };
        let truth = Buffer.alloc(0);
        for (const step of steps) {
          if (step.do === 'chunk') {
            const headers = { 'content-range': `${truth.length}-${truth.length + step.size - 1}` };
            const chunk = bytes(step.size);
            assert.equal((await my.call('PATCH', at, { body: chunk, headers })).status, 202);
            truth = Buffer.concat([truth, chunk]);
          } else if (step.do === 'stream') {
            const chunk = bytes(step.size);
            assert.equal((await my.call('PATCH', at, { body: chunk })).status, 202);
            truth = Buffer.concat([truth, chunk]);
          } else if (step.do === 'misplaced') {
            const start = truth.length + step.by;
            if (start < 0) continue;
            const answer = await my.call('PATCH', at, { body: bytes(step.size), headers: { 'content-range': `${start}-${start + step.size - 1}` } });
            assert.equal(answer.status, 416);
          } else if (step.do === 'cut') {
            const sent = bytes(Math.min(step.sent, step.size - 1));
            await cut(my, at, step.size, sent);
            const now = await standing();
            const kept = now < 0 ? Math.min(1, truth.length + sent.length) : now;
            if (now >= 0 || truth.length + sent.length > 1) assert.ok(kept >= truth.length && kept <= truth.length + sent.length, `${kept}`);
            // One byte and none look the same in a Range header: begin anew when that is the case.
            if (now < 0 && truth.length + sent.length > 0) return;
            truth = Buffer.concat([truth, sent.subarray(0, kept - truth.length)]);
          } else if (step.do === 'status') {
            const now = await standing();
            assert.ok(now < 0 ? truth.length <= 1 : now === truth.length);
          } else if (step.do === 'restart') await my.restart();
          else if (step.do === 'finish') {
            const last = bytes(step.size);
            truth = Buffer.concat([truth, last]);
            assert.equal((await my.call('PUT', `${at}?digest=${sha(truth)}`, { body: last })).status, 201);
            assert.deepEqual((await my.call('GET', `/v2/fuzz/blobs/${sha(truth)}`)).body, truth);
            assert.equal((await my.call('GET', at)).status, 404);
            return;
          } else if (step.do === 'finish wrongly') {
            const answer = await my.call('PUT', `${at}?digest=${sha('never')}`, { body: bytes(step.size) });
            assert.deepEqual([answer.status, answer.code()], [400, 'DIGEST_INVALID']);
            assert.equal((await my.call('HEAD', `/v2/fuzz/blobs/${sha('never')}`)).status, 404);
            assert.equal((await my.call('GET', at)).status, 404);
            return;
          } else {
            assert.equal((await my.call('DELETE', at)).status, 204);
            assert.equal((await my.call('PATCH', at, { body: 'x' })).status, 404);
            return;
          }
        }
      }),
      { numRuns: 60 },
    );
  } finally {
    await my.stop();
  }
});
