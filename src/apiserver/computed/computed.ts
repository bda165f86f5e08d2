import type { Clock } from '#base';
import {
  compareVersions,
  renderTable,
  type APIGroup,
  type APIGroupDiscoveryList,
  type APIResourceList,
  type ComputedGroup,
  type KubeObject,
  methodNotAllowed,
} from '#machinery';
import { resourcesOf } from '../aggregation/remote-documents.ts';
import { includedObject, negotiate } from '../http/negotiate.ts';
import { queryOf, type ResourcePath } from '../http/request-info.ts';
import { sendObject } from '../http/respond.ts';
import type { Exchange } from '../http/types.ts';

type Item = APIGroupDiscoveryList['items'][number];
type Listed = KubeObject & { items?: readonly KubeObject[] };

/** Reads of what is made on the spot (metrics), and its part of discovery. */
export class Computed {
  readonly #groups: readonly ComputedGroup[];
  readonly #clock: Clock;
  constructor(groups: readonly ComputedGroup[], clock: Clock) {
    this.#groups = groups;
    this.#clock = clock;
  }
  /** Tells of every change of what there is. */
  follow(changed: () => void): void {
    for (const group of this.#groups) group.follow?.(changed);
  }
  find(at: { readonly group: string; readonly version: string }): ComputedGroup | undefined {
    return this.#groups.find((one) => one.group === at.group && one.version === at.version);
  }
  knows(at: ResourcePath): boolean {
    return (
      this.find(at)
        ?.resources()
        .some(({ name }) => name.split('/', 1)[0] === at.plural) ?? false
    );
  }
  /** Gives the code. Throws ApiError. */
  async answer({ request, response, info }: Exchange, group: ComputedGroup, at: ResourcePath): Promise<number> {
    if (info.verb !== 'get' && info.verb !== 'list') throw methodNotAllowed();
    const view = negotiate(request);
    const query = queryOf(info);
    const found: Listed = await group.read({ ...at, query });
    const items = found.items ?? [found];
    const metadata = (object: KubeObject): KubeObject => ({ kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata ?? {} });
    let body: object = found;
    if (view === 'table')
      body = renderTable({ columns: group.columns ?? [] }, items, this.#clock.now(), { includeObject: includedObject(query.get('includeObject')) });
    else if (view === 'metadata')
      body = found.items ? { kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1', metadata: {}, items: items.map(metadata) } : metadata(found);
    sendObject(response, 200, body, { request });
    return 200;
  }
  /** GET /apis/GROUP/VERSION. */
  resources(at: { readonly group: string; readonly version: string }): APIResourceList | undefined {
    const group = this.find(at);
    return group && { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: `${at.group}/${at.version}`, resources: [...group.resources()] };
  }
  /** Its groups, in the legacy form. */
  groups(): APIGroup[] {
    return [...Map.groupBy(this.#groups, ({ group }) => group)].map(([name, list]) => {
      const versions = list.map(({ version }) => version).toSorted(compareVersions);
      const all = versions.map((version) => ({ groupVersion: `${name}/${version}`, version }));
      return { name, versions: all, preferredVersion: all[0]! };
    });
  }
  /** Its groups, in the aggregated form. */
  items(): Item[] {
    return this.groups().map(({ name, versions }) => ({
      metadata: { name },
      versions: versions.map(({ version }) => ({
        version,
        resources: resourcesOf(this.resources({ group: name, version }), { group: name, version }) ?? [],
        freshness: 'Current' as const,
      })),
    }));
  }
}
