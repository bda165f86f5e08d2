import { ApiError } from '#machinery';
import type { StoreError } from '#store';
import type { ObjectCache } from '../cache/cache.ts';
import type { AdmissionPlugin, DeletionRule, Environment } from '../types.ts';
import type { Locks } from './locks.ts';

/** What the verbs work with. */
export interface Deps extends Environment {
  readonly cache: ObjectCache;
  readonly locks: Locks;
  readonly admission: readonly AdmissionPlugin[];
  readonly deletion: readonly DeletionRule[];
}

/** A store failure in the API's words; anything else passes through. */
export function apiFailure(error: unknown): unknown {
  if (!isStoreError(error)) return error;
  if (error.code === 'too-large') return new ApiError('RequestEntityTooLarge', `Request entity too large: ${error.message}`);
  if (error.code === 'closed' || error.code === 'unavailable') return new ApiError('ServiceUnavailable', `the store is unavailable: ${error.message}`);
  return new ApiError('InternalError', `Internal error occurred: ${error.message}`);
}
export function isStoreError(error: unknown): error is StoreError {
  return error instanceof Error && error.name === 'StoreError';
}
export function isStoreConflict(error: unknown): error is StoreError {
  return isStoreError(error) && error.code === 'conflict';
}
