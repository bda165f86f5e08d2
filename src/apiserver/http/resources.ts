import {
  ApiError,
  badRequest,
  parseYaml,
  userAgentManager,
  type DeleteOptions,
  type Json,
  type Kind,
  type KubeObject,
  type ListOptions,
  type ObjectKey,
  type PatchType,
  type SchemaSet,
  type WatchOptions,
  type ProtobufDecoder,
} from '#machinery';
import type { Clock, Random } from '#base';
import type { PatchRequest } from '../registry/patches.ts';
import type { Registry } from '../registry/registry.ts';
import type { Shown } from '../registry/shown.ts';
import type { WatchMetrics } from '../metrics/watch.ts';
import type { RequestContext } from '../types.ts';
import { readBody } from './body.ts';
import { decodeObject, fieldValidation, plainObject, readObject, type Body } from './decoding.ts';
import { renderList, renderObject } from './list.ts';
import { bodyType, booleanParameter, negotiate, numberParameter, refuseBodyType } from './negotiate.ts';
import { queryOf, type ResourcePath } from './request-info.ts';
import { sendJson, sendObject } from './respond.ts';
import type { Exchange } from './types.ts';
import { serveWatch } from './watch.ts';

export interface ResourceDeps {
  readonly registry: Registry;
  readonly schemas: SchemaSet;
  readonly clock: Clock;
  readonly random: Random;
  readonly protobuf: ProtobufDecoder | undefined;
  readonly watched: WatchMetrics;
  /** Told when a watch begins (1) and ends (-1). */
  longRunning(exchange: Exchange, change: 1 | -1): void;
}

const patchTypes: readonly PatchType[] = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
];
const noMethod = (): ApiError => new ApiError('MethodNotAllowed', 'the server does not allow this method on the requested resource');

/** The HTTP face of the verbs. */
export class ResourceHandler {
  readonly #deps: ResourceDeps;
  constructor(deps: ResourceDeps) {
    this.#deps = deps;
  }
  /** Answers one request on a kind, or on an object or subresource of it. Gives the status code, or throws. */
  async handle(exchange: Exchange, kind: Kind, at: ResourcePath): Promise<number> {
    const { verb } = exchange.info;
    if (!kind.namespaced && at.namespace) throw new ApiError('NotFound', 'the server could not find the requested resource', {});
    if (at.subresource && at.subresource !== 'status') return this.#subresource(exchange, kind, at);
    if (at.subresource === 'status' && (!kind.status || !['get', 'update', 'patch'].includes(verb)))
      throw kind.status ? noMethod() : new ApiError('NotFound', 'the server could not find the requested resource', {});
    if (!kind.verbs.includes(verb) || ((verb === 'update' || verb === 'patch') && !at.name)) throw noMethod();
    if (kind.namespaced && !at.namespace && at.name) throw new ApiError('NotFound', 'the server could not find the requested resource', {});
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
        throw noMethod();
    }
  }
  #get(exchange: Exchange, kind: Kind, at: ResourcePath): number | Promise<number> {
    const version = exchange.info.query?.get('resourceVersion');
    const entry = this.#deps.registry.reads.get(kind, keyAt(at), version ?? undefined);
    return entry instanceof Promise ? entry.then((shown) => this.#answer(exchange, kind, 200, shown, [])) : this.#answer(exchange, kind, 200, entry, []);
  }
  async #list(exchange: Exchange, kind: Kind, at: ResourcePath): Promise<number> {
    const query = queryOf(exchange.info);
    const view = negotiate(exchange.request);
    this.#deps.registry.reads.requireReadable(kind, at.namespace);
    const result = await this.#deps.registry.reads.list(kind, listOptions(query, at));
    const body = renderList(kind, result, view, this.#deps.clock.now(), query.get('includeObject'));
    sendJson(exchange.response, 200, body, { request: exchange.request, pretty: query.get('pretty') === 'true' });
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
    if (at.name && !fieldNamed(query, at.name)) throw noMethod();
    const watch = {
      kind,
      options,
      view: negotiate(exchange.request),
      includeObject: query.get('includeObject'),
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
    if (at.name) throw noMethod();
    const context = this.#context(exchange);
    const object = this.#decode(exchange, kind, required(await readObject(exchange.request, this.#deps.protobuf)), context);
    const outcome = await this.#deps.registry.resource(kind).writes.create(object, at.namespace || undefined, context);
    return this.#answer(exchange, kind, 201, outcome, context.warnings);
  }
  async #update(exchange: Exchange, kind: Kind, at: ResourcePath): Promise<number> {
    const context = this.#context(exchange);
    const body = required(await readObject(exchange.request, this.#deps.protobuf));
    const object = this.#decode(exchange, kind, body, context);
    const outcome = await this.#deps.registry.resource(kind).writes.replace(keyAt(at), object, context, at.subresource || undefined);
    return this.#answer(exchange, kind, 200, outcome, context.warnings);
  }
  async #patch(exchange: Exchange, kind: Kind, at: ResourcePath): Promise<number> {
    const context = this.#context(exchange);
    const request = await this.#readPatch(exchange, at, (value) => this.#decode(exchange, kind, { value, duplicates: [] }, context));
    if (request.type === 'application/apply-patch+yaml') this.#checkApplied(exchange, kind, request, context);
    const outcome = await this.#deps.registry.resource(kind).patches.patch(keyAt(at), context, request);
    return this.#answer(exchange, kind, 200, outcome, context.warnings);
  }
  async #readPatch(exchange: Exchange, at: ResourcePath, decode?: (value: Json) => KubeObject): Promise<PatchRequest> {
    const type = bodyType(exchange.request) as PatchType;
    if (!patchTypes.includes(type)) throw refuseBodyType(type, patchTypes);
    const text = await readBody(exchange.request);
    const force = booleanParameter(queryOf(exchange.info), 'force');
    return { type, body: await parsePatch(type, text), force, subresource: at.subresource || undefined, decode };
  }
  /** Strict decoding of what was applied; the merged object is decoded again, without repeating the findings. */
  #checkApplied(exchange: Exchange, kind: Kind, { body }: PatchRequest, context: RequestContext): void {
    const copy = JSON.parse(JSON.stringify(body)) as Json;
    decodeObject(this.#deps.schemas, kind, { value: copy, duplicates: [] }, fieldValidation(queryOf(exchange.info)), context.warnings);
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
    if (kind.namespaced && !at.namespace) throw noMethod();
    const context = this.#context(exchange);
    const options = await this.#deleteOptions(exchange);
    const selection = listOptions(queryOf(exchange.info), at);
    const { entries, revision } = await this.#deps.registry.deleteCollection(
      kind,
      selection,
      { ...context, dryRun: context.dryRun || options.dryRun === true },
      options,
    );
    const body = renderList(kind, { entries, revision, continue: '', remaining: undefined }, negotiate(exchange.request), this.#deps.clock.now(), null);
    sendJson(exchange.response, 200, body, { request: exchange.request });
    return 200;
  }
  async #subresource(exchange: Exchange, kind: Kind, at: ResourcePath): Promise<number> {
    const { verb } = exchange.info;
    if (verb !== 'create' && verb !== 'get' && verb !== 'update' && verb !== 'patch') throw noMethod();
    const context = this.#context(exchange);
    const body = verb === 'create' || verb === 'update' ? plainObject(await readObject(exchange.request, this.#deps.protobuf)) : undefined;
    const patch = verb === 'patch' ? await this.#readPatch(exchange, at) : undefined;
    const outcome = await this.#deps.registry.subresource(at.subresource, { verb, kind, key: keyAt(at), body, patch, context });
    sendJson(exchange.response, verb === 'create' ? 201 : 200, outcome.json(), { request: exchange.request, warnings: context.warnings });
    return verb === 'create' ? 201 : 200;
  }
  async #deleteOptions(exchange: Exchange): Promise<DeleteOptions> {
    const query = queryOf(exchange.info);
    const body = exchange.request.headers['content-length'] === '0' ? undefined : await readObject(exchange.request, this.#deps.protobuf);
    return deleteOptions(query, body);
  }
  #decode(exchange: Exchange, kind: Kind, body: Body, context: RequestContext): KubeObject {
    return decodeObject(this.#deps.schemas, kind, body, fieldValidation(queryOf(exchange.info)), context.warnings);
  }
  #context({ info, user, request }: Exchange): RequestContext {
    const query = queryOf(info);
    const dryRun = query.getAll('dryRun').filter((value) => value !== '');
    if (dryRun.some((value) => value !== 'All')) throw badRequest(`dryRun: Unsupported value: ${JSON.stringify(dryRun[0])}: supported values: "All"`);
    const manager = query.get('fieldManager');
    const apply = info.method === 'PATCH' && bodyType(request) === 'application/apply-patch+yaml';
    return {
      user,
      dryRun: dryRun.length > 0,
      fieldManager: manager || (apply ? '' : userAgentManager(request.headers['user-agent'])),
      track: true,
      warnings: [],
    };
  }
  #answer(exchange: Exchange, kind: Kind, code: number, shown: Shown, warnings: readonly string[]): number {
    const { request, response, info } = exchange;
    const view = negotiate(request);
    const body = renderObject(kind, shown, view, this.#deps.clock.now(), view === 'table' ? queryOf(info).get('includeObject') : null);
    sendJson(response, code, body, { request, pretty: info.query?.get('pretty') === 'true', warnings });
    return code;
  }
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
async function parsePatch(type: PatchType, text: string): Promise<Json> {
  if (type === 'application/apply-patch+yaml') return (await parseYaml(text)).value as Json;
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    throw badRequest(`error decoding patch: ${(error as Error).message}`);
  }
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

/** metav1.DeleteOptions from the body, or from the query where the body says nothing. */
function deleteOptions(query: URLSearchParams, body: Body | undefined): DeleteOptions {
  const value = (body ? plainObject(body) : {}) as {
    gracePeriodSeconds?: unknown;
    propagationPolicy?: unknown;
    orphanDependents?: unknown;
    preconditions?: unknown;
    dryRun?: unknown;
  };
  const grace = value.gracePeriodSeconds ?? numberParameter(query, 'gracePeriodSeconds');
  const orphan = value.orphanDependents ?? booleanParameter(query, 'orphanDependents');
  const policy =
    value.propagationPolicy ?? query.get('propagationPolicy') ?? (orphan === undefined || orphan === null ? undefined : orphan ? 'Orphan' : 'Background');
  if (grace !== undefined && grace !== null && (typeof grace !== 'number' || !Number.isInteger(grace)))
    throw badRequest('gracePeriodSeconds must be an integer');
  if (policy !== undefined && policy !== '' && policy !== 'Orphan' && policy !== 'Background' && policy !== 'Foreground') {
    throw new ApiError(
      'Invalid',
      `DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Invalid value: ${JSON.stringify(policy)}: invalid deletion propagation policy, supported values: "Orphan", "Background", "Foreground"`,
    );
  }
  return {
    ...(typeof grace === 'number' ? { gracePeriodSeconds: grace } : {}),
    ...(policy ? { propagationPolicy: policy } : {}),
    ...(typeof value.preconditions === 'object' && value.preconditions !== null ? { preconditions: value.preconditions } : {}),
    ...(Array.isArray(value.dryRun) && value.dryRun.includes('All') ? { dryRun: true } : {}),
  };
}
