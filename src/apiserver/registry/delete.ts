import { formatTime } from '#base';
import {
  cloneObject,
  conflict,
  keyOf,
  notFound,
  type DeleteOptions,
  type Kind,
  type KubeObject,
  type ObjectKey,
  type ObjectMeta,
  type Status,
} from '#machinery';
import type { CacheEntry } from '../cache/entry.ts';
import type { DeletionRule, RequestContext } from '../types.ts';
import type { AdmissionChain } from './admission-chain.ts';
import { apiFailure, isStoreConflict, type Deps } from './deps.ts';
import { metaOf } from './metadata.ts';
import { shown, type Shown } from './shown.ts';
import type { Versions } from './versions.ts';

/** Removed: a Status. Still there (grace, finalizers): the object as it is now. */
export type Deleted = { status: Status } | { object: Shown };

/** Deletion of one kind: grace first, then finalizers, then removal. */
export class Deletes {
  readonly #kind: Kind;
  readonly #deps: Deps;
  readonly #chain: AdmissionChain;
  readonly #versions: Versions;
  readonly #rules: readonly DeletionRule[];
  constructor(kind: Kind, deps: Deps, chain: AdmissionChain, versions: Versions) {
    this.#kind = kind;
    this.#versions = versions;
    this.#deps = deps;
    this.#chain = chain;
    this.#rules = deps.deletion.filter((rule) => rule.handles(kind));
  }
  /** `admitted`: whoever asks has been judged for something else that he did (an eviction). */
  delete(key: ObjectKey, context: RequestContext, options: DeleteOptions, admitted = false): Promise<Deleted> {
    const storeKey = keyOf(this.#kind, key.namespace, key.name);
    return this.#deps.locks.run(storeKey, async (release) => {
      for (;;) {
        const entry = this.#deps.cache.of(this.#kind).get(storeKey);
        if (!entry) throw notFound(this.#kind, key.name);
        const outcome = await this.#try(entry, key.name, context, options, admitted ? undefined : release);
        if (outcome) return outcome;
      }
    });
  }
  async #try(entry: CacheEntry, name: string, context: RequestContext, options: DeleteOptions, release?: () => void): Promise<Deleted | undefined> {
    checkDelete(this.#kind, name, entry.object, options);
    for (const rule of this.#rules) rule.check?.(entry.object);
    const pending = release && this.#admit(entry.object, name, context, options);
    if (pending) {
      release();
      await pending;
    }
    return this.#commit(entry, name, context, options);
  }
  #admit(object: KubeObject, name: string, context: RequestContext, options: DeleteOptions): void | Promise<void> {
    if (!this.#chain.asks('DELETE', 'main')) return;
    const namespace = object.metadata?.namespace;
    return this.#chain.admit({ operation: 'DELETE', kind: this.#kind, subresource: undefined, namespace, name, object, old: object, context, options }, 'main');
  }
  async #commit(entry: CacheEntry, name: string, context: RequestContext, options: DeleteOptions): Promise<Deleted | undefined> {
    const plan = this.#plan(entry.object, options);
    if (plan === 'wait') return { object: await this.#versions.show(entry) };
    if (context.dryRun) return plan === 'remove' ? { status: this.#success(entry.object) } : { object: shown(plan) };
    try {
      const object = plan === 'remove' ? undefined : entry.codec.normalize(plan);
      const { entries } = await this.#deps.cache.commit([{ kind: this.#kind, key: entry.key, object, expected: entry.revision }]);
      return plan === 'remove' ? { status: this.#success(entry.object) } : { object: await this.#versions.show(entries[0] as CacheEntry) };
    } catch (error) {
      if (!isStoreConflict(error)) throw apiFailure(error);
      await this.#deps.cache.reached(error.detail.current?.revision ?? 0);
      if (!error.detail.current) throw notFound(this.#kind, name);
      return undefined;
    }
  }
  /** What a deletion makes of an object: gone, marked, or nothing new. */
  #plan(current: KubeObject, options: DeleteOptions): 'remove' | 'wait' | KubeObject {
    const next = cloneObject(current);
    const meta = metaOf(next);
    const grace = this.#grace(current, options);
    if (grace === 'wait') return 'wait';
    const finalizers = this.#finalizers(meta, options);
    const held = finalizers.length > 0 || this.#rules.some((rule) => rule.holds(next));
    if (grace === 0 && !held) return 'remove';
    if (finalizers.length > 0) meta.finalizers = finalizers;
    else delete meta.finalizers;
    if (grace === 0 && meta.deletionTimestamp && !meta.deletionGracePeriodSeconds && same(current.metadata?.finalizers, meta.finalizers)) return 'wait';
    this.#mark(next, meta, grace);
    return next;
  }
  #mark(next: KubeObject, meta: ObjectMeta, grace: number): void {
    const asked = meta.deletionTimestamp ? Date.parse(meta.deletionTimestamp) - (meta.deletionGracePeriodSeconds ?? 0) * 1000 : this.#deps.clock.now();
    if (!meta.deletionTimestamp && meta.generation !== undefined) meta.generation += 1;
    meta.deletionTimestamp = formatTime(asked + grace * 1000);
    meta.deletionGracePeriodSeconds = grace;
    for (const rule of this.#rules) rule.mark(next);
  }
  /** Seconds, or `wait` when an earlier deletion is under way that this one does not shorten. */
  #grace(current: KubeObject, { gracePeriodSeconds: asked }: DeleteOptions): number | 'wait' {
    const requested = asked !== undefined && asked < 0 ? 1 : asked;
    const meta = current.metadata ?? {};
    if (!this.#kind.gracePeriodSeconds) return 0;
    const pending = meta.deletionTimestamp === undefined ? undefined : (meta.deletionGracePeriodSeconds ?? 0);
    if (!pending) return pending === undefined ? this.#kind.gracePeriodSeconds(current, requested) : 0;
    return requested === undefined || requested >= pending ? 'wait' : requested;
  }
  /** The garbage collector's finalizers follow propagationPolicy. */
  #finalizers(meta: ObjectMeta, { propagationPolicy }: DeleteOptions): string[] {
    const present = meta.finalizers ?? [];
    if (meta.deletionTimestamp && !propagationPolicy) return present;
    const policy = propagationPolicy?.toLowerCase() ?? inherited(present) ?? this.#kind.defaultPropagation;
    const others = present.filter((name) => name !== 'orphan' && name !== 'foregroundDeletion');
    if (policy === 'orphan') return [...others, 'orphan'];
    return policy === 'foreground' ? [...others, 'foregroundDeletion'] : others;
  }
  #success(object: KubeObject): Status {
    const { name, uid } = object.metadata ?? {};
    const details = { name: name ?? '', ...(this.#kind.group ? { group: this.#kind.group } : {}), kind: this.#kind.plural, uid: uid ?? '' };
    return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details };
  }
}

function inherited(finalizers: readonly string[]): string | undefined {
  if (finalizers.includes('orphan')) return 'orphan';
  return finalizers.includes('foregroundDeletion') ? 'foreground' : undefined;
}
function checkDelete(kind: Kind, name: string, current: KubeObject, { preconditions }: DeleteOptions): void {
  const meta = current.metadata;
  const { uid, resourceVersion } = preconditions ?? {};
  if (uid !== undefined && uid !== meta?.uid) throw conflict(kind, name, `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${meta?.uid}`);
  if (resourceVersion !== undefined && resourceVersion !== meta?.resourceVersion) {
    throw conflict(
      kind,
      name,
      `Precondition failed: ResourceVersion in precondition: ${resourceVersion}, ResourceVersion in object meta: ${meta?.resourceVersion}`,
    );
  }
}
function same(a: readonly string[] = [], b: readonly string[] = []): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}
