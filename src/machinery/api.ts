import type { Status } from './errors.ts';
import type { Kind } from './kind.ts';
import type { Json, KubeObject, ObjectList } from './object.ts';

export interface ObjectKey {
  namespace?: string | undefined;
  name: string;
}

export interface UserInfo {
  username: string;
  uid?: string;
  groups: readonly string[];
  extra?: { readonly [key: string]: readonly string[] };
}

export interface ListOptions {
  namespace?: string | undefined;
  labelSelector?: string;
  fieldSelector?: string;
  limit?: number;
  continue?: string;
  resourceVersion?: string;
  resourceVersionMatch?: 'Exact' | 'NotOlderThan';
}

export interface WatchOptions extends ListOptions {
  /** Undefined or '' = start with synthetic ADDED events of the present state; '0' = the same from any state. */
  resourceVersion?: string;
  allowWatchBookmarks?: boolean;
  sendInitialEvents?: boolean;
}

export interface WriteOptions {
  dryRun?: boolean;
  fieldManager?: string;
  fieldValidation?: 'Ignore' | 'Warn' | 'Strict';
  /** 'status' or 'scale'. */
  subresource?: string;
  force?: boolean;
}

export interface DeleteOptions {
  gracePeriodSeconds?: number;
  preconditions?: { uid?: string; resourceVersion?: string };
  propagationPolicy?: 'Orphan' | 'Background' | 'Foreground';
  dryRun?: boolean;
}

export type PatchType =
  | 'application/json-patch+json'
  | 'application/merge-patch+json'
  | 'application/strategic-merge-patch+json'
  | 'application/apply-patch+yaml';

export type WatchEventType = 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';

/** Called synchronously, in revision order; must be quick and must not throw. */
export interface WatchSink<T extends KubeObject> {
  /** `object` is shared: never change it. On DELETED it is the last state, with the resourceVersion of the deletion. */
  event(type: WatchEventType, object: T): void;
  /** The watch is over (410 Expired: list again). Not called after `close`. */
  end(error: Error): void;
}

/**
 * The Kubernetes API without HTTP, bound to one user: what controllers, scheduler, node agents and the
 * AWS services program against. The API server implements it in process; `client` implements it over
 * HTTP for any Kubernetes. Every method rejects with ApiError.
 *
 * Inputs are taken over by the callee (do not change them afterwards); outputs are shared and read-only.
 */
export interface Api {
  get<T extends KubeObject>(kind: Kind<T>, key: ObjectKey): Promise<T>;
  list<T extends KubeObject>(kind: Kind<T>, options?: ListOptions): Promise<ObjectList<T>>;
  watch<T extends KubeObject>(kind: Kind<T>, options: WatchOptions, sink: WatchSink<T>): { close(): void };
  create<T extends KubeObject>(kind: Kind<T>, object: T, options?: WriteOptions): Promise<T>;
  /** Compare-and-swap when metadata.resourceVersion is set. `options.subresource: 'status'` writes the status only. */
  update<T extends KubeObject>(kind: Kind<T>, object: T, options?: WriteOptions): Promise<T>;
  patch<T extends KubeObject>(kind: Kind<T>, key: ObjectKey, type: PatchType, patch: Json, options?: WriteOptions): Promise<T>;
  delete<T extends KubeObject>(kind: Kind<T>, key: ObjectKey, options?: DeleteOptions): Promise<T | Status>;
  deleteCollection<T extends KubeObject>(kind: Kind<T>, list: ListOptions, options?: DeleteOptions): Promise<void>;
  /** A named subresource with a body of its own: pods/binding, serviceaccounts/token. */
  subresource<R extends KubeObject>(kind: Kind, key: ObjectKey, name: string, body: KubeObject): Promise<R>;
  /** What GET gives at a path with its query, for groups whose kinds nobody here needs to know: metrics, whoever serves them. */
  read<R>(path: string): Promise<R>;
}
