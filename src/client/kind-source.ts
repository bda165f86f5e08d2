import { allKinds } from '#kinds';
import type { Kind } from '#machinery';

/** Which kinds there are: the built-in ones, and custom resources as they come and go. */
export interface KindSource {
  /** One kind for each resource: the version that is stored, where that is served. */
  resources(): readonly Kind[];
  /** Calls whenever that changes. */
  follow(changed: () => void): void;
}

export function kindSource(kinds: () => readonly Kind[] = () => allKinds, follow: (changed: () => void) => void = () => {}): KindSource {
  return { resources: () => onePerResource(kinds()), follow };
}

function onePerResource(kinds: readonly Kind[]): readonly Kind[] {
  const chosen = new Map<string, Kind>();
  for (const kind of kinds) if (!chosen.has(kind.prefix) || kind.storageVersion === kind.apiVersion) chosen.set(kind.prefix, kind);
  return [...chosen.values()];
}
