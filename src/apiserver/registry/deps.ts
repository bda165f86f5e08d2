import { ApiError, type Kind } from '#machinery';
import type { StoreError } from '#store';
import type { ObjectCache } from '../cache/cache.ts';
import type { AdmissionPlugin, AdmissionRequest, DeletionRule, Environment } from '../types.ts';
import type { Locks } from './locks.ts';

/** What the verbs work with. */
export interface Deps extends Environment {
  readonly cache: ObjectCache;
  readonly locks: Locks;
  readonly admission: readonly AdmissionPlugin[];
  readonly deletion: readonly DeletionRule[];
}

/** The admission steps of a kind, found once. */
export class AdmissionChain {
  readonly #plugins: readonly AdmissionPlugin[];
  constructor(kind: Kind, all: readonly AdmissionPlugin[]) {
    this.#plugins = all.filter((plugin) => plugin.handles(kind));
  }
  mutate(request: AdmissionRequest): void {
    for (const plugin of this.#plugins) plugin.mutate?.(request);
  }
  validate(request: AdmissionRequest): void {
    for (const plugin of this.#plugins) plugin.validate?.(request);
  }
  settled(request: AdmissionRequest, committed: boolean): void {
    for (const plugin of this.#plugins) plugin.settled?.(request, committed);
  }
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
