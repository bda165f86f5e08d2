import { cloneObject } from '#machinery';
import type { V1PodTemplateSpec } from '#kinds';
import { canonical, nameHash } from '../hash.ts';

export const templateHashLabel = 'pod-template-hash';

export function templatesEqual(a: V1PodTemplateSpec | undefined, b: V1PodTemplateSpec | undefined): boolean {
  return canonical(withoutHash(a)) === canonical(withoutHash(b));
}
function withoutHash(template: V1PodTemplateSpec | undefined): V1PodTemplateSpec {
  const copy = cloneObject(template ?? {});
  if (copy.metadata?.labels) delete copy.metadata.labels[templateHashLabel];
  return copy;
}

/** The suffix of a ReplicaSet's name. */
export const templateHash = (template: V1PodTemplateSpec, collisionCount: number | undefined): string => nameHash(canonical(template), collisionCount);
