import type { KubeObject, ManagedFieldsEntry } from '../object.ts';
import type { PatchSchema } from '../schema-view.ts';
import { createdSet, diffObjects } from './diff.ts';
import { isEmpty } from './field-set.ts';
import { afterOthersWrite, afterOwnWrite, isManager, newEntry, orderEntries, type ManagerId } from './managers.ts';
import { typeNode, type JsonObject } from './types.ts';

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
  /** Top-level members that this write cannot touch: `['status']` on the main resource of a kind with a status subresource. Default: spec on status writes. */
  ignored?: readonly string[];
}

const statusIgnores = ['spec'];
const nothing: readonly string[] = [];

/**
 * metadata.managedFields after a create, update or patch. An existing object without entries stays untracked
 * until its first apply, as in kube-apiserver; undefined means "no entries".
 */
export function trackUpdate(options: TrackOptions): ManagedFieldsEntry[] | undefined {
  const { old, next } = options;
  const ignored = options.ignored ?? (options.subresource === 'status' ? statusIgnores : nothing);
  const id: ManagerId = { manager: options.manager, operation: 'Update', apiVersion: options.apiVersion, subresource: options.subresource };
  const type = typeNode(options.schema, options.type);
  if (!old) {
    const fields = createdSet(next as unknown as JsonObject, type, ignored);
    return isEmpty(fields) ? undefined : [newEntry(id, fields, options.now)];
  }
  const entries = baseEntries(old, next);
  if (!entries) return undefined;
  const diff = diffObjects(old as unknown as JsonObject, next as unknown as JsonObject, type, ignored);
  if (!diff.changed && !diff.removed) return entries;
  return orderEntries(afterWrite(entries, diff, id, options.now));
}

function afterWrite(entries: readonly ManagedFieldsEntry[], diff: ReturnType<typeof diffObjects>, id: ManagerId, now: number): ManagedFieldsEntry[] {
  const out: ManagedFieldsEntry[] = [];
  let own: ManagedFieldsEntry | undefined;
  for (const entry of entries) {
    if (isManager(entry, id)) own = entry;
    else {
      const kept = afterOthersWrite(entry, diff);
      if (kept) out.push(kept);
    }
  }
  const mine = afterOwnWrite(own, diff, id, now);
  if (mine) out.push(mine);
  return out;
}

/** The client may send entries of its own (kubectl rewrites them when it upgrades from client-side apply); `[{}]` clears them. */
function baseEntries(old: KubeObject, next: KubeObject): ManagedFieldsEntry[] | undefined {
  const sent = next.metadata?.managedFields;
  const entries = sent && sent.length > 0 ? sent : old.metadata?.managedFields;
  if (!entries || entries.length === 0) return undefined;
  if (entries.length === 1 && isEmpty(entries[0] as Record<string, never>)) return undefined;
  return entries;
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
