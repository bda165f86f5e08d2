import { ObjectsError, type Bucket, type ObjectsErrorCode, type ObjectStore, type SettingName } from '#objects';
import type { Call } from '../../gateway/call.ts';
import type { AnyAction } from '../../gateway/service.ts';
import { s3Action, type Names } from './action.ts';

type Input = Names & { readonly [member: string]: unknown };

/** A configuration of a bucket: its actions are made of what is said here. */
export interface Setting {
  /** What follows Put and Get in the names of its actions: BucketCors. */
  readonly noun: string;
  readonly name: SettingName;
  /** The member of the input that holds it. */
  readonly member: string;
  /** What follows s3:Put and s3:Get in its permissions. Default: the noun. */
  readonly permission?: string;
  /** The answer holds the configuration as this member, not as itself. */
  readonly wrapped?: boolean;
  /** What Get answers while nothing is set: an error, or the usual value. */
  readonly unset: readonly [ObjectsErrorCode, string] | Readonly<Record<string, unknown>>;
  /** The action that removes it, and its permission after `s3:`. */
  readonly removal?: readonly [action: string, permission: string];
  /** What Get answers once it was removed, where that is not what it answers while nothing is set. */
  readonly gone?: readonly [ObjectsErrorCode, string];
  /** Throws what is wrong with it. Gives what is kept; undefined: nothing is, the setting goes. */
  take?(value: never, context: { store: ObjectStore; bucket: Bucket; call: Call; input: Input }): unknown;
  /** What Put answers. */
  answer?(kept: never): object;
}

export const malformedXml = (): ObjectsError =>
  new ObjectsError('MalformedXML', 'The XML you provided was not well-formed or did not validate against our published schema');

/** What is kept in place of a setting that was taken away, where that differs from one that never was. */
const removed = 'removed';

export function settingActions(store: ObjectStore, setting: Setting): Record<string, AnyAction> {
  const { noun, name, member, removal } = setting;
  const permission = setting.permission ?? noun;
  const of = (input: Names): Bucket => store.buckets.get(input.Bucket as string);
  return {
    [`Put${noun}`]: s3Action<Input, object>(store, {
      permission: `s3:Put${permission}`,
      on: 'bucket',
      handle(input, call) {
        const bucket = of(input);
        const value = input[member];
        if (value === undefined) throw malformedXml();
        const kept = setting.take ? setting.take(value as never, { store, bucket, call, input }) : value;
        if (kept === undefined) store.buckets.unset(bucket, name);
        else store.buckets.set(bucket, name, kept);
        return setting.answer?.(kept as never) ?? {};
      },
    }),
    [`Get${noun}`]: s3Action<Names, object>(store, {
      permission: `s3:Get${permission}`,
      on: 'bucket',
      handle(input) {
        const value = readSetting(store, of(input), setting);
        return setting.wrapped === true ? { [member]: value } : value;
      },
    }),
    ...(removal ? { [removal[0]]: removalAction(store, setting, `s3:${removal[1]}`) } : {}),
  };
}

/** What is set, or what counts while nothing is. Throws the error of settings that have no usual value. */
export function readSetting(
  store: ObjectStore,
  bucket: Bucket,
  { name, unset, gone }: Pick<Setting, 'name' | 'unset' | 'gone'>,
): Readonly<Record<string, unknown>> {
  const value = store.buckets.setting(bucket, name);
  if (value !== undefined && value !== removed) return revive(value) as Record<string, unknown>;
  const instead = value === removed && gone ? gone : unset;
  if (!isError(instead)) return instead;
  throw new ObjectsError(instead[0], instead[1], { BucketName: bucket.name });
}
const isError = (unset: Setting['unset']): unset is readonly [ObjectsErrorCode, string] => Array.isArray(unset);

function removalAction(store: ObjectStore, { name, gone }: Setting, permission: string): AnyAction {
  return s3Action<Names, object>(store, {
    permission,
    on: 'bucket',
    handle(input) {
      const bucket = store.buckets.get(input.Bucket as string);
      if (gone) store.buckets.set(bucket, name, removed);
      else store.buckets.unset(bucket, name);
      return {};
    },
  });
}

const dates = new Set(['Date', 'RetainUntilDate']);
/** Dates are texts where they are kept. */
export function revive(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(revive);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, dates.has(name) && typeof one === 'string' ? new Date(one) : revive(one)]));
}
