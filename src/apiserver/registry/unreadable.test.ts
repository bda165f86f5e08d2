import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isApiError } from '#machinery';
import { aesGcm, createMemoryStore, encryptedStore, type EmbeddedStore, type EncryptedStore } from '#store';
import { admin, fixture, Note, testSchemas, Widget, widget } from '../test-support.ts';
import { silentLogger, FakeClock, seededRandom } from '#base';
import { Registry } from './registry.ts';
import { statusOf } from '../http/respond.ts';

const withKey = (inner: EmbeddedStore, byte: number): EncryptedStore =>
  encryptedStore(inner, [{ prefix: Widget.prefix, transformers: [aesGcm({ name: `key${byte}`, secret: Buffer.alloc(32, byte) })] }]);

test('objects that cannot be decrypted say so; everything else works', async () => {
  const inner = createMemoryStore();
  const { api, server } = await fixture({ store: withKey(inner, 1) });
  await api.create(Widget, widget('lost'));
  await api.create(Note, { metadata: { name: 'kept' } });
  await server.close();
  const registry = new Registry({
    clock: new FakeClock(),
    random: seededRandom(1),
    log: silentLogger,
    store: withKey(inner, 2),
    kinds: [Widget, Note],
    schemas: testSchemas,
    admission: [],
    deletion: [],
    subresources: [],
  });
  await registry.start();
  const context = { user: admin, dryRun: false, fieldManager: '', track: false, warnings: [] };
  const asked = (read: () => unknown): string => {
    try {
      read();
    } catch (error) {
      return statusOf(error).status.message ?? '';
    }
    return 'read';
  };
  const text =
    'Internal error occurred: the value of /registry/test.batuta.dev/widgets/default/lost cannot be decrypted: no configured key wrote it (no matching prefix found)';
  assert.equal(
    asked(() => registry.reads.get(Widget, { namespace: 'default', name: 'lost' })),
    text,
  );
  assert.equal(
    asked(() => registry.reads.requireReadable(Widget, 'default')),
    text,
  );
  assert.equal(
    asked(() => registry.reads.requireReadable(Widget, 'other')),
    'read',
  );
  assert.equal((await registry.reads.get(Note, { name: 'kept' })).object.metadata?.name, 'kept');
  await registry.resource(Widget).writes.create(widget('fresh'), 'default', context);
  await assert.rejects(registry.resource(Widget).writes.create(widget('lost'), 'default', context), (error) => isApiError(error, 'AlreadyExists'));
  assert.equal((await registry.reads.list(Widget, {})).entries.length, 1);
  registry.close();
});
