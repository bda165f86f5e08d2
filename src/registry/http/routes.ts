import type { Action } from '../types.ts';
import { deleteBlob, getBlob } from './blobs.ts';
import { answerJson, type Exchange } from './exchange.ts';
import { deleteManifest, getManifest, getReferrers, putManifest } from './manifests.ts';
import { answerPage } from './pages.ts';
import { beginUpload, cancelUpload, finishUpload, uploadStatus, writeUpload } from './uploads.ts';

export interface Route {
  readonly method: string;
  readonly action: Action;
  handle(exchange: Exchange): void | Promise<void>;
}
export interface Resource {
  /** Matches the path after `/v2/`. Group `name` is the repository, `reference` the tag, digest or upload. */
  readonly path: RegExp;
  readonly routes: readonly Route[];
}

const route = (method: string, action: Action, handle: Route['handle']): Route => ({ method, action, handle });
const reads = (handle: Route['handle']): Route[] => [route('GET', 'pull', handle), route('HEAD', 'pull', handle)];

/** Every endpoint of the distribution specification 1.1, and the catalog. The first path that matches counts. */
export const resources: readonly Resource[] = [
  { path: /^$/, routes: reads((exchange) => answerJson(exchange, {})) },
  {
    path: /^_catalog$/,
    routes: reads((exchange) =>
      answerPage(
        exchange,
        '/v2/_catalog',
        (last, limit) => exchange.registry.repositories(exchange.repository.registry, last, limit),
        (repositories) => ({ repositories }),
      ),
    ),
  },
  { path: /^(?<name>.+)\/blobs\/uploads\/?$/, routes: [route('POST', 'push', beginUpload)] },
  {
    path: /^(?<name>.+)\/blobs\/uploads\/(?<reference>[^/]+)$/,
    routes: [
      route('GET', 'push', uploadStatus),
      route('PATCH', 'push', writeUpload),
      route('PUT', 'push', finishUpload),
      route('DELETE', 'push', cancelUpload),
    ],
  },
  { path: /^(?<name>.+)\/blobs\/(?<reference>[^/]+)$/, routes: [...reads(getBlob), route('DELETE', 'delete', deleteBlob)] },
  {
    path: /^(?<name>.+)\/manifests\/(?<reference>[^/]+)$/,
    routes: [...reads(getManifest), route('PUT', 'push', putManifest), route('DELETE', 'delete', deleteManifest)],
  },
  {
    path: /^(?<name>.+)\/tags\/list$/,
    routes: reads((exchange) => {
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
  { path: /^(?<name>.+)\/referrers\/(?<reference>[^/]+)$/, routes: reads(getReferrers) },
];
