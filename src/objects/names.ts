import { isIPv4 } from 'node:net';
import { ObjectsError } from './errors.ts';

/** Bucket names as they are given since 2018 (Amazon S3 User Guide, general purpose bucket naming rules). Throws InvalidBucketName. */
export function checkBucketName(name: string): string {
  const well = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name) && !name.includes('..') && !isIPv4(name);
  const kept = /^(xn--|sthree-|amzn-s3-demo-)|(-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)$/.test(name);
  if (!well || kept) throw new ObjectsError('InvalidBucketName', 'The specified bucket is not valid.', { BucketName: name });
  return name;
}

const MAX_KEY_BYTES = 1024;

export function checkKey(key: string): string {
  const size = Buffer.byteLength(key);
  if (size === 0) throw new ObjectsError('InvalidRequest', 'Missing key');
  if (size > MAX_KEY_BYTES) {
    throw new ObjectsError('KeyTooLongError', 'Your key is too long', { Size: String(size), MaxSizeAllowed: String(MAX_KEY_BYTES) });
  }
  return key;
}

/** The least text that is greater than everything that begins with `prefix`, in the order of UTF-8 bytes; undefined: there is none. */
export function successor(prefix: string): string | undefined {
  const points = Array.from(prefix, (c) => c.codePointAt(0) as number);
  while (points.length > 0) {
    const last = points.pop() as number;
    if (last >= 0x10ffff) continue;
    // Surrogates are no characters.
    return String.fromCodePoint(...points, last + 1 === 0xd800 ? 0xe000 : last + 1);
  }
  return undefined;
}

export interface Tag {
  readonly Key: string;
  readonly Value: string;
}
/** Checks a tag set: an object has at most 10 tags, a bucket 50. Throws InvalidTag. */
export function checkTags(tags: readonly Tag[], most: number): void {
  if (tags.length > most) {
    const what = most === 10 ? 'Object tags cannot be greater than 10' : `Bucket tag count cannot be greater than ${most}`;
    throw new ObjectsError(most === 10 ? 'InvalidArgument' : 'InvalidTag', what);
  }
  const seen = new Set<string>();
  for (const { Key, Value } of tags) {
    if (Key.length === 0 || Key.length > 128) throw new ObjectsError('InvalidTag', 'The TagKey you have provided is invalid', { TagKey: Key });
    if (Value.length > 256) throw new ObjectsError('InvalidTag', 'The TagValue you have provided is invalid', { TagKey: Key, TagValue: Value });
    if (Key.startsWith('aws:')) throw new ObjectsError('InvalidTag', 'System tags cannot be added/updated by requester', { TagKey: Key });
    if (!/^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u.test(Key + Value)) throw new ObjectsError('InvalidTag', 'The TagValue you have provided is invalid', { TagKey: Key });
    if (seen.has(Key)) throw new ObjectsError('InvalidTag', 'Cannot provide multiple Tags with the same key', { TagKey: Key });
    seen.add(Key);
  }
}
