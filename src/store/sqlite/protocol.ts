import type { Revision } from '../store.ts';

/** What the writer thread works on. */
export interface WorkerInput {
  readonly file: string;
  /** How long to wait for another process to let go of the file, ms. */
  readonly lockWaitMs: number;
  /** The file may not grow past this many bytes; undefined = as far as the disk goes. */
  readonly quotaBytes: number | undefined;
}

/** Numbers per row in the head of a packed batch. */
export const HEAD = 5;

/**
 * Rows packed for the other thread: `head` has HEAD numbers per row (id, revision, created, length of the
 * key, length of the value); keys and values lie one behind the other. `created` 0 marks a delete.
 */
export interface PackedRows {
  readonly count: number;
  readonly head: Float64Array;
  readonly keys: string;
  readonly values: Uint8Array;
}

/** To the writer thread, `open` first. `write` uses the shared buffers that the last `buffers` named. */
export type Request =
  | { readonly kind: 'open'; readonly input: WorkerInput }
  | { readonly kind: 'buffers'; readonly head: SharedArrayBuffer; readonly values: SharedArrayBuffer }
  | { readonly kind: 'write'; readonly count: number; readonly keys: string }
  | { readonly kind: 'compacted'; readonly revision: Revision }
  | { readonly kind: 'forget'; readonly ids: readonly number[] }
  | { readonly kind: 'tidy' }
  | { readonly kind: 'close' };

/** `busy`: another process has the file. `space`: the disk or the quota is full. `empty`: it was cut off. `unmade`: there was none, and none could be made. */
export type FailureReason = 'busy' | 'empty' | 'unmade' | 'space' | 'io' | 'corrupt' | 'newer' | 'other';
export interface Failure {
  readonly reason: FailureReason;
  readonly message: string;
}

/** From the writer thread. `rows` come before `ready` (or `refused`, and the thread ends); then one `done` per request (but `buffers`). */
export type Reply =
  | { readonly kind: 'rows'; readonly rows: PackedRows }
  | { readonly kind: 'ready'; readonly compacted: Revision }
  | { readonly kind: 'refused'; readonly failure: Failure }
  | { readonly kind: 'done'; readonly failure: Failure | undefined; readonly more: boolean };
