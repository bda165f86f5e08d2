import { cloneObject, type Json } from '../object.ts';

/** RFC 7386: null removes, objects merge, everything else replaces. The result is a copy of its own. */
export function mergePatch(target: Json | undefined, patch: Json): Json {
  return merge(target === undefined ? undefined : cloneObject(target), patch);
}

function merge(target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return cloneObject(patch);
  const out: { [key: string]: Json } = isObject(target) ? { ...target } : {};
  for (const key of Object.keys(patch)) {
    const value = patch[key] as Json;
    if (value === null) delete out[key];
    else out[key] = merge(Object.hasOwn(out, key) ? out[key] : undefined, value);
  }
  return out;
}

const isObject = (value: Json | undefined): value is { [key: string]: Json } => value !== null && typeof value === 'object' && !Array.isArray(value);
