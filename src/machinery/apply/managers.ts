import { formatTime } from '#base';
import type { Json, ManagedFieldsEntry } from '../object.ts';
import { difference, isEmpty, union, equalSets, type FieldSet } from './field-set.ts';
import type { Diff } from './diff.ts';

/** Who writes: identity of a manager's entry. Time and fields are not part of it; appliers are the same whatever version they used. */
export interface ManagerId {
  manager: string;
  operation: 'Apply' | 'Update';
  apiVersion: string;
  subresource?: string | undefined;
}

export const fieldsOf = (entry: ManagedFieldsEntry): FieldSet => (entry.fieldsV1 ?? {}) as FieldSet;

export function isManager(entry: ManagedFieldsEntry, id: ManagerId): boolean {
  return (
    entry.manager === id.manager &&
    entry.operation === id.operation &&
    (entry.subresource ?? '') === (id.subresource ?? '') &&
    (id.operation === 'Apply' || entry.apiVersion === id.apiVersion)
  );
}

export function newEntry(id: ManagerId, fields: FieldSet, now: number): ManagedFieldsEntry {
  return {
    manager: id.manager,
    operation: id.operation,
    apiVersion: id.apiVersion,
    time: formatTime(now),
    fieldsType: 'FieldsV1',
    fieldsV1: shared(fields) as Json,
    ...(id.subresource ? { subresource: id.subresource } : {}),
  };
}

/** Trees that many objects have: those a client makes alike, the pods of a workload, the reports of nodes. */
const common = new Map<string, FieldSet>();
const mostCommon = 1000;
const longestCommon = 4096;

/** One tree for all objects with equal ones: thousands of them are most of what tracked objects weigh in memory. */
function shared(fields: FieldSet): FieldSet {
  const text = JSON.stringify(fields);
  if (text.length > longestCommon) return fields;
  const known = common.get(text);
  if (known) return known;
  if (common.size >= mostCommon) common.clear();
  common.set(text, fields);
  return fields;
}

/** The entry with other fields: the very same entry when nothing changed, undefined when nothing is left. */
export function withFields(entry: ManagedFieldsEntry, fields: FieldSet): ManagedFieldsEntry | undefined {
  if (fields === fieldsOf(entry)) return entry;
  return isEmpty(fields) ? undefined : { ...entry, fieldsV1: fields as Json };
}

/** What others keep after a write: not what it changed, nor what it removed. */
export function afterOthersWrite(entry: ManagedFieldsEntry, diff: Diff): ManagedFieldsEntry | undefined {
  let fields = fieldsOf(entry);
  if (diff.changed) fields = difference(fields, diff.changed);
  if (diff.removed) fields = difference(fields, diff.removed, true);
  return withFields(entry, fields);
}

/** What the writer of an update owns after it; the time moves only when its fields did. */
export function afterOwnWrite(entry: ManagedFieldsEntry | undefined, diff: Diff, id: ManagerId, now: number): ManagedFieldsEntry | undefined {
  const before = entry ? fieldsOf(entry) : {};
  let fields: FieldSet = before;
  if (diff.removed) fields = difference(fields, diff.removed, true);
  if (diff.changed) fields = union(fields, diff.changed);
  if (isEmpty(fields)) return undefined;
  return entry && equalSets(fields, before) ? entry : newEntry(id, fields, now);
}

const maxUpdateManagers = 10;
const ancient = 'ancient-changes';

/** In the order that the API server writes them: appliers first, then by time and name. Old updaters beyond ten are joined. */
export function orderEntries(entries: ManagedFieldsEntry[]): ManagedFieldsEntry[] {
  if (entries.length < 2) return entries;
  const sorted = entries.sort(compareEntries);
  const updaters = sorted.filter((e) => e.operation === 'Update');
  return updaters.length > maxUpdateManagers ? joinOldest(sorted, updaters) : sorted;
}
function compareEntries(a: ManagedFieldsEntry, b: ManagedFieldsEntry): number {
  return (
    compare(a.operation, b.operation) ||
    compare(a.time, b.time) ||
    compare(a.manager, b.manager) ||
    compare(a.apiVersion, b.apiVersion) ||
    compare(a.subresource, b.subresource)
  );
}
const compare = (a = '', b = ''): number => (a < b ? -1 : a > b ? 1 : 0);

function joinOldest(entries: ManagedFieldsEntry[], updaters: ManagedFieldsEntry[]): ManagedFieldsEntry[] {
  // One bucket per version, made of the oldest; the bucket itself counts as one manager.
  const old = new Set(updaters.slice(0, updaters.length - maxUpdateManagers + 1));
  const buckets = new Map<string, ManagedFieldsEntry>();
  for (const entry of old) {
    const key = entry.apiVersion ?? '';
    const bucket = buckets.get(key);
    const { subresource: _gone, ...rest } = entry;
    buckets.set(key, { ...rest, manager: ancient, fieldsV1: union(bucket ? fieldsOf(bucket) : {}, fieldsOf(entry)) as Json });
  }
  return [...entries.filter((e) => !old.has(e)), ...buckets.values()].sort(compareEntries);
}
