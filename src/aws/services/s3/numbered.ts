import { ObjectsError, type Bucket, type ObjectStore, type SettingName } from '#objects';
import type { AnyAction } from '../../gateway/service.ts';
import { s3Action, type Names } from './action.ts';
import { malformedXml } from './setting.ts';

/** Sorts of configurations of which a bucket has many, each with an id: kept and listed, nothing is done by them. */
const sorts: readonly { readonly name: SettingName; readonly noun: string; readonly plural: string; readonly permission: string }[] = [
  { name: 'analytics', noun: 'AnalyticsConfiguration', plural: 'AnalyticsConfigurations', permission: 'AnalyticsConfiguration' },
  { name: 'inventory', noun: 'InventoryConfiguration', plural: 'InventoryConfigurations', permission: 'InventoryConfiguration' },
  { name: 'metrics', noun: 'MetricsConfiguration', plural: 'MetricsConfigurations', permission: 'MetricsConfiguration' },
  {
    name: 'intelligentTiering',
    noun: 'IntelligentTieringConfiguration',
    plural: 'IntelligentTieringConfigurations',
    permission: 'IntelligentTieringConfiguration',
  },
];
const MOST = 1000;
const PAGE = 100;

type Input = Names & { readonly Id?: string; readonly ContinuationToken?: string; readonly [member: string]: unknown };
type Kept = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

export const numberedActions = (store: ObjectStore): Record<string, AnyAction> =>
  Object.assign({}, ...sorts.map((sort) => actionsOf(store, sort))) as Record<string, AnyAction>;

function actionsOf(store: ObjectStore, { name, noun, plural, permission }: (typeof sorts)[number]): Record<string, AnyAction> {
  const of = (input: Names): Bucket => store.buckets.get(input.Bucket as string);
  const all = (bucket: Bucket): Kept => (store.buckets.setting(bucket, name) as Kept | undefined) ?? {};
  const [get, put] = [`s3:Get${permission}`, `s3:Put${permission}`];
  const find = (bucket: Bucket, id = ''): Kept[string] => {
    const found = Object.hasOwn(all(bucket), id) ? all(bucket)[id] : undefined;
    if (!found) throw new ObjectsError('NoSuchConfiguration', 'The specified configuration does not exist.');
    return found;
  };
  const on = (permitted: string, handle: (input: Input, bucket: Bucket) => object): AnyAction =>
    s3Action<Input, object>(store, { permission: permitted, on: 'bucket', handle: (input) => handle(input, of(input)) });
  return {
    [`PutBucket${noun}`]: on(put, (input, bucket) => {
      const value = input[noun] as Kept[string] | undefined;
      const id = input.Id ?? '';
      if (value === undefined || value['Id'] !== id || !/^[\w.-]{1,64}$/.test(id)) throw malformedXml();
      const before = all(bucket);
      if (!Object.hasOwn(before, id) && Object.keys(before).length >= MOST)
        throw new ObjectsError(
          'TooManyConfigurations',
          'You are attempting to create a new configuration but have already reached the 1,000-configuration limit.',
        );
      store.buckets.set(bucket, name, { ...before, [id]: value });
      return {};
    }),
    [`GetBucket${noun}`]: on(get, (input, bucket) => ({ [noun]: find(bucket, input.Id) })),
    [`DeleteBucket${noun}`]: on(put, (input, bucket) => {
      find(bucket, input.Id);
      store.buckets.set(bucket, name, Object.fromEntries(Object.entries(all(bucket)).filter(([id]) => id !== input.Id)));
      return {};
    }),
    [`ListBucket${plural}`]: on(get, (input, bucket) => {
      const after = input.ContinuationToken ?? '';
      const left = Object.keys(all(bucket))
        .toSorted()
        .filter((id) => id > after);
      const page = left.slice(0, PAGE);
      return {
        IsTruncated: left.length > PAGE,
        ...(after === '' ? {} : { ContinuationToken: after }),
        ...(left.length > PAGE ? { NextContinuationToken: page.at(-1) } : {}),
        [`${noun}List`]: page.map((id) => find(bucket, id)),
      };
    }),
  };
}
