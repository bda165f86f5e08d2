import assert from 'node:assert/strict';
import test, { after, before, describe } from 'node:test';
import { runLifecycles } from './lifecycle/run.ts';
import { DAY, sha, ecrWorld, type EcrWorld } from './testing.ts';

describe('what ECR does by itself', () => {
  let my: EcrWorld;
  before(async () => void (my = await ecrWorld()));
  after(() => my.stop());

  test('a policy expires images, and leaves what runs; the preview shows it before', async () => {
    await my.call('CreateRepository', { repositoryName: 'old' });
    const first = await my.push('old', 'one', 'old one');
    const second = await my.push('old', 'two', 'old two');
    await my.clock.advance(15 * DAY);
    const third = await my.push('old', 'three', 'old three');
    const lifecyclePolicyText = JSON.stringify({
      rules: [
        { rulePriority: 1, selection: { tagStatus: 'any', countType: 'sinceImagePushed', countUnit: 'days', countNumber: 14 }, action: { type: 'expire' } },
      ],
    });
    await assert.rejects(
      my.call('PutLifecyclePolicy', { repositoryName: 'old', lifecyclePolicyText: '{}' }),
      my.refused(
        'InvalidParameterException',
        `Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: 'Lifecycle policy validation failure: object has missing required properties (["rules"])'`,
      ),
    );
    my.outside.using = new Map([[second, ['pod default/web']]]);
    await my.call('StartLifecyclePolicyPreview', { repositoryName: 'old', lifecyclePolicyText });
    const preview = await my.call<{ previewResults: { imageDigest: string }[]; summary: object }>('GetLifecyclePolicyPreview', { repositoryName: 'old' });
    assert.deepEqual([preview.previewResults.map((r) => r.imageDigest), preview.summary], [[first], { expiringImageTotalCount: 1 }]);
    await my.call('PutLifecyclePolicy', { repositoryName: 'old', lifecyclePolicyText });
    await runLifecycles(my.ecr);
    const left = my.ecr.images({ account: '000000000000', region: 'us-east-1' }, 'old').map((image) => image.digest);
    assert.deepEqual(left.toSorted(), [second, third].toSorted());
  });

  test('an archived image is listed and not pulled', async () => {
    await my.call('UpdateImageStorageClass', { repositoryName: 'old', imageId: { imageTag: 'three' }, targetStorageClass: 'ARCHIVE' });
    assert.equal((await my.http('GET', '/v2/old/manifests/three')).status, 403);
    const status = (imageStatus: string) => my.call<{ imageIds: object[] }>('ListImages', { repositoryName: 'old', filter: { imageStatus } });
    assert.deepEqual([(await status('ARCHIVED')).imageIds.length, (await status('ACTIVE')).imageIds.length], [1, 1]);
    await my.call('UpdateImageStorageClass', { repositoryName: 'old', imageId: { imageTag: 'three' }, targetStorageClass: 'STANDARD' });
    assert.equal((await my.http('GET', '/v2/old/manifests/three')).status, 200);
    await my.call('UpdateImageStorageClass', { repositoryName: 'old', imageId: { imageTag: 'three' }, targetStorageClass: 'ARCHIVE' });
    await my.call('BatchDeleteImage', { repositoryName: 'old', imageIds: [{ imageTag: 'three' }] });
    await my.push('old', 'three', 'old three');
    assert.equal((await my.http('GET', '/v2/old/manifests/three')).status, 200);
  });

  test('images are replicated to regions, and to accounts that allow it', async () => {
    const destinations = [
      { region: 'eu-west-1', registryId: '000000000000' },
      { region: 'us-east-1', registryId: '111111111111' },
    ];
    await my.call('PutReplicationConfiguration', {
      replicationConfiguration: { rules: [{ destinations, repositoryFilters: [{ filter: 'repl', filterType: 'PREFIX_MATCH' }] }] },
    });
    await my.call('CreateRepository', { repositoryName: 'repl/app' });
    const digest = await my.push('repl/app', 'v1', 'replicated');
    const there = (account: string, region: string) => my.ecr.images({ account, region }, 'repl/app').map((image) => [image.digest, image.tags]);
    assert.deepEqual(there('000000000000', 'eu-west-1'), [[digest, ['v1']]]);
    assert.deepEqual(there('111111111111', 'us-east-1'), []);
    const Statement = [
      {
        Sid: 'x',
        Effect: 'Allow',
        Principal: { AWS: 'arn:aws:iam::000000000000:root' },
        Action: ['ecr:ReplicateImage', 'ecr:CreateRepository'],
        Resource: '*',
      },
    ];
    await my.call('PutRegistryPolicy', { policyText: JSON.stringify({ Version: '2012-10-17', Statement }) }, 'other');
    await my.push('repl/app', 'v2', 'replicated');
    assert.deepEqual(there('111111111111', 'us-east-1'), [[digest, ['v2']]]);
    const { replicationStatuses } = await my.call<{ replicationStatuses: { status: string }[] }>('DescribeImageReplicationStatus', {
      repositoryName: 'repl/app',
      imageId: { imageTag: 'v1' },
    });
    assert.deepEqual(
      replicationStatuses.map((s) => s.status),
      ['COMPLETE', 'COMPLETE'],
    );
  });

  test('a pull-through cache fetches once, and serves while its upstream is away', async () => {
    const digest = await my.push('library/tool', '1', 'from upstream', { registry: 'upstream' });
    await my.call('CreatePullThroughCacheRule', { ecrRepositoryPrefix: 'hub', upstreamRegistryUrl: `upstream.localhost:${my.server.port}` });
    const pulled = await my.http('GET', '/v2/hub/library/tool/manifests/1');
    assert.deepEqual([pulled.status, pulled.headers.get('docker-content-digest')], [200, digest]);
    my.outside.upstreamDown = true;
    assert.equal((await my.http('GET', '/v2/hub/library/tool/manifests/1')).status, 200);
    assert.equal((await my.http('GET', `/v2/hub/library/tool/blobs/${sha('from upstream')}`)).text, 'from upstream');
    await my.clock.advance(2 * DAY);
    assert.equal((await my.http('GET', '/v2/hub/library/tool/manifests/1')).status, 200);
    assert.equal((await my.http('GET', '/v2/hub/library/tool/manifests/2')).status, 503);
    assert.match((await my.call<{ failure: string }>('ValidatePullThroughCacheRule', { ecrRepositoryPrefix: 'hub' })).failure, /cannot be reached/);
  });

  test('scans say that nothing scans here', async () => {
    await assert.rejects(my.call('StartImageScan', { repositoryName: 'old', imageId: { imageTag: 'three' } }), my.refused('NotImplemented', /not scanned/));
  });
});
