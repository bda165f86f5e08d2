import { cloneObject } from '#machinery';
import type { V1PodTemplateSpec } from '#kinds';
import { canonical, nameHash } from '../hash.ts';

export const templateHashLabel = 'pod-template-hash';

export function templatesEqual(a: V1PodTemplateSpec | undefined, b: V1PodTemplateSpec | undefined): boolean {
  return a === b || textOf(a) === textOf(b);
}
/** A rollout compares the same few templates at every step; objects of caches never change. */
const texts = new WeakMap<V1PodTemplateSpec, string>();
function textOf(template: V1PodTemplateSpec = nothing): string {
  let text = texts.get(template);
  if (text === undefined) texts.set(template, (text = canonical(withoutHash(template))));
  return text;
}
const nothing = {} as V1PodTemplateSpec;
function withoutHash(template: V1PodTemplateSpec | undefined): V1PodTemplateSpec {
  const copy = cloneObject(template ?? {});
  if (copy.metadata?.labels) delete copy.metadata.labels[templateHashLabel];
  return copy;
}

/** The suffix of a ReplicaSet's name. */
export const templateHash = (template: V1PodTemplateSpec, collisionCount: number | undefined): string => nameHash(canonical(template), collisionCount);
