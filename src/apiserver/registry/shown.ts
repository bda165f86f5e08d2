import type { KubeObject } from '#machinery';

/** What a verb answers with: an object and its JSON. A `CacheEntry` is one. */
export interface Shown {
  readonly object: KubeObject;
  json(): Buffer;
}

/** Something that is not in the store: the outcome of a dry run, a review, a Scale. */
export function shown(object: KubeObject): Shown {
  return { object, json: () => Buffer.from(JSON.stringify(object)) };
}
