import { ApiError, badRequest, type StatusCause } from '../errors.ts';
import { cloneObject, type Json, type KubeObject, type ManagedFieldsEntry } from '../object.ts';
import { configurationFindings, TypedPatchError } from './check.ts';
import { createdSet, diffObjects, rootSet, type Diff } from './diff.ts';
import { appliedFields, equalSets, intersection, isEmpty, paths, union, type FieldSet } from './field-set.ts';
import { afterOthersWrite, fieldsOf, isManager, newEntry, orderEntries, type ManagerId } from './managers.ts';
import { mergeConfiguration, prune, withoutNulls } from './merge.ts';
import type { TrackOptions } from './track.ts';
import { isObject, typeNode, type JsonObject, type TypeNode } from './types.ts';
import { diffsByVersion, hasOtherVersions, pruneAcross, type ObjectVersions } from './versions.ts';

export interface ApplyOptions extends Omit<TrackOptions, 'old' | 'next'> {
  /** The stored object; undefined when the apply creates it. Not changed. */
  live?: KubeObject | undefined;
  /** The configuration: a partial object with apiVersion, kind and metadata.name. Not changed. */
  patch: Json;
  force?: boolean | undefined;
}

interface Conflict {
  entry: ManagedFieldsEntry;
  path: string;
}
interface Context extends ApplyOptions {
  node: TypeNode;
  id: ManagerId;
  skip: readonly string[];
}

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';
const preApply = 'before-first-apply';
/** Every configuration holds the name, though nobody is recorded to own it: metadata never goes. */
const identity: FieldSet = { 'f:metadata': { 'f:name': {} } };

/**
 * Server-side apply (KEP-555): the new object with its managedFields, not yet defaulted or validated. Throws
 * ApiError BadRequest for a malformed configuration and Conflict when another manager owns a field that would change.
 * A promise only with `versions`, when entries are of another version than the configuration.
 */
export function applyPatch(options: ApplyOptions & { versions?: undefined }): KubeObject;
export function applyPatch(options: ApplyOptions): KubeObject | Promise<KubeObject>;
export function applyPatch(options: ApplyOptions): KubeObject | Promise<KubeObject> {
  const skip = options.ignored ?? (options.subresource === 'status' ? ['spec'] : []);
  const id: ManagerId = { manager: options.manager, operation: 'Apply', apiVersion: options.apiVersion, subresource: options.subresource };
  const context: Context = { ...options, node: typeNode(options.schema, options.type), id, skip };
  const config = configuration(options.patch, skip);
  checkConfiguration(config, context);
  return applyConfiguration(context, config);
}

function configuration(patch: Json, skip: readonly string[]): JsonObject {
  if (!isObject(patch)) throw badRequest('error decoding YAML: the apply configuration must be an object');
  const config = withoutNulls(patch) as JsonObject;
  const metadata = config.metadata;
  if (isObject(metadata) && Array.isArray(metadata.managedFields) && metadata.managedFields.length > 0) {
    throw badRequest('metadata.managedFields must be nil');
  }
  for (const key of skip) delete config[key];
  return config;
}
function checkConfiguration(config: JsonObject, { schema, type, apiVersion }: Context): void {
  const findings = configurationFindings(config, schema, type);
  if (findings.length === 0) return;
  const { name = '', namespace = '' } = (isObject(config.metadata) ? config.metadata : {}) as { name?: string; namespace?: string };
  throw new TypedPatchError(findings, { name, namespace, apiVersion, kind: typeof config.kind === 'string' ? config.kind : '' });
}

function applyConfiguration(context: Context, config: JsonObject): KubeObject | Promise<KubeObject> {
  const live = (context.live ?? {}) as unknown as JsonObject;
  const entries = managersOf(context, live);
  const previous = entries.find((e) => isManager(e, context.id));
  const others = entries.filter((e) => e !== previous);
  const applied = rootSet(config, context.node, context.skip, appliedFields);
  const merged = mergeConfiguration(live, withoutServerFields(config, context.live !== undefined), context.node);
  const state: State = { live, config, others, previous, applied };
  const { versions } = context;
  if (versions && hasOtherVersions(entries, context.apiVersion)) return applyAcross(context, versions, merged, state);
  const owned = others.reduce((set, e) => union(set, fieldsOf(e)), union(applied, identity));
  const next = previous ? prune(merged, fieldsOf(previous), owned, context.node) : merged;
  const diff = diffObjects(live, next, context.node, context.skip);
  return finish(context, state, next, () => diff);
}
/** The same, where others wrote in other versions. Entries of a version that is not served any more are dropped. */
async function applyAcross(context: Context, versions: ObjectVersions, merged: JsonObject, state: State): Promise<KubeObject> {
  const { apiVersion, live: old } = context;
  const others = state.others.filter((entry) => versions.typeOf(entry.apiVersion ?? ''));
  const { previous, applied } = state;
  const counting = [...others, newEntry(context.id, applied, context.now)];
  const whole = { ...merged, apiVersion } as unknown as KubeObject;
  const next = previous ? await pruneAcross(versions, whole, previous, counting, identity) : whole;
  const diffs = await diffsByVersion(versions, counting, { old: old as KubeObject, next, ignored: context.skip });
  return finish(context, { ...state, others }, next as unknown as JsonObject, (version) => diffs.get(version) ?? unchanged);
}
const unchanged: Diff = { changed: undefined, removed: undefined };

interface State {
  live: JsonObject;
  config: JsonObject;
  others: readonly ManagedFieldsEntry[];
  previous: ManagedFieldsEntry | undefined;
  applied: FieldSet;
}
/** What the write did, as a version says it. */
type DiffIn = (apiVersion: string) => Diff;

function finish(context: Context, { live, config, others, previous, applied }: State, next: JsonObject, diffIn: DiffIn): KubeObject {
  const conflicts = context.force ? [] : unlessLastApplied(context, live, findConflicts(others, diffIn));
  if (conflicts.length > 0) throw conflictError(conflicts);
  const managedFields = resulting(context, others, previous, applied, diffIn);
  return withManagedFields(upgradeLastApplied(context, live, next, config), managedFields);
}

/** The entries of the live object. One that was never tracked belongs, at its first apply, to whoever wrote it before. */
function managersOf(context: Context, live: JsonObject): ManagedFieldsEntry[] {
  const entries = context.live?.metadata?.managedFields;
  if (entries && entries.length > 0) return entries;
  if (!context.live) return [];
  const fields = createdSet(live, context.node, []);
  return isEmpty(fields) ? [] : [newEntry({ manager: preApply, operation: 'Update', apiVersion: context.apiVersion }, fields, context.now)];
}

/** The configuration may carry what the server decides (a uid, a creationTimestamp); the live values stay. */
function withoutServerFields(config: JsonObject, exists: boolean): JsonObject {
  if (!exists || !isObject(config.metadata)) return config;
  const { creationTimestamp: _t, generation: _g, selfLink: _s, ...metadata } = config.metadata;
  return { ...config, metadata };
}

function findConflicts(others: readonly ManagedFieldsEntry[], diffIn: DiffIn): Conflict[] {
  return others.flatMap((entry) => {
    const { changed } = diffIn(entry.apiVersion ?? '');
    return changed ? paths(intersection(fieldsOf(entry), changed)).map((path) => ({ entry, path })) : [];
  });
}

function resulting(
  context: Context,
  others: readonly ManagedFieldsEntry[],
  previous: ManagedFieldsEntry | undefined,
  applied: FieldSet,
  diffIn: DiffIn,
): ManagedFieldsEntry[] {
  const out = others.flatMap((entry) => afterOthersWrite(entry, diffIn(entry.apiVersion ?? '')) ?? []);
  if (isEmpty(applied)) return orderEntries(out);
  const same = previous && previous.apiVersion === context.apiVersion && equalSets(fieldsOf(previous), applied);
  const diff = diffIn(context.apiVersion);
  return orderEntries([...out, same && !diff.changed && !diff.removed ? previous : newEntry(context.id, applied, context.now)]);
}

function withManagedFields(object: JsonObject, managedFields: ManagedFieldsEntry[]): KubeObject {
  const out = cloneObject({ ...object, metadata: { ...(isObject(object.metadata) ? object.metadata : {}), managedFields: [] } }) as unknown as KubeObject;
  const metadata = out.metadata as NonNullable<KubeObject['metadata']>;
  if (managedFields.length > 0) metadata.managedFields = managedFields;
  else delete metadata.managedFields;
  return out;
}

/**
 * Migration from client-side apply: `kubectl apply --server-side` may take, without force, what the annotation
 * says the same user applied before.
 */
function unlessLastApplied(context: Context, live: JsonObject, conflicts: Conflict[]): Conflict[] {
  if (context.manager !== 'kubectl' || conflicts.length === 0) return conflicts;
  const text = annotation(live);
  const parsed = text === undefined ? undefined : parseObject(text);
  if (!parsed) return conflicts;
  const allowed = new Set(paths(rootSet(parsed, context.node, [], appliedFields)));
  return conflicts.filter(({ path }) => !allowed.has(path));
}
function annotation(object: JsonObject): string | undefined {
  const annotations = isObject(object.metadata) ? object.metadata.annotations : undefined;
  const text = isObject(annotations) ? annotations[lastApplied] : undefined;
  return typeof text === 'string' ? text : undefined;
}
function parseObject(text: string): JsonObject | undefined {
  try {
    const value = JSON.parse(text) as Json;
    return isObject(value) ? value : undefined;
  } catch {
    return undefined; // an annotation that anyone can write; then there is nothing to migrate
  }
}

/** Where the annotation exists it is kept true, so that going back to client-side apply works. */
function upgradeLastApplied(context: Context, live: JsonObject, next: JsonObject, config: JsonObject): JsonObject {
  if (context.manager !== 'kubectl' || context.subresource || annotation(live) === undefined) return next;
  const metadata = isObject(next.metadata) ? next.metadata : {};
  const annotations = isObject(metadata.annotations) ? metadata.annotations : {};
  return { ...next, metadata: { ...metadata, annotations: { ...annotations, [lastApplied]: `${JSON.stringify(config)}\n` } } };
}

function conflictError(conflicts: readonly Conflict[]): ApiError {
  const causes: StatusCause[] = conflicts.map(({ entry, path }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with ${managerText(entry)}`,
    field: path,
  }));
  return new ApiError('Conflict', conflictMessage(conflicts), { causes });
}
function conflictMessage(conflicts: readonly Conflict[]): string {
  const first = conflicts[0] as Conflict;
  if (conflicts.length === 1) return `Apply failed with 1 conflict: conflict with ${managerText(first.entry)}: ${first.path}`;
  const byManager = Map.groupBy(conflicts, ({ entry }) => managerText(entry));
  const lines = [...byManager.keys()]
    .sort()
    .flatMap((manager) => [`conflicts with ${manager}:`, ...(byManager.get(manager) as Conflict[]).map(({ path }) => `- ${path}`)]);
  return `Apply failed with ${conflicts.length} conflicts: ${lines.join('\n')}`;
}
function managerText(entry: ManagedFieldsEntry): string {
  const name = JSON.stringify(entry.manager ?? '') + (entry.subresource ? ` with subresource ${JSON.stringify(entry.subresource)}` : '');
  return entry.operation === 'Update' ? `${name} using ${entry.apiVersion ?? ''}` : name;
}
