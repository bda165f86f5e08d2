import type { KubeObject, ManagedFieldsEntry } from '../object.ts';
import type { PatchSchema } from '../schema-view.ts';
import { diffObjects, rootSet, type Diff } from './diff.ts';
import { createdFields, union, type FieldSet } from './field-set.ts';
import { fieldsOf } from './managers.ts';
import { prune } from './merge.ts';
import { typeNode, type JsonObject, type TypeNode } from './types.ts';

/**
 * The versions of a resource: entries of managedFields name fields as the version does that they were written in, so
 * that a write in another one is compared with them there.
 */
export interface ObjectVersions {
  /** The type of the objects of a version; undefined when it is not served (any more). */
  typeOf(apiVersion: string): { readonly schema: PatchSchema; readonly type: string | undefined } | undefined;
  /** Gives a copy, or the object itself when it is of that version. */
  convert(object: KubeObject, apiVersion: string): KubeObject | Promise<KubeObject>;
}

/** One object in the versions that are asked for, each made once. */
class Views {
  readonly #versions: ObjectVersions;
  readonly #object: KubeObject;
  readonly #made = new Map<string, JsonObject>();
  constructor(versions: ObjectVersions, object: KubeObject) {
    this.#versions = versions;
    this.#object = object;
  }
  async in(apiVersion: string): Promise<JsonObject> {
    let view = this.#made.get(apiVersion);
    if (!view) this.#made.set(apiVersion, (view = (await this.#versions.convert(this.#object, apiVersion)) as unknown as JsonObject));
    return view;
  }
}

/** Whether some entry is of another version than the writer's. */
export function hasOtherVersions(entries: readonly ManagedFieldsEntry[], apiVersion: string): boolean {
  return entries.some((entry) => entry.apiVersion !== apiVersion);
}

/** What a write did, as each version of the entries says it; a version that is not served is not in it. */
export async function diffsByVersion(
  versions: ObjectVersions,
  entries: readonly ManagedFieldsEntry[],
  { old, next, ignored }: { old: KubeObject; next: KubeObject; ignored: readonly string[] },
): Promise<Map<string, Diff>> {
  const before = new Views(versions, old);
  const after = new Views(versions, next);
  const out = new Map<string, Diff>();
  for (const { apiVersion = '' } of entries) {
    const type = out.has(apiVersion) ? undefined : nodeOf(versions, apiVersion);
    if (type) out.set(apiVersion, diffObjects(await before.in(apiVersion), await after.in(apiVersion), type, ignored));
  }
  return out;
}
function nodeOf(versions: ObjectVersions, apiVersion: string): TypeNode | undefined {
  const found = versions.typeOf(apiVersion);
  return found && typeNode(found.schema, found.type);
}

/**
 * Takes out of `merged` what an applier listed the last time, in the version of that time, and nobody owns now, in
 * whatever version. `entries` are those that count, the applier's new one among them. Gives an object in `apiVersion`.
 */
export async function pruneAcross(
  versions: ObjectVersions,
  merged: KubeObject,
  last: ManagedFieldsEntry,
  entries: readonly ManagedFieldsEntry[],
  identity: FieldSet,
): Promise<KubeObject> {
  const own = merged.apiVersion ?? '';
  const lastVersion = last.apiVersion ?? '';
  const lastType = nodeOf(versions, lastVersion);
  if (!lastType) return merged;
  const whole = new Views(versions, merged);
  const owned = Map.groupBy(entries, (entry) => entry.apiVersion ?? '');
  const ownedIn = (version: string): FieldSet => (owned.get(version) ?? []).reduce((set, entry) => union(set, fieldsOf(entry)), identity);
  let pruned = prune(await whole.in(lastVersion), fieldsOf(last), ownedIn(lastVersion), lastType) as unknown as KubeObject;
  for (const version of owned.keys()) {
    const type = version === lastVersion ? undefined : nodeOf(versions, version);
    if (!type) continue;
    // What is gone in the one version stays only where an entry of the other still claims it.
    const all = await whole.in(version);
    const kept = rootSet((await versions.convert(pruned, version)) as unknown as JsonObject, type, [], createdFields);
    const gone = rootSet(all, type, [], createdFields);
    pruned = prune(all, gone, union(kept, ownedIn(version)), type) as unknown as KubeObject;
  }
  return versions.convert(pruned, own);
}
