import { createHash } from 'node:crypto';
import {
  aggregatedDiscovery,
  defineKind,
  legacyDiscovery,
  type APIGroup,
  type APIResourceList,
  type Kind,
  type LegacyDiscovery,
  type SchemaSet,
} from '#machinery';
import type { Computed } from '../computed/computed.ts';
import type { Overlay } from '../aggregation/overlay.ts';
import type { TokenSigner } from '../pki/jwt.ts';
import type { VirtualResource } from '../types.ts';
import { OpenApi } from './openapi.ts';
import { documentPaths } from './paths.ts';
import { sendJson } from './respond.ts';
import type { Exchange } from './types.ts';

/** Texts and names of types for OpenAPI. */
export type Descriptions = {
  readonly [type: string]: { readonly name: string; readonly description: string; readonly fields: { readonly [field: string]: string } };
};

/** GET /version. */
export interface VersionInfo {
  readonly major: string;
  readonly minor: string;
  readonly emulationMajor: string;
  readonly emulationMinor: string;
  readonly minCompatibilityMajor: string;
  readonly minCompatibilityMinor: string;
  readonly gitVersion: string;
  readonly gitCommit: string;
  readonly gitTreeState: string;
  readonly buildDate: string;
  readonly goVersion: string;
  readonly compiler: string;
  readonly platform: string;
}
const thisVersion: VersionInfo = {
  major: '1',
  minor: '36',
  emulationMajor: '1',
  emulationMinor: '36',
  minCompatibilityMajor: '1',
  minCompatibilityMinor: '35',
  gitVersion: 'v1.36.0+batuta',
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: `node ${process.version}`,
  compiler: 'v8',
  platform: `${process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}`,
};

export interface DocumentOptions {
  /** Every kind that is served now. */
  kinds(): readonly Kind[];
  readonly virtual: readonly VirtualResource[];
  readonly computed: Computed;
  readonly schemas: SchemaSet;
  readonly descriptions: (() => Descriptions) | undefined;
  readonly version: Partial<VersionInfo>;
  readonly signer: TokenSigner | undefined;
  /** host:port where clients reach the server. */
  address(): string;
  /** What other servers add. */
  readonly overlay?: Overlay | undefined;
}
interface Document {
  readonly body: Buffer;
  readonly etag: string;
  readonly type: string;
}

/** What the server says of itself: made when first asked for, then the same bytes with an ETag. */
export class Documents {
  readonly #options: DocumentOptions;
  readonly #reviews: readonly Kind[];
  readonly #made = new Map<string, Document | undefined>();
  readonly #openapi: OpenApi;

  constructor(options: DocumentOptions) {
    this.#options = options;
    this.#reviews = options.virtual.map(asKind);
    this.#openapi = new OpenApi(options);
  }
  get #kinds(): readonly Kind[] {
    return [...this.#options.kinds(), ...this.#reviews];
  }
  /** What was made with `kind` in it, or without it, is made anew. */
  forget(kind: Kind): void {
    this.#made.clear();
    this.#openapi.forget(kind);
  }
  /** The document of /version. */
  get version(): VersionInfo {
    return { ...thisVersion, ...this.#options.version };
  }
  /** Discovery is made anew: what is computed has changed. */
  forgetDiscovery(): void {
    this.#made.clear();
  }
  /** Everything is made anew: other servers say other things. */
  forgetAll(): void {
    this.#made.clear();
    this.#openapi.forgetAll();
  }
  /** Gives the code, or undefined when the path is none of these. */
  handle(exchange: Exchange): number | undefined {
    const { info, request } = exchange;
    const path = info.path.length > 1 && info.path.endsWith('/') ? info.path.slice(0, -1) : info.path;
    const openapi = this.#openapi.handle(exchange, path);
    if (openapi !== undefined) return openapi;
    const aggregated = path === '/api' || path === '/apis' ? aggregatedVersion(request.headers.accept) : undefined;
    const document = this.#document(aggregated ? `${path} ${aggregated}` : path);
    if (!document) return undefined;
    if (request.headers['if-none-match'] === document.etag) {
      exchange.response.statusCode = 304;
      exchange.response.setHeader('etag', document.etag);
      exchange.response.end();
      return 304;
    }
    const caching = aggregated ? { 'cache-control': 'public', vary: 'Accept' } : keyTypes[path] ? { 'cache-control': 'public, max-age=3600' } : {};
    void sendJson(exchange.response, 200, document.body, {
      request,
      headers: { etag: document.etag, 'content-type': document.type, ...caching },
    });
    return 200;
  }
  #document(key: string): Document | undefined {
    if (this.#made.has(key)) return this.#made.get(key);
    const value = this.#make(key);
    const [, version] = key.split(' ');
    const type = version ? `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList` : (keyTypes[key] ?? 'application/json');
    const document = value === undefined ? undefined : toDocument(value, type);
    if (document) this.#made.set(key, document);
    return document;
  }
  #make(key: string): unknown {
    const [path = '', version] = key.split(' ');
    if (version) return this.#aggregated(path, version as 'v2' | 'v2beta1');
    const legacy = this.#legacy();
    const [, root, first, second, more] = path.split('/');
    if (more !== undefined) return undefined;
    if (root === 'api') return first === undefined ? legacy.apiVersions : second === undefined ? legacy.resources(first) : undefined;
    if (root === 'apis') return first === undefined ? legacy.apiGroupList : second === undefined ? legacy.group(first) : legacy.resources(`${first}/${second}`);
    return this.#small(path);
  }
  #aggregated(path: string, version: 'v2' | 'v2beta1'): unknown {
    const { overlay, computed } = this.#options;
    const list = aggregatedDiscovery(this.#kinds, version, path === '/api' ? 'core' : 'groups');
    if (path !== '/apis') return list;
    const items = [...list.items, ...computed.items()];
    return { ...list, items: overlay?.items(items) ?? items };
  }
  #legacy(): LegacyDiscovery {
    const { overlay, computed } = this.#options;
    const own = legacyDiscovery(this.#kinds, this.#options.address());
    const local = [...own.apiGroupList.groups, ...computed.groups()];
    const groups = overlay?.groups(local) ?? local;
    const group = (name: string): APIGroup | undefined => {
      const found = groups.find((candidate) => candidate.name === name);
      return found && { kind: 'APIGroup', apiVersion: 'v1', ...found };
    };
    const resources = (groupVersion: string): APIResourceList | undefined => {
      const [name = '', version = ''] = groupVersion.split('/');
      return own.resources(groupVersion) ?? computed.resources({ group: name, version });
    };
    return { ...own, apiGroupList: { ...own.apiGroupList, groups }, group, resources };
  }
  #small(path: string): unknown {
    const { signer } = this.#options;
    switch (path) {
      case '/':
        return { paths: this.paths() };
      case '/version':
        return this.version;
      case '/openid/v1/jwks':
        return signer?.jwks();
      case '/.well-known/openid-configuration':
        return (
          signer && {
            issuer: signer.issuer,
            jwks_uri: `${signer.issuer}/openid/v1/jwks`,
            response_types_supported: ['id_token'],
            subject_types_supported: ['public'],
            id_token_signing_alg_values_supported: signer.algorithms,
          }
        );
      default:
        return undefined;
    }
  }
  /** Every path that is no resource. */
  paths(): string[] {
    const groups = this.#options.computed.groups().flatMap(({ name, versions: all }) => [`/apis/${name}`, ...all.map((one) => `/apis/${one.groupVersion}`)]);
    const versions = this.#kinds.flatMap((kind) => (kind.group ? [`/apis/${kind.group}`, `/apis/${kind.apiVersion}`] : [`/api/${kind.version}`]));
    return [...new Set(['/.well-known/openid-configuration', ...documentPaths, ...versions, ...groups])].toSorted();
  }
}

/** What verifiers of service-account tokens read, which they may keep for a while (OpenID Connect Discovery). */
const keyTypes: Readonly<Record<string, string>> = {
  '/openid/v1/jwks': 'application/jwk-set+json',
  '/.well-known/openid-configuration': 'application/json',
};

function toDocument(value: unknown, type: string): Document {
  const body = Buffer.from(JSON.stringify(value));
  return { body, type, etag: `"${createHash('sha256').update(body).digest('hex').toUpperCase()}"` };
}
/** The first version of the aggregated form that the client accepts, before any plain JSON. */
function aggregatedVersion(accept = ''): string | undefined {
  for (const clause of accept.split(',')) {
    const parts = clause.split(';').map((part) => part.trim());
    if (parts[0] !== 'application/json') continue;
    if (!parts.includes('as=APIGroupDiscoveryList')) return undefined;
    const version = parts.find((part) => part.startsWith('v='))?.slice(2);
    if (parts.includes('g=apidiscovery.k8s.io') && (version === 'v2' || version === 'v2beta1')) return version;
  }
  return undefined;
}
/** A review in the shape that discovery reads. */
function asKind({ group, version, plural, kind, namespaced }: VirtualResource): Kind {
  return defineKind({ group, version, plural, kind, namespaced, schema: '', verbs: ['create'] });
}
