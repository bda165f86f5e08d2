/** Discovery documents: what kinds there are. The legacy ones (one per group version) and the aggregated one. */
import type { Kind, SubresourceInfo } from './kind.ts';

export interface APIVersions {
  kind: 'APIVersions';
  versions: string[];
  serverAddressByClientCIDRs: { clientCIDR: string; serverAddress: string }[];
}
interface GroupVersion {
  groupVersion: string;
  version: string;
}
export interface APIGroup {
  kind?: 'APIGroup';
  apiVersion?: 'v1';
  name: string;
  versions: GroupVersion[];
  preferredVersion: GroupVersion;
}
export interface APIGroupList {
  kind: 'APIGroupList';
  apiVersion: 'v1';
  groups: APIGroup[];
}
export interface APIResource {
  name: string;
  singularName: string;
  namespaced: boolean;
  group?: string;
  version?: string;
  kind: string;
  verbs: readonly string[];
  shortNames?: readonly string[];
  categories?: readonly string[];
}
export interface APIResourceList {
  kind: 'APIResourceList';
  apiVersion: 'v1';
  groupVersion: string;
  resources: APIResource[];
}

export interface LegacyDiscovery {
  /** GET /api */
  readonly apiVersions: APIVersions;
  /** GET /apis */
  readonly apiGroupList: APIGroupList;
  /** GET /apis/GROUP */
  group(name: string): APIGroup | undefined;
  /** GET /api/v1 and /apis/GROUP/VERSION; `groupVersion` is `v1` or `apps/v1`. */
  resources(groupVersion: string): APIResourceList | undefined;
}

/** GA before beta before alpha, then the higher number first: v2, v1, v2beta1, v1alpha1. */
export function compareVersions(a: string, b: string): number {
  const rank = (version: string): [number, number, number] => {
    const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version);
    if (!match) return [3, 0, 0];
    return [match[2] === undefined ? 0 : match[2] === 'beta' ? 1 : 2, -Number(match[1]), -Number(match[3] ?? 0)];
  };
  const [left, right] = [rank(a), rank(b)];
  return left[0] - right[0] || left[1] - right[1] || left[2] - right[2] || (a < b ? -1 : a > b ? 1 : 0);
}

/** Kinds by group and then version, best version first. */
function grouped(kinds: readonly Kind[]): Map<string, Map<string, Kind[]>> {
  const groups = new Map<string, Map<string, Kind[]>>();
  for (const kind of kinds) {
    let versions = groups.get(kind.group);
    if (!versions) groups.set(kind.group, (versions = new Map<string, Kind[]>()));
    const list = versions.get(kind.version);
    if (list) list.push(kind);
    else versions.set(kind.version, [kind]);
  }
  for (const [name, versions] of groups) {
    groups.set(
      name,
      new Map(
        [...versions]
          .toSorted(([a], [b]) => compareVersions(a, b))
          .map(([version, list]) => [version, list.toSorted((a, b) => (a.plural < b.plural ? -1 : 1))]),
      ),
    );
  }
  return groups;
}

/** All subresources, with those that `status` and `scale` imply, by name. */
export function subresourcesOf(kind: Kind): SubresourceInfo[] {
  const all: SubresourceInfo[] = [...kind.subresources];
  const verbs = ['get', 'patch', 'update'];
  for (const name in kind.aspects) all.push({ name, kind: kind.kind, verbs });
  if (kind.status) all.push({ name: 'status', kind: kind.kind, verbs });
  if (kind.scale) all.push({ name: 'scale', kind: 'Scale', group: 'autoscaling', version: 'v1', verbs });
  return all.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

const verbsOf = (verbs: readonly string[]): string[] => [...verbs].toSorted();

function resourcesOf(kind: Kind): APIResource[] {
  const main: APIResource = {
    name: kind.plural,
    singularName: kind.singular,
    namespaced: kind.namespaced,
    kind: kind.kind,
    verbs: verbsOf(kind.verbs),
    ...(kind.shortNames.length > 0 ? { shortNames: kind.shortNames } : {}),
    ...(kind.categories.length > 0 ? { categories: kind.categories } : {}),
  };
  const subs = subresourcesOf(kind).map((sub): APIResource => ({
    name: `${kind.plural}/${sub.name}`,
    singularName: '',
    namespaced: kind.namespaced,
    ...(sub.group === undefined ? {} : { group: sub.group }),
    ...(sub.version === undefined ? {} : { version: sub.version }),
    kind: sub.kind,
    verbs: verbsOf(sub.verbs),
  }));
  return [main, ...subs];
}

function groupOf(name: string, versions: Map<string, Kind[]>): APIGroup {
  const list = [...versions.keys()].map((version): GroupVersion => ({ groupVersion: `${name}/${version}`, version }));
  return { name, versions: list, preferredVersion: list[0]! };
}

/** `serverAddress` is host:port, as clients reach the server. */
export function legacyDiscovery(kinds: readonly Kind[], serverAddress: string): LegacyDiscovery {
  const groups = grouped(kinds);
  const named = [...groups].filter(([name]) => name !== '').map(([name, versions]) => groupOf(name, versions));
  return {
    apiVersions: {
      kind: 'APIVersions',
      versions: [...(groups.get('')?.keys() ?? [])],
      serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress }],
    },
    apiGroupList: { kind: 'APIGroupList', apiVersion: 'v1', groups: named },
    group(name) {
      const group = named.find((candidate) => candidate.name === name);
      return group ? { kind: 'APIGroup', apiVersion: 'v1', ...group } : undefined;
    },
    resources(groupVersion) {
      const parts = groupVersion.split('/');
      const list = parts.length === 1 ? groups.get('')?.get(groupVersion) : parts.length === 2 ? groups.get(parts[0]!)?.get(parts[1]!) : undefined;
      return list && { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources: list.flatMap(resourcesOf) };
    },
  };
}

interface ResponseKind {
  group: string;
  version: string;
  kind: string;
}
export interface APIResourceDiscovery {
  resource: string;
  responseKind: ResponseKind;
  scope: 'Namespaced' | 'Cluster';
  singularResource: string;
  verbs: string[];
  shortNames?: readonly string[];
  categories?: readonly string[];
  subresources?: { subresource: string; responseKind: ResponseKind; verbs: string[] }[];
}
export interface APIGroupDiscoveryList {
  kind: 'APIGroupDiscoveryList';
  apiVersion: string;
  metadata: Record<string, never>;
  items: { metadata: { name?: string }; versions: { version: string; resources: APIResourceDiscovery[]; freshness: 'Current' | 'Stale' }[] }[];
}

function discoveryOf(kind: Kind): APIResourceDiscovery {
  const subresources = subresourcesOf(kind).map((sub) => ({
    subresource: sub.name,
    responseKind: { group: sub.group ?? kind.group, version: sub.version ?? kind.version, kind: sub.kind },
    verbs: verbsOf(sub.verbs),
  }));
  return {
    resource: kind.plural,
    responseKind: { group: kind.group, version: kind.version, kind: kind.kind },
    scope: kind.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: kind.singular,
    verbs: verbsOf(kind.verbs),
    ...(kind.shortNames.length > 0 ? { shortNames: kind.shortNames } : {}),
    ...(kind.categories.length > 0 ? { categories: kind.categories } : {}),
    ...(subresources.length > 0 ? { subresources } : {}),
  };
}

/**
 * The answer to GET /api (`core`: the group without a name) or /apis (`groups`: all others) for clients that accept
 * `application/json;g=apidiscovery.k8s.io;v=<version>;as=APIGroupDiscoveryList`.
 */
export function aggregatedDiscovery(kinds: readonly Kind[], version: 'v2' | 'v2beta1', which: 'core' | 'groups'): APIGroupDiscoveryList {
  const groups = [...grouped(kinds)].filter(([name]) => (name === '') === (which === 'core'));
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: groups.map(([name, versions]) => ({
      metadata: name === '' ? {} : { name },
      versions: [...versions].map(([v, list]) => ({ version: v, resources: list.map(discoveryOf), freshness: 'Current' as const })),
    })),
  };
}
