import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { describe } from 'node:test';
import { UserError } from './errors.ts';
import { loadEncryption, parseEncryption } from './encryption.ts';

const secret = Buffer.alloc(32, 7).toString('base64');
const yaml = (resources: string, providers: string): string => `
apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
- resources: ${resources}
  providers: ${providers}
`;

describe('EncryptionConfiguration', () => {
  test('names prefixes and transformers in order', async () => {
    const providers = `[{aescbc: {keys: [{name: new, secret: ${secret}}, {name: old, secret: ${secret}}]}}, {aesgcm: {keys: [{name: k, secret: ${secret}}]}}, {secretbox: {keys: [{name: box, secret: ${secret}}]}}, {identity: {}}]`;
    const rules = await parseEncryption(yaml('[secrets, deployments.apps, "*.apps", "*.", "*.*"]', providers), 'f');
    assert.deepEqual(
      rules.map((rule) => rule.prefix),
      ['/registry/core/secrets/', '/registry/apps/deployments/', '/registry/apps/', '/registry/core/', '/registry/'],
    );
    assert.deepEqual(
      rules[0]?.transformers.map((transformer) => String(transformer.prefix)),
      ['k8s:enc:aescbc:v1:new:', 'k8s:enc:aescbc:v1:old:', 'k8s:enc:aesgcm:v1:k:', 'k8s:enc:secretbox:v1:box:', ''],
    );
  });

  const good = `[{aesgcm: {keys: [{name: k, secret: ${secret}}]}}]`;
  const refused: Record<string, [string, RegExp]> = {
    'another kind': ['kind: Pod', /f: kind: must be EncryptionConfiguration/],
    'no YAML at all': ['a: [', /f: document: /],
    'no resources': ['kind: EncryptionConfiguration', /f: resources: at least one entry/],
    'no provider': [yaml('[secrets]', '[]'), /f: resources\[0\]\.providers: at least one/],
    'an unknown provider': [yaml('[secrets]', '[{kms: {}}]'), /resources\[0\]\.providers\[0\]\.kms: this provider is not implemented/],
    'two providers in one': [yaml('[secrets]', '[{identity: {}, aesgcm: {}}]'), /providers\[0\]: exactly one provider/],
    'no keys': [yaml('[secrets]', '[{aesgcm: {}}]'), /aesgcm\.keys: at least one key/],
    'a short key': [yaml('[secrets]', '[{aesgcm: {keys: [{name: k, secret: YWJj}]}}]'), /keys\[0\]\.secret: a key of 16, 24, 32 bytes is needed, not of 3/],
    'a key of another size': [
      yaml('[secrets]', '[{secretbox: {keys: [{name: k, secret: YWJj}]}}]'),
      /secretbox\.keys\[0\]\.secret: a key of 32 bytes is needed, not of 3/,
    ],
    'no base64': [yaml('[secrets]', '[{aesgcm: {keys: [{name: k, secret: "%"}]}}]'), /keys\[0\]\.secret: the key in base64/],
    'a bad key name': [yaml('[secrets]', `[{aesgcm: {keys: [{name: "a:b", secret: ${secret}}]}}]`), /keys\[0\]\.name: /],
    'a star alone': [yaml('["*"]', good), /resources: use \*\.\* for everything/],
    'one plural of all groups': [yaml('["a.*"]', good), /a\.\* is not allowed/],
    nonsense: [yaml('[{}]', good), /is not a resource/],
  };
  for (const [title, [text, words]] of Object.entries(refused)) {
    test(`refuses ${title}`, async () => {
      await assert.rejects(parseEncryption(text, 'f'), (error: unknown) => {
        assert.ok(error instanceof UserError, String(error));
        assert.match(error.message, words);
        return true;
      });
    });
  }

  test('a key of our own is made once, for nobody else to read', async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'batuta-encryption-test-'));
    t.after(() => rmSync(directory, { recursive: true, force: true }));
    const paths = { encryption: join(directory, 'encryption.json') };
    const rules = await loadEncryption({ store: 'sqlite' }, paths);
    assert.deepEqual(
      rules.map((rule) => [rule.prefix, String(rule.transformers[0].prefix), rule.transformers.length]),
      [['/registry/core/secrets/', 'k8s:enc:aesgcm:v1:key1:', 2]],
    );
    assert.equal(statSync(paths.encryption).mode & 0o777, 0o600);
    const written = readFileSync(paths.encryption, 'utf8');
    await loadEncryption({ store: 'sqlite' }, paths);
    assert.equal(readFileSync(paths.encryption, 'utf8'), written);
    assert.deepEqual(await loadEncryption({ store: 'memory' }, paths), []);
    const own = join(directory, 'own.yaml');
    writeFileSync(own, yaml('[configmaps]', good));
    assert.equal((await loadEncryption({ store: 'memory', encryptionConfig: own }, paths))[0]?.prefix, '/registry/core/configmaps/');
    await assert.rejects(loadEncryption({ store: 'sqlite', encryptionConfig: join(directory, 'none') }, paths), UserError);
  });
});
