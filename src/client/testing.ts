import { formatTime, randomSuffix, seededRandom, type Clock, type Random } from '#base';
import {
  alreadyExists,
  ApiError,
  badRequest,
  cloneObject,
  conflict,
  mergePatch,
  notFound,
  parseLabelSelector,
  schemaView,
  strategicMergePatch,
  type Api,
  type DeleteOptions,
  type Json,
  type Kind,
  type KubeObject,
  type ListOptions,
  type ObjectKey,
  type ObjectList,
  type ObjectMeta,
  type PatchType,
  type Status,
  type WatchEventType,
  type WatchOptions,
  type WatchSink,
  type WriteOptions,
} from '#machinery';
import { schemas } from '#kinds';

export interface FakeWrite {
  verb: 'create' | 'update' | 'patch' | 'delete';
  kind: string;
  namespace?: string;
  name: string;
  subresource?: string;
  body?: unknown;
}

/** An Api over plain maps, for unit tests of what stands above the API. Not a server: no validation, no admission, no authorization. */
export interface FakeApi extends Api {
  /** Every write that was accepted, in order; clear it with `writes.length = 0`. */
  readonly writes: FakeWrite[];
  /** May throw to refuse a write before it happens. */
  refuse: ((write: FakeWrite) => ApiError | undefined) | undefined;
  /** Holds watch events back until `resume`, of one kind or of all, as a lagging informer would see it. */
  pause<T extends KubeObject>(kind?: Kind<T>): void;
  resume(): void;
  /** Present objects, sorted by name; for assertions. */
  all<T extends KubeObject>(kind: Kind<T>, namespace?: string): T[];
  /** Puts an object in the way the outside world would: nothing is recorded in `writes`. */
  put<T extends KubeObject>(kind: Kind<T>, object: T): T;
  /** Changes an object, status included, the way the outside world would. */
  edit<T extends KubeObject>(kind: Kind<T>, namespace: string | undefined, name: string, change: (object: T) => void): T;
  /** Removes an object at once, finalizers or not. */
  drop<T extends KubeObject>(kind: Kind<T>, namespace: string | undefined, name: string): void;
  /** What `read` gives, by path; may throw. Without it, and where it gives undefined, there is nothing anywhere. */
  answer: ((path: string) => unknown) | undefined;
}

interface Watcher {
  kind: string;
  matches(object: KubeObject): boolean;
  sink: WatchSink<KubeObject>;
}

function patched({ schema }: { readonly schema: string }, old: Json, type: PatchType, patch: Json): Json {
  if (type === 'application/merge-patch+json') return mergePatch(old, patch);
  if (type === 'application/strategic-merge-patch+json') return strategicMergePatch(old, patch, schemaView(schemas), schema);
  throw new ApiError('UnsupportedMediaType', `the fake API takes no patches of type ${type}`);
}

export function createFakeApi(clock: Clock, random: Random = seededRandom(1)): FakeApi {
  return new MapApi(clock, random);
}

const id = (kind: Pick<Kind, 'group' | 'plural'>): string => `${kind.plural}.${kind.group}`;

class MapApi implements FakeApi {
  readonly writes: FakeWrite[] = [];
  refuse: ((write: FakeWrite) => ApiError | undefined) | undefined;
  answer: ((path: string) => unknown) | undefined;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #objects = new Map<string, Map<string, KubeObject>>();
  readonly #history: { revision: number; kind: string; type: WatchEventType; object: KubeObject }[] = [];
  readonly #watchers = new Set<Watcher>();
  readonly #held: (() => void)[] = [];
  readonly #paused = new Set<string>();
  #revision = 0;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }
  pause<T extends KubeObject>(kind?: Kind<T>): void {
    this.#paused.add(kind ? id(kind) : '*');
  }
  resume(): void {
    this.#paused.clear();
    for (const deliver of this.#held.splice(0)) deliver();
  }
  all<T extends KubeObject>(kind: Kind<T>, namespace?: string): T[] {
    const items = [...this.#map(kind).values()].filter((o) => namespace === undefined || o.metadata?.namespace === namespace);
    return items.sort((a, b) => ((a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1)) as T[];
  }
  put<T extends KubeObject>(kind: Kind<T>, object: T): T {
    return this.#insert(kind, object, false);
  }
  edit<T extends KubeObject>(kind: Kind<T>, namespace: string | undefined, name: string, change: (object: T) => void): T {
    const next = cloneObject(this.#find(kind, { namespace, name }));
    change(next);
    return this.#store(kind, next);
  }
  drop<T extends KubeObject>(kind: Kind<T>, namespace: string | undefined, name: string): void {
    this.#remove(kind, this.#find(kind, { namespace, name }));
  }

  async get<T extends KubeObject>(kind: Kind<T>, key: ObjectKey): Promise<T> {
    return this.#find(kind, key);
  }
  async list<T extends KubeObject>(kind: Kind<T>, options: ListOptions = {}): Promise<ObjectList<T>> {
    const matches = selected(kind as unknown as Kind, options);
    return { items: this.all(kind).filter(matches), resourceVersion: String(this.#revision) };
  }
  watch<T extends KubeObject>(kind: Kind<T>, options: WatchOptions, sink: WatchSink<T>): { close(): void } {
    const watcher: Watcher = { kind: id(kind), matches: selected(kind as unknown as Kind, options), sink };
    const from = Number(options.resourceVersion ?? 0);
    if (from === 0) for (const object of this.all(kind)) if (watcher.matches(object)) sink.event('ADDED', object);
    if (from > 0)
      for (const event of this.#history)
        if (event.revision > from && event.kind === watcher.kind && watcher.matches(event.object)) watcher.sink.event(event.type, event.object);
    this.#watchers.add(watcher);
    return { close: () => void this.#watchers.delete(watcher) };
  }
  async create<T extends KubeObject>(kind: Kind<T>, object: T, options: WriteOptions = {}): Promise<T> {
    const copy = cloneObject(object);
    const metadata = (copy.metadata ??= {});
    if (!metadata.name) metadata.name = `${metadata.generateName ?? ''}${randomSuffix(this.#random)}`;
    this.#admit({ verb: 'create', kind: kind.kind, ...place(metadata), body: object });
    if (kind.namespaced && !metadata.namespace) throw badRequest('an empty namespace may not be set during creation');
    return options.dryRun ? copy : this.#insert(kind, copy, true);
  }
  async update<T extends KubeObject>(kind: Kind<T>, object: T, options: WriteOptions = {}): Promise<T> {
    const metadata = object.metadata ?? {};
    this.#admit({ verb: 'update', kind: kind.kind, ...place(metadata), ...sub(options), body: object });
    const old = this.#find(kind, { namespace: metadata.namespace, name: metadata.name ?? '' });
    if (metadata.resourceVersion && metadata.resourceVersion !== old.metadata?.resourceVersion) throw conflict(kind, metadata.name ?? '');
    return this.#change(kind, old, cloneObject(object), options);
  }
  async patch<T extends KubeObject>(kind: Kind<T>, key: ObjectKey, type: PatchType, patch: Json, options: WriteOptions = {}): Promise<T> {
    this.#admit({ verb: 'patch', kind: kind.kind, ...place(key), ...sub(options), body: patch });
    const old = this.#find(kind, key);
    const next = patched(kind, cloneObject(old) as unknown as Json, type, cloneObject(patch)) as unknown as T;
    if (next.metadata?.resourceVersion !== old.metadata?.resourceVersion) throw conflict(kind, key.name);
    return this.#change(kind, old, next, options);
  }
  async delete<T extends KubeObject>(kind: Kind<T>, key: ObjectKey, options: DeleteOptions = {}): Promise<T | Status> {
    this.#admit({ verb: 'delete', kind: kind.kind, ...place(key), ...(Object.keys(options).length > 0 ? { body: options } : {}) });
    const old = this.#find(kind, key);
    const { uid, resourceVersion } = options.preconditions ?? {};
    if (uid && uid !== old.metadata?.uid)
      throw conflict(
        kind,
        key.name,
        `the UID in the precondition (${uid}) does not match the UID in record (${old.metadata?.uid ?? ''}). The object might have been deleted and then recreated`,
      );
    if (resourceVersion && resourceVersion !== old.metadata?.resourceVersion) throw conflict(kind, key.name);
    return this.#delete(kind, old, options);
  }
  async deleteCollection<T extends KubeObject>(kind: Kind<T>, list: ListOptions, options: DeleteOptions = {}): Promise<void> {
    for (const object of (await this.list(kind, list)).items) await this.delete(kind, place(object.metadata), options);
  }
  async subresource<R extends KubeObject>(kind: Kind, _key: ObjectKey, name: string, _body: KubeObject): Promise<R> {
    throw new ApiError('NotImplemented', `the fake API has no ${kind.plural}/${name}`);
  }

  async read<R>(path: string): Promise<R> {
    const found = this.answer?.(path);
    if (found === undefined) throw new ApiError('NotFound', 'the server could not find the requested resource', {});
    return found as R;
  }

  #admit(write: FakeWrite): void {
    const error = this.refuse?.(write);
    if (error) throw error;
    this.writes.push(write);
  }
  #map(kind: Pick<Kind, 'group' | 'plural'>): Map<string, KubeObject> {
    let found = this.#objects.get(id(kind));
    if (!found) this.#objects.set(id(kind), (found = new Map()));
    return found;
  }
  #key(kind: Pick<Kind, 'namespaced'>, key: ObjectKey): string {
    return kind.namespaced ? `${key.namespace}/${key.name}` : key.name;
  }
  #find<T extends KubeObject>(kind: Kind<T>, key: ObjectKey): T {
    const found = this.#map(kind).get(this.#key(kind, key));
    if (!found) throw notFound(kind, key.name);
    return found as T;
  }
  #insert<T extends KubeObject>(kind: Kind<T>, input: T, prepare: boolean): T {
    const object = cloneObject(input);
    const metadata = (object.metadata ??= {});
    if (this.#map(kind).has(this.#key(kind, place(metadata)))) throw alreadyExists(kind, metadata.name ?? '');
    object.apiVersion = kind.apiVersion;
    object.kind = kind.kind;
    metadata.uid ??= this.#random.uuid();
    metadata.creationTimestamp ??= formatTime(this.#clock.now());
    if (kind.generation) metadata.generation ??= 1;
    kind.defaults?.(object);
    if (prepare) kind.prepareCreate?.(object, { now: this.#clock.now() });
    return this.#store(kind, object);
  }
  #change<T extends KubeObject>(kind: Kind<T>, old: T, next: T, options: WriteOptions): T {
    const merged =
      options.subresource === 'status' || options.subresource === 'approval' || options.subresource === 'finalize'
        ? mergeSubresource(old, next, options.subresource)
        : keepStatus(kind, old, next);
    merged.metadata = { ...merged.metadata, ...identity(old.metadata) };
    kind.defaults?.(merged);
    if (!options.subresource) kind.prepareUpdate?.(merged, old, { now: this.#clock.now() });
    if (kind.generation && !options.subresource && specOf(old) !== specOf(merged)) merged.metadata.generation = (old.metadata?.generation ?? 0) + 1;
    if (JSON.stringify(merged) === JSON.stringify(old)) return old;
    if (merged.metadata.deletionTimestamp && isFinal(merged) && !merged.metadata.deletionGracePeriodSeconds) return this.#remove(kind, merged);
    return this.#store(kind, merged);
  }
  #delete<T extends KubeObject>(kind: Kind<T>, old: T, options: DeleteOptions): T | Status {
    const next = cloneObject(old);
    const metadata = (next.metadata ??= {});
    const grace = kind.gracePeriodSeconds?.(old, options.gracePeriodSeconds) ?? 0;
    const finalizers = new Set(metadata.finalizers ?? []);
    if (options.propagationPolicy === 'Foreground') finalizers.add('foregroundDeletion');
    if (options.propagationPolicy === 'Orphan') finalizers.add('orphan');
    if (finalizers.size > 0) metadata.finalizers = [...finalizers];
    if (isFinal(next) && grace === 0) return this.#remove(kind, next);
    metadata.deletionTimestamp ??= formatTime(this.#clock.now() + grace * 1000);
    metadata.deletionGracePeriodSeconds = grace;
    const status = (next as { status?: { phase?: string } }).status;
    if (kind.kind === 'Namespace' && status) status.phase = 'Terminating';
    return this.#store(kind, next);
  }
  #store<T extends KubeObject>(kind: Kind<T>, object: T): T {
    const key = this.#key(kind, place(object.metadata));
    const known = this.#map(kind).has(key);
    object.metadata = { ...object.metadata, resourceVersion: String(++this.#revision) };
    this.#map(kind).set(key, object);
    this.#tell(kind, known ? 'MODIFIED' : 'ADDED', object);
    return object;
  }
  #remove<T extends KubeObject>(kind: Kind<T>, object: T): T {
    const last = { ...object, metadata: { ...object.metadata, resourceVersion: String(++this.#revision) } };
    this.#map(kind).delete(this.#key(kind, place(object.metadata)));
    this.#tell(kind, 'DELETED', last);
    return last;
  }
  #tell(kind: Pick<Kind, 'group' | 'plural'>, type: WatchEventType, object: KubeObject): void {
    const event = { revision: this.#revision, kind: id(kind), type, object };
    this.#history.push(event);
    const deliver = (): void => {
      for (const watcher of this.#watchers) if (watcher.kind === event.kind && watcher.matches(object)) watcher.sink.event(type, object);
    };
    if (this.#paused.has('*') || this.#paused.has(event.kind)) this.#held.push(deliver);
    else deliver();
  }
}

const isFinal = (object: KubeObject): boolean =>
  (object.metadata?.finalizers ?? []).length === 0 && ((object as { spec?: { finalizers?: string[] } }).spec?.finalizers ?? []).length === 0;
const place = (metadata: { namespace?: string | undefined; name?: string } | undefined): { name: string; namespace?: string } => ({
  ...(metadata?.namespace ? { namespace: metadata.namespace } : {}),
  name: metadata?.name ?? '',
});
const sub = (options: WriteOptions): { subresource?: string } => (options.subresource ? { subresource: options.subresource } : {});
const specOf = (object: KubeObject): string => JSON.stringify((object as { spec?: unknown }).spec);
const identity = (old: ObjectMeta | undefined): ObjectMeta => {
  const out: Record<string, unknown> = {};
  for (const field of ['uid', 'creationTimestamp', 'generation', 'resourceVersion', 'deletionTimestamp', 'deletionGracePeriodSeconds'] as const)
    if (old?.[field] !== undefined) out[field] = old[field];
  return out;
};
function mergeSubresource<T extends KubeObject>(old: T, next: T, subresource: string): T {
  const field = subresource === 'finalize' ? 'spec' : 'status';
  return { ...cloneObject(old), [field]: (next as Record<string, unknown>)[field] };
}
function keepStatus<T extends KubeObject>(kind: Kind<T>, old: T, next: T): T {
  if (!kind.status) return next;
  const status = (old as { status?: unknown }).status;
  return status === undefined ? next : { ...next, status };
}
function selected(kind: Kind, options: ListOptions): (object: KubeObject) => boolean {
  const labels = parseLabelSelector(options.labelSelector);
  const fields = (options.fieldSelector ?? '')
    .split(',')
    .filter(Boolean)
    .map((term) => term.split(/==?/) as [string, string]);
  const field = (object: KubeObject, name: string): string | undefined =>
    name === 'metadata.name' ? object.metadata?.name : name === 'metadata.namespace' ? object.metadata?.namespace : kind.selectableFields[name]?.(object);
  return (object) =>
    (!kind.namespaced || options.namespace === undefined || object.metadata?.namespace === options.namespace) &&
    labels(object.metadata?.labels) &&
    fields.every(([name, value]) => field(object, name) === value);
}
