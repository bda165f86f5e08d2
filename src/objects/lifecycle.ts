import type { Tag } from './names.ts';
import type { Version } from './versions.ts';

/** A rule as PutBucketLifecycleConfiguration has it (LifecycleRule of the Amazon S3 API Reference). */
export interface LifecycleRule {
  readonly ID?: string | undefined;
  readonly Status: string;
  /** Of configurations in the old form. */
  readonly Prefix?: string | undefined;
  readonly Filter?: LifecycleFilter | undefined;
  readonly Expiration?:
    | { readonly Days?: number | undefined; readonly Date?: string | undefined; readonly ExpiredObjectDeleteMarker?: boolean | undefined }
    | undefined;
  readonly Transitions?:
    | readonly { readonly Days?: number | undefined; readonly Date?: string | undefined; readonly StorageClass?: string | undefined }[]
    | undefined;
  readonly NoncurrentVersionExpiration?: { readonly NoncurrentDays?: number | undefined; readonly NewerNoncurrentVersions?: number | undefined } | undefined;
  readonly NoncurrentVersionTransitions?:
    | readonly {
        readonly NoncurrentDays?: number | undefined;
        readonly NewerNoncurrentVersions?: number | undefined;
        readonly StorageClass?: string | undefined;
      }[]
    | undefined;
  readonly AbortIncompleteMultipartUpload?: { readonly DaysAfterInitiation?: number | undefined } | undefined;
}
interface FilterParts {
  readonly Prefix?: string | undefined;
  readonly ObjectSizeGreaterThan?: number | undefined;
  readonly ObjectSizeLessThan?: number | undefined;
}
export interface LifecycleFilter extends FilterParts {
  readonly Tag?: Tag | undefined;
  readonly And?: (FilterParts & { readonly Tags?: readonly Tag[] | undefined }) | undefined;
}

export type LifecycleAction =
  | { readonly do: 'expire'; readonly version: Version }
  | { readonly do: 'remove'; readonly version: Version }
  | { readonly do: 'transition'; readonly version: Version; readonly storageClass: string };

const DAY = 24 * 60 * 60 * 1000;

/** When something that began at a time is N days old for a rule: the midnight (UTC) after those days. */
export const dueAfter = (began: number, days: number): number => Math.ceil((began + days * DAY) / DAY) * DAY;

/**
 * What the rules want done to one key. `versions`: all of it, newest first; a version became noncurrent when the one
 * after it came. Removing wins over moving to another class, and the newest version is expired, not removed.
 */
export function lifecycleActions(rules: readonly LifecycleRule[], versions: readonly Version[], now: number): LifecycleAction[] {
  const enabled = rules.filter((rule) => rule.Status === 'Enabled');
  return versions.flatMap((version, i) => {
    const mine = enabled.filter((rule) => applies(rule, version));
    const since = versions[i - 1]?.modified;
    return since === undefined ? newest(mine, version, versions.length === 1, now) : noncurrent(mine, version, i - 1, since, now);
  });
}

function newest(rules: readonly LifecycleRule[], version: Version, alone: boolean, now: number): LifecycleAction[] {
  if (version.marker) {
    const gone = rules.some(({ Expiration: e }) => e && (e.ExpiredObjectDeleteMarker === true || isDue(version.modified, e.Days, e.Date, now)));
    return alone && gone ? [{ do: 'remove', version }] : [];
  }
  if (rules.some(({ Expiration: e }) => e && isDue(version.modified, e.Days, e.Date, now))) return [{ do: 'expire', version }];
  const moves = rules.flatMap((rule) => rule.Transitions ?? []).filter((t) => isDue(version.modified, t.Days, t.Date, now));
  return move(version, moves.toSorted((a, b) => (a.Days ?? 0) - (b.Days ?? 0)).at(-1)?.StorageClass);
}
/** `newer`: how many noncurrent versions are newer than this one. */
function noncurrent(rules: readonly LifecycleRule[], version: Version, newer: number, since: number, now: number): LifecycleAction[] {
  type Limit = { readonly NoncurrentDays?: number | undefined; readonly NewerNoncurrentVersions?: number | undefined };
  const due = (limit: Limit): boolean => newer >= (limit.NewerNoncurrentVersions ?? 0) && now >= dueAfter(since, limit.NoncurrentDays ?? 0);
  if (rules.some(({ NoncurrentVersionExpiration: e }) => e && due(e))) return [{ do: 'remove', version }];
  if (version.marker) return [];
  const moves = rules.flatMap((rule) => rule.NoncurrentVersionTransitions ?? []).filter(due);
  return move(version, moves.toSorted((a, b) => (a.NoncurrentDays ?? 0) - (b.NoncurrentDays ?? 0)).at(-1)?.StorageClass);
}
function move(version: Version, storageClass: string | undefined): LifecycleAction[] {
  return storageClass === undefined || storageClass === version.storageClass ? [] : [{ do: 'transition', version, storageClass }];
}
function isDue(began: number, days: number | undefined, date: string | undefined, now: number): boolean {
  if (days !== undefined) return now >= dueAfter(began, days);
  return date !== undefined && now >= Date.parse(date);
}

function applies(rule: LifecycleRule, version: Version): boolean {
  const { Filter: filter } = rule;
  const parts: FilterParts = filter?.And ?? filter ?? {};
  const tags = filter?.And?.Tags ?? (filter?.Tag ? [filter.Tag] : []);
  // A delete marker has neither size nor tags: rules that look at those never meet it.
  const looks = tags.length > 0 || parts.ObjectSizeGreaterThan !== undefined || parts.ObjectSizeLessThan !== undefined;
  if (version.marker && looks) return false;
  return (
    version.key.startsWith(parts.Prefix ?? rule.Prefix ?? '') &&
    tags.every((tag) => version.tags.some((t) => t.Key === tag.Key && t.Value === tag.Value)) &&
    version.size > (parts.ObjectSizeGreaterThan ?? -1) &&
    version.size < (parts.ObjectSizeLessThan ?? Number.POSITIVE_INFINITY)
  );
}

/** Whether an upload that began at a time has been under way for too long. */
export function abortsUpload(rules: readonly LifecycleRule[], upload: { key: string; initiated: number }, now: number): boolean {
  return rules.some(({ Status, Prefix, Filter, AbortIncompleteMultipartUpload: abort }) => {
    const prefix = Filter?.And?.Prefix ?? Filter?.Prefix ?? Prefix ?? '';
    return (
      Status === 'Enabled' &&
      abort?.DaysAfterInitiation !== undefined &&
      upload.key.startsWith(prefix) &&
      now >= dueAfter(upload.initiated, abort.DaysAfterInitiation)
    );
  });
}
