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

/**
 * The oldest updaters of a version go into one entry for that version, oldest first, until there are few enough. The
 * first of a version is only put into it when a second one follows (capManagersManager of kube-apiserver).
 */
function joinOldest(entries: ManagedFieldsEntry[], updaters: readonly ManagedFieldsEntry[]): ManagedFieldsEntry[] {
  const first = new Map<string, ManagedFieldsEntry>();
  const buckets = new Map<string, ManagedFieldsEntry>();
  const gone = new Set<ManagedFieldsEntry>();
  let left = updaters.length;
  for (const entry of updaters) {
    if (left <= maxUpdateManagers) break;
    const version = entry.apiVersion ?? '';
    const before = buckets.get(version) ?? first.get(version);
    if (!before) {
      first.set(version, entry);
      continue;
    }
    gone.add(before).add(entry);
    const { subresource: _gone, ...rest } = entry;
    buckets.set(version, { ...rest, manager: ancient, fieldsV1: union(fieldsOf(before), fieldsOf(entry)) as Json });
    left--;
  }
  return [...entries.filter((entry) => !gone.has(entry)), ...buckets.values()].sort(compareEntries);
}
