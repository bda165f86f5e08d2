import assert from 'node:assert/strict';
import test, { after, before, describe } from 'node:test';
import type { AwsError } from '../../gateway/errors.ts';
import { imageType, indexType, sha, ecrWorld, type EcrWorld } from './testing.ts';

describe('ECR', () => {
  let my: EcrWorld;
  before(async () => void (my = await ecrWorld()));
  after(() => my.stop());

  test('a repository is made, described and deleted', async () => {
    const { repository } = await my.call<{ repository: Record<string, unknown> }>('CreateRepository', {
      repositoryName: 'team/web',
      tags: [{ Key: 'a', Value: 'b' }],
    });
    assert.deepEqual(repository, {
      repositoryArn: 'arn:aws:ecr:us-east-1:000000000000:repository/team/web',
      registryId: '000000000000',
      repositoryName: 'team/web',
      repositoryUri: '000000000000.dkr.ecr.us-east-1.localhost:5000/team/web',
      createdAt: new Date(my.clock.now()),
      imageTagMutability: 'MUTABLE',
      imageScanningConfiguration: { scanOnPush: false },
      encryptionConfiguration: { encryptionType: 'AES256' },
    });
    await assert.rejects(
      my.call('CreateRepository', { repositoryName: 'team/web' }),
      my.refused('RepositoryAlreadyExistsException', "The repository with name 'team/web' already exists in the registry with id '000000000000'"),
    );
    await assert.rejects(
      my.call('CreateRepository', { repositoryName: 'Team' }),
      my.refused('InvalidParameterException', /'repositoryName' failed to satisfy constraint/),
    );
    assert.deepEqual(await my.call('ListTagsForResource', { resourceArn: repository['repositoryArn'] }), { tags: [{ Key: 'a', Value: 'b' }] });
    await my.call('DeleteRepository', { repositoryName: 'team/web' });
    await assert.rejects(
      my.call('DescribeRepositories', { repositoryNames: ['team/web'] }),
      my.refused('RepositoryNotFoundException', "The repository with name 'team/web' does not exist in the registry with id '000000000000'"),
    );
  });

  test('without a login the registry asks for one; a login ends with its time and its region', async () => {
    const asked = await my.http('GET', '/v2/', { who: '' });
    assert.deepEqual(
      [asked.status, asked.headers.get('www-authenticate')],
      [401, 'Basic realm="https://000000000000.dkr.ecr.us-east-1.amazonaws.com/",service="ecr.amazonaws.com"'],
    );
    assert.equal((await my.http('GET', '/v2/')).status, 200);
    assert.equal((await my.http('GET', '/v2/', { authorization: 'Basic QVdTOmZvcmdlZC50b2tlbg==' })).status, 401);
    const { authorizationData } = await my.call<{ authorizationData: { authorizationToken: string; expiresAt: Date }[] }>('GetAuthorizationToken');
    const token = `Basic ${authorizationData[0]?.authorizationToken}`;
    assert.equal((await my.http('GET', '/v2/', { authorization: token })).status, 200);
    assert.match((await my.http('GET', '/v2/', { authorization: token, registry: '000000000000/eu-west-1' })).text, /is for us-east-1/);
    await my.clock.advance(12 * 60 * 60 * 1000 + 1);
    assert.match((await my.http('GET', '/v2/', { authorization: token })).text, /authorization token has expired/);
    assert.match(
      (
        await my.http('GET', '/v2/', {
          authorization: `Basic ${Buffer.from(`AWS:${my.ecr.deps.sealer.seal({ use: 'login', accessKeyId: 'gone', account: '000000000000', region: 'us-east-1', expires: Infinity })}`).toString('base64')}`,
        })
      ).text,
      /DENIED|UNAUTHORIZED/,
    );
  });

  test('every request asks IAM: the API, pushes and pulls; a repository policy gives what it says', async () => {
    await my.call('CreateRepository', { repositoryName: 'guarded' });
    const digest = await my.push('guarded', 'v1', 'layer one');
    assert.equal(digest, sha(my.manifest('layer one')));
    await assert.rejects(
      my.call('DescribeImages', { repositoryName: 'guarded' }, 'bob'),
      my.refused(
        'AccessDeniedException',
        'User: arn:aws:iam::000000000000:user/bob is not authorized to perform: ecr:DescribeImages on resource: arn:aws:ecr:us-east-1:000000000000:repository/guarded because no identity-based policy allows the ecr:DescribeImages action',
      ),
    );
    assert.match(await my.push('guarded', 'v2', 'x', { who: 'bob' }), my.denied('InitiateLayerUpload', 'guarded'));
    const pull = async (who: string) =>
      [await my.http('GET', '/v2/guarded/manifests/v1', { who }), await my.http('GET', `/v2/guarded/blobs/${sha('layer one')}`, { who })].map((a) => a.status);
    assert.deepEqual(await pull('bob'), [403, 403]);
    const Statement = [
      { Sid: 'Pull', Effect: 'Allow', Principal: { AWS: 'arn:aws:iam::000000000000:user/bob' }, Action: ['ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer'] },
    ];
    await my.call('SetRepositoryPolicy', { repositoryName: 'guarded', policyText: JSON.stringify({ Version: '2012-10-17', Statement }) });
    assert.deepEqual(await pull('bob'), [200, 200]);
    assert.match(await my.push('guarded', 'v2', 'x', { who: 'bob' }), my.denied('InitiateLayerUpload', 'guarded'));
    assert.deepEqual(await pull('carol'), [403, 403]);
    assert.equal((await my.http('DELETE', `/v2/guarded/blobs/${sha('layer one')}`)).status, 405);
    await my.call('DeleteRepositoryPolicy', { repositoryName: 'guarded' });
    await assert.rejects(
      my.call('GetRepositoryPolicy', { repositoryName: 'guarded' }),
      my.refused('RepositoryPolicyNotFoundException', /^Repository policy does not exist/),
    );
  });

  test('a layer is mounted from a repository only by who may read it', async () => {
    await my.call('CreateRepository', { repositoryName: 'mine' });
    const Principal = { AWS: 'arn:aws:iam::000000000000:user/bob' };
    const allow = (repositoryName: string, Action: string | string[]) =>
      my.call('SetRepositoryPolicy', {
        repositoryName,
        policyText: JSON.stringify({ Version: '2012-10-17', Statement: [{ Sid: 'a', Effect: 'Allow', Principal, Action }] }),
      });
    await allow('mine', 'ecr:*');
    await allow('guarded', 'ecr:BatchCheckLayerAvailability');
    const setting = (value: string) => my.call('PutAccountSetting', { name: 'BLOB_MOUNTING', value });
    const mount = async () => (await my.http('POST', `/v2/mine/blobs/uploads/?mount=${sha('layer one')}&from=guarded`, { who: 'bob' })).status;
    await setting('ENABLED');
    assert.equal(await mount(), 202);
    await allow('guarded', 'ecr:GetDownloadUrlForLayer');
    await setting('DISABLED');
    assert.equal(await mount(), 202);
    await setting('ENABLED');
    assert.equal(await mount(), 201);
    await my.call('CreateRepository', { repositoryName: 'sealed', encryptionConfiguration: { encryptionType: 'KMS' } });
    const other = await my.http('POST', `/v2/sealed/blobs/uploads/?mount=${sha('layer one')}&from=guarded`);
    assert.equal(other.status, 202, 'encrypted otherwise');
  });

  test('tags of a repository are condition keys, at the API and at the registry', async () => {
    await my.call('CreateRepository', { repositoryName: 'tagged', tags: [{ Key: 'team', Value: 'red' }] });
    const Condition = { StringEquals: { 'aws:ResourceTag/team': 'red', 'ecr:ResourceTag/team': 'red' } };
    const Statement = [{ Sid: 'a', Effect: 'Allow', Principal: { AWS: 'arn:aws:iam::000000000000:user/bob' }, Action: 'ecr:ListImages', Condition }];
    await my.call('SetRepositoryPolicy', { repositoryName: 'tagged', policyText: JSON.stringify({ Version: '2012-10-17', Statement }) });
    const listed = async () => (await my.http('GET', '/v2/tagged/tags/list', { who: 'bob' })).status;
    assert.equal(await listed(), 200);
    await my.call('ListImages', { repositoryName: 'tagged' }, 'bob');
    await my.call('UntagResource', { resourceArn: 'arn:aws:ecr:us-east-1:000000000000:repository/tagged', tagKeys: ['team'] });
    assert.equal(await listed(), 403);
    await assert.rejects(my.call('ListImages', { repositoryName: 'tagged' }, 'bob'), my.refused('AccessDeniedException', /ecr:ListImages/));
  });

  test('a URL of the API gives one layer, for an hour', async () => {
    const { downloadUrl } = await my.call<{ downloadUrl: string }>('GetDownloadUrlForLayer', { repositoryName: 'guarded', layerDigest: sha('layer one') });
    const { pathname, search, searchParams } = new URL(downloadUrl);
    assert.equal(my.door.registryOf(undefined, searchParams.get('token') ?? '', undefined), '000000000000/us-east-1');
    assert.equal(my.door.registryOf(undefined, 'forged.token', undefined), undefined);
    assert.equal((await my.http('GET', pathname + search, { who: '' })).text, 'layer one');
    assert.equal((await my.http('GET', `/v2/guarded/blobs/${sha('{}')}${search}`, { who: '' })).status, 401);
    await my.clock.advance(2 * 60 * 60 * 1000);
    assert.equal((await my.http('GET', pathname + search, { who: '' })).status, 401);
  });

  test('nothing is pushed to a repository that does not exist, unless a template makes it', async () => {
    assert.match(
      await my.push('auto/app', 'v1', 'x'),
      /^404 .*NAME_UNKNOWN.*The repository with name 'auto\/app' does not exist in the registry with id '000000000000'/,
    );
    await my.call('CreateRepositoryCreationTemplate', {
      prefix: 'auto',
      appliedFor: ['CREATE_ON_PUSH'],
      imageTagMutability: 'IMMUTABLE',
      resourceTags: [{ Key: 'by', Value: 'template' }],
    });
    assert.match(await my.push('auto/app', 'v1', 'x'), /^sha256:/);
    const { repositories } = await my.call<{ repositories: { imageTagMutability: string }[] }>('DescribeRepositories', { repositoryNames: ['auto/app'] });
    assert.equal(repositories[0]?.imageTagMutability, 'IMMUTABLE');
    assert.match(await my.push('other/app', 'v1', 'x'), /^404/);
  });

  test('immutable tags stay, except those that a filter excludes', async () => {
    assert.match(
      await my.push('auto/app', 'v1', 'y'),
      /^400 .*TAG_INVALID.*The image tag 'v1' already exists in the 'auto\/app' repository and cannot be overwritten because the tag is immutable/,
    );
    assert.match(await my.push('auto/app', 'v1', 'x'), /^sha256:/);
    await my.call('PutImageTagMutability', {
      repositoryName: 'auto/app',
      imageTagMutability: 'IMMUTABLE_WITH_EXCLUSION',
      imageTagMutabilityExclusionFilters: [{ filterType: 'WILDCARD', filter: 'dev-*' }],
    });
    await my.push('auto/app', 'dev-1', 'x');
    assert.match(await my.push('auto/app', 'dev-1', 'y'), /^sha256:/);
    await assert.rejects(
      my.call('PutImage', { repositoryName: 'auto/app', imageTag: 'v1', imageManifest: my.manifest('y') }),
      my.refused('ImageTagAlreadyExistsException', /because the tag is immutable/),
    );
    await assert.rejects(
      my.call('PutImage', { repositoryName: 'auto/app', imageTag: 'v1', imageManifest: my.manifest('x') }),
      my.refused('ImageAlreadyExistsException', /^Image with digest 'sha256:.*' and tag 'v1' already exists in the repository with name 'auto\/app'/),
    );
    await assert.rejects(
      my.call('PutImageTagMutability', { repositoryName: 'auto/app', imageTagMutability: 'IMMUTABLE_WITH_EXCLUSION' }),
      my.refused('InvalidParameterException', /must be given/),
    );
  });

  test('layers and images over the API alone', async () => {
    await my.call('CreateRepository', { repositoryName: 'api' });
    let { uploadId } = await my.call<{ uploadId: string }>('InitiateLayerUpload', { repositoryName: 'api' });
    await assert.rejects(
      my.call('CompleteLayerUpload', { repositoryName: 'api', uploadId, layerDigests: [sha('abc')] }),
      my.refused('EmptyUploadException', /has no layer parts/),
    );
    const part = (first: number, text: string) =>
      my.call('UploadLayerPart', {
        repositoryName: 'api',
        uploadId,
        partFirstByte: first,
        partLastByte: first + text.length - 1,
        layerPartBlob: Buffer.from(text),
      });
    assert.deepEqual(await part(0, 'ab'), { registryId: '000000000000', repositoryName: 'api', uploadId, lastByteReceived: 1 });
    await assert.rejects(part(5, 'c'), (error: AwsError) => error.code === 'InvalidLayerPartException' && error.fields['lastValidByteReceived'] === 1);
    await part(2, 'c');
    await assert.rejects(
      my.call('PutImage', { repositoryName: 'api', imageTag: 'v1', imageManifest: my.manifest('abc') }),
      my.refused(
        'LayersNotFoundException',
        /^Layers with digests '\[sha256:[0-9a-f]{64}\]' required for pushing image into repository with name 'api' in the registry with id '000000000000' do not exist$/,
      ),
    );
    const index = JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests: [{ mediaType: imageType, digest: sha('gone'), size: 4 }] });
    await assert.rejects(
      my.call('PutImage', { repositoryName: 'api', imageTag: 'all', imageManifest: index }),
      my.refused(
        'ReferencedImagesNotFoundException',
        `Images with digests '[${sha('gone')}]' required for pushing image into repository with name 'api' in the registry with id '000000000000' do not exist`,
      ),
    );
    await assert.rejects(
      my.call('CompleteLayerUpload', { repositoryName: 'api', uploadId, layerDigests: [sha('abc')] }),
      my.refused('LayerPartTooSmallException', 'Layer parts must be at least 5 MiB in size'),
    );
    const { uploadId: other } = await my.call<{ uploadId: string }>('InitiateLayerUpload', { repositoryName: 'api' });
    uploadId = other;
    await part(0, 'abc');
    await my.call('CompleteLayerUpload', { repositoryName: 'api', uploadId, layerDigests: [sha('abc')] });
    await assert.rejects(part(3, 'd'), my.refused('UploadNotFoundException', /could not be found/));
    const { layers } = await my.call<{ layers: { layerAvailability: string }[] }>('BatchCheckLayerAvailability', {
      repositoryName: 'api',
      layerDigests: [sha('abc'), sha('no')],
    });
    assert.deepEqual(
      layers.map((l) => l.layerAvailability),
      ['AVAILABLE', 'UNAVAILABLE'],
    );
    await my.http('POST', `/v2/api/blobs/uploads/?digest=${sha('{}')}`, { body: '{}' });
    await my.call('PutImage', { repositoryName: 'api', imageTag: 'v1', imageManifest: my.manifest('abc') });
    const got = await my.call<{ images: { imageManifest: string }[]; failures: object[] }>('BatchGetImage', {
      repositoryName: 'api',
      imageIds: [{ imageTag: 'v1' }, { imageTag: 'no' }],
    });
    assert.equal(got.images[0]?.imageManifest, my.manifest('abc'));
    assert.deepEqual(got.failures, [{ imageId: { imageTag: 'no' }, failureCode: 'ImageNotFound', failureReason: 'Requested image not found' }]);
  });

  test('images are listed, described, tagged and deleted', async () => {
    await my.call('CreateRepository', { repositoryName: 'many' });
    for (const tag of ['a', 'b', 'c']) {
      await my.clock.advance(1000);
      await my.push('many', tag, `layer ${tag}`);
    }
    await my.push('many', 'c2', 'layer c');
    const listed = await my.call<{ imageIds: { imageTag: string }[]; nextToken: string }>('ListImages', { repositoryName: 'many', maxResults: 2 });
    assert.deepEqual(
      listed.imageIds.map((i) => i.imageTag),
      ['c', 'c2'],
    );
    const rest = await my.call<{ imageIds: { imageTag: string }[]; nextToken?: string }>('ListImages', { repositoryName: 'many', nextToken: listed.nextToken });
    assert.deepEqual([rest.imageIds.map((i) => i.imageTag), rest.nextToken], [['b', 'a'], undefined]);
    const { imageDetails } = await my.call<{ imageDetails: Record<string, unknown>[] }>('DescribeImages', {
      repositoryName: 'many',
      imageIds: [{ imageTag: 'c' }],
    });
    assert.deepEqual(imageDetails[0], {
      registryId: '000000000000',
      repositoryName: 'many',
      imageDigest: sha(my.manifest('layer c')),
      imageTags: ['c', 'c2'],
      imageSizeInBytes: 9,
      imagePushedAt: new Date(my.clock.now()),
      imageManifestMediaType: imageType,
      artifactMediaType: 'application/vnd.oci.image.config.v1+json',
      imageStatus: 'ACTIVE',
    });
    const gone = await my.call<{ imageIds: object[]; failures: object[] }>('BatchDeleteImage', {
      repositoryName: 'many',
      imageIds: [{ imageTag: 'c2' }, { imageTag: 'a' }, {}],
    });
    assert.deepEqual(gone.imageIds, [
      { imageDigest: sha(my.manifest('layer c')), imageTag: 'c2' },
      { imageDigest: sha(my.manifest('layer a')), imageTag: 'a' },
    ]);
    assert.equal(gone.failures.length, 1);
    await assert.rejects(
      my.call('DescribeImages', { repositoryName: 'many', imageIds: [{ imageTag: 'a' }] }),
      my.refused(
        'ImageNotFoundException',
        "The image with imageId {imageDigest:'null', imageTag:'a'} does not exist within the repository with name 'many' in the registry with id '000000000000'",
      ),
    );
    await assert.rejects(
      my.call('DeleteRepository', { repositoryName: 'many' }),
      my.refused(
        'RepositoryNotEmptyException',
        "The repository with name 'many' in registry with id '000000000000' cannot be deleted because it still contains images",
      ),
    );
  });
});
