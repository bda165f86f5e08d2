import {
  isApiError,
  keyOf,
  notFound,
  schemaView,
  type DeleteOptions,
  type Json,
  type Kind,
  type KubeObject,
  type ListOptions,
  type ObjectKey,
  type PatchSchema,
  type SchemaSet,
  methodNotAllowed,
  unknownResource,
} from '#machinery';
import type { Store } from '#store';
import type { Clock } from '#base';
import { ObjectCache } from '../cache/cache.ts';
import type { CacheEntry } from '../cache/entry.ts';
import { decodeObject } from '../http/decoding.ts';
import type {
  AdmissionPlugin,
  DeletionRule,
  Environment,
  KindReader,
  RequestContext,
  SubresourceHandler,
  SubresourceRequest,
  UpdateHooks,
  Writer,
} from '../types.ts';
import { Deletes, type Deleted } from './delete.ts';
import type { AdmissionObserver } from '../metrics/admission.ts';
import { AdmissionChain } from './admission-chain.ts';
import type { Deps } from './deps.ts';
import { Locks } from './locks.ts';
import { Patches } from './patches.ts';
import { Reads } from './reads.ts';
import { shown, type Shown } from './shown.ts';
import { Tracker } from './tracker.ts';
import { TypedVersions } from './typed-versions.ts';
import { Versions } from './versions.ts';
import { Writes } from './writes.ts';

/** The verbs of one kind. */
export interface Resource {
  readonly kind: Kind;
  readonly writes: Writes;
  readonly patches: Patches;
  readonly deletes: Deletes;
  readonly admission: AdmissionChain;
  readonly versions: Versions;
  readonly subresources: ReadonlyMap<string, SubresourceHandler>;
}

export interface RegistryOptions extends Environment {
  readonly store: Store;
  readonly kinds: readonly Kind[];
  readonly schemas: SchemaSet;
  readonly admission: readonly AdmissionPlugin[];
  /** Told how long admission takes. */
  readonly observer?: AdmissionObserver;
  readonly deletion: readonly DeletionRule[];
  readonly subresources: readonly SubresourceHandler[];
}

const deleteConcurrency = 64;

/** Every kind with its verbs over one cache and one store. */
export class Registry implements Writer, KindReader {
  readonly cache: ObjectCache;
  readonly reads: Reads;
  readonly clock: Clock;
  readonly schemas: SchemaSet;
  readonly #deps: Deps;
  readonly #options: RegistryOptions;
  readonly #resources = new Map<Kind, Resource>();
  readonly #byName = new Map<string, Kind>();
  readonly #byVersion = new Map<string, Kind>();
  readonly #byPlural = new Map<string, readonly Kind[]>();
  readonly #followers: ((kind: Kind) => void)[] = [];

  constructor(options: RegistryOptions) {
    this.#options = options;
    this.clock = options.clock;
    this.schemas = options.schemas;
    this.cache = new ObjectCache(options.store, [], options.log);
    this.reads = new Reads(this.cache, options.store, (kind) => this.resource(kind).versions);
    this.#deps = { ...options, cache: this.cache, locks: new Locks() };
    for (const kind of options.kinds) this.serve(kind);
  }
  /** Every kind that is served now. */
  get kinds(): readonly Kind[] {
    return [...this.#byVersion.values()];
  }
  /**
   * Serves a kind from now on, in the place of the one that had its group, version and plural. What the store already
   * holds of it is there at once.
   */
  serve(kind: Kind): void {
    const path = versionPath(kind);
    const former = this.#byVersion.get(path);
    if (former && former.prefix !== kind.prefix) this.#drop(former);
    this.cache.serve(kind, former);
    if (former) this.#resources.delete(former);
    this.#resources.set(kind, this.#build(kind));
    this.#byVersion.set(path, kind);
    this.#rename(kind);
    for (const follower of this.#followers) follower(kind);
  }
  /** Serves a kind no longer; its watches end. What the store holds of it stays there. */
  withdraw(kind: Kind): void {
    if (this.#byVersion.get(versionPath(kind)) !== kind) return;
    this.#byVersion.delete(versionPath(kind));
    this.#drop(kind);
    this.#rename(kind);
    for (const follower of this.#followers) follower(kind);
  }
  /** Tells of every kind that is served, changed or withdrawn from now on. */
  onKinds(follower: (kind: Kind) => void): void {
    this.#followers.push(follower);
  }
  kindAt(group: string, version: string, plural: string): Kind | undefined {
    // Asked several times for every request: no text is put together for it.
    for (const kind of this.#byPlural.get(plural) ?? none) if (kind.group === group && kind.version === version) return kind;
    return undefined;
  }
  #drop(kind: Kind): void {
    this.#resources.delete(kind);
    this.cache.withdraw(kind);
  }
  /** Among the versions of a resource, group and plural alone mean the one that is stored. */
  #rename(kind: Kind): void {
    this.#byPlural.set(
      kind.plural,
      [...this.#byVersion.values()].filter((other) => other.plural === kind.plural),
    );
    const name = `${kind.group}/${kind.plural}`;
    const versions = [...this.#byVersion.values()].filter((other) => other.group === kind.group && other.plural === kind.plural);
    const chosen = versions.find((other) => other.storageVersion === other.apiVersion) ?? versions[0];
    if (chosen) this.#byName.set(name, chosen);
    else this.#byName.delete(name);
  }
  #build(kind: Kind): Resource {
    const deps = this.#deps;
    const { schemas, clock, admission, subresources } = this.#options;
    const chain = new AdmissionChain(kind, admission, this.#options.observer);
    const versions = new Versions(kind, this.cache.revision);
    const typed = new TypedVersions(kind, schemas, (apiVersion) => this.#sibling(kind, apiVersion));
    const writes = new Writes(kind, deps, chain, new Tracker(kind, typed, clock), versions);
    return {
      kind,
      admission: chain,
      versions,
      writes,
      patches: new Patches(kind, writes, schemas, clock, typed),
      deletes: new Deletes(kind, deps, chain, versions),
      subresources: new Map(subresources.filter((handler) => handler.handles(kind)).map((handler) => [handler.name, handler])),
    };
  }
  /** The kind that serves the same stored objects in another version. */
  #sibling(kind: Kind, apiVersion: string): Kind | undefined {
    return this.#byPlural.get(kind.plural)?.find((other) => other.apiVersion === apiVersion && other.prefix === kind.prefix);
  }
  async start(): Promise<void> {
    await this.cache.start();
    for (const plugin of this.#options.admission) {
      plugin.start?.(this);
      plugin.startWriting?.(this);
    }
  }
  close(): void {
    this.cache.close();
  }
  resource(kind: Kind): Resource {
    const found = this.#resources.get(kind) ?? this.#resources.get(this.#byVersion.get(versionPath(kind)) as Kind);
    if (!found) throw unknownResource();
    return found;
  }
  kindOf(group: string, plural: string): Kind | undefined {
    return this.#byName.get(`${group}/${plural}`);
  }

  decode(kind: Kind, value: Json): KubeObject {
    return decodeObject(this.#options.schemas, kind, { value, duplicates: [] }, 'Ignore', []);
  }
  patchSchema(kind: Kind): PatchSchema {
    return kind.shape?.patchSchema ?? schemaView(this.#options.schemas);
  }
  get(group: string, plural: string, namespace: string | undefined, name: string): KubeObject | undefined {
    const kind = this.kindOf(group, plural);
    return kind && this.cache.of(kind).get(keyOf(kind, namespace, name))?.object;
  }
  list(group: string, plural: string, namespace?: string): readonly KubeObject[] {
    const kind = this.kindOf(group, plural);
    if (!kind) return [];
    const prefix = kind.namespaced && namespace ? `${kind.prefix}${namespace}/` : kind.prefix;
    return this.cache
      .of(kind)
      .range(prefix)
      .map((entry) => entry.object);
  }
  count(group: string, plural: string): number {
    const kind = this.kindOf(group, plural);
    return kind ? this.cache.of(kind).size : 0;
  }
  observe(group: string, plural: string, handler: (object: KubeObject | undefined, old: KubeObject | undefined) => void): void {
    const kind = this.kindOf(group, plural);
    if (kind) this.cache.of(kind).observe(handler);
  }

  async modify(
    kind: Kind,
    key: ObjectKey,
    context: RequestContext,
    subresource: string | undefined,
    change: UpdateHooks,
    managed = false,
  ): Promise<KubeObject> {
    return (await this.resource(kind).writes.update(key, context, { subresource, change, managed })).object;
  }
  async modifyRaw(kind: Kind, key: ObjectKey, context: RequestContext, change: UpdateHooks): Promise<KubeObject> {
    return (await this.resource(kind).writes.update(key, context, { change, raw: true })).object;
  }
  async remove(kind: Kind, key: ObjectKey, context: RequestContext, options: DeleteOptions): Promise<void> {
    await this.resource(kind).deletes.delete(key, context, options, true);
  }
  delete(kind: Kind, key: ObjectKey, context: RequestContext, options: DeleteOptions): Promise<Deleted> {
    return this.resource(kind).deletes.delete(key, context, options);
  }
  /** Deletes what the selection finds now, many at a time, and gives what it found. */
  async deleteCollection(
    kind: Kind,
    selection: ListOptions,
    context: RequestContext,
    options: DeleteOptions,
  ): Promise<{ entries: readonly CacheEntry[]; revision: number }> {
    const { entries, revision } = await this.reads.list(kind, selection);
    const queue = entries.values();
    const work = async (): Promise<void> => {
      for (const { object } of queue) await this.#deleteFound(kind, object, context, options);
    };
    await Promise.all(Array.from({ length: Math.min(deleteConcurrency, entries.length) }, work));
    return { entries, revision };
  }
  async #deleteFound(kind: Kind, { metadata }: KubeObject, context: RequestContext, options: DeleteOptions): Promise<void> {
    try {
      await this.delete(kind, { namespace: metadata?.namespace, name: metadata?.name ?? '' }, context, options);
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
    }
  }
  /** Throws NotFound when the kind has no such subresource, MethodNotAllowed when it lacks the verb. */
  async subresource(name: string, request: Omit<SubresourceRequest, 'writer'>): Promise<Shown> {
    const { subresources, kind } = this.resource(request.kind);
    const handler = subresources.get(name);
    // kubectl debug looks into the details, even into empty ones.
    if (!handler) throw unknownResource();
    if (!handler.verbs.includes(request.verb)) throw methodNotAllowed();
    if (request.verb === 'create' && request.body) await this.#admitBody(name, request, request.body);
    return shown(await handler.handle({ ...request, kind, writer: this }));
  }
  /** Admission of a subresource whose body is another object: what is asked about is that body. */
  async #admitBody(subresource: string, { kind, key, context }: Omit<SubresourceRequest, 'writer'>, object: KubeObject): Promise<void> {
    const { admission } = this.resource(kind);
    if (!admission.asks('CREATE', 'other')) return;
    await admission.admit({ operation: 'CREATE', kind, subresource, namespace: key.namespace, name: key.name, object, old: undefined, context }, 'other');
  }
  /** Admission of a connection to an object (exec, proxy …). `options` as the client gave them in the query. */
  async connect(kind: Kind, key: ObjectKey, subresource: string, options: KubeObject, context: RequestContext): Promise<void> {
    const { admission } = this.resource(kind);
    if (!admission.asks('CONNECT', 'other')) return;
    const { namespace, name } = key;
    await admission.admit({ operation: 'CONNECT', kind, subresource, namespace, name, object: options, old: undefined, context }, 'other');
  }
  /** The object of a kind, or NotFound in the API's words. */
  require(kind: Kind, key: ObjectKey): KubeObject {
    const entry = this.cache.of(kind).get(keyOf(kind, key.namespace, key.name));
    if (!entry) throw notFound(kind, key.name);
    return entry.object;
  }
}

const none: readonly Kind[] = [];
const versionPath = ({ group, version, plural }: Kind): string => `${group}/${version}/${plural}`;
