import type { APIResource, APIResourceDiscovery, APIResourceList, Json } from '#machinery';

/** What another server said of a group version when it was last asked. */
export interface RemoteDocuments {
  readonly resources: readonly APIResourceDiscovery[];
  /** serverRelativeURL of its OpenAPI v3 document; undefined when it has none. */
  readonly openapi: string | undefined;
  /** The parts of its OpenAPI v2 document that are about the group version. */
  readonly openapiV2: { readonly paths: { [path: string]: Json }; readonly definitions: { [name: string]: Json } } | undefined;
}

/** A document of legacy discovery in the aggregated form. Undefined when it is none. */
export function resourcesOf(document: unknown, at: { group: string; version: string }): APIResourceDiscovery[] | undefined {
  const { resources } = (document ?? {}) as Partial<APIResourceList>;
  if (!Array.isArray(resources)) return undefined;
  const found = new Map<string, APIResourceDiscovery>();
  const main = (name: string): APIResourceDiscovery => {
    let entry = found.get(name);
    if (!entry) found.set(name, (entry = { resource: name, responseKind: { ...at, kind: '' }, scope: 'Cluster', singularResource: '', verbs: [] }));
    return entry;
  };
  for (const resource of resources as APIResource[]) {
    if (typeof resource?.name !== 'string') continue;
    const [name = '', sub] = resource.name.split('/');
    const responseKind = { group: resource.group ?? at.group, version: resource.version ?? at.version, kind: resource.kind };
    const entry = main(name);
    if (sub !== undefined) (entry.subresources ??= []).push({ subresource: sub, responseKind, verbs: [...(resource.verbs ?? [])] });
    else Object.assign(entry, mainOf(resource, responseKind));
  }
  return [...found.values()];
}
function mainOf(resource: APIResource, responseKind: APIResourceDiscovery['responseKind']): Partial<APIResourceDiscovery> {
  return {
    responseKind,
    scope: resource.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: resource.singularName ?? '',
    verbs: [...(resource.verbs ?? [])],
    ...(resource.shortNames ? { shortNames: resource.shortNames } : {}),
    ...(resource.categories ? { categories: resource.categories } : {}),
  };
}

/** Where the v3 document of a group version is, from another server's /openapi/v3. */
export function openapiPath(index: unknown, { group, version }: { group: string; version: string }): string | undefined {
  const entry = (index as { paths?: { [path: string]: { serverRelativeURL?: unknown } } } | undefined)?.paths?.[`apis/${group}/${version}`];
  return typeof entry?.serverRelativeURL === 'string' && entry.serverRelativeURL.startsWith('/openapi/v3/') ? entry.serverRelativeURL : undefined;
}

/** What of another server's /openapi/v2 is about a group version: its paths, and the definitions they need. */
export function openapiV2Of(document: unknown, { group, version }: { group: string; version: string }): RemoteDocuments['openapiV2'] {
  const { paths, definitions } = (document ?? {}) as { paths?: { [path: string]: Json }; definitions?: { [name: string]: Json } };
  if (typeof paths !== 'object' || typeof definitions !== 'object') return undefined;
  const prefix = `/apis/${group}/${version}/`;
  const own = Object.fromEntries(Object.entries(paths).filter(([path]) => path.startsWith(prefix) || path === prefix.slice(0, -1)));
  const needed: { [name: string]: Json } = {};
  collectRefs(own, definitions, needed);
  // kubectl finds the type of an object by this mark, whether or not a path leads there.
  for (const [name, definition] of Object.entries(definitions)) {
    if (JSON.stringify((definition as { [key: string]: Json })['x-kubernetes-group-version-kind'] ?? '').includes(`"${group}"`)) {
      needed[name] = definition;
      collectRefs(definition, definitions, needed);
    }
  }
  return { paths: own, definitions: needed };
}
const refPrefix = '#/definitions/';
function collectRefs(value: Json, definitions: { [name: string]: Json }, into: { [name: string]: Json }): void {
  if (value === null || typeof value !== 'object') return;
  for (const [key, item] of Object.entries(value)) {
    const name = key === '$ref' && typeof item === 'string' && item.startsWith(refPrefix) ? item.slice(refPrefix.length) : undefined;
    const target = name === undefined ? undefined : definitions[name];
    if (name === undefined || target === undefined) collectRefs(item, definitions, into);
    else if (!Object.hasOwn(into, name)) {
      into[name] = target;
      collectRefs(target, definitions, into);
    }
  }
}
