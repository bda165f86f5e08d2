import type { KubeObject, ManagedFieldsEntry } from '../object.ts';
import type { PatchSchema } from '../schema-view.ts';
import { createdSet, diffObjects, type Diff } from './diff.ts';
import { readEntries, resets } from './entries.ts';
import { isEmpty } from './field-set.ts';
import { afterOthersWrite, afterOwnWrite, isManager, newEntry, orderEntries, type ManagerId } from './managers.ts';
import { typeNode, type JsonObject } from './types.ts';
import { diffsByVersion, hasOtherVersions, type ObjectVersions } from './versions.ts';

export interface TrackOptions {
  /** The stored object; undefined on create. */
  old?: KubeObject | undefined;
  /** The object as it will be stored; not changed. */
  next: KubeObject;
  /** The fieldManager option, else the first part of the user agent (`userAgentManager`). */
  manager: string;
  /** Version that the client wrote in. */
  apiVersion: string;
  /** ms since the epoch */
  now: number;
  subresource?: string | undefined;
  schema: PatchSchema;
  /** Type of the object in the schema; undefined for kinds without one. */
  type: string | undefined;
  /** Needed where entries may be of several versions; without it all are taken to be of the writer's. */
  versions?: ObjectVersions | undefined;
  /** Top-level members that this write cannot touch: `['status']` on the main resource of a kind with a status subresource. Default: spec on status writes. */
  ignored?: readonly string[];
}

const statusIgnores = ['spec'];
const nothing: readonly string[] = [];
type Tracked = ManagedFieldsEntry[] | undefined;

/**
 * metadata.managedFields after a create, update or patch. An existing object without entries stays untracked
 * until its first apply, as in kube-apiserver; undefined means "no entries". A promise only when entries are of
 * another version than the writer's.
 */
export function trackUpdate(options: TrackOptions & { versions?: undefined }): Tracked;
export function trackUpdate(options: TrackOptions): Tracked | Promise<Tracked>;
export function trackUpdate(options: TrackOptions): Tracked | Promise<Tracked> {
  const { old, next } = options;
  const ignored = options.ignored ?? (options.subresource === 'status' ? statusIgnores : nothing);
  const id: ManagerId = { manager: options.manager, operation: 'Update', apiVersion: options.apiVersion, subresource: options.subresource };
  const type = typeNode(options.schema, options.type);
  if (!old) {
    const fields = createdSet(next as unknown as JsonObject, type, ignored);
    return isEmpty(fields) ? undefined : [newEntry(id, fields, options.now)];
  }
  const entries = baseEntries(old, next, options.subresource);
  if (!entries) return undefined;
  const { versions, now } = options;
  if (versions && hasOtherVersions(entries, id.apiVersion)) {
    const own = { apiVersion: id.apiVersion };
    return diffsByVersion(versions, [own, ...entries], { old, next, ignored }).then((diffs) => after(entries, (version) => diffs.get(version), id, now));
  }
  const diff = diffObjects(old as unknown as JsonObject, next as unknown as JsonObject, type, ignored);
  return after(entries, () => diff, id, now);
}

/** `diffIn` tells what the write did as a version says it; nothing is known of versions that are not served. */
function after(entries: ManagedFieldsEntry[], diffIn: (apiVersion: string) => Diff | undefined, id: ManagerId, now: number): ManagedFieldsEntry[] {
  const diff = diffIn(id.apiVersion);
  if (!diff?.changed && !diff?.removed) return entries;
  const out: ManagedFieldsEntry[] = [];
  let own: ManagedFieldsEntry | undefined;
  for (const entry of entries) {
    if (isManager(entry, id)) own = entry;
    else {
      const seen = diffIn(entry.apiVersion ?? '');
      const kept = seen && afterOthersWrite(entry, seen);
      if (kept) out.push(kept);
    }
  }
  const mine = afterOwnWrite(own, diff, id, now);
  if (mine) out.push(mine);
  return orderEntries(out);
}

/**
 * The client may send entries of its own (kubectl rewrites them when it upgrades from client-side apply), but not to a
 * subresource. What it leaves out, or what cannot be read, is as it was.
 */
function baseEntries(old: KubeObject, next: KubeObject, subresource: string | undefined): Tracked {
  const sent = next.metadata?.managedFields;
  const present = old.metadata?.managedFields;
  if (subresource || sent === undefined || sent === present) return present?.length ? present : undefined;
  if (resets(sent)) return undefined;
  const entries = readEntries(sent) ?? present;
  return entries?.length ? entries : undefined;
}

/** The manager of a client that names none: its user agent up to the first slash, without unprintable characters, at most 128 long. */
export function userAgentManager(userAgent: string | undefined): string {
  return (
    (userAgent ?? 'unknown')
      .split('/')[0]
      ?.replace(/[^\x20-\x7e]/g, '')
      .slice(0, 128) || 'unknown'
  );
}
