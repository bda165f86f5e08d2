import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { array, assert as check, asyncProperty, boolean, integer, record, uniqueArray } from 'fast-check';
import { sha, testRegistry } from './testing.ts';

const HOUR = 60 * 60 * 1000;
/** Images of one layer; some share it, so that a push meets the collection of the same bytes. */
const layers = ['shared', 'shared', 'own 2', 'own 3', 'own 4'];
const which = uniqueArray(integer({ min: 0, max: layers.length - 1 }), { maxLength: 4 });
/** What happens at the same time; then time passes. */
const rounds = array(
  record({ push: which, drop: which, mount: boolean(), loose: boolean(), collect: integer({ min: 0, max: 3 }), hours: integer({ min: 0, max: 40 }) }),
  {
    minLength: 1,
    maxLength: 8,
  },
);

test('a collection takes what is unused and nothing else, whatever is pushed and deleted meanwhile', async () => {
  let run = 0;
  await check(
    asyncProperty(rounds, async (rounds) => {
      const my = await testRegistry({ collectEveryMs: 1e12 });
      try {
        const { registry } = my.server;
        const [here, there] = [`fuzz/${run}`, `fuzz/${run++}-other`];
        /** Digests of the manifests that are there, by their image. */
        const kept = new Map<number, string>();
        /** Blobs without a manifest, by when their clients were last told of them. */
        const told = new Map<string, number>();
        for (const { push, drop, mount, loose, collect, hours } of rounds) {
          const now = my.clock.now();
          const dropped = drop.filter((n) => !push.includes(n)).flatMap((n) => (kept.has(n) ? [{ n, digest: kept.get(n) as string }] : []));
          await Promise.all([
            ...push.map(async (n) => kept.set(n, await my.image(here, `tag-${n}`, { layer: layers[n] as string, extra: { annotations: { n: String(n) } } }))),
            ...dropped.map(async ({ n, digest }) => {
              assert.equal((await my.call('DELETE', `/v2/${here}/manifests/${digest}`)).status, 202);
              kept.delete(n);
            }),
            ...(loose ? [my.blob(here, 'loose').then((digest) => told.set(digest, now))] : []),
            ...(mount && told.has(sha('loose')) ? [my.call('POST', `/v2/${there}/blobs/uploads/?mount=${sha('loose')}&from=${here}`)] : []),
            ...Array.from({ length: collect }, () => registry.collect()),
          ]);
          for (const [n, digest] of kept) {
            assert.equal((await my.call('GET', `/v2/${here}/manifests/${digest}`)).status, 200);
            // Not HEAD: that would keep it.
            assert.equal((await my.call('GET', `/v2/${here}/manifests/tag-${n}`)).headers.get('docker-content-digest'), digest);
          }
          await my.clock.advance(hours * HOUR);
          await registry.collect();
          for (const n of kept.keys()) assert.equal((await my.call('GET', `/v2/${here}/blobs/${sha(layers[n] as string)}`)).body.toString(), layers[n]);
          for (const [digest, at] of told) {
            const { status } = await my.call('HEAD', `/v2/${here}/blobs/${digest}`);
            if (my.clock.now() - at < 18 * HOUR) assert.equal(status, 200, 'a client was told that it is there');
            if (status === 200) told.set(digest, my.clock.now());
            else told.delete(digest);
          }
        }
        for (const digest of new Set(kept.values())) assert.equal((await my.call('DELETE', `/v2/${here}/manifests/${digest}`)).status, 202);
        await my.clock.advance(49 * HOUR);
        await registry.collect();
        const files = readdirSync(join(my.dir, 'blobs'), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
        assert.deepEqual(
          files.map(({ name }) => name),
          [],
          'all space is given back',
        );
      } finally {
        await my.stop();
      }
    }),
    { numRuns: 12 },
  );
});
