import { checkTags, type Bucket, type ObjectStore, type Tag } from '#objects';
import type { Call } from '../../gateway/call.ts';
import { AwsError } from '../../gateway/errors.ts';
import { defineAction, defineService, type AnyAction, type Service } from '../../gateway/service.ts';
import { inWordsOfS3, permissionOn } from '../s3/action.ts';
import { controlXml } from './protocol.ts';

interface Input {
  readonly AccountId?: string | undefined;
  readonly ResourceArn?: string | undefined;
  readonly Tags?: readonly Partial<Tag>[] | undefined;
  readonly TagKeys?: readonly string[] | undefined;
}

/** S3 Control: the tags of buckets. The rest is of access points, batch jobs and the like, which are not here. */
export function s3ControlService(store: ObjectStore): Service {
  const find = ({ ResourceArn = '', AccountId }: Input): Bucket => {
    const bucket = store.buckets.find(nameOf(ResourceArn));
    if (!bucket) throw new AwsError('NoSuchResource', "The specified resource doesn't exist.", { status: 404 });
    if (AccountId !== undefined && AccountId !== bucket.account) throw new AwsError('AccessDenied', 'Access Denied', { status: 403 });
    return bucket;
  };
  const tagsOf = (bucket: Bucket): readonly Tag[] => (store.buckets.setting(bucket, 'tagging') as { TagSet?: readonly Tag[] } | undefined)?.TagSet ?? [];
  const keep = (bucket: Bucket, tags: readonly Tag[]): void => {
    checkTags(tags, 50);
    if (tags.length === 0) store.buckets.unset(bucket, 'tagging');
    else store.buckets.set(bucket, 'tagging', { TagSet: tags });
  };
  const on = (handle: (input: Input, bucket: Bucket) => object): AnyAction =>
    defineAction<Input, object>({
      permissions: (input, call: Call) => {
        const bucket = nameOf(input.ResourceArn ?? '');
        return [permissionOn(store, call, { action: `s3:${call.action}`, resource: `arn:${call.partition}:s3:::${bucket}`, bucket })];
      },
      handle: (input, call) => inWordsOfS3(call, () => handle(input, find(input))),
    });
  const actions = {
    ListTagsForResource: on((_input, bucket) => ({ Tags: tagsOf(bucket) })),
    TagResource: on(({ Tags = [] }, bucket) => {
      const added = Tags.map(({ Key = '', Value = '' }) => ({ Key, Value }));
      checkTags(added, 50);
      const kept = tagsOf(bucket).filter(({ Key }) => !added.some((one) => one.Key === Key));
      keep(bucket, [...kept, ...added]);
      return {};
    }),
    UntagResource: on(({ TagKeys = [] }, bucket) => {
      keep(
        bucket,
        tagsOf(bucket).filter(({ Key }) => !TagKeys.includes(Key)),
      );
      return {};
    }),
  };
  return defineService({ contract: 's3-control', prefix: 's3', protocols: [controlXml], kinds: [], global: true, actions });
}

/** The bucket of an ARN; '' for resources of other sorts. */
const nameOf = (arn: string): string => /^arn:[\w-]+:s3:::([^/:]+)$/.exec(arn)?.[1] ?? '';
