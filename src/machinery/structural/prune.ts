import type { Json } from '../object.ts';
import type { Node } from './node.ts';
import { child, isRecord, metaFields } from './types.ts';

/** Decodes the metadata of an object or of an embedded one; answers the value to keep and the paths of unknown fields below `path`. */
export type MetadataDecoder = (value: Json, path: string) => { value: Json; unknown: readonly string[]; error?: string | undefined };

export interface PruneState {
  /** Undefined when nobody wants to know the paths. */
  readonly unknown: string[] | undefined;
  /** Undefined leaves metadata as it is. */
  readonly metadata: MetadataDecoder | undefined;
  /** The first thing of metadata that has a wrong type. */
  error: string | undefined;
}

/**
 * Takes out what the schema does not specify, in place. apiVersion, kind and metadata of whole objects are always
 * specified.
 */
export function prune(value: Json, node: Node | undefined, state: PruneState, path = ''): void {
  if (Array.isArray(value)) {
    const items = node?.items;
    // Below x-kubernetes-preserve-unknown-fields what has no schema is kept whole.
    if (items === undefined && node?.preserve === true) return;
    for (let i = 0; i < value.length; i++) {
      const item = value[i] as Json;
      if (item !== null && typeof item === 'object') prune(item, items, state, `${path}[${i}]`);
    }
    return;
  }
  if (!isRecord(value)) return;
  const whole = node?.whole === true;
  for (const key of Object.keys(value)) {
    if (whole && metaFields.has(key)) {
      if (key === 'metadata') decodeMetadata(value, state, child(path, key));
      continue;
    }
    const item = value[key] as Json;
    const property = node?.property(key);
    if (property === undefined && node?.open !== true) {
      if (node?.preserve === true) continue;
      delete value[key];
      state.unknown?.push(child(path, key));
    } else if (item !== null && typeof item === 'object') {
      const next = property ?? node?.additional;
      if (next === undefined && node?.preserve === true) continue;
      prune(item, next, state, child(path, key));
    }
  }
}

function decodeMetadata(owner: { [key: string]: Json }, state: PruneState, path: string): void {
  if (!state.metadata || owner['metadata'] === undefined) return;
  const decoded = state.metadata(owner['metadata'], path);
  owner['metadata'] = decoded.value;
  state.unknown?.push(...decoded.unknown);
  state.error ??= decoded.error;
}
