import type { Action, Operation } from '../types.ts';
import { deleteBlob, getBlob } from './blobs.ts';
import { answerJson, type Exchange } from './exchange.ts';
import { deleteManifest, getManifest, getReferrers, putManifest } from './manifests.ts';
import { answerPage } from './pages.ts';
import { beginUpload, cancelUpload, finishUpload, uploadStatus, writeUpload } from './uploads.ts';

export interface Route {
  readonly method: string;
  readonly action: Action;
  readonly operation: Operation;
  handle(exchange: Exchange): void | Promise<void>;
}
export interface Resource {
  /** Matches the path after `/v2/`. Group `name` is the repository, `reference` the tag, digest or upload. */
  readonly path: RegExp;
  readonly routes: readonly Route[];
}

const route = (method: string, action: Action, operation: Operation, handle: Route['handle']): Route => ({ method, action, operation, handle });
const reads = (operation: Operation, handle: Route['handle'], head = operation): Route[] => [
  route('GET', 'pull', operation, handle),
  route('HEAD', 'pull', head, handle),
];

/** Every endpoint of the distribution specification 1.1, and the catalog. The first path that matches counts. */
export const resources: readonly Resource[] = [
  { path: /^$/, routes: reads('base', (exchange) => answerJson(exchange, {})) },
  {
    path: /^_catalog$/,
    routes: reads('catalog', (exchange) =>
      answerPage(
        exchange,
        '/v2/_catalog',
        (last, limit) => exchange.registry.repositories(exchange.repository.registry, last, limit),
        (repositories) => ({ repositories }),
      ),
    ),
  },
  { path: /^(?<name>.+)\/blobs\/uploads\/?$/, routes: [route('POST', 'push', 'upload-begin', beginUpload)] },
  {
    path: /^(?<name>.+)\/blobs\/uploads\/(?<reference>[^/]+)$/,
    routes: [
      route('GET', 'push', 'upload-write', uploadStatus),
      route('PATCH', 'push', 'upload-write', writeUpload),
      route('PUT', 'push', 'upload-finish', finishUpload),
      route('DELETE', 'push', 'upload-write', cancelUpload),
    ],
  },
  {
    path: /^(?<name>.+)\/blobs\/(?<reference>[^/]+)$/,
    routes: [...reads('blob-read', getBlob, 'blob-check'), route('DELETE', 'delete', 'blob-delete', deleteBlob)],
  },
  {
    path: /^(?<name>.+)\/manifests\/(?<reference>[^/]+)$/,
    routes: [
      ...reads('manifest-read', getManifest),
      route('PUT', 'push', 'manifest-write', putManifest),
      route('DELETE', 'delete', 'manifest-delete', deleteManifest),
    ],
  },
  {
    path: /^(?<name>.+)\/tags\/list$/,
    routes: reads('tags', (exchange) => {
      const { registry, repository } = exchange;
      const { name } = repository;
      answerPage(
        exchange,
        `/v2/${name}/tags/list`,
        (last, limit) => registry.tags(repository, last, limit),
        (tags) => ({ name, tags }),
      );
    }),
  },
  { path: /^(?<name>.+)\/referrers\/(?<reference>[^/]+)$/, routes: reads('referrers', getReferrers) },
];
