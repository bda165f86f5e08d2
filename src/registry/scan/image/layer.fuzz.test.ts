import assert from 'node:assert/strict';
import test from 'node:test';
import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { alpine, apk, dpkg, imageOf, tarOf, zipOf } from '../testing.ts';
import { ScanError } from '../types.ts';
import { takeInventory } from './inventory.ts';
import { defaultLimits } from './limits.ts';

const tar = await tarOf({
  'etc/os-release': alpine('3.18.0'),
  'lib/apk/db/installed': apk('musl', '1.2.4-r0', 'o:musl\nF:usr/lib\nR:x.jar\n'),
  'var/lib/dpkg/status': dpkg('bash', '5.2-1', 'Source: bash (5.2-1)\n'),
  'app/node_modules/a/package.json': '{"name":"a","version":"1.0.0"}',
  [`${'long/'.repeat(40)}node_modules/b/package.json`]: '{"name":"b","version":"1.0.0"}',
  'app/.wh.node_modules': '',
  'b.jar': zipOf({
    'META-INF/MANIFEST.MF': 'Implementation-Version: 1\n',
    'c.jar': zipOf({ 'META-INF/maven/g/a/pom.properties': 'groupId=g\nartifactId=a\nversion=1\n' }),
  }),
  link: { type: 'link', linkname: 'b.jar' },
});
const limits = { ...defaultLimits, entries: 1000, bytes: 50_000_000, ratioFrom: 1_000_000 };

test('damaged layers end in an inventory or in a ScanError, whatever was damaged', async () => {
  const edits = fc.array(fc.tuple(fc.nat(), fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0, 0x2f, 0x30, 0x37, 0x2e, 0xff))), {
    minLength: 1,
    maxLength: 8,
  });
  await fc.assert(
    fc.asyncProperty(edits, fc.boolean(), fc.option(fc.nat(), { nil: undefined }), async (changes, packed, cut) => {
      const bytes = Buffer.from(packed ? gzipSync(tar) : tar);
      for (const [at, value] of changes) bytes[at % bytes.length] = value;
      const image = imageOf(cut === undefined ? bytes : bytes.subarray(0, cut % bytes.length));
      try {
        const { packages } = await takeInventory(image, limits);
        for (const one of packages) assert.ok(one.name !== '' && one.version !== '' && !one.path.split('/').includes('..'));
      } catch (error) {
        assert.ok(error instanceof ScanError, String((error as Error).stack));
      }
    }),
    { numRuns: 150 },
  );
});
