import { ApiError } from '#machinery';
import type { AdmissionRequest } from '../types.ts';

/** `pods "web" is forbidden: WHY`, as a kube-apiserver's admission says no. An object without a name yet goes by its generateName. */
export function forbidden({ kind, name, object }: Pick<AdmissionRequest, 'kind' | 'name' | 'object'>, why: string): ApiError {
  const called = name || object.metadata?.name || object.metadata?.generateName || 'Unknown';
  const qualified = kind.group ? `${kind.plural}.${kind.group}` : kind.plural;
  const details = { name: called, ...(kind.group ? { group: kind.group } : {}), kind: kind.plural };
  return new ApiError('Forbidden', `${qualified} ${JSON.stringify(called)} is forbidden: ${why}`, details);
}

/** Several findings as one text: one alone is itself, more are in brackets; the same is said once. */
export function aggregate(errors: readonly string[]): string {
  const once = [...new Set(errors)];
  return once.length === 1 ? (once[0] as string) : `[${once.join(', ')}]`;
}
