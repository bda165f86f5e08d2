import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { ECR } from '@aws-sdk/client-ecr';
import { test } from 'node:test';
import { maybe, replay } from './replay.ts';

const registryId = '000000000000';
const repositoryName = 'tf/app';
const document = (Resource?: string): string =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Sid: 'one',
        Effect: 'Allow',
        Principal: { AWS: `arn:aws:iam::${registryId}:root` },
        Action: Resource === undefined ? ['ecr:BatchGetImage'] : ['ecr:ReplicateImage'],
        ...(Resource === undefined ? {} : { Resource }),
      },
    ],
  });
const rules = (countNumber: number): string =>
  JSON.stringify({
    rules: [
      { rulePriority: 1, description: 'x', selection: { tagStatus: 'untagged', countType: 'imageCountMoreThan', countNumber }, action: { type: 'expire' } },
    ],
  });
const meant = (text = ''): unknown => JSON.parse(text) as unknown;

/** The ECR resources of the provider: internal/service/ecr of its sources. */
export function ecrReplays(client: () => ECR): void {
  const ecr = client;
  const arn = `arn:aws:ecr:us-east-1:${registryId}:repository/${repositoryName}`;

  replay({
    name: 'aws_ecr_repository',
    create: () =>
      ecr().createRepository({
        repositoryName,
        imageTagMutability: 'MUTABLE',
        encryptionConfiguration: { encryptionType: 'AES256' },
        imageScanningConfiguration: { scanOnPush: true },
        tags: [{ Key: 'a', Value: '1' }],
      }),
    read: async () => ({
      found: (await ecr().describeRepositories({ repositoryNames: [repositoryName], registryId })).repositories?.[0],
      tags: await ecr().listTagsForResource({ resourceArn: arn }),
      policy: await maybe(ecr().getRepositoryPolicy({ repositoryName }), 'RepositoryPolicyNotFoundException'),
    }),
    wanted: {
      found: {
        repositoryArn: arn,
        imageTagMutability: 'MUTABLE',
        encryptionConfiguration: { encryptionType: 'AES256' },
        imageScanningConfiguration: { scanOnPush: true },
      },
      tags: { tags: [{ Key: 'a', Value: '1' }] },
      policy: 'RepositoryPolicyNotFoundException',
    },
    update: async () => {
      const imageTagMutabilityExclusionFilters = [{ filter: 'dev-*', filterType: 'WILDCARD' as const }];
      await ecr().putImageTagMutability({ repositoryName, registryId, imageTagMutability: 'IMMUTABLE_WITH_EXCLUSION', imageTagMutabilityExclusionFilters });
      await ecr().putImageScanningConfiguration({ repositoryName, registryId, imageScanningConfiguration: { scanOnPush: false } });
      await ecr().untagResource({ resourceArn: arn, tagKeys: ['a'] });
      await ecr().tagResource({ resourceArn: arn, tags: [{ Key: 'b', Value: '2' }] });
    },
    updated: {
      found: { imageTagMutability: 'IMMUTABLE_WITH_EXCLUSION', imageTagMutabilityExclusionFilters: [{ filter: 'dev-*', filterType: 'WILDCARD' }] },
      tags: { tags: [{ Key: 'b', Value: '2' }] },
    },
    delete: () => ecr().deleteRepository({ repositoryName, registryId, force: true }),
    gone: 'RepositoryNotFoundException',
  });

  test('a repository that others are attached to', () =>
    ecr()
      .createRepository({ repositoryName })
      .then(() => {}));
  replay({
    name: 'aws_ecr_repository_policy',
    create: () => ecr().setRepositoryPolicy({ repositoryName, policyText: document() }),
    read: async () => ({ document: meant((await ecr().getRepositoryPolicy({ repositoryName, registryId })).policyText) }),
    wanted: { document: meant(document()) },
    delete: () => ecr().deleteRepositoryPolicy({ repositoryName, registryId }),
    gone: 'RepositoryPolicyNotFoundException',
  });
  replay({
    name: 'aws_ecr_lifecycle_policy',
    create: () => ecr().putLifecyclePolicy({ repositoryName, lifecyclePolicyText: rules(3) }),
    read: async () => ({ document: meant((await ecr().getLifecyclePolicy({ repositoryName })).lifecyclePolicyText) }),
    wanted: { document: meant(rules(3)) },
    update: () => ecr().putLifecyclePolicy({ repositoryName, lifecyclePolicyText: rules(5) }),
    updated: { document: meant(rules(5)) },
    delete: () => ecr().deleteLifecyclePolicy({ repositoryName, registryId }),
    gone: 'LifecyclePolicyNotFoundException',
  });
  const registryPolicy = document(`arn:aws:ecr:us-east-1:${registryId}:repository/*`);
  replay({
    name: 'aws_ecr_registry_policy',
    create: () => ecr().putRegistryPolicy({ policyText: registryPolicy }),
    read: async () => ({ document: meant((await ecr().getRegistryPolicy({})).policyText) }),
    wanted: { document: meant(registryPolicy) },
    delete: () => ecr().deleteRegistryPolicy({}),
    gone: 'RegistryPolicyNotFoundException',
  });
  const replication = {
    rules: [{ destinations: [{ region: 'eu-west-1', registryId }], repositoryFilters: [{ filter: 'tf', filterType: 'PREFIX_MATCH' as const }] }],
  };
  replay({
    name: 'aws_ecr_replication_configuration',
    create: () => ecr().putReplicationConfiguration({ replicationConfiguration: replication }),
    read: () => ecr().describeRegistry({}),
    wanted: { registryId, replicationConfiguration: replication },
    delete: () => ecr().putReplicationConfiguration({ replicationConfiguration: { rules: [] } }),
    gone: { replicationConfiguration: { rules: [] } },
  });
  const cache = { ecrRepositoryPrefix: 'tf-ecr-public' };
  replay({
    name: 'aws_ecr_pull_through_cache_rule',
    create: () => ecr().createPullThroughCacheRule({ ...cache, upstreamRegistryUrl: 'public.ecr.aws' }),
    read: async () => ({ rules: (await ecr().describePullThroughCacheRules({ ecrRepositoryPrefixes: [cache.ecrRepositoryPrefix] })).pullThroughCacheRules }),
    wanted: { rules: [{ ...cache, upstreamRegistryUrl: 'public.ecr.aws', registryId }] },
    delete: () => ecr().deletePullThroughCacheRule({ ...cache, registryId }),
    gone: 'PullThroughCacheRuleNotFoundException',
  });
  const scanning = {
    scanType: 'BASIC' as const,
    rules: [{ scanFrequency: 'SCAN_ON_PUSH' as const, repositoryFilters: [{ filter: '*', filterType: 'WILDCARD' as const }] }],
  };
  replay({
    name: 'aws_ecr_registry_scanning_configuration',
    create: () => ecr().putRegistryScanningConfiguration(scanning),
    read: () => ecr().getRegistryScanningConfiguration({}),
    wanted: { registryId, scanningConfiguration: scanning },
    delete: () => ecr().putRegistryScanningConfiguration({ scanType: 'BASIC', rules: [] }),
    gone: { scanningConfiguration: { scanType: 'BASIC', rules: [] } },
  });
  const template = { prefix: 'tf-team', appliedFor: ['PULL_THROUGH_CACHE' as const] };
  replay({
    name: 'aws_ecr_repository_creation_template',
    create: () =>
      ecr().createRepositoryCreationTemplate({
        ...template,
        description: 'one',
        imageTagMutability: 'IMMUTABLE',
        encryptionConfiguration: { encryptionType: 'AES256' },
      }),
    read: async () => {
      const { repositoryCreationTemplates = [] } = await ecr().describeRepositoryCreationTemplates({ prefixes: [template.prefix] });
      return repositoryCreationTemplates[0] ?? {};
    },
    wanted: { ...template, description: 'one', imageTagMutability: 'IMMUTABLE' },
    update: () => ecr().updateRepositoryCreationTemplate({ prefix: template.prefix, description: 'two', appliedFor: ['REPLICATION'] }),
    updated: { description: 'two', appliedFor: ['REPLICATION'] },
    delete: () => ecr().deleteRepositoryCreationTemplate({ prefix: template.prefix }),
    gone: 'TemplateNotFoundException',
  });
  replay({
    name: 'aws_ecr_account_setting',
    create: () => ecr().putAccountSetting({ name: 'BASIC_SCAN_TYPE_VERSION', value: 'AWS_NATIVE' }),
    read: () => ecr().getAccountSetting({ name: 'BASIC_SCAN_TYPE_VERSION' }),
    wanted: { name: 'BASIC_SCAN_TYPE_VERSION', value: 'AWS_NATIVE' },
    gone: { value: 'AWS_NATIVE' },
  });

  test('data aws_ecr_authorization_token, _repository, _repositories, _images, _image', async () => {
    const { authorizationData: [token] = [] } = await ecr().getAuthorizationToken({});
    assert.match(Buffer.from(token?.authorizationToken ?? '', 'base64').toString(), /^AWS:/);
    assert.ok(token?.proxyEndpoint);
    const digests = await Promise.all([Buffer.from('{}'), Buffer.from('layer')].map(push));
    const [config, layer] = digests.map(({ digest, size }) => ({ digest, size }));
    const type = 'application/vnd.docker.distribution.manifest.v2+json';
    const imageManifest = JSON.stringify({
      schemaVersion: 2,
      mediaType: type,
      config: { mediaType: 'application/vnd.docker.container.image.v1+json', ...config },
      layers: [{ mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip', ...layer }],
    });
    await ecr().putImage({ repositoryName, imageManifest, imageManifestMediaType: type, imageTag: 'one' });
    const { repositories = [] } = await ecr().describeRepositories({});
    assert.ok(repositories.some((one) => one.repositoryName === repositoryName));
    const { imageIds } = await ecr().listImages({ repositoryName, filter: { tagStatus: 'ANY' } });
    const { imageDetails: [image] = [] } = await ecr().describeImages({ repositoryName, registryId, imageIds: [{ imageTag: 'one' }] });
    assert.deepEqual(imageIds, [{ imageTag: 'one', imageDigest: image?.imageDigest }]);
    assert.ok(image?.imagePushedAt && image.imageTags?.includes('one'));
    await assert.rejects(ecr().describeImages({ repositoryName, imageIds: [{ imageTag: 'none' }] }), { name: 'ImageNotFoundException' });
    await assert.rejects(ecr().deleteRepository({ repositoryName }), { name: 'RepositoryNotEmptyException' });
    await ecr().deleteRepository({ repositoryName, force: true });
  });
  async function push(bytes: Buffer): Promise<{ digest: string; size: number }> {
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    const { uploadId } = await ecr().initiateLayerUpload({ repositoryName });
    await ecr().uploadLayerPart({ repositoryName, uploadId, partFirstByte: 0, partLastByte: bytes.length - 1, layerPartBlob: bytes });
    await ecr().completeLayerUpload({ repositoryName, uploadId, layerDigests: [digest] });
    return { digest, size: bytes.length };
  }
}
