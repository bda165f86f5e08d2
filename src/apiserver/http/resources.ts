import {
  badRequest,
  type DeleteOptions,
  type Json,
  type Kind,
  type KubeObject,
  type ListOptions,
  type ObjectKey,
  type SchemaSet,
  type WatchOptions,
  type ProtobufDecoder,
  methodNotAllowed,
  unknownResource,
} from '#machinery';
import type { Clock, Random } from '#base';
import type { PatchRequest } from '../registry/patches.ts';
import type { Registry } from '../registry/registry.ts';
import type { Shown } from '../registry/shown.ts';
import type { WatchMetrics } from '../metrics/watch.ts';
import type { RequestContext } from '../types.ts';
import { decodeObject, decodePatched, plainObject, readObject, type Body } from './decoding.ts';
import { deleteOptions } from './delete-options.ts';
import { renderList, renderObject } from './list.ts';
import { booleanParameter, includedObject, negotiate, numberParameter, type IncludeObject, type View } from './negotiate.ts';
import { applyType, readPatchBody, type PatchBody } from './patch-body.ts';
import { Room } from './room.ts';
import { queryOf, type ResourcePath } from './request-info.ts';
import { sendJson, sendObject } from './respond.ts';
import type { Exchange } from './types.ts';
import { serveWatch } from './watch.ts';
import { writeQuery, type WriteQuery } from './write-options.ts';

export interface ResourceDeps {
  readonly registry: Registry;
  readonly schemas: SchemaSet;
  readonly clock: Clock;
  readonly random: Random;
  readonly protobuf: ProtobufDecoder | undefined;
  readonly watched: WatchMetrics;
  /** Told when a watch begins (1) and ends (-1). */
  longRunning(exchange: Exchange, change: 1 | -1): void;
  /** Throws Forbidden unless the user may do `verb` to what the request is about. */
  permit(exchange: Exchange, verb: string): void;
}
type WriteContext = RequestContext & WriteQuery;

/** The HTTP face of the verbs. */
export class ResourceHandler {
  readonly #deps: ResourceDeps;
  readonly #room = new Room();
  constructor(deps: ResourceDeps) {
    this.#deps = deps;
  }
  /** Answers one request on a kind, or on an object or subresource of it. Gives the status code, or throws. */
  async handle(exchange: Exchange, kind: Kind, at: ResourcePath): Promise<number> {
    const { verb } = exchange.info;
    // Also for those who get an error.
    exchange.warnings = deprecation(kind);
    if (!kind.namespaced && at.namespace) throw unknownResource();
    if (at.subresource) {
      const part = at.subresource === 'status' ? kind.status : kind.aspects?.[at.subresource];
      if (!part && at.subresource !== 'status') return this.#subresource(exchange, kind, at);
      if (!part) throw unknownResource();
      if (!['get', 'update', 'patch'].includes(verb)) throw methodNotAllowed();
    }
    if (!kind.verbs.includes(verb) || ((verb === 'update' || verb === 'patch') && !at.name)) throw methodNotAllowed();
    if (kind.namespaced && !at.namespace && at.name) throw unknownResource();
    switch (verb) {
      case 'get':
        return this.#get(exchange, kind, at);
      case 'list':
        return this.#list(exchange, kind, at);
      case 'watch':
        return this.#watch(exchange, kind, at);
      case 'create':
        return this.#create(exchange, kind, at);
      case 'update':
        return this.#update(exchange, kind, at);
      case 'patch':
        return this.#patch(exchange, kind, at);
      case 'delete':
        return this.#delete(exchange, kind, at);
      case 'deletecollection':
        return this.#deleteCollection(exchange, kind, at);
      default:
        throw methodNotAllowed();
    }
  }
  #get(exchange: Exchange, kind: Kind, at: ResourcePath): number | Promise<number> {
    const version = exchange.info.query?.get('resourceVersion');
    const entry = this.#deps.registry.reads.get(kind, keyAt(at), version ?? undefined);
    return entry instanceof Promise
      ? entry.then((shown) => this.#answer(exchange, kind, 200, shown, deprecation(kind)))
      : this.#answer(exchange, kind, 200, entry, deprecation(kind));
  }
  async #list(exchange: Exchange, kind: Kind, at: ResourcePath): Promise<number> {
    const query = queryOf(exchange.info);
    const view = negotiate(exchange.request);
    this.#deps.registry.reads.requireReadable(kind, at.namespace);
    const result = await this.#deps.registry.reads.list(kind, listOptions(query, at));
    const body = renderList(kind, result, view, this.#deps.clock.now(), includedIn(view, query), this.#room);
    const { request, response } = exchange;
    const done = sent(exchange, sendJson(response, 200, body, { request, warnings: deprecation(kind) }));
    if (typeof done !== 'number') await done.finally(() => this.#room.giveBack(body, response));
    return 200;
  }
  async #watch(exchange: Exchange, kind: Kind, at: ResourcePath): Promise<number> {
    const query = queryOf(exchange.info);
    const initial = booleanParameter(query, 'sendInitialEvents');
    const options: WatchOptions = {
      ...listOptions(query, at),
      allowWatchBookmarks: booleanParameter(query, 'allowWatchBookmarks') === true,
      ...(initial === undefined ? {} : { sendInitialEvents: initial }),
    };
    if (at.name && !at.watch && !fieldNamed(query, at.name)) throw methodNotAllowed();
    if (at.name && at.watch) options.fieldSelector = [query.get('fieldSelector'), `metadata.name=${at.name}`].filter(Boolean).join(',');
    const view = negotiate(exchange.request, true);
    const watch = {
      kind,
      options,
      view,
      includeObject: includedIn(view, query),
      timeoutSeconds: numberParameter(query, 'timeoutSeconds'),
    };
    this.#deps.longRunning(exchange, 1);
    try {
      const over = serveWatch(this.#deps, watch, exchange.response);
      exchange.begun?.();
      await over;
    } finally {
      this.#deps.longRunning(exchange, -1);
    }
    return 200;
  }
  async #create(exchange: Exchange, kind: Kind, at: ResourcePath): Promise<number> {
    if (at.name) throw methodNotAllowed();
    const context = this.#context(exchange);
    const object = this.#decode(kind, required(await readObject(exchange.request, this.#deps.protobuf)), context);
    const outcome = await this.#deps.registry.resource(kind).writes.create(object, at.namespace || undefined, context);
    return this.#answer(exchange, kind, 201, outcome, context.warnings);
  }
  async #update(exchange: Exchange, kind: Kind, at: ResourcePath): Promise<number> {
    const context = this.#context(exchange);
    const body = required(await readObject(exchange.request, this.#deps.protobuf));
    const object = this.#decode(kind, body, context);
    let code = 200;
    const creating = (): void => {
      this.#deps.permit(exchange, 'create');
      code = 201;
    };
    const outcome = await this.#deps.registry.resource(kind).writes.replace(keyAt(at), object, context, at.subresource || undefined, creating);
    return this.#answer(exchange, kind, code, outcome, context.warnings);
  }
  async #patch(exchange: Exchange, kind: Kind, at: ResourcePath): Promise<number> {
    const context = this.#context(exchange);
    const patch = await readPatchBody(exchange.request);
    const decode = patch.type === applyType ? this.#applied(patch, kind, context) : this.#patched(patch, kind, context);
    let code = 200;
    const request = {
      ...this.#patchRequest(exchange, at, patch),
      decode,
      creating: (): void => {
        this.#deps.permit(exchange, 'create');
        code = 201;
      },
    };
    const outcome = await this.#deps.registry.resource(kind).patches.patch(keyAt(at), context, request);
    return this.#answer(exchange, kind, code, outcome, context.warnings);
  }
  #patchRequest({ info }: Exchange, at: ResourcePath, { type, body }: PatchBody): PatchRequest {
    return { type, body, force: booleanParameter(queryOf(info), 'force'), subresource: at.subresource || undefined };
  }
  #patched(patch: PatchBody, kind: Kind, context: WriteContext): (value: Json) => KubeObject {
    return (value) => decodePatched(this.#deps.schemas, kind, value, patch, context.fieldValidation, context.warnings);
  }
  /** Undeclared fields were refused when it was applied, so that only duplicates are left to find. */
  #applied({ strict }: PatchBody, kind: Kind, { fieldValidation: mode, warnings }: WriteContext): (value: Json) => KubeObject {
    return (value) => {
      if (mode === 'Strict' && strict.length > 0) throw badRequest(`error strict decoding YAML: ${strict.join(', ')}`);
      if (mode === 'Warn') warnings.push(...strict);
      return decodeObject(this.#deps.schemas, kind, { value, duplicates: [] }, 'Ignore', []);
    };
  }
  async #delete(exchange: Exchange, kind: Kind, at: ResourcePath): Promise<number> {
    const context = this.#context(exchange);
    const options = await this.#deleteOptions(exchange);
    if (kind.defaultPropagationWarning && !options.propagationPolicy) context.warnings.push(kind.defaultPropagationWarning);
    const outcome = await this.#deps.registry.delete(kind, keyAt(at), { ...context, dryRun: context.dryRun || options.dryRun === true }, options);
    if ('object' in outcome) return this.#answer(exchange, kind, 200, outcome.object, context.warnings);
    sendObject(exchange.response, 200, outcome.status, { request: exchange.request, warnings: context.warnings });
    return 200;
  }
  async #deleteCollection(exchange: Exchange, kind: Kind, at: ResourcePath): Promise<number> {
    if (kind.namespaced && !at.namespace) throw methodNotAllowed();
    const context = this.#context(exchange);
    const options = await this.#deleteOptions(exchange);
    const selection = listOptions(queryOf(exchange.info), at);
    if (kind.defaultPropagationWarning && !options.propagationPolicy) context.warnings.push(kind.defaultPropagationWarning);
    const { entries, revision } = await this.#deps.registry.deleteCollection(
      kind,
      selection,
      { ...context, dryRun: context.dryRun || options.dryRun === true },
      options,
    );
    const body = renderList(kind, { entries, revision, continue: '', remaining: undefined }, negotiate(exchange.request), this.#deps.clock.now(), 'Metadata');
    return sent(exchange, sendJson(exchange.response, 200, body, { request: exchange.request, warnings: context.warnings }));
  }
  async #subresource(exchange: Exchange, kind: Kind, at: ResourcePath): Promise<number> {
    const { verb } = exchange.info;
    if (verb !== 'create' && verb !== 'get' && verb !== 'update' && verb !== 'patch') throw methodNotAllowed();
    const context = this.#context(exchange);
    const body = verb === 'create' || verb === 'update' ? plainObject(await readObject(exchange.request, this.#deps.protobuf)) : undefined;
    const patch = verb === 'patch' ? this.#patchRequest(exchange, at, await readPatchBody(exchange.request)) : undefined;
    const outcome = await this.#deps.registry.subresource(at.subresource, { verb, kind, key: keyAt(at), body, patch, context });
    void sendJson(exchange.response, verb === 'create' ? 201 : 200, outcome.json(), { request: exchange.request, warnings: context.warnings });
    return verb === 'create' ? 201 : 200;
  }
  async #deleteOptions(exchange: Exchange): Promise<DeleteOptions> {
    const query = queryOf(exchange.info);
    const body = exchange.request.headers['content-length'] === '0' ? undefined : await readObject(exchange.request, this.#deps.protobuf);
    return deleteOptions(query, body);
  }
  #decode(kind: Kind, body: Body, { fieldValidation, warnings }: WriteContext): KubeObject {
    return decodeObject(this.#deps.schemas, kind, body, fieldValidation, warnings);
  }
  #context(exchange: Exchange): WriteContext {
    const warnings = [...(exchange.warnings ?? [])];
    exchange.warnings = warnings;
    return { ...writeQuery(exchange), user: exchange.user, track: true, warnings, annotate: exchange.annotate };
  }
  #answer(exchange: Exchange, kind: Kind, code: number, shown: Shown, warnings: readonly string[]): number {
    const { request, response, info } = exchange;
    const view = negotiate(request);
    const body = renderObject(kind, shown, view, this.#deps.clock.now(), includedIn(view, info.query));
    void sendJson(response, code, body, { request, warnings });
    return code;
  }
}

/** Looked at only where it matters. */
function includedIn(view: View, query: URLSearchParams | undefined): IncludeObject {
  return view === 'table' ? includedObject(query?.get('includeObject') ?? null) : 'Metadata';
}
const nothing: readonly string[] = [];
function deprecation(kind: Kind): readonly string[] {
  return kind.deprecation === undefined ? nothing : [kind.deprecation];
}
/** Gives the code when the body is on the wire. */
function sent(exchange: Exchange, pending: void | Promise<void>): number | Promise<number> {
  if (!pending) return 200;
  exchange.begun?.();
  return pending.then(() => 200);
}
function keyAt({ namespace, name }: ResourcePath): ObjectKey {
  return { namespace: namespace || undefined, name };
}
function required(body: Body | undefined): Body {
  if (!body) throw badRequest('the request body is empty');
  return body;
}
function fieldNamed(query: URLSearchParams, name: string): boolean {
  return query.get('fieldSelector') === `metadata.name=${name}`;
}
function listOptions(query: URLSearchParams, at: ResourcePath): ListOptions {
  const text = (name: 'labelSelector' | 'fieldSelector' | 'continue' | 'resourceVersion' | 'resourceVersionMatch'): object => {
    const value = query.get(name);
    return value ? { [name]: value } : {};
  };
  const limit = numberParameter(query, 'limit');
  return {
    ...(at.namespace ? { namespace: at.namespace } : {}),
    ...(limit === undefined ? {} : { limit }),
    ...text('labelSelector'),
    ...text('fieldSelector'),
    ...text('continue'),
    ...text('resourceVersion'),
    ...text('resourceVersionMatch'),
  };
}
