import type { IncomingMessage } from 'node:http';

/** What a request does to a repository. */
export type Action = 'pull' | 'push' | 'delete';

export interface AccessRequest {
  readonly message: IncomingMessage;
  /** The registry that is meant, when the process serves several (an account and region); '' for the only one. */
  readonly registry: string;
  /** Undefined: the registry itself (`/v2/`, the catalog). */
  readonly repository: string | undefined;
  readonly action: Action;
}

/** Says who may do what. Throws a RegistryError (UNAUTHORIZED with a challenge, or DENIED). */
export type Authorize = (request: AccessRequest) => void | Promise<void>;

/** A manifest as the catalog knows it. Times are ms since the epoch. */
export interface ManifestRecord {
  readonly digest: string;
  readonly mediaType: string;
  readonly size: number;
  readonly pushed: number;
  readonly subject: string | undefined;
  readonly artifactType: string | undefined;
}

export type RegistryEvent =
  | { readonly type: 'manifest-pushed'; readonly registry: string; readonly repository: string; readonly digest: string; readonly tag: string | undefined }
  | { readonly type: 'manifest-pulled'; readonly registry: string; readonly repository: string; readonly digest: string; readonly tag: string | undefined }
  | { readonly type: 'manifest-deleted'; readonly registry: string; readonly repository: string; readonly digest: string }
  | { readonly type: 'tag-deleted'; readonly registry: string; readonly repository: string; readonly digest: string; readonly tag: string };

/** Rules of an owner (ECR, say) on top of the protocol. Each throws a RegistryError to refuse. */
export interface RegistryRules {
  /** Before the first write to a repository that does not exist. Default: it is made. */
  create?(registry: string, repository: string): void | Promise<void>;
  /** Before a tag is set; `current` is the digest that it names now. */
  tag?(registry: string, repository: string, tag: string, digest: string, current: string | undefined): void;
}
