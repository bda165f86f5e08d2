import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createServer } from 'node:http';
import { mkdirSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import test, { before, describe } from 'node:test';
import { gzipSync } from 'node:zlib';
import { createHash } from 'node:crypto';
import { eventually, run, useCluster } from './harness.ts';
import { CreateRepositoryCommand, DescribeImageScanFindingsCommand, ECRClient, GetAuthorizationTokenCommand, StartImageScanCommand } from '@aws-sdk/client-ecr';
import { debian, dpkg, tarOf } from '../src/registry/scan/testing.ts';

const noSkopeo = spawnSync('skopeo', ['--version']).error ? 'skopeo is not installed' : undefined;

interface Report {
  packages: number;
  findings: { name: string; severity: string; fixedIn?: string; package: { name: string } }[];
}

describe('scanning of images', { skip: noSkopeo ?? false }, () => {
  const my = useCluster('--runtime', 'sim', '--nodes', '0', '--sim-nodes', '1');
  let host = '';
  let layout = '';
  const scan = (...args: string[]) => my.cluster.batuta('scan', ...args);
  const json = async (image: string): Promise<Report> => {
    const { code, out, err } = await scan(image, '--format', 'json');
    assert.equal(code, 0, err);
    return JSON.parse(out) as Report;
  };

  before(async () => {
    host = new URL((JSON.parse((await my.cluster.batuta('status', '--json')).out) as { endpoints: { registry: string } }).endpoints.registry).host;
    layout = join(my.cluster.dir, 'layout');
    await writeLayout(layout, [
      { 'etc/os-release': debian('11'), 'var/lib/dpkg/status': dpkg('bash', '5.1-2') + dpkg('libssl1.1', '1.1.1k-1', 'Source: openssl\n') },
      {
        'app/node_modules/lodash/package.json': '{"name":"lodash","version":"4.17.20"}',
        'app/node_modules/left-pad/package.json': '{"name":"left-pad","version":"1.3.0"}',
      },
      { 'app/node_modules/.wh.left-pad': '' },
    ]);
    const pushed = await run('skopeo', ['copy', '--insecure-policy', '--dest-tls-verify=false', `oci:${layout}`, `docker://${host}/team/old:1`]);
    assert.equal(pushed.code, 0, pushed.err);
  });

  test('an image with an old OpenSSL, pushed by skopeo, is found out', async () => {
    const { code, out, err } = await scan('team/old:1');
    assert.equal(code, 0, err);
    assert.match(out, /Debian GNU\/Linux 11, 3 packages/);
    assert.match(out, /CVE-2021-3711 +CRITICAL +9\.8 +libssl1\.1 +1\.1\.1k-1 +1\.1\.1k-1\+deb11u1 +var\/lib\/dpkg\/status/);
    assert.match(out, /CVE-2021-23337 +HIGH +7\.2 +lodash +4\.17\.20 +4\.17\.21/);
    assert.match(out, /1 critical, 2 high/);
    assert.equal((await scan(`${host}/team/old:1`, '--mode', 'basic', '--fail-on', 'critical')).code, 1);
    assert.equal((await scan('team/old:1', '--mode', 'basic', '--format', 'json')).out.includes('lodash'), false);
    const sbom = JSON.parse((await scan('team/old:1', '--format', 'cyclonedx')).out) as { bomFormat: string; components: { purl?: string }[] };
    assert.equal(sbom.bomFormat, 'CycloneDX');
    assert.ok(sbom.components.some(({ purl }) => purl === 'pkg:npm/lodash@4.17.20'));
    assert.ok(!sbom.components.some(({ purl }) => purl?.includes('left-pad')), 'deleted by the last layer');
  });

  test('the same image in files, without any registry', async () => {
    const archive = join(my.cluster.dir, 'image.tar');
    const saved = await run('skopeo', ['copy', '--insecure-policy', `oci:${layout}`, `docker-archive:${archive}:old:1`]);
    assert.equal(saved.code, 0, saved.err);
    for (const image of [layout, archive])
      assert.deepEqual(
        (await json(image)).findings.map(({ name }) => name),
        (await json('team/old:1')).findings.map(({ name }) => name),
      );
  });

  test('errors say what to do', async () => {
    const fails = async (why: RegExp, ...args: string[]): Promise<void> => {
      const { code, err } = await my.cluster.batuta(...args);
      assert.notEqual(code, 0);
      assert.match(err, why);
    };
    await fails(/team\/none is not in the registry/, 'scan', 'team/none:1');
    await fails(/team\/old:2 is not in the registry/, 'scan', 'team/old:2');
    await fails(/ghcr\.io is another registry/, 'scan', 'ghcr.io/a/b:1');
    await fails(/--format xml: one of table, json, cyclonedx/, 'scan', 'team/old:1', '--format', 'xml');
    await fails(/none\.json: no such file/, 'scan-db', 'update', '--from', 'none.json');
    await fails(/CVE-1999-0001: no advisory/, 'scan-db', 'show', 'CVE-1999-0001');
  });

  test('ECR scans on push and on demand', async () => {
    const { endpoints } = JSON.parse((await my.cluster.batuta('status', '--json')).out) as { endpoints: { aws: string } };
    const client = new ECRClient({ endpoint: endpoints.aws, region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } });
    const repositoryName = 'watched';
    const { repository } = await client.send(new CreateRepositoryCommand({ repositoryName, imageScanningConfiguration: { scanOnPush: true } }));
    const { authorizationData } = await client.send(new GetAuthorizationTokenCommand({}));
    const credentials = Buffer.from(authorizationData?.[0]?.authorizationToken ?? '', 'base64').toString();
    const push = [
      'copy',
      '--insecure-policy',
      '--dest-tls-verify=false',
      '--dest-creds',
      credentials,
      `oci:${layout}`,
      `docker://${repository?.repositoryUri}:1`,
    ];
    const pushed = await run('skopeo', push);
    assert.equal(pushed.code, 0, pushed.err);
    const describe = () => client.send(new DescribeImageScanFindingsCommand({ repositoryName, imageId: { imageTag: '1' } })).catch(() => undefined);
    await eventually('the push was scanned', async () => (await describe())?.imageScanStatus?.status === 'COMPLETE');
    const { imageScanFindings } = (await describe()) ?? {};
    assert.deepEqual(imageScanFindings?.findingSeverityCounts, { CRITICAL: 1, HIGH: 1 });
    assert.deepEqual(
      imageScanFindings?.findings?.map(({ name, severity }) => `${name} ${severity}`),
      ['CVE-2021-3711 CRITICAL', 'CVE-2022-0778 HIGH'],
    );
    const started = await client.send(new StartImageScanCommand({ repositoryName, imageId: { imageTag: '1' } }));
    assert.equal(started.imageScanStatus?.status, 'PENDING');
    await eventually('the scan on demand ended', async () => (await describe())?.imageScanStatus?.status === 'COMPLETE');
    await eventually('the event is told', async () => /ECR Image Scan/.test((await my.cluster.batuta('logs', '--events')).out));
    assert.match((await scan(`${repository?.repositoryUri}:1`)).out, /CVE-2021-3711/);
  });

  test('new advisories, from a file and a server, are used at once', async () => {
    const advisory = { id: 'GHSA-test-0001', modified: '2026-11-01T00:00:00Z', aliases: ['CVE-2026-99999'], affected: [{ package: { ecosystem: 'npm', name: 'lodash' }, ranges: [{ type: 'SEMVER', events: [{ introduced: '0' }, { fixed: '5.0.0' }] }] }], database_specific: { severity: 'LOW' } }; // prettier-ignore
    const file = join(my.cluster.dir, 'advisory.json');
    writeFileSync(file, JSON.stringify(advisory));
    const updated = await my.cluster.batuta('scan-db', 'update', '--from', file);
    assert.match(updated.out, /1 advisories are new/);
    assert.ok((await json('team/old:1')).findings.some(({ name, severity }) => name === 'CVE-2026-99999' && severity === 'LOW'));
    assert.match((await my.cluster.batuta('scan-db', 'show', 'CVE-2026-99999')).out, /GHSA-test-0001/);
    const server = createServer((_request, response) =>
      response.end(JSON.stringify({ ...advisory, modified: '2026-11-02T00:00:00Z', withdrawn: '2026-11-02T00:00:00Z' })),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/one.json`;
    assert.match((await my.cluster.batuta('scan-db', 'update', '--from', url)).out, /1 changed/);
    server.close();
    assert.ok(!(await json('team/old:1')).findings.some(({ name }) => name === 'CVE-2026-99999'));
    assert.match((await my.cluster.batuta('scan-db', 'list')).out, /from advisory\.json: 0/);
  });
});

/** An OCI layout of one image. */
async function writeLayout(dir: string, layers: Record<string, string>[]): Promise<void> {
  const blobs = join(dir, 'blobs/sha256');
  mkdirSync(blobs, { recursive: true });
  const put = (mediaType: string, content: Buffer | string): object => {
    const hex = createHash('sha256').update(content).digest('hex');
    writeFileSync(join(blobs, hex), content);
    return { mediaType, digest: `sha256:${hex}`, size: Buffer.byteLength(content) };
  };
  const tars = await Promise.all(layers.map(tarOf));
  const ids = tars.map((tar) => `sha256:${createHash('sha256').update(tar).digest('hex')}`);
  const config = put(
    'application/vnd.oci.image.config.v1+json',
    JSON.stringify({ architecture: process.arch === 'x64' ? 'amd64' : process.arch, os: 'linux', rootfs: { type: 'layers', diff_ids: ids } }),
  );
  const packed = tars.map((tar) => put('application/vnd.oci.image.layer.v1.tar+gzip', gzipSync(tar)));
  const manifest = { schemaVersion: 2, mediaType: 'application/vnd.oci.image.manifest.v1+json', config, layers: packed };
  const index = { schemaVersion: 2, manifests: [put(manifest.mediaType, JSON.stringify(manifest))] };
  writeFileSync(join(dir, 'index.json'), JSON.stringify(index));
  writeFileSync(join(dir, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
}
