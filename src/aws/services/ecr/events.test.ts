import assert from 'node:assert/strict';
import test, { after, before, describe } from 'node:test';
import type { ScanEnd, ScanFinding, ScanRecord, Scans } from './scans.ts';
import { ecrWorld, imageType, type EcrWorld } from './testing.ts';

const finding: ScanFinding = {
  name: 'CVE-2019-17498',
  severity: 'MEDIUM',
  package: { type: 'deb', name: 'libssh2', version: '1.4.3', path: 'var/lib/dpkg/status', arch: 'amd64', layer: 'sha256:layer' },
  fixedIn: '1.9.0',
  title: undefined,
  description: 'An integer overflow.',
  uri: 'https://example.com/CVE-2019-17498',
  references: ['https://example.com/1'],
  cvss: [{ version: '3.1', vector: 'CVSS:3.1/AV:N', score: 6.5, source: 'NVD' }],
  aliases: [],
  published: Date.UTC(2019, 9, 16),
  updated: undefined,
};
const scanned: ScanRecord = { status: 'COMPLETE', description: '', completed: undefined, advisoriesUpdated: 1, counts: { MEDIUM: 1 } };
/** A scanner that finds the same in every image. */
const scans: Scans = {
  request: async () => scanned,
  record: async () => scanned,
  findings: async () => ({ record: scanned, findings: [finding], next: undefined }),
  forget: async () => {},
};

describe('events of ECR', () => {
  let my: EcrWorld;
  before(async () => void (my = await ecrWorld({ scans })));
  after(() => my.stop());
  const time = (): string => new Date(my.clock.now()).toISOString().replace(/\.\d+Z$/, 'Z');
  const told = () => my.told().map(({ id, ...rest }) => (assert.match(id, /^[0-9a-f-]{36}$/), rest));
  const envelope = (type: string) => ({ version: '0', 'detail-type': type, source: 'aws.ecr', account: '000000000000', time: time(), region: 'us-east-1' });

  test('ECR Image Action: pushes, deletions, storage classes', async () => {
    await my.call('CreateRepository', { repositoryName: 'app' });
    const digest = await my.push('app', 'v1', 'one');
    await my.push('app', 'v2', 'one');
    const action = (type: string, tag: string) => ({
      ...envelope('ECR Image Action'),
      resources: [],
      detail: { result: 'SUCCESS', 'repository-name': 'app', 'image-digest': digest, 'action-type': type, 'image-tag': tag },
    });
    assert.deepEqual(told(), [action('PUSH', 'v1'), action('PUSH', 'v2')]);
    for (const targetStorageClass of ['ARCHIVE', 'STANDARD'])
      await my.call('UpdateImageStorageClass', { repositoryName: 'app', imageId: { imageDigest: digest }, targetStorageClass });
    const moved = {
      'action-type': 'UPDATE_STORAGE_CLASS',
      'target-storage-class': 'ARCHIVE',
      'image-digest': digest,
      'repository-name': 'app',
      result: 'SUCCESS',
      'manifest-media-type': imageType,
      'artifact-media-type': 'application/vnd.oci.image.config.v1+json',
    };
    assert.deepEqual(
      told().map((event) => event.detail),
      [moved, { ...moved, 'target-storage-class': 'STANDARD', 'last-activated-at': new Date(my.clock.now()).toISOString() }],
    );
    await my.call('BatchDeleteImage', { repositoryName: 'app', imageIds: [{ imageTag: 'v2' }] });
    assert.deepEqual(told(), [action('DELETE', 'v2')]);
    await my.http('DELETE', `/v2/app/manifests/${digest}`);
    assert.deepEqual(told(), [action('DELETE', 'v1')]);
  });

  test('ECR Pull Through Cache Action: what came, and what could not', async () => {
    const digest = await my.push('library/tool', '1', 'from upstream', { registry: 'upstream' });
    const upstreamRegistryUrl = `upstream.localhost:${my.server.port}`;
    await my.call('CreatePullThroughCacheRule', { ecrRepositoryPrefix: 'hub', upstreamRegistryUrl });
    told();
    await my.http('GET', '/v2/hub/library/tool/manifests/1');
    const ofCache = () => told().filter((event) => event['detail-type'] === 'ECR Pull Through Cache Action');
    const detail = {
      'rule-version': '1',
      'sync-status': 'SUCCESS',
      'ecr-repository-prefix': 'hub',
      'repository-name': 'hub/library/tool',
      'upstream-registry-url': upstreamRegistryUrl,
      'image-tag': '1',
      'image-digest': digest,
    };
    const resources = ['arn:aws:ecr:us-east-1:000000000000:repository/hub/library/tool'];
    assert.deepEqual(ofCache(), [{ ...envelope('ECR Pull Through Cache Action'), resources, detail }]);
    my.outside.upstreamDown = true;
    await my.http('GET', '/v2/hub/library/tool/manifests/2');
    const { 'image-digest': _none, ...rest } = detail;
    assert.deepEqual(
      ofCache().map((event) => event.detail),
      [
        {
          ...rest,
          'sync-status': 'FAILED',
          'image-tag': '2',
          'failure-code': 'UpstreamUnavailable',
          'failure-reason': 'the upstream registry cannot be reached: connection refused',
        },
      ],
    );
  });

  test('ECR Image Scan after basic scanning; Inspector2 Scan and Finding after enhanced scanning', async () => {
    const digest = await my.push('app', 'v3', 'three');
    told();
    const completed = Date.UTC(2021, 11, 3, 18, 2, 30, 500);
    const end = (mode: 'basic' | 'enhanced', type: ScanEnd['type'] = 'scan-completed'): ScanEnd => ({
      type,
      tags: ['v3'],
      record: { ...scanned, completed, registry: '000000000000/us-east-1', repository: 'app', digest, mode },
    });
    await my.door.scanned(end('basic'));
    const arn = 'arn:aws:ecr:us-east-1:000000000000:repository/app';
    const at = '2021-12-03T18:02:30Z';
    const counts = { 'image-digest': digest, 'image-tags': ['v3'] };
    assert.deepEqual(told(), [
      {
        ...envelope('ECR Image Scan'),
        time: at,
        resources: [arn],
        detail: { 'scan-status': 'COMPLETE', 'repository-name': 'app', 'finding-severity-counts': { MEDIUM: 1 }, ...counts },
      },
    ]);
    await my.door.scanned(end('enhanced'));
    const [scan, found, ...more] = told();
    assert.deepEqual(more, []);
    assert.deepEqual(scan, {
      ...envelope('Inspector2 Scan'),
      source: 'aws.inspector2',
      time: at,
      resources: [arn],
      detail: { 'scan-status': 'INITIAL_SCAN_COMPLETE', 'repository-name': arn, 'finding-severity-counts': { MEDIUM: 1, TOTAL: 1 }, ...counts },
    });
    assert.ok(found);
    const { findingArn, ...detail } = found.detail as { findingArn: string };
    assert.match(findingArn, /^arn:aws:inspector2:us-east-1:000000000000:finding\/[0-9a-f]{32}$/);
    const [pushed] = my.ecr.images({ account: '000000000000', region: 'us-east-1' }, 'app');
    const seen = 'Dec 3, 2021, 6:02:30 PM';
    const vulnerablePackages = [
      {
        name: 'libssh2',
        version: '1.4.3',
        filePath: 'var/lib/dpkg/status',
        packageManager: 'DEB',
        arch: 'amd64',
        sourceLayerHash: 'sha256:layer',
        fixedInVersion: '1.9.0',
      },
    ];
    assert.deepEqual(
      { ...found, detail },
      {
        ...envelope('Inspector2 Finding'),
        source: 'aws.inspector2',
        time: at,
        resources: [`${arn}/${digest}`],
        detail: {
          awsAccountId: '000000000000',
          description: 'An integer overflow.',
          firstObservedAt: seen,
          fixAvailable: 'YES',
          inspectorScore: 6.5,
          inspectorScoreDetails: { adjustedCvss: { adjustments: [], score: 6.5, scoreSource: 'NVD', scoringVector: 'CVSS:3.1/AV:N', version: '3.1' } },
          lastObservedAt: seen,
          packageVulnerabilityDetails: {
            cvss: [{ baseScore: 6.5, scoringVector: 'CVSS:3.1/AV:N', source: 'NVD', version: '3.1' }],
            referenceUrls: ['https://example.com/1'],
            relatedVulnerabilities: [],
            sourceUrl: 'https://example.com/CVE-2019-17498',
            vendorCreatedAt: 'Oct 16, 2019, 12:00:00 AM',
            vulnerabilityId: 'CVE-2019-17498',
            vulnerablePackages,
          },
          remediation: { recommendation: { text: 'Update libssh2 to 1.9.0' } },
          resources: [
            {
              details: {
                awsEcrContainerImage: {
                  imageHash: digest,
                  imageTags: ['v3'],
                  pushedAt: new Intl.DateTimeFormat('en-US', { timeZone: 'UTC', dateStyle: 'medium', timeStyle: 'medium' })
                    .format(pushed?.pushed)
                    .replaceAll('\u202f', ' '),
                  registry: '000000000000',
                  repositoryName: 'app',
                },
              },
              id: `${arn}/${digest}`,
              type: 'AWS_ECR_CONTAINER_IMAGE',
            },
          ],
          severity: 'MEDIUM',
          status: 'ACTIVE',
          title: 'CVE-2019-17498 - libssh2',
          type: 'PACKAGE_VULNERABILITY',
          updatedAt: seen,
        },
      },
    );
    await my.door.scanned(end('enhanced', 'findings-changed'));
    assert.deepEqual(
      told().map((event) => [event['detail-type'], (event.detail as { findingArn: string }).findingArn]),
      [['Inspector2 Finding', findingArn]],
    );
    await my.door.scanned({ ...end('basic'), record: { ...end('basic').record, registry: '' } });
    assert.deepEqual(told(), []);
  });

  test('ECR Scan Resource Change: what the rules of enhanced scanning change', async () => {
    const rules = [{ scanFrequency: 'CONTINUOUS_SCAN', repositoryFilters: [{ filter: 'app', filterType: 'WILDCARD' }] }];
    await my.call('PutRegistryScanningConfiguration', { scanType: 'ENHANCED', rules });
    await my.call('PutRegistryScanningConfiguration', { scanType: 'ENHANCED', rules });
    const [change, ...more] = told();
    assert.deepEqual(more, []);
    assert.deepEqual(change, {
      ...envelope('ECR Scan Resource Change'),
      resources: [],
      detail: {
        'action-type': 'SCAN_FREQUENCY_CHANGE',
        repositories: [
          {
            'repository-name': 'app',
            'repository-arn': 'arn:aws:ecr:us-east-1:000000000000:repository/app',
            'scan-frequency': 'CONTINUOUS_SCAN',
            'previous-scan-frequency': 'MANUAL',
          },
        ],
        'resource-type': 'REPOSITORY',
        'scan-type': 'ENHANCED',
      },
    });
  });
});
