import { allKinds } from '#kinds';
import type { Kind } from '#machinery';

/** Which kinds there are: the built-in ones, and custom resources as they come and go. */
export interface KindSource {
  /** One kind for each resource, in the version that is stored. */
  resources(): readonly Kind[];
  /** Calls whenever that changes. */
  follow(changed: () => void): void;
}

export function kindSource(kinds: () => readonly Kind[] = () => allKinds, follow: (changed: () => void) => void = () => {}): KindSource {
  return { resources: () => kinds().filter((kind) => kind.storageVersion === kind.apiVersion), follow };
}
