import type { IncomingMessage } from 'node:http';

/** What a request does to a repository. */
export type Action = 'pull' | 'push' | 'delete';

/** What a request does, as finely as an owner's permissions may tell it apart. `base`: the registry itself. */
export type Operation =
  | 'base'
  | 'catalog'
  | 'blob-check'
  | 'blob-read'
  | 'blob-mount'
  | 'blob-delete'
  | 'upload-begin'
  | 'upload-write'
  | 'upload-finish'
  | 'manifest-read'
  | 'manifest-write'
  | 'manifest-delete'
  | 'tags'
  | 'referrers';

export interface AccessRequest {
  readonly message: IncomingMessage;
  /** The registry that is meant, when the process serves several (an account and region); '' for the only one. */
  readonly registry: string;
  /** Undefined: the registry itself (`/v2/`, the catalog). */
  readonly repository: string | undefined;
  readonly action: Action;
  readonly operation: Operation;
  /** Tag, digest or upload of the path; '' where it has none. */
  readonly reference: string;
  /** Of a mount: the repository that the blob is to be in as well. */
  readonly into?: string;
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

/** A manifest of a repository with what lists of images show. Times are ms since the epoch. */
export interface ImageRecord extends ManifestRecord {
  readonly tags: readonly string[];
  readonly content: Buffer;
  /** When a client last asked for it; undefined: never. */
  readonly pulled: number | undefined;
}

export type RegistryEvent =
  | { readonly type: 'manifest-pushed'; readonly registry: string; readonly repository: string; readonly digest: string; readonly tag: string | undefined }
  | { readonly type: 'manifest-pulled'; readonly registry: string; readonly repository: string; readonly digest: string; readonly tag: string | undefined }
  | {
      readonly type: 'manifest-deleted';
      readonly registry: string;
      readonly repository: string;
      readonly digest: string;
      /** Those that went with it. */
      readonly tags: readonly string[];
    }
  | { readonly type: 'tag-deleted'; readonly registry: string; readonly repository: string; readonly digest: string; readonly tag: string };

/** Rules of an owner (ECR, say) on top of the protocol. Each throws a RegistryError to refuse. */
export interface RegistryRules {
  /** Before the first write to a repository that does not exist. Default: it is made. */
  create?(registry: string, repository: string): void | Promise<void>;
  /** Before a tag is set; `current` is the digest that it names now. */
  tag?(registry: string, repository: string, tag: string, digest: string, current: string | undefined): void;
  /** Before a manifest is looked up by a client: a cache may fetch it now. */
  missing?(registry: string, repository: string, reference: string): Promise<void> | undefined;
}
