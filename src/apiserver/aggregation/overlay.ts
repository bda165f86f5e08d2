import type { APIGroup, APIGroupDiscoveryList, Json } from '#machinery';
import { groupVersionOf, isAvailable, type GroupVersion } from './api-service.ts';
import type { Directory } from './directory.ts';
import type { Monitor } from './monitor.ts';

type Item = APIGroupDiscoveryList['items'][number];
type OpenApiV2 = { [member: string]: Json };
type OpenApiIndex = { paths: { [path: string]: { serverRelativeURL: string } } };

/** Discovery and OpenAPI of this process with what other servers say of theirs, in the order of priorities. */
export class Overlay {
  readonly #directory: Directory;
  readonly #monitor: Monitor;
  constructor(directory: Directory, monitor: Monitor) {
    this.#directory = directory;
    this.#monitor = monitor;
  }
  /** /apis in its legacy form. */
  groups(local: readonly APIGroup[]): APIGroup[] {
    const own = local.flatMap(({ name, versions }) => versions.map(({ version }) => ({ group: name, version })));
    return this.#directory.ordered(own).flatMap(({ group, versions }) => {
      const list = versions.map((version) => ({ groupVersion: `${group}/${version}`, version }));
      return group === '' || !list[0] ? [] : [{ name: group, versions: list, preferredVersion: list[0] }];
    });
  }
  /** /apis in its aggregated form. */
  items(local: readonly Item[]): Item[] {
    const known = new Map(local.flatMap((item) => item.versions.map((version) => [`${item.metadata.name ?? ''}/${version.version}`, version])));
    const own = local.flatMap(({ metadata, versions }) => versions.map(({ version }) => ({ group: metadata.name ?? '', version })));
    return this.#directory.ordered(own).map(({ group, versions }) => ({
      metadata: { name: group },
      versions: versions.flatMap((version) => this.#remote({ group, version }) ?? known.get(`${group}/${version}`) ?? []),
    }));
  }
  /** Stale: what its server said when it could be reached last, perhaps never. */
  #remote(at: GroupVersion): Item['versions'][number] | undefined {
    const service = this.#directory.remote(at.group, at.version);
    if (!service) return undefined;
    const resources = [...(this.#monitor.documents(at)?.resources ?? [])];
    return { version: at.version, resources, freshness: isAvailable(service) ? 'Current' : 'Stale' };
  }
  openapiIndex({ paths }: OpenApiIndex): OpenApiIndex {
    const all = { ...paths };
    for (const service of this.#directory.remotes) {
      const { group, version } = groupVersionOf(service);
      const serverRelativeURL = this.#monitor.documents({ group, version })?.openapi;
      delete all[`apis/${group}/${version}`];
      if (serverRelativeURL) all[`apis/${group}/${version}`] = { serverRelativeURL };
    }
    return { paths: Object.fromEntries(Object.entries(all).toSorted(([a], [b]) => (a < b ? -1 : 1))) };
  }
  /** Definitions of the same name are the same types: those of the apimachinery that both servers are built on. */
  openapiV2(document: OpenApiV2): OpenApiV2 {
    const parts = this.#directory.remotes.flatMap((service) => this.#monitor.documents(groupVersionOf(service))?.openapiV2 ?? []);
    if (parts.length === 0) return document;
    const paths = Object.assign({}, document['paths'], ...parts.map((part) => part.paths)) as Json;
    const definitions = Object.assign({}, ...parts.map((part) => part.definitions), document['definitions']) as Json;
    return { ...document, paths, definitions };
  }
}
