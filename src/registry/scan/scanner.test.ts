import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { gzipSync } from 'node:zlib';
import { FakeClock, silentLogger } from '#base';
import { emptyType, imageType, indexType, sha, testRegistry, type TestRegistry } from '../testing.ts';
import type { RegistryEvent } from '../types.ts';
import { updateAdvisories } from './advisories/update.ts';
import { scanFiles } from './files.ts';
import { openScanner, type RegistryScanner, type ScannerOptions } from './scanner.ts';
import { ScanService } from './service.ts';
import { alpine, debian, dpkg, tarOf } from './testing.ts';
import { ScanError, type ImageName, type ScanEvent } from './types.ts';

const layerType = 'application/vnd.oci.image.layer.v1.tar+gzip';
async function push(
  registry: TestRegistry,
  repository: string,
  tag: string,
  layers: Buffer[],
  config: object = { architecture: 'amd64', os: 'linux' },
): Promise<ImageName> {
  const text = JSON.stringify(config);
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: imageType,
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: await registry.blob(repository, text), size: text.length },
    layers: await Promise.all(layers.map(async (layer) => ({ mediaType: layerType, digest: await registry.blob(repository, layer), size: layer.length }))),
  });
  const pushed = await registry.call('PUT', `/v2/${repository}/manifests/${tag}`, { body: manifest, headers: { 'content-type': imageType } });
  assert.equal(pushed.status, 201, pushed.body.toString());
  return { registry: '', repository, digest: sha(manifest) };
}
const oldOpenssl = async (): Promise<Buffer> =>
  gzipSync(await tarOf({ 'etc/os-release': debian('11'), 'var/lib/dpkg/status': dpkg('libssl1.1', '1.1.1k-1', 'Source: openssl\n') }));
/** After everything that is built in. */
const later = Date.parse('2026-11-01T00:00:00Z');
const lodash = async (): Promise<Buffer> => gzipSync(await tarOf({ 'app/node_modules/lodash/package.json': '{"name":"lodash","version":"4.17.20"}' }));

async function withRegistry(
  run: (registry: TestRegistry, service: (onEvent?: (event: ScanEvent) => void) => ScanService) => Promise<void>,
  onEvent?: (event: RegistryEvent) => void,
): Promise<void> {
  const registry = await testRegistry(onEvent ? { onEvent } : {});
  const open: ScanService[] = [];
  try {
    await run(registry, (tell) => {
      const service = new ScanService({ dir: registry.dir, clock: registry.clock, version: '1', ...(tell ? { onEvent: tell } : {}) });
      open.push(service);
      return service;
    });
  } finally {
    for (const service of open) await service.close().catch(() => {});
    await registry.stop();
  }
}

test('an image with an old OpenSSL: status, counts, findings, SBOM, event', () =>
  withRegistry(async (registry, service) => {
    const events: ScanEvent[] = [];
    const scans = service((event) => events.push(event));
    const image = await push(registry, 'team/app', '1', [await oldOpenssl(), await lodash()]);
    assert.equal(scans.record(image), undefined);
    assert.equal(scans.findings(image), undefined);
    assert.equal(scans.sbom(image), undefined);
    const { record, done } = await scans.request(image, 'enhanced');
    assert.equal(record.status, 'PENDING');
    assert.equal((await scans.request(image, 'enhanced')).done, done, 'the same scan twice is one');
    const ended = await done;
    assert.deepEqual([ended.status, ended.counts, ended.mode], ['COMPLETE', { CRITICAL: 1, HIGH: 2 }, 'enhanced']);
    const page = scans.findings(image, { limit: 2 });
    assert.deepEqual(page?.findings.map((f) => `${f.name} ${f.package.name} ${f.fixedIn}`), ['CVE-2021-3711 libssl1.1 1.1.1k-1+deb11u1', 'CVE-2022-0778 libssl1.1 1.1.1k-1+deb11u2']); // prettier-ignore
    const last = scans.findings(image, { limit: 2, after: page?.next ?? '' });
    assert.deepEqual([last?.findings.map((f) => f.package.name), last?.next], [['lodash'], undefined]);
    assert.deepEqual(events.map(({ type, tags, record }) => [type, tags, record.digest]), [['scan-completed', ['1'], image.digest]]); // prettier-ignore
    const sbom = scans.sbom(image) as { specVersion: string; components: { name: string; purl?: string }[]; metadata: { component: { version: string } } };
    assert.deepEqual(sbom.components.map((c) => c.purl ?? c.name), ['debian', 'pkg:deb/debian/libssl1.1@1.1.1k-1?arch=amd64&distro=debian-11', 'pkg:npm/lodash@4.17.20']); // prettier-ignore
    assert.equal(sbom.metadata.component.version, image.digest);
    // basic looks at the distribution alone, and reads no layer twice.
    for (const blob of readdirSync(join(registry.dir, 'blobs/sha256'))) rmSync(join(registry.dir, 'blobs/sha256', blob), { recursive: true });
    assert.deepEqual((await scans.scan(image, 'basic')).counts, { CRITICAL: 1, HIGH: 1 });
    scans.forget(image);
    assert.equal(scans.record(image), undefined);
    assert.equal(scans.sbom(image), undefined);
  }));

test('what cannot be scanned says why', () =>
  withRegistry(async (registry, service) => {
    const scans = service();
    const status = async (layers: Buffer[], mode: 'basic' | 'enhanced' = 'enhanced'): Promise<string> => {
      const record = await scans.scan(await push(registry, 'odd', `t${n++}`, layers), mode);
      return `${record.status}: ${record.description}`;
    };
    let n = 1;
    assert.match(await status([gzipSync(await tarOf({ 'bin/x': 'x' }))]), /^UNSUPPORTED_IMAGE: The image has no operating system that is known/);
    assert.match(await status([gzipSync(await tarOf({ 'etc/os-release': 'ID=amzn\nPRETTY_NAME="Amazon Linux 2"\n', 'var/lib/rpm/Packages': 'x' }))]), /^UNSUPPORTED_IMAGE: The operating system Amazon Linux 2 is not supported \(.*Berkeley DB/); // prettier-ignore
    assert.match(await status([gzipSync(await tarOf({ 'etc/os-release': alpine('3.18.0') }))]), /no packages that can be read/);
    assert.match(await status([await lodash()], 'basic'), /^UNSUPPORTED_IMAGE/);
    assert.match(await status([Buffer.from('no archive'.repeat(100))]), /^FAILED: a layer cannot be read: .*tar/);
    assert.match(await status([(await oldOpenssl()).subarray(0, 50)]), /^FAILED: a layer cannot be read/);
    const image = await push(registry, 'odd', 'gone', [await oldOpenssl()]);
    const refused = (why: RegExp, reason: ScanError['reason']) => (error: unknown) =>
      error instanceof ScanError && error.reason === reason && why.test(error.message);
    await assert.rejects(scans.scan({ ...image, repository: 'none' }, 'basic'), refused(/none is not in the registry/, 'unknown-image'));
    await assert.rejects(scans.scan({ ...image, digest: sha('x') }, 'basic'), refused(/is not in the registry/, 'unknown-image'));
    const index = JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests: [{ mediaType: imageType, digest: image.digest, size: registry.server.registry.manifest({ registry: '', name: 'odd' }, image.digest).size, platform: { os: 'linux', architecture: 'amd64' } }] }); // prettier-ignore
    assert.equal((await registry.call('PUT', '/v2/odd/manifests/index', { body: index, headers: { 'content-type': indexType } })).status, 201);
    await assert.rejects(scans.scan({ ...image, digest: sha(index) }, 'basic'), refused(/an index is no image/, 'unsupported-image'));
    assert.equal(scans.resolve('', 'odd', 'index'), image.digest);
    assert.throws(() => scans.resolve('', 'odd', 'none'), /odd:none is not in the registry/);
    const artifact = await registry.image('odd', 'artifact', {
      extra: { artifactType: 'x/y', layers: [{ mediaType: emptyType, digest: sha('{}'), size: 2 }] },
    });
    await assert.rejects(scans.scan({ ...image, digest: artifact }, 'basic'), refused(/no file systems/, 'unsupported-image'));
  }));

test('new advisories are compared with what was scanned before; only changes are told', () =>
  withRegistry(async (registry, service) => {
    const events: string[] = [];
    const scans = service(({ type, record }) => events.push(`${type} ${JSON.stringify(record.counts)}`));
    const image = await push(registry, 'app', '1', [await lodash()]);
    await scans.scan(image, 'enhanced');
    const { advisories } = scanFiles(registry.dir);
    const update = async (id: string, name: string): Promise<void> => {
      const file = join(registry.dir, 'new.json');
      writeFileSync(file, JSON.stringify({ id, modified: '2026-01-01T00:00:00Z', affected: [{ package: { ecosystem: 'npm', name }, ranges: [{ type: 'SEMVER', events: [{ introduced: '0' }] }] }], database_specific: { severity: 'LOW' } })); // prettier-ignore
      await updateAdvisories({ file: advisories, from: [file], now: later });
      await scans.refresh();
    };
    await update('GHSA-other', 'something-else');
    assert.deepEqual(events, ['scan-completed {"HIGH":1}']);
    assert.equal(scans.record(image)?.advisoriesUpdated, later);
    await update('GHSA-more', 'lodash');
    assert.deepEqual(events, ['scan-completed {"HIGH":1}', 'findings-changed {"HIGH":1,"LOW":1}']);
    await scans.refresh();
    assert.equal(events.length, 2);
  }));

test('a scan that a crash ended starts anew; one whose image is gone is forgotten', () =>
  withRegistry(async (registry, service) => {
    const [kept, gone] = [await push(registry, 'app', '1', [await lodash()]), await push(registry, 'app', '2', [await oldOpenssl()])];
    const first = service();
    void (await first.request(kept, 'enhanced')).done.catch(() => {});
    void (await first.request(gone, 'enhanced')).done.catch(() => {});
    await first.close();
    // As a crash would leave it.
    const { ScanResults } = await import('./results.ts');
    const results = new ScanResults(scanFiles(registry.dir).results);
    for (const image of [kept, gone]) results.putScan({ ...(results.scan(image) as NonNullable<ReturnType<typeof results.scan>>), status: 'IN_PROGRESS' });
    results.close();
    registry.server.registry.deleteManifest({ registry: '', name: 'app' }, gone.digest);
    const second = service();
    assert.equal(second.record(kept)?.status, 'IN_PROGRESS');
    await second.refresh();
    assert.equal(second.record(kept)?.status, 'COMPLETE');
    assert.equal(second.record(gone), undefined);
    // Ended again while it ran: not a third time.
    const again = new ScanResults(scanFiles(registry.dir).results);
    const stored = again.scan(kept) as NonNullable<ReturnType<typeof again.scan>>;
    again.putScan({ ...stored, status: 'IN_PROGRESS', description: 'The layers are being read again: the first time was interrupted.' });
    again.close();
    await second.refresh();
    assert.equal(second.record(kept)?.status, 'FAILED');
  }));

async function withScanner(
  more: Partial<ScannerOptions>,
  run: (registry: TestRegistry, scanner: RegistryScanner, clock: FakeClock) => Promise<void>,
): Promise<void> {
  let scanner: RegistryScanner | undefined;
  const clock = new FakeClock(0);
  await withRegistry(
    async (registry) => {
      scanner = openScanner({ dir: registry.dir, clock, log: silentLogger, version: '1', ...more });
      try {
        await run(registry, scanner, clock);
      } finally {
        await scanner.stop();
      }
    },
    (event) => scanner?.observe(event),
  );
}

test('the thread: asked, told, ended when idle, started again', () => {
  const events: ScanEvent[] = [];
  return withScanner({ onEvent: (event) => events.push(event), idleMs: 1000 }, async (registry, scanner, clock) => {
    const image = await push(registry, 'app', '1', [await oldOpenssl()]);
    assert.equal(await scanner.record(image), undefined, 'no thread for that');
    assert.deepEqual(readdirSync(registry.dir).includes('scan'), false);
    await assert.rejects(scanner.scan({ ...image, repository: 'none' }, 'basic'), (error) => error instanceof ScanError && error.reason === 'unknown-image');
    assert.equal((await scanner.request(image, 'basic')).status, 'PENDING');
    assert.equal((await scanner.scan(image, 'basic')).status, 'COMPLETE');
    await clock.advance(1000);
    assert.equal((await scanner.record(image))?.status, 'COMPLETE', 'another thread answers');
    assert.equal((await scanner.findings(image))?.findings.length, 2);
    assert.ok(await scanner.sbom(image));
    await scanner.forget(image);
    assert.equal(await scanner.findings(image), undefined);
    assert.deepEqual(
      events.map((event) => event.record.status),
      ['COMPLETE'],
    );
    await scanner.stop();
    await assert.rejects(scanner.record(image), /stopping/);
  });
});

test('scan on push, and forgetting on delete', async () => {
  const ended = Promise.withResolvers<ScanEvent>();
  await withScanner({ onEvent: ended.resolve, onPush: ({ repository }) => (repository === 'watched' ? 'enhanced' : undefined) }, async (registry, scanner) => {
    const other = await push(registry, 'other', '1', [await lodash()]);
    const image = await push(registry, 'watched', '1', [await lodash()]);
    const event = await ended.promise;
    assert.deepEqual([event.type, event.record.repository, event.record.counts, event.tags], ['scan-completed', 'watched', { HIGH: 1 }, ['1']]);
    assert.equal(await scanner.record(other), undefined);
    registry.server.registry.deleteManifest({ registry: '', name: 'watched' }, image.digest);
    assert.equal(await scanner.record(image), undefined);
  });
});

test('an image that ended the thread twice is not tried a third time', async () => {
  const failed = Promise.withResolvers<ScanEvent>();
  await withScanner({ lookMs: 500, onEvent: (event) => event.type === 'scan-failed' && failed.resolve(event) }, async (registry, scanner, clock) => {
    const image = await push(registry, 'app', '1', [await lodash()]);
    await scanner.scan(image, 'basic');
    // As the second crash leaves it.
    const { ScanResults } = await import('./results.ts');
    const results = new ScanResults(scanFiles(registry.dir).results);
    const stored = results.scan(image) as NonNullable<ReturnType<typeof results.scan>>;
    results.putScan({ ...stored, status: 'IN_PROGRESS', description: 'The layers are being read again: the first time was interrupted.' });
    results.close();
    scanner.start();
    await clock.advance(500);
    assert.equal((await failed.promise).record.description, 'The scan was ended twice while it ran.');
    assert.equal((await scanner.record(image))?.status, 'FAILED');
  });
});

test('after new advisories the scanner compares by itself, also after a restart', async () => {
  const changed = Promise.withResolvers<ScanEvent>();
  await withScanner({ lookMs: 500, onEvent: (event) => event.type === 'findings-changed' && changed.resolve(event) }, async (registry, scanner, clock) => {
    const image = await push(registry, 'app', '1', [await lodash()]);
    await scanner.scan(image, 'enhanced');
    scanner.start();
    const file = join(mkdtempSync(join(tmpdir(), 'batuta-advisory-')), 'a.json');
    writeFileSync(file, JSON.stringify({ id: 'GHSA-35jh-r3h4-6jhm', modified: '2026-01-01T00:00:00Z', withdrawn: '2026-01-01T00:00:00Z', affected: [] }));
    await updateAdvisories({ file: scanFiles(registry.dir).advisories, from: [file], now: later });
    rmSync(join(file, '..'), { recursive: true });
    await clock.advance(500);
    assert.deepEqual((await changed.promise).record.counts, {});
  });
});
