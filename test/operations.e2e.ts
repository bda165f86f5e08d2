/** What operators rely on: encryption at rest, audit, metrics, fairness. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createCluster, destroy, type Cluster } from './harness.ts';

/** Everything that the database keeps on disk. */
function databaseText(cluster: Cluster): string {
  const files = readdirSync(cluster.dir).filter((name) => name.startsWith('state.db'));
  return files.map((name) => readFileSync(join(cluster.dir, name), 'latin1')).join('\n');
}

describe('encryption at rest', () => {
  const hidden = 'a-word-nobody-may-find';
  const inBase64 = Buffer.from(hidden).toString('base64');

  test('Secrets are nowhere in the database, before and after a restart, and keys rotate', async (t) => {
    const cluster = await createCluster();
    t.after(() => destroy(cluster));
    await cluster.up('--runtime', 'sim', '--nodes', '0');
    await cluster.kubectl('create', 'secret', 'generic', 'one', `--from-literal=a=${hidden}`);
    await cluster.kubectl('create', 'configmap', 'open', '--from-literal=a=a-word-in-the-open');
    const text = databaseText(cluster);
    assert.ok(text.includes('a-word-in-the-open'), 'the test looks in the right place');
    assert.ok(!text.includes(hidden) && !text.includes(inBase64));
    assert.match(text, /k8s:enc:aesgcm:v1:key1:/);
    const own = join(cluster.dir, 'encryption.json');
    assert.equal(statSync(own).mode & 0o777, 0o600);
    assert.equal((await cluster.batuta('down')).code, 0);
    assert.ok(!databaseText(cluster).includes(inBase64));

    const configuration = JSON.parse(readFileSync(own, 'utf8')) as { resources: { providers: { aesgcm?: { keys: { name: string; secret: string }[] } }[] }[] };
    configuration.resources[0]?.providers[0]?.aesgcm?.keys.unshift({ name: 'key2', secret: Buffer.alloc(32, 2).toString('base64') });
    const rotated = join(cluster.dir, 'rotated.yaml');
    writeFileSync(rotated, JSON.stringify(configuration));
    await cluster.up('--runtime', 'sim', '--nodes', '0', '--encryption-provider-config', rotated);
    const value = await cluster.kubectl('get', 'secret', 'one', '-o', 'jsonpath={.data.a}');
    assert.equal(value, inBase64);
    assert.equal((await cluster.batuta('down')).code, 0);
    assert.match(databaseText(cluster), /k8s:enc:aesgcm:v1:key2:/);

    // Only the new key is needed from now on; without it, Secrets say so and nothing else suffers.
    configuration.resources[0]?.providers[0]?.aesgcm?.keys.splice(1, 1);
    writeFileSync(rotated, JSON.stringify(configuration));
    await cluster.up('--runtime', 'sim', '--nodes', '0', '--encryption-provider-config', rotated);
    assert.equal(await cluster.kubectl('get', 'secret', 'one', '-o', 'jsonpath={.data.a}'), inBase64);
    assert.equal((await cluster.batuta('down')).code, 0);
    await cluster.up('--runtime', 'sim', '--nodes', '0');
    const refused = await cluster.tryKubectl(['get', 'secret', 'one']);
    assert.equal(refused.code, 1);
    assert.match(refused.err, /Internal error occurred: the value of \/registry\/core\/secrets\/default\/one cannot be decrypted/);
    assert.match(await cluster.kubectl('get', 'configmap', 'open', '-o', 'name'), /configmap\/open/);
  });

  test('a bad configuration is refused with the field that is wrong', async (t) => {
    const cluster = await createCluster();
    t.after(() => destroy(cluster));
    const file = join(cluster.dir, 'bad.yaml');
    writeFileSync(file, 'kind: EncryptionConfiguration\nresources: [{resources: [secrets], providers: [{kms: {}}]}]\n');
    const result = await cluster.batuta('up', '--runtime', 'sim', '--kube-port', String(cluster.kubePort), '--encryption-provider-config', file);
    assert.equal(result.code, 1);
    assert.match(result.err, /resources\[0\]\.providers\[0\]\.kms: this provider is not implemented/);
  });
});
