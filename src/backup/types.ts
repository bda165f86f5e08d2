import type { StateEntry } from './state.ts';

/** A blob of a registry, as a backup knows it. */
export interface BlobSource {
  readonly digest: string;
  read(): AsyncIterable<Uint8Array>;
}

/** What is backed up: the state at one revision, and the registry as it was no earlier than that. */
export interface Source {
  /** Of whom it is. */
  readonly instance: { readonly id: string; readonly slot: number; readonly version: string };
  readonly state: { readonly revision: number; readonly entries: readonly StateEntry[] };
  /** Undefined: there is none. */
  readonly registry?: { readonly catalog: AsyncIterable<Uint8Array>; readonly blobs: readonly BlobSource[] } | undefined;
}

/** What lies open on the target for each backup, so that a list needs no key. */
export interface Summary {
  readonly format: 1;
  readonly id: string;
  /** ms since the epoch. */
  readonly created: number;
  readonly instance: Source['instance'];
  readonly revision: number;
  readonly objects: number;
  readonly blobs: number;
  /** Of the state and of the registry, before anything is compressed. */
  readonly bytes: number;
  /** Chunks that hold the manifest. */
  readonly manifest: readonly string[];
}

/** Where everything of a backup is. */
export interface Manifest {
  /** Chunks of packed state, in order of keys. */
  readonly state: readonly string[];
  readonly registry?: { readonly catalog: readonly string[]; readonly blobs: Readonly<Record<string, BlobChunks>> } | undefined;
}
export interface BlobChunks {
  readonly size: number;
  readonly chunks: readonly string[];
}

export interface Created extends Summary {
  /** What was new on the target. */
  readonly sent: { readonly chunks: number; readonly bytes: number };
  /** Ids of backups that retention took away. */
  readonly pruned: readonly string[];
}
