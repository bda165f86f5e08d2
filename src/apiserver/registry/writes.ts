import { randomSuffix } from '#base';
import {
  alreadyExists,
  ApiError,
  badRequest,
  conflict,
  invalid,
  isApiError,
  keyOf,
  notFound,
  validateMetadata,
  type Aspect,
  type FieldError,
  type Kind,
  type KubeObject,
  type ObjectKey,
  type ObjectMeta,
} from '#machinery';
import type { CacheEntry } from '../cache/entry.ts';
import type { AdmissionRequest, RequestContext } from '../types.ts';
import type { AdmissionChain, Subject } from './admission-chain.ts';
import { apiFailure, isStoreConflict, type Deps } from './deps.ts';
import { adoptNamespace, checkIdentity, checkPreconditions, isNoop, metaOf, raiseGeneration, requireVersion, stampCreate, stampUpdate } from './metadata.ts';
import { shown, type Shown } from './shown.ts';
import type { Tracker } from './tracker.ts';
import type { Versions } from './versions.ts';

export interface UpdateRequest {
  readonly subresource?: string | undefined;
  /** Gives the wanted object; the argument is shared. */
  change(current: KubeObject): KubeObject | Promise<KubeObject>;
  /** Without admission, validation and status isolation. */
  readonly raw?: boolean;
  /** The change brings its own managedFields (server-side apply). */
  readonly managed?: boolean;
  /** Makes the object when it does not exist. */
  createMissing?(): KubeObject | Promise<KubeObject>;
}

const nameTries = 8;
const conflictTries = 100;

/** Create and update of one kind. */
export class Writes {
  readonly #deps: Deps;
  readonly #chain: AdmissionChain;
  readonly #tracker: Tracker;
  readonly #versions: Versions;
  readonly #kind: Kind;
  constructor(kind: Kind, deps: Deps, chain: AdmissionChain, tracker: Tracker, versions: Versions) {
    this.#kind = kind;
    this.#versions = versions;
    this.#deps = deps;
    this.#chain = chain;
    this.#tracker = tracker;
  }

  /** `object` is taken over. */
  async create(object: KubeObject, namespace: string | undefined, context: RequestContext, managed = false): Promise<Shown> {
    const kind = this.#kind;
    const meta = metaOf(object);
    if (meta.resourceVersion) throw badRequest('resourceVersion should not be set on objects to be created');
    adoptNamespace(kind, object, namespace);
    stampCreate(kind, object, this.#deps);
    if (meta.name || !meta.generateName) return this.#createNamed(object, context, managed, meta.name ?? '');
    for (let tries = 1; ; tries++) {
      meta.name = meta.generateName.slice(0, 58) + randomSuffix(this.#deps.random);
      try {
        return await this.#createNamed(tries < nameTries ? { ...object, metadata: { ...meta } } : object, context, managed, '');
      } catch (error) {
        if (!isApiError(error, 'AlreadyExists')) throw error;
        if (tries >= nameTries) throw noUniqueName(error);
      }
    }
  }
  /** `asked` is the name that the client gave: empty when the server made one. */
  async #createNamed(object: KubeObject, context: RequestContext, managed: boolean, asked: string): Promise<Shown> {
    const request = { ...this.#request('CREATE', object, undefined, undefined, context), name: asked };
    let committed = false;
    try {
      const pending = this.#prepareCreate(request, managed);
      if (pending) await pending;
      const outcome = await this.#insert(request);
      committed = !context.dryRun;
      return outcome;
    } finally {
      this.#chain.settled(request, 'main', committed);
    }
  }
  /** What a write to a subresource may change of the object. */
  #confine(wanted: KubeObject, current: KubeObject, subresource: string | undefined, { track }: RequestContext): KubeObject {
    const kind = this.#kind;
    if (subresource === 'status') {
      const out = statusOnly(wanted, current, track && !kind.shape);
      kind.prepareStatus?.(out, current);
      return out;
    }
    const aspect = subresource === undefined ? undefined : kind.aspects?.[subresource];
    if (!aspect) return wanted;
    kind.defaults?.(wanted);
    const { managedFields } = metaOf(wanted);
    return { ...aspect.confine(wanted, current), metadata: { ...current.metadata, ...(managedFields ? { managedFields } : {}) } };
  }
  /** A promise only when an admission step takes its time. */
  #prepareCreate(request: AdmissionRequest, managed: boolean): void | Promise<void> {
    const kind = this.#kind;
    const { object, context } = request;
    kind.defaults?.(object);
    // Before admission, as in kube-apiserver: the client does not own what the system adds.
    if (context.track && !managed) void this.#tracker.update(object, undefined, context, undefined); // at once: there is nothing older
    return after(this.#chain.mutate(request, 'main'), () => {
      kind.defaults?.(object);
      // After admission: what the server derives (a pod's QoS class) follows from what admission filled in.
      kind.prepareCreate?.(object, { now: this.#deps.clock.now() });
      this.#refuse(object, [...validateMetadata(kind, object, undefined), ...(kind.validate?.(object, undefined) ?? [])]);
      context.warnings.push(...(kind.warnings?.(object, undefined) ?? []));
      return this.#chain.validate(request, 'main');
    });
  }
  async #insert({ object, context }: AdmissionRequest): Promise<Shown> {
    const kind = this.#kind;
    const name = metaOf(object).name ?? '';
    const key = keyOf(kind, metaOf(object).namespace, name);
    const cache = this.#deps.cache.of(kind);
    if (cache.get(key)) throw alreadyExists(kind, name);
    if (context.dryRun) return dry(this.#normalize(object));
    const normal = await this.#stored(object);
    try {
      const { entries } = await this.#deps.cache.commit([{ kind, key, object: normal, expected: 0 }]);
      return this.#versions.show(entries[0] as CacheEntry);
    } catch (error) {
      if (!isStoreConflict(error)) throw apiFailure(error);
      throw alreadyExists(kind, name);
    }
  }
  /** Laid out as this kind's version shows it. */
  #normalize(object: KubeObject): KubeObject {
    return this.#deps.cache.of(this.#kind).codec(this.#kind.apiVersion).normalize(object);
  }
  /** Laid out as the store gets it, in the version that is stored. */
  #stored(object: KubeObject): KubeObject | Promise<KubeObject> {
    const codec = this.#deps.cache.of(this.#kind).codec(this.#kind.storageVersion);
    const converted = this.#versions.store(object);
    return converted instanceof Promise ? converted.then((stored) => codec.normalize(stored)) : codec.normalize(converted);
  }

  /**
   * PUT: the object as given, compared with its resourceVersion when it has one. `object` is taken over. `creating` is
   * told before a missing object is made, and may refuse.
   */
  replace(key: ObjectKey, object: KubeObject, context: RequestContext, subresource: string | undefined, creating?: () => void): Promise<Shown> {
    checkIdentity(this.#kind, object, key);
    const { metadata } = object;
    // A second try, after someone else's write, starts from the same metadata again; the rest is only defaulted, which is idempotent.
    const change = (): KubeObject => ({ ...object, metadata: { ...metadata } });
    if (!this.#kind.createOnUpdate || subresource) return this.update(key, context, { subresource, change });
    const createMissing = (): KubeObject => {
      creating?.();
      const { resourceVersion: _none, uid, ...rest } = metadata ?? {};
      if (uid) throw conflict(this.#kind, key.name, `Precondition failed: UID in precondition: ${uid}, UID in object meta: `);
      return { ...object, metadata: rest };
    };
    return this.update(key, context, { subresource, change, createMissing });
  }

  /** Read-modify-write. Throws NotFound, Conflict, Invalid. */
  update(key: ObjectKey, context: RequestContext, update: UpdateRequest): Promise<Shown> {
    const storeKey = keyOf(this.#kind, key.namespace, key.name);
    return this.#deps.locks.run(storeKey, (release) => this.#updateLocked(storeKey, key, context, update, release));
  }
  async #updateLocked(storeKey: string, key: ObjectKey, context: RequestContext, update: UpdateRequest, release: () => void): Promise<Shown> {
    for (let tries = 1; ; tries++) {
      const entry = this.#deps.cache.of(this.#kind).get(storeKey);
      if (!entry) {
        if (update.createMissing) return this.create(await update.createMissing(), key.namespace, context, update.managed === true);
        throw notFound(this.#kind, key.name);
      }
      const outcome = await this.#tryUpdate(entry, key, context, update, release);
      if (outcome) return outcome;
      if (tries >= conflictTries) throw conflict(this.#kind, key.name);
    }
  }
  /** Undefined when someone else was faster. */
  async #tryUpdate(entry: CacheEntry, key: ObjectKey, context: RequestContext, update: UpdateRequest, release: () => void): Promise<Shown | undefined> {
    const shownEntry = this.#versions.show(entry);
    const current = (shownEntry instanceof Promise ? await shownEntry : shownEntry).object;
    let wanted = await update.change(current);
    if (wanted === current) return this.#versions.show(entry);
    const { uid, resourceVersion } = metaOf(wanted);
    checkPreconditions(this.#kind, key.name, current, { uid, resourceVersion });
    if (!update.raw) requireVersion(this.#kind, key.name, resourceVersion);
    stampUpdate(wanted, current);
    if (!update.raw) wanted = this.#confine(wanted, current, update.subresource, context);
    const request = this.#request('UPDATE', wanted, current, update.subresource, context);
    const subject = subjectOf(request);
    let committed = false;
    try {
      const pending = update.raw ? undefined : this.#prepareUpdate(request, subject, update.managed === true);
      if (pending) {
        // Whoever is asked may write this very object before answering.
        release();
        await pending;
      }
      // A no-op still brings an object that was stored in an older version up to date.
      const upToDate = entry.codec.apiVersion === this.#kind.storageVersion;
      if (upToDate && isNoop(wanted, current) && !this.#finished(wanted)) return this.#versions.show(entry);
      const outcome = await this.#replace(entry, request);
      committed = !context.dryRun && outcome !== undefined;
      return outcome;
    } finally {
      if (!update.raw) this.#chain.settled(request, subject, committed);
    }
  }
  /** A promise only when an admission step takes its time. */
  #prepareUpdate(request: AdmissionRequest, subject: Subject, managed: boolean): void | Promise<void> {
    const kind = this.#kind;
    const { object } = request;
    const old = request.old as KubeObject;
    // A write to a part shares everything else with the stored object: nothing may be filled in.
    if (subject === 'main' && !this.#aspect(request)) {
      if (kind.status) keepStatus(object, old);
      kind.defaults?.(object);
      kind.prepareUpdate?.(object, old, { now: this.#deps.clock.now() });
    }
    return after(this.#chain.mutate(request, subject), () => this.#checkUpdate(request, subject, managed));
  }
  #checkUpdate(request: AdmissionRequest, subject: Subject, managed: boolean): void | Promise<void> {
    const kind = this.#kind;
    const { object, context, subresource } = request;
    const old = request.old as KubeObject;
    raiseGeneration(kind, object, old);
    const tracking = context.track && !managed ? this.#tracker.update(object, old, context, subresource) : undefined;
    return after(tracking, () => this.#validateUpdate(request, subject));
  }
  #validateUpdate(request: AdmissionRequest, subject: Subject): void | Promise<void> {
    const kind = this.#kind;
    const { object, context } = request;
    const old = request.old as KubeObject;
    const main = subject === 'main';
    const aspect = this.#aspect(request);
    const findings = aspect ? aspect.validate(object, old) : main ? kind.validate?.(object, old) : kind.validateStatus?.(object, old);
    this.#refuse(object, [...validateMetadata(kind, object, old), ...(findings ?? [])]);
    if (main && !aspect) context.warnings.push(...(kind.warnings?.(object, old) ?? []));
    return this.#chain.validate(request, subject);
  }
  #aspect({ subresource }: AdmissionRequest): Aspect<KubeObject> | undefined {
    return subresource === undefined ? undefined : this.#kind.aspects?.[subresource];
  }
  async #replace(entry: CacheEntry, { object, context }: AdmissionRequest): Promise<Shown | undefined> {
    const kind = this.#kind;
    if (context.dryRun) return dry(this.#normalize(object), entry.revision);
    const stored = this.#stored(object);
    const normal = stored instanceof Promise ? await stored : stored;
    const gone = this.#finished(object);
    try {
      const { entries, revision } = await this.#deps.cache.commit([{ kind, key: entry.key, object: gone ? undefined : normal, expected: entry.revision }]);
      return entries[0] ? this.#versions.show(entries[0]) : dry(this.#normalize(object), revision);
    } catch (error) {
      if (!isStoreConflict(error)) throw apiFailure(error);
      await this.#deps.cache.reached(error.detail.current?.revision ?? 0);
      if (!error.detail.current) throw notFound(kind, metaOf(object).name ?? '');
      return undefined;
    }
  }
  /** Marked for deletion, its grace over, nothing left that holds it. */
  #finished(object: KubeObject): boolean {
    const meta = object.metadata;
    if (!meta?.deletionTimestamp || meta.finalizers?.length || meta.deletionGracePeriodSeconds) return false;
    return !this.#deps.deletion.some((rule) => rule.handles(this.#kind) && rule.holds(object));
  }
  #request(
    operation: 'CREATE' | 'UPDATE',
    object: KubeObject,
    old: KubeObject | undefined,
    subresource: string | undefined,
    context: RequestContext,
  ): AdmissionRequest {
    const { namespace, name = '' } = metaOf(object);
    return { operation, kind: this.#kind, subresource, namespace, name, object, old, context };
  }
  #refuse(object: KubeObject, errors: readonly FieldError[]): void {
    if (errors.length > 0) throw invalid(this.#kind, metaOf(object).name ?? metaOf(object).generateName ?? '', errors);
  }
}

/** What comes after a step that may or may not have to be waited for. */
function after(pending: void | Promise<void>, next: () => void | Promise<void>): void | Promise<void> {
  return pending ? pending.then(next) : next();
}
/** Writes to scale and the like go through the whole object; a status is written beside it. */
function subjectOf({ subresource }: AdmissionRequest): Subject {
  return subresource === 'status' ? 'other' : 'main';
}
function dry(object: KubeObject, revision?: number): Shown {
  if (object.metadata) {
    if (revision === undefined) delete object.metadata.resourceVersion;
    else object.metadata.resourceVersion = String(revision);
  }
  return shown(object);
}
/**
 * Everything as it is, with the wanted status. Clients may change labels, annotations and finalizers along with it,
 * except on custom resources; what the system's own components send is often no more than the status.
 */
function statusOnly(wanted: KubeObject, current: KubeObject, withMetadata: boolean): KubeObject {
  const { status } = wanted as { status?: unknown };
  const { managedFields, labels, annotations, finalizers } = metaOf(wanted);
  const metadata: ObjectMeta = { ...current.metadata, ...(managedFields ? { managedFields } : {}) };
  if (withMetadata) for (const [field, value] of Object.entries({ labels, annotations, finalizers })) setOrDrop(metadata, field, value);
  const out = { ...current, metadata } as KubeObject & { status?: unknown };
  // A copy, for what the server keeps in it.
  setOrDrop(out, 'status', status instanceof Object ? { ...status } : status);
  return out;
}
function setOrDrop(target: object, field: string, value: unknown): void {
  if (value === undefined) delete (target as Record<string, unknown>)[field];
  else (target as Record<string, unknown>)[field] = value;
}
/** Where kube-apiserver gives up too: the client may try again with the same object. */
function noUniqueName({ message, details }: ApiError): ApiError {
  return new ApiError('AlreadyExists', `${message}, the server was not able to generate a unique name for the object`, { ...details, retryAfterSeconds: 1 });
}
function keepStatus(object: KubeObject, old: KubeObject): void {
  setOrDrop(object, 'status', (old as { status?: unknown }).status);
}
