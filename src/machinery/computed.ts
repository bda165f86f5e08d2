import type { APIResource } from './discovery.ts';
import type { Column } from './kind.ts';
import type { KubeObject } from './object.ts';

/** One read of something that is computed. Empty strings where the path names nothing. */
export interface ComputedRequest {
  readonly plural: string;
  readonly namespace: string;
  readonly name: string;
  readonly subresource: string;
  readonly query: URLSearchParams;
}

/** A group version whose objects are made when they are read and never stored: metrics. */
export interface ComputedGroup {
  readonly group: string;
  readonly version: string;
  /** What can be read now, as discovery lists it. */
  resources(): readonly APIResource[];
  /** Calls when `resources` has changed. */
  follow?(changed: () => void): void;
  /** The object, or the list (with `items`), at a path. Throws or rejects with ApiError. */
  read(request: ComputedRequest): KubeObject | Promise<KubeObject>;
  /** How `kubectl get` prints them. */
  readonly columns?: readonly Column<KubeObject>[];
}
