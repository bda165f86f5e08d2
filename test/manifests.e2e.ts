/**
 * Manifests of well-known projects, written from their published shapes (test/manifests): they apply with strict
 * validation, and nothing is different afterwards. Files named …-objects.yaml are instances of the definitions beside them.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { useCluster } from './harness.ts';

const folder = join(import.meta.dirname, 'manifests');
const files = readdirSync(folder).filter((file) => file.endsWith('.yaml'));
const projects = files.filter((file) => !file.endsWith('-objects.yaml'));

interface Item {
  metadata: { name: string; generation?: number; resourceVersion: string };
}

describe('manifests of well-known projects', () => {
  const at = useCluster('--runtime', 'sim', '--sim-nodes', '2', '--nodes', '0');
  /** Generations count changes of what a user says; objects without one say nothing but that. */
  const specs = async (file: string): Promise<string> => {
    const found = await at.cluster.json<Item & { items?: Item[] }>('get', '-f', join(folder, file));
    return (found.items ?? [found]).map(({ metadata: { name, generation, resourceVersion } }) => `${name} ${generation ?? resourceVersion}`).join('\n');
  };
  const clean = async (file: string, ...args: string[]): Promise<void> => {
    const { cluster } = at;
    const applied = await cluster.tryKubectl(['apply', '--validate=strict', ...args, '-f', join(folder, file)]);
    assert.equal(applied.code, 0, applied.err + applied.out);
    assert.doesNotMatch(applied.err, /Warning: unknown field/);
    const { code, out, err } = await cluster.tryKubectl(['diff', ...args, '-f', join(folder, file)]);
    assert.equal(code, 0, `kubectl diff found: ${out}${err}`);
    const before = await specs(file);
    await cluster.kubectl('apply', '--validate=strict', ...args, '-f', join(folder, file));
    assert.equal(await specs(file), before, 'a second apply changes nothing');
  };

  for (const file of projects) {
    it(`${file} applies, and nothing differs`, async () => {
      await clean(file);
      const objects = file.replace('.yaml', '-objects.yaml');
      if (!files.includes(objects)) return;
      await at.cluster.kubectl('wait', '--for=condition=Established', 'crd', '--all', '--timeout=120s');
      await clean(objects);
    });
    it(`${file} applies on the server's side too`, async () => {
      await clean(file, '--server-side', '--force-conflicts');
    });
  }

  it('one definition serves all versions of Istio', async () => {
    const { cluster } = at;
    for (const version of ['v1', 'v1alpha3', 'v1beta1']) {
      const rule = await cluster.json<{ apiVersion: string; spec: { host: string } }>('get', `destinationrules.${version}.networking.istio.io`, 'reviews');
      assert.deepEqual([rule.apiVersion, rule.spec.host], [`networking.istio.io/${version}`, 'reviews.prod.svc.cluster.local']);
    }
    const bad = readFileSync(join(folder, 'istio-crds-objects.yaml'), 'utf8').replace('idleTimeout: 30s', 'idleTimeout: 0s');
    const { code, err } = await cluster.tryKubectl(['apply', '-f', '-'], { input: bad });
    assert.deepEqual([code, /must be a valid duration greater than 1ms/.test(err)], [1, true], err);
  });
});
