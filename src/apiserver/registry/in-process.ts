import {
  copyJson,
  type Api,
  type DeleteOptions,
  type Json,
  type Kind,
  type KubeObject,
  type ListOptions,
  type ObjectKey,
  type ObjectList,
  type PatchType,
  type Status,
  type UserInfo,
  type WatchOptions,
  type WatchSink,
  type WriteOptions,
} from '#machinery';
import type { CacheEvent } from '../cache/event.ts';
import { classify, SinkGroup } from '../cache/watch-group.ts';
import type { RequestContext } from '../types.ts';
import type { ReadPath } from '../computed/read-path.ts';
import { ConvertingGroup } from './converting-group.ts';
import type { Registry } from './registry.ts';
import { startWatch } from './watches.ts';

export interface InProcessOptions {
  /** Names the writer in managedFields, should they be kept. */
  component?: string;
  /** Keep managedFields as for HTTP clients. Default false: what the system's own components own is nobody's business. */
  track?: boolean;
}

/** The API for the components of this process: the same verbs, no serialization. */
export class InProcessApi implements Api {
  readonly #registry: Registry;
  readonly #user: UserInfo;
  readonly #options: InProcessOptions;
  readonly #read: ReadPath;
  constructor(registry: Registry, user: UserInfo, read: ReadPath, options: InProcessOptions = {}) {
    this.#registry = registry;
    this.#read = read;
    this.#user = user;
    this.#options = options;
  }
  async get<T extends KubeObject>(kind: Kind<T>, key: ObjectKey): Promise<T> {
    return (await this.#registry.reads.get(untyped(kind), key)).object as T;
  }
  async list<T extends KubeObject>(kind: Kind<T>, options: ListOptions = {}): Promise<ObjectList<T>> {
    const result = await this.#registry.reads.list(untyped(kind), options);
    return {
      items: result.entries.map((entry) => entry.object as T),
      resourceVersion: String(result.revision),
      ...(result.continue ? { continue: result.continue } : {}),
      ...(result.remaining === undefined ? {} : { remainingItemCount: result.remaining }),
    };
  }
  watch<T extends KubeObject>(kind: Kind<T>, options: WatchOptions, sink: WatchSink<T>): { close(): void } {
    return openWatch(this.#registry, untyped(kind), options, sink);
  }
  async create<T extends KubeObject>(kind: Kind<T>, object: T, options: WriteOptions = {}): Promise<T> {
    const copy = copyJson(object);
    return (await this.#registry.resource(untyped(kind)).writes.create(copy, copy.metadata?.namespace, this.#context(options))).object as T;
  }
  async update<T extends KubeObject>(kind: Kind<T>, object: T, options: WriteOptions = {}): Promise<T> {
    const copy = options.subresource === 'status' ? copyStatus(object) : copyJson(object);
    const key = { namespace: copy.metadata?.namespace, name: copy.metadata?.name ?? '' };
    if (this.#handles(kind, options.subresource)) return (await this.#sub(untyped(kind), key, options.subresource as string, 'update', copy, options)) as T;
    return (await this.#registry.resource(untyped(kind)).writes.replace(key, copy, this.#context(options), options.subresource)).object as T;
  }
  async patch<T extends KubeObject>(kind: Kind<T>, key: ObjectKey, type: PatchType, patch: Json, options: WriteOptions = {}): Promise<T> {
    const request = { type, body: copyJson(patch), subresource: options.subresource, ...(options.force === undefined ? {} : { force: options.force }) };
    if (this.#handles(kind, options.subresource)) {
      const answer = await this.#registry.subresource(options.subresource as string, {
        verb: 'patch',
        kind: untyped(kind),
        key,
        body: undefined,
        patch: request,
        context: this.#context(options),
      });
      return answer.object as T;
    }
    return (await this.#registry.resource(untyped(kind)).patches.patch(key, this.#context(options), request)).object as T;
  }
  async delete<T extends KubeObject>(kind: Kind<T>, key: ObjectKey, options: DeleteOptions = {}): Promise<T | Status> {
    const outcome = await this.#registry.delete(untyped(kind), key, this.#context(options), options);
    return 'status' in outcome ? outcome.status : (outcome.object.object as T);
  }
  async deleteCollection<T extends KubeObject>(kind: Kind<T>, list: ListOptions, options: DeleteOptions = {}): Promise<void> {
    await this.#registry.deleteCollection(untyped(kind), list, this.#context(options), options);
  }
  async subresource<R extends KubeObject>(kind: Kind, key: ObjectKey, name: string, body: KubeObject): Promise<R> {
    return (await this.#sub(kind, key, name, 'create', copyJson(body), {})) as R;
  }
  async read<R>(path: string): Promise<R> {
    return (await this.#read(path, this.#user)) as R;
  }
  async #sub(kind: Kind, key: ObjectKey, name: string, verb: 'create' | 'update', body: KubeObject, options: WriteOptions): Promise<KubeObject> {
    return (await this.#registry.subresource(name, { verb, kind, key, body, patch: undefined, context: this.#context(options) })).object;
  }
  /** Whether a subresource is answered by a handler of its own (status is not). */
  #handles<T extends KubeObject>(kind: Kind<T>, subresource: string | undefined): boolean {
    return subresource !== undefined && this.#registry.resource(untyped(kind)).subresources.has(subresource);
  }
  #context(options: { dryRun?: boolean; fieldManager?: string }): RequestContext {
    return {
      user: this.#user,
      dryRun: options.dryRun === true,
      fieldManager: options.fieldManager ?? this.#options.component ?? this.#user.username,
      track: this.#options.track === true,
      warnings: [],
    };
  }
}

/** Of what is sent to `status` nothing else is looked at. */
function copyStatus<T extends KubeObject>(object: T): T {
  const { kind, apiVersion, metadata, status } = object as T & { status?: unknown };
  return { ...(kind ? { kind } : {}), ...(apiVersion ? { apiVersion } : {}), metadata: copyJson(metadata), status: copyJson(status) } as unknown as T;
}

/** Kind<T> only reads T; the registry works on any. */
function untyped<T extends KubeObject>(kind: Kind<T>): Kind {
  return kind as unknown as Kind;
}

function openWatch(registry: Registry, kind: Kind, options: WatchOptions, sink: WatchSink<KubeObject>): { close(): void } {
  let closed = false;
  try {
    const { versions } = registry.resource(kind);
    const start = startWatch(registry.cache, kind, options, versions.converts);
    const cache = registry.cache.of(kind);
    const key = `sink\0${start.filter.key}`;
    const converting = versions.converts ? cache.group(key, () => new ConvertingGroup(new SinkGroup(start.filter), versions)) : undefined;
    const group = converting?.inner ?? cache.group(key, () => new SinkGroup(start.filter));
    const member = { sink, from: start.from, bookmarks: options.allowWatchBookmarks === true };
    const begin = (initial: readonly CacheEvent[]): void => {
      if (closed) return;
      group.members.add(member);
      for (const event of initial) {
        const seen = classify(start.filter, event);
        if (seen && !closed) sink.event(seen.type, seen.entry.object);
      }
      if (start.endMark) sink.event('BOOKMARK', { metadata: { resourceVersion: String(start.from), annotations: { 'k8s.io/initial-events-end': 'true' } } });
    };
    const dropEmpty = (): void => {
      if (group.members.size === 0 && !converting?.awaited) cache.dropGroup(key);
    };
    if (converting) converting.join(start.initial, begin, (error) => sink.end(error), dropEmpty);
    else begin(start.initial);
    return {
      close() {
        if (closed) return;
        closed = true;
        group.members.delete(member);
        dropEmpty();
      },
    };
  } catch (error) {
    queueMicrotask(() => {
      if (!closed) sink.end(error as Error);
    });
    return { close: () => void (closed = true) };
  }
}
