/**
 * What goes to the thread and what comes back. `job` is a number per file; its messages are carried out in order. File
 * descriptors belong to the process: the thread uses those that the sender opened and keeps open until the answer.
 */
export type Order =
  | { readonly job: number; readonly do: 'begin'; readonly algorithms: readonly string[] }
  /** Takes the first `size` bytes of the file into the digests. */
  | { readonly job: number; readonly do: 'read'; readonly fd: number; readonly size: number }
  | { readonly job: number; readonly do: 'write'; readonly fd: number; readonly at: number; readonly chunks: readonly Uint8Array[] }
  | { readonly job: number; readonly do: 'values' }
  | { readonly job: number; readonly do: 'end' };

/** One for each `read`, `write` and `values`, in their order. */
export interface Reply {
  readonly job: number;
  /** An Error would lose its code on the way. */
  readonly error?: { readonly message: string; readonly code: string | undefined };
  readonly values?: ReadonlyMap<string, Uint8Array>;
}
