import { ApiError, type StatusCause } from '#machinery';
import type { AdmissionRequest } from '../../types.ts';

/** Name and resource of a request, as refusals show them. */
export function subjectOf({ kind, name, object }: AdmissionRequest, causes?: StatusCause[]): { text: string; details: NonNullable<ApiError['details']> } {
  const resource = kind.group ? `${kind.plural}.${kind.group}` : kind.plural;
  const shown = name || object.metadata?.name || object.metadata?.generateName || 'Unknown';
  const details = { name: shown, ...(kind.group ? { group: kind.group } : {}), kind: kind.plural, ...(causes ? { causes } : {}) };
  return { text: `${resource} ${JSON.stringify(shown)} is forbidden`, details };
}
/** 403 for a reason of admission's. */
export function forbiddenBy(request: AdmissionRequest, why: string): ApiError {
  const { text, details } = subjectOf(request);
  return new ApiError('Forbidden', `${text}: ${why}`, details);
}
