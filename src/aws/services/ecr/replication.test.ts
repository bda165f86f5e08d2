import assert from 'node:assert/strict';
import test, { after, before, describe } from 'node:test';
import { settle } from '#base';
import { ecrWorld, imageType, indexType, sha, type EcrWorld } from './testing.ts';

const account = '000000000000';
interface Status {
  region: string;
  status: string;
  failureCode?: string;
}

describe('replication', () => {
  let my: EcrWorld;
  before(async () => void (my = await ecrWorld()));
  after(() => my.stop());
  const configure = (destinations: object[]) =>
    my.call('PutReplicationConfiguration', { replicationConfiguration: { rules: destinations.length > 0 ? [{ destinations }] : [] } });
  const there = (region: string, name: string, to = account) => my.ecr.images({ account: to, region }, name).map(({ digest, tags }) => [digest, ...tags]);
  const statuses = async (repositoryName: string, imageTag: string) =>
    (await my.call<{ replicationStatuses: Status[] }>('DescribeImageReplicationStatus', { repositoryName, imageId: { imageTag } })).replicationStatuses;
  const actions = () => my.told().flatMap((event) => (event['detail-type'] === 'ECR Replication Action' ? [event] : []));
  /** Until everything that waits for nothing but promises is done. */
  const still = async (): Promise<void> => {
    for (let i = 0; i < 10; i++) {
      await settle();
      await new Promise((resolve) => setImmediate(resolve));
    }
  };

  test('a try that fails is made again, and the status tells where it stands', async () => {
    await my.call('CreateRepository', { repositoryName: 'again' });
    await configure([{ region: 'eu-west-1', registryId: account }]);
    my.outside.mountFails = 2;
    const digest = await my.push('again', 'v1', 'again');
    assert.deepEqual(await statuses('again', 'v1'), [{ region: 'eu-west-1', registryId: account, status: 'IN_PROGRESS' }]);
    assert.deepEqual(there('eu-west-1', 'again'), []);
    await my.clock.advance(1000);
    await still();
    assert.equal((await statuses('again', 'v1'))[0]?.status, 'IN_PROGRESS');
    await my.clock.advance(5000);
    await still();
    assert.deepEqual(await statuses('again', 'v1'), [{ region: 'eu-west-1', registryId: account, status: 'COMPLETE' }]);
    assert.deepEqual(there('eu-west-1', 'again'), [[digest, 'v1']]);
    const [event, ...more] = actions();
    assert.deepEqual(more, []);
    const { id: _id, time: _time, ...rest } = event as object as Record<string, unknown>;
    assert.deepEqual(rest, {
      version: '0',
      'detail-type': 'ECR Replication Action',
      source: 'aws.ecr',
      account,
      region: 'eu-west-1',
      resources: [`arn:aws:ecr:eu-west-1:${account}:repository/again`],
      detail: {
        result: 'SUCCESS',
        'repository-name': 'again',
        'image-digest': digest,
        'source-account': account,
        'action-type': 'REPLICATE',
        'source-region': 'us-east-1',
        'image-tag': 'v1',
      },
    });
  });

  test('what a crash left is gone on with at the next start', async () => {
    my.outside.mountFails = 1;
    const digest = await my.push('again', 'v2', 'crash');
    // The one before waits for a second; the new one does not.
    my.reopen();
    await my.clock.advance(0);
    await still();
    assert.deepEqual(
      there('eu-west-1', 'again').find(([found]) => found === digest),
      [digest, 'v2'],
    );
    assert.deepEqual(my.ecr.replications.all(), []);
  });

  test('it is given up after six tries, and a new push begins anew', async () => {
    my.outside.mountFails = 6;
    const digest = await my.push('again', 'v3', 'often');
    my.told();
    for (const wait of [1000, 5000, 30_000, 120_000, 600_000]) {
      assert.equal((await statuses('again', 'v3'))[0]?.status, 'IN_PROGRESS');
      await my.clock.advance(wait);
      await still();
    }
    assert.deepEqual(await statuses('again', 'v3'), [{ region: 'eu-west-1', registryId: account, status: 'FAILED', failureCode: 'InternalError' }]);
    assert.deepEqual(
      actions().map(({ detail }) => (detail as { result: string }).result),
      ['FAILED'],
    );
    assert.equal(await my.push('again', 'v3', 'often'), digest);
    assert.equal((await statuses('again', 'v3'))[0]?.status, 'COMPLETE');
  });

  test('a refusal is final: another account, a tag that may not move', async () => {
    await configure([
      { region: 'us-east-1', registryId: '111111111111' },
      { region: 'eu-west-1', registryId: account },
    ]);
    await my.call('PutImageTagMutability', { repositoryName: 'again', imageTagMutability: 'IMMUTABLE' }, 'root', 'eu-west-1');
    await my.push('again', 'v1', 'moved');
    assert.deepEqual(
      (await statuses('again', 'v1')).map(({ status, failureCode }) => [status, failureCode]),
      [
        ['FAILED', 'AccessDenied'],
        ['FAILED', 'ImageTagAlreadyExists'],
      ],
    );
    await my.call('BatchDeleteImage', { repositoryName: 'again', imageIds: [{ imageTag: 'v1' }] });
    await still();
    assert.deepEqual(my.ecr.replications.all(), [], 'of an image that is gone nothing is left');
  });

  test('what was copied does not go further, and is no push', async () => {
    await configure([{ region: 'eu-north-1', registryId: account }]);
    await my.call(
      'PutReplicationConfiguration',
      { replicationConfiguration: { rules: [{ destinations: [{ region: 'us-east-1', registryId: account }] }] } },
      'root',
      'eu-north-1',
    );
    await my.call('CreateRepository', { repositoryName: 'round' });
    my.told();
    const digest = await my.push('round', 'v1', 'round');
    await still();
    assert.deepEqual(there('eu-north-1', 'round'), [[digest, 'v1']]);
    assert.deepEqual(
      my.told().map((event) => [event['detail-type'], event.region]),
      [
        ['ECR Image Action', 'us-east-1'],
        ['ECR Replication Action', 'eu-north-1'],
      ],
    );
  });

  test('a backfill copies what was there before the rule', async () => {
    await configure([]);
    await my.call('CreateRepository', { repositoryName: 'old/app' });
    const child = await my.push('old/app', '', 'child');
    const content = my.manifest('child');
    const digest = sha(content);
    const index = JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests: [{ mediaType: imageType, digest, size: content.length }] });
    assert.match(child, /^404|^sha256/);
    await my.http('PUT', `/v2/old/app/manifests/${digest}`, { body: content, type: imageType });
    await my.call('PutImage', { repositoryName: 'old/app', imageTag: 'all', imageManifest: index });
    const plain = await my.push('old/app', 'plain', 'plain');
    const destination = { region: 'ap-south-1', registryId: account };
    const start = () => my.call<{ replicationBackfillId: string; status: string }>('StartReplicationBackfill', { destination });
    await assert.rejects(start(), my.refused('InvalidParameterException', /must be a destination of the registry's replication configuration/));
    await my.call('PutReplicationConfiguration', {
      replicationConfiguration: { rules: [{ destinations: [destination], repositoryFilters: [{ filter: 'old', filterType: 'PREFIX_MATCH' }] }] },
    });
    assert.deepEqual(await statuses('old/app', 'plain'), []);
    const { replicationBackfillId: id, status } = await start();
    assert.equal(status, 'PREPARING');
    await assert.rejects(start(), my.refused('ReplicationBackfillInProgressException', new RegExp(`'${id}' is already in progress`)));
    await my.clock.advance(0);
    await still();
    type Described = { status: string; progress: object; results: object[]; endedAt: Date; nextToken?: string };
    const described = await my.call<Described>('DescribeReplicationBackfillResults', { replicationBackfillId: id });
    assert.deepEqual(described, {
      registryId: account,
      replicationBackfillId: id,
      destination,
      status: 'COMPLETE',
      startedAt: new Date(my.clock.now()),
      endedAt: new Date(my.clock.now()),
      progress: { totalReplicationCount: 2, completedReplicationCount: 2, failedReplicationCount: 0, failureCodes: [] },
      results: described.results,
      nextToken: undefined,
    });
    assert.deepEqual(
      new Set(described.results.map((one) => JSON.stringify(one))),
      new Set(
        [
          { repositoryName: 'old/app', imageId: { imageDigest: sha(index), imageTag: 'all' }, status: 'COMPLETE' },
          { repositoryName: 'old/app', imageId: { imageDigest: plain, imageTag: 'plain' }, status: 'COMPLETE' },
        ].map((one) => JSON.stringify(one)),
      ),
    );
    assert.deepEqual(there('ap-south-1', 'old/app').toSorted(), [[digest], [plain, 'plain'], [sha(index), 'all']].toSorted());
    assert.equal((await statuses('old/app', 'plain'))[0]?.status, 'COMPLETE');
    const stop = (replicationBackfillId: string) => my.call<{ status: string }>('StopReplicationBackfill', { replicationBackfillId });
    await assert.rejects(stop(id), my.refused('ReplicationBackfillInvalidStatusException', /its status is 'COMPLETE'/));
    await assert.rejects(stop('none'), my.refused('ReplicationBackfillNotFoundException', /'none' does not exist/));
    const second = await start();
    assert.equal((await stop(second.replicationBackfillId)).status, 'STOPPING');
    await my.clock.advance(0);
    await still();
    const { backfills } = await my.call<{ backfills: { replicationBackfillId: string; status: string }[] }>('ListReplicationBackfills');
    assert.deepEqual(
      new Map(backfills.map((one) => [one.replicationBackfillId, one.status])),
      new Map([
        [id, 'COMPLETE'],
        [second.replicationBackfillId, 'STOPPED'],
      ]),
    );
    const left = { account, region: 'us-east-1' };
    await my.ecr.backfills.create(left, 'left', {
      ...left,
      id: 'left',
      to: { account, region: 'ap-south-1' },
      status: 'IN_PROGRESS',
      startedAt: my.clock.now(),
    });
    my.reopen();
    await my.clock.advance(0);
    await still();
    assert.equal(
      (await my.call<Described>('DescribeReplicationBackfillResults', { replicationBackfillId: 'left' })).status,
      'COMPLETE',
      'gone on with after a crash',
    );
    await my.clock.advance(91 * 24 * 60 * 60 * 1000);
    assert.deepEqual((await my.call<{ backfills: object[] }>('ListReplicationBackfills')).backfills, []);
  });
});
