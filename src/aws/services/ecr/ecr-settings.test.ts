import assert from 'node:assert/strict';
import test, { after, before, describe } from 'node:test';
import { indexType, imageType, sha, ecrWorld, type EcrWorld } from './testing.ts';

const invalid = (at: string, constraint: string): string => `Invalid parameter at '${at}' failed to satisfy constraint: '${constraint}'`;

describe('settings of a registry', () => {
  let my: EcrWorld;
  before(async () => void (my = await ecrWorld()));
  after(() => my.stop());

  test('account settings have their defaults, and take the values that they can have', async () => {
    const value = async (name: string) => (await my.call<{ value: string }>('GetAccountSetting', { name })).value;
    assert.deepEqual(await Promise.all(['BASIC_SCAN_TYPE_VERSION', 'REGISTRY_POLICY_SCOPE', 'BLOB_MOUNTING'].map(value)), ['AWS_NATIVE', 'V2', 'DISABLED']);
    assert.deepEqual(await my.call('PutAccountSetting', { name: 'BLOB_MOUNTING', value: 'ENABLED' }), { name: 'BLOB_MOUNTING', value: 'ENABLED' });
    assert.equal(await value('BLOB_MOUNTING'), 'ENABLED');
    await assert.rejects(
      my.call('PutAccountSetting', { name: 'BASIC_SCAN_TYPE_VERSION', value: 'CLAIR' }),
      my.refused('InvalidParameterException', invalid('value', 'BASIC_SCAN_TYPE_VERSION can only be AWS_NATIVE here')),
    );
    await assert.rejects(my.call('GetAccountSetting', { name: 'NONE' }), my.refused('InvalidParameterException', /'name' failed/));
  });

  test('a signing configuration is kept, and images that met its rules say why they are not signed', async () => {
    const none = my.refused('SigningConfigurationNotFoundException', "The signing configuration for registry with id '000000000000' was not found");
    await assert.rejects(my.call('GetSigningConfiguration'), none);
    await assert.rejects(my.call('DeleteSigningConfiguration'), none);
    await my.call('CreateRepository', { repositoryName: 'team/app' });
    await my.push('team/app', 'before', 'before');
    await my.clock.advance(1000);
    const signingProfileArn = 'arn:aws:signer:us-east-1:000000000000:/signing-profiles/mine';
    const rules = [{ signingProfileArn, repositoryFilters: [{ filter: 'team/*', filterType: 'WILDCARD_MATCH' }] }];
    await assert.rejects(
      my.call('PutSigningConfiguration', { signingConfiguration: { rules: [{ signingProfileArn: 'arn:aws:iam::000000000000:role/x' }] } }),
      my.refused('InvalidParameterException', /is not the ARN of a signing profile/),
    );
    assert.deepEqual(await my.call('PutSigningConfiguration', { signingConfiguration: { rules } }), { signingConfiguration: { rules } });
    await my.push('team/app', 'after', 'after');
    await my.clock.advance(1000);
    const more = [...rules, { signingProfileArn: `${signingProfileArn}2` }];
    await my.call('PutSigningConfiguration', { signingConfiguration: { rules: more } });
    assert.deepEqual(await my.call('GetSigningConfiguration'), { registryId: '000000000000', signingConfiguration: { rules: more } });
    const statuses = async (imageTag: string) =>
      (
        await my.call<{ signingStatuses: { signingProfileArn: string; status: string; failureReason: string }[]; imageId: object }>(
          'DescribeImageSigningStatus',
          {
            repositoryName: 'team/app',
            imageId: { imageTag },
          },
        )
      ).signingStatuses.map(({ status, signingProfileArn: arn, failureReason }) => [status, arn, /no AWS Signer/.test(failureReason)]);
    assert.deepEqual(await statuses('before'), []);
    assert.deepEqual(await statuses('after'), [['FAILED', signingProfileArn, true]]);
    await assert.rejects(statuses('none'), my.refused('ImageNotFoundException', /imageTag:'none'/));
    assert.deepEqual(await my.call('DeleteSigningConfiguration'), { registryId: '000000000000', signingConfiguration: { rules: more } });
    await assert.rejects(my.call('GetSigningConfiguration'), none);
  });

  test("pulls of excluded principals are not the image's last pull", async () => {
    const digest = await my.push('team/app', 'pulled', 'pulled');
    const principalArn = 'arn:aws:iam::000000000000:user/bob';
    const Statement = [{ Sid: 'a', Effect: 'Allow', Principal: { AWS: principalArn }, Action: 'ecr:BatchGetImage' }];
    await my.call('SetRepositoryPolicy', { repositoryName: 'team/app', policyText: JSON.stringify({ Version: '2012-10-17', Statement }) });
    assert.deepEqual(await my.call('RegisterPullTimeUpdateExclusion', { principalArn }), { principalArn, createdAt: new Date(my.clock.now()) });
    await assert.rejects(
      my.call('RegisterPullTimeUpdateExclusion', { principalArn }),
      my.refused('ExclusionAlreadyExistsException', new RegExp(`'${principalArn}' already exists`)),
    );
    await assert.rejects(
      my.call('RegisterPullTimeUpdateExclusion', { principalArn: '*' }),
      my.refused('InvalidParameterException', /ARN of an IAM user or role/),
    );
    const pull = async () => {
      assert.equal((await my.http('GET', '/v2/team/app/manifests/pulled', { who: 'bob' })).status, 200);
      const { imageDetails } = await my.call<{ imageDetails: { lastRecordedPullTime?: Date }[] }>('DescribeImages', {
        repositoryName: 'team/app',
        imageIds: [{ imageDigest: digest }],
      });
      return imageDetails[0]?.lastRecordedPullTime;
    };
    assert.equal(await pull(), undefined);
    assert.deepEqual(await my.call('ListPullTimeUpdateExclusions'), { pullTimeUpdateExclusions: [principalArn], nextToken: undefined });
    assert.deepEqual(await my.call('DeregisterPullTimeUpdateExclusion', { principalArn }), { principalArn });
    await assert.rejects(my.call('DeregisterPullTimeUpdateExclusion', { principalArn }), my.refused('ExclusionNotFoundException', /does not exist/));
    assert.deepEqual(await pull(), new Date(my.clock.now()));
    for (let i = 0; i < 100; i++) await my.call('RegisterPullTimeUpdateExclusion', { principalArn: `arn:aws:iam::000000000000:role/r${i}` });
    await assert.rejects(
      my.call('RegisterPullTimeUpdateExclusion', { principalArn }),
      my.refused(
        'LimitExceededException',
        "The registry with id '000000000000' already has the maximum allowed number of pull time update exclusions which is '100'",
      ),
    );
  });

  test('an image that an index needs is not archived by itself; an archived one is not scanned', async () => {
    await my.call('CreateRepository', { repositoryName: 'cold' });
    const child = await my.push('cold', 'child', 'a layer');
    const content = my.manifest('a layer');
    const index = JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests: [{ mediaType: imageType, digest: child, size: content.length }] });
    await my.call('PutImage', { repositoryName: 'cold', imageTag: 'all', imageManifest: index });
    const move = (imageTag: string, targetStorageClass: string) =>
      my.call('UpdateImageStorageClass', { repositoryName: 'cold', imageId: { imageTag }, targetStorageClass });
    await assert.rejects(
      move('child', 'ARCHIVE'),
      my.refused('ImageStorageClassUpdateNotSupportedException', `The image is referenced by manifest list: [${sha(index)}]`),
    );
    type Details = { imageDetails: { imageDigest: string; imageSizeInBytes: number; lastActivatedAt?: Date; lastArchivedAt?: Date; imageStatus: string }[] };
    const details = async (imageStatus: string) => (await my.call<Details>('DescribeImages', { repositoryName: 'cold', filter: { imageStatus } })).imageDetails;
    assert.deepEqual(
      (await details('ACTIVE')).map((one) => one.imageSizeInBytes),
      [9, 9],
      'an index is as large as its largest image',
    );
    await move('all', 'ARCHIVE');
    await assert.rejects(
      my.call('StartImageScan', { repositoryName: 'cold', imageId: { imageTag: 'all' } }),
      my.refused('ImageArchivedException', /is archived and cannot be scanned/),
    );
    assert.deepEqual(
      (await details('ARCHIVED')).map((one) => [one.imageDigest, one.lastArchivedAt]),
      [[sha(index), new Date(my.clock.now())]],
    );
    await my.clock.advance(5000);
    await move('all', 'STANDARD');
    const [restored] = (await details('ANY')).filter((one) => one.imageDigest === sha(index));
    assert.deepEqual([restored?.imageStatus, restored?.lastActivatedAt], ['ACTIVE', new Date(my.clock.now())]);
  });

  test('an upstream is read with the credentials of its secret', async () => {
    const login = (user: string, token: string) => `Basic ${Buffer.from(`${user}:${token}`).toString('base64')}`;
    const upstream = await my.push('library/tool', '1', 'from upstream', { registry: 'upstream' });
    const upstreamRegistryUrl = `upstream.localhost:${my.server.port}`;
    my.outside.upstreamLogin = login('me', 'right');
    const arn = (name: string) => `arn:aws:secretsmanager:us-east-1:000000000000:secret:ecr-pullthroughcache/${name}`;
    const create = (credentialArn?: string) =>
      my.call('CreatePullThroughCacheRule', { ecrRepositoryPrefix: 'hub', upstreamRegistryUrl, ...(credentialArn ? { credentialArn } : {}) });
    await assert.rejects(
      create('arn:aws:secretsmanager:us-east-1:000000000000:secret:other'),
      my.refused('InvalidParameterException', /ecr-pullthroughcache\//),
    );
    await assert.rejects(create(arn('none')), my.refused('SecretNotFoundException', `The secret with ARN '${arn('none')}' was not found`));
    my.outside.secrets.set(arn('locked'), 'locked');
    await assert.rejects(create(arn('locked')), my.refused('UnableToAccessSecretException', /access denied/));
    my.outside.secrets.set(arn('text'), 'me:right');
    await assert.rejects(create(arn('text')), my.refused('UnableToDecryptSecretValueException', /must be JSON with username and accessToken/));
    const validate = () =>
      my.call<{ isValid: boolean; failure?: string; credentialArn?: string }>('ValidatePullThroughCacheRule', { ecrRepositoryPrefix: 'hub' });
    my.outside.secrets.set(arn('hub'), JSON.stringify({ username: 'me', accessToken: 'wrong' }));
    await create(arn('hub'));
    const wrong = await validate();
    assert.deepEqual([wrong.isValid, wrong.failure, wrong.credentialArn], [false, 'the upstream registry answered with status 401', arn('hub')]);
    my.outside.secrets.set(arn('new'), JSON.stringify({ username: 'me', accessToken: 'right' }));
    await my.clock.advance(1000);
    assert.deepEqual(await my.call('UpdatePullThroughCacheRule', { ecrRepositoryPrefix: 'hub', credentialArn: arn('new') }), {
      ecrRepositoryPrefix: 'hub',
      registryId: '000000000000',
      updatedAt: new Date(my.clock.now()),
      upstreamRepositoryPrefix: 'ROOT',
      credentialArn: arn('new'),
    });
    assert.equal((await validate()).isValid, true);
    assert.equal((await my.http('GET', '/v2/hub/library/tool/manifests/1')).headers.get('docker-content-digest'), upstream);
    my.outside.secrets.clear();
    assert.match((await validate()).failure ?? '', /was not found/);
    const lost = await my.http('GET', '/v2/hub/library/tool/manifests/2');
    assert.deepEqual([lost.status, /was not found/.test(lost.text)], [503, true]);
    const update = (input: object) => my.call('UpdatePullThroughCacheRule', input);
    await assert.rejects(
      update({ ecrRepositoryPrefix: 'none', credentialArn: arn('new') }),
      my.refused('PullThroughCacheRuleNotFoundException', /'none' does not exist/),
    );
    await assert.rejects(update({ ecrRepositoryPrefix: 'hub' }), my.refused('InvalidParameterException', /either credentialArn or customRoleArn/));
    await assert.rejects(
      my.call('CreatePullThroughCacheRule', { ecrRepositoryPrefix: 'role', upstreamRegistryUrl, customRoleArn: 'arn:aws:iam::000000000000:role/x' }),
      my.refused('UnsupportedUpstreamRegistryException', /not implemented here/),
    );
    for (let i = 0; i < 49; i++) await my.call('CreatePullThroughCacheRule', { ecrRepositoryPrefix: `p${i}`, upstreamRegistryUrl });
    await assert.rejects(
      my.call('CreatePullThroughCacheRule', { ecrRepositoryPrefix: 'p50', upstreamRegistryUrl }),
      my.refused('LimitExceededException', /pull through cache rules which is '50'/),
    );
  });
});
