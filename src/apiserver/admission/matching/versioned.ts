import type { Kind, KubeObject } from '#machinery';
import type { AdmissionRequest } from '../../types.ts';
import type { Versioned } from '../webhooks/review.ts';
import { convertTo } from './convert.ts';
import { facesOf } from './mutation.ts';

/** The objects of a request in the version that the matching rule names; a promise only when they must be converted. */
export function versioned(request: AdmissionRequest, as: Kind, view?: KubeObject): Versioned | Promise<Versioned> {
  const { kind } = request;
  const { object, old } = facesOf(request);
  const current = view ?? object;
  // Bodies of subresources are in a version of their own.
  if (as === kind || (current.kind !== undefined && current.kind !== kind.kind)) return { as, object: current, old };
  return Promise.all([convertTo(current, kind, as), old && convertTo(old, kind, as)]).then(([converted, before]) => ({ as, object: converted, old: before }));
}
export function versionedAll(request: AdmissionRequest, kinds: readonly Kind[]): readonly Versioned[] | Promise<readonly Versioned[]> {
  const shown = kinds.map((as) => versioned(request, as));
  return shown.some((one) => one instanceof Promise) ? Promise.all(shown.map((one) => Promise.resolve(one))) : (shown as Versioned[]);
}
