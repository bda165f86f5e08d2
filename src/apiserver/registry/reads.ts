import { ApiError, badRequest, expired, invalid, keyOf, notFound, type FieldError, type Kind, type ListOptions, type ObjectKey, type Status } from '#machinery';
import type { Revision, Store } from '#store';
import type { ObjectCache } from '../cache/cache.ts';
import type { CacheEntry } from '../cache/entry.ts';
import { createFilter, type Filter } from '../cache/filter.ts';
import { isStoreError } from './deps.ts';
import type { Versions } from './versions.ts';

export interface ListResult {
  readonly entries: readonly CacheEntry[];
  readonly revision: Revision;
  /** '' when this is the end. */
  readonly continue: string;
  readonly remaining: number | undefined;
}

interface Range {
  readonly entries: readonly CacheEntry[];
  readonly revision: Revision;
  /** How many more there are behind these; 0 when they are all. */
  readonly beyond?: number;
}

/** Reads of any kind. `store` answers for revisions the cache has moved past. */
export class Reads {
  readonly #cache: ObjectCache;
  readonly #store: Store;
  readonly #versions: (kind: Kind) => Versions;
  constructor(cache: ObjectCache, store: Store, versions: (kind: Kind) => Versions) {
    this.#cache = cache;
    this.#store = store;
    this.#versions = versions;
  }
  get(kind: Kind, key: ObjectKey, resourceVersion?: string): CacheEntry | Promise<CacheEntry> {
    if (resourceVersion && resourceVersion !== '0') this.#notFuture(parseRevision(resourceVersion));
    const cache = this.#cache.of(kind);
    const storeKey = keyOf(kind, key.namespace, key.name);
    const entry = cache.get(storeKey);
    if (!entry) throw cache.unreadable.get(storeKey) ?? notFound(kind, key.name);
    return this.#versions(kind).show(entry);
  }
  /** Throws when something that a list would show cannot be decrypted. The system's own components list what there is. */
  requireReadable(kind: Kind, namespace: string): void {
    const { unreadable } = this.#cache.of(kind);
    if (unreadable.size === 0) return;
    const prefix = kind.namespaced && namespace ? `${kind.prefix}${namespace}/` : kind.prefix;
    for (const [key, error] of unreadable) if (key.startsWith(prefix)) throw error;
  }
  async list(kind: Kind, options: ListOptions): Promise<ListResult> {
    checkListOptions(options);
    const filter = createFilter(kind, options);
    const from = options.continue ? decodeContinue(options.continue, filter.prefix) : undefined;
    const exact = from ? from.revision : this.#exact(options);
    const { entries, revision, beyond }: Range =
      exact === undefined ? this.#now(kind, filter, from?.after) : await this.#at(kind, filter, exact, from?.after, options.limit ?? 0);
    const versions = this.#versions(kind);
    if (beyond) {
      const shown = versions.converts ? await versions.showAll(entries) : entries;
      return { entries: shown, revision, ...rest(filter, entries, revision, true), remaining: beyond };
    }
    if (!versions.converts) return page(filter, entries, revision, options.limit ?? 0);
    if (filter.byFields) return page(filter, await versions.showAll(entries), revision, options.limit ?? 0);
    const chosen = page(filter, entries, revision, options.limit ?? 0);
    return { ...chosen, entries: await versions.showAll(chosen.entries) };
  }
  /** The revision that must be shown exactly; undefined = the newest will do. */
  #exact({ resourceVersion, resourceVersionMatch, limit }: ListOptions): Revision | undefined {
    if (!resourceVersion || resourceVersion === '0') return undefined;
    const revision = parseRevision(resourceVersion);
    this.#notFuture(revision);
    return resourceVersionMatch === 'Exact' || (resourceVersionMatch === undefined && limit) ? revision : undefined;
  }
  #notFuture(revision: Revision): void {
    const current = this.#cache.revision;
    if (revision <= current) return;
    throw new ApiError('Timeout', `Too large resource version: ${revision}, current: ${current}`, {
      causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
      retryAfterSeconds: 1,
    });
  }
  #now(kind: Kind, filter: Filter, after: string | undefined): { entries: readonly CacheEntry[]; revision: Revision } {
    return { entries: this.#cache.of(kind).range(filter.prefix, after), revision: this.#cache.revision };
  }
  /** A page of the past is no more than the page: what lies beyond it stays with the store. */
  async #at(kind: Kind, filter: Filter, revision: Revision, after: string | undefined, limit: number): Promise<Range> {
    const cache = this.#cache.of(kind);
    if (cache.lastChange <= revision) return { entries: cache.range(filter.prefix, after), revision };
    try {
      const listing = await this.#store.list(filter.prefix, {
        revision,
        ...(after === undefined ? {} : { after }),
        ...(limit > 0 && filter.everything ? { limit } : {}),
      });
      const entries = listing.entries.map((entry) => {
        const present = cache.get(entry.key);
        return present?.revision === entry.revision ? present : cache.entry(entry.key, entry.revision, entry.value);
      });
      return { entries, revision, beyond: listing.remaining };
    } catch (error) {
      if (!isStoreError(error) || error.code !== 'compacted') throw error;
      throw after === undefined
        ? expired(`The resourceVersion for the provided list is too old.`)
        : new ExpiredContinue(encodeContinue(-1, filter.prefix, after));
    }
  }
}

function page(filter: Filter, all: readonly CacheEntry[], revision: Revision, limit: number): ListResult {
  if (limit <= 0) return { entries: filter.everything ? all : all.filter((entry) => filter.matches(entry)), revision, continue: '', remaining: undefined };
  if (filter.everything) {
    const entries = all.slice(0, limit);
    const more = all.length - entries.length;
    return { entries, revision, ...rest(filter, entries, revision, more > 0), remaining: more > 0 ? more : undefined };
  }
  const found: CacheEntry[] = [];
  for (const entry of all) {
    if (!filter.matches(entry)) continue;
    if (found.length === limit) return { entries: found, revision, ...rest(filter, found, revision, true), remaining: undefined };
    found.push(entry);
  }
  return { entries: found, revision, continue: '', remaining: undefined };
}
function rest(filter: Filter, entries: readonly CacheEntry[], revision: Revision, more: boolean): { continue: string } {
  return { continue: more ? encodeContinue(revision, filter.prefix, (entries.at(-1) as CacheEntry).key) : '' };
}

/** Opaque to clients: the revision (-1 = the newest, an inconsistent continuation) and the last key shown. */
function encodeContinue(revision: Revision, prefix: string, after: string): string {
  return Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', rv: revision, start: after.slice(prefix.length) + '\0' })).toString('base64url');
}
function decodeContinue(token: string, prefix: string): { revision: Revision | undefined; after: string } {
  const bad = badRequest(`continue key is not valid: ${token}`);
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(token, 'base64url').toString());
  } catch {
    throw bad;
  }
  const { v, rv, start } = (value ?? {}) as { v?: unknown; rv?: unknown; start?: unknown };
  if (
    v !== 'meta.k8s.io/v1' ||
    typeof rv !== 'number' ||
    !Number.isSafeInteger(rv) ||
    rv === 0 ||
    typeof start !== 'string' ||
    !start.endsWith('\0') ||
    start.includes('..')
  )
    throw bad;
  return { revision: rv < 0 ? undefined : rv, after: prefix + start.slice(0, -1) };
}

/** 410 that carries a token to go on with, at the price of consistency. */
export class ExpiredContinue extends ApiError {
  readonly #token: string;
  constructor(token: string) {
    super(
      'Expired',
      'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.',
    );
    this.#token = token;
  }
  override get status(): Status {
    return { ...super.status, metadata: { continue: this.#token } as Status['metadata'] };
  }
}

export function parseRevision(text: string): Revision {
  if (!/^\d{1,19}$/.test(text)) throw badRequest(`Invalid value: "${text}": strconv.ParseUint: parsing "${text}": invalid syntax`);
  return Number(text);
}

const listOptions = { group: 'meta.k8s.io', plural: 'listoptions', kind: 'ListOptions' };
function checkListOptions({ resourceVersion, resourceVersionMatch: match, continue: token }: ListOptions): void {
  if (token && resourceVersion && resourceVersion !== '0') throw badRequest('specifying resource version is not allowed when using continue');
  if (match === undefined) return;
  const errors: FieldError[] = [];
  const forbid = (message: string): void =>
    void errors.push({ field: 'resourceVersionMatch', reason: 'FieldValueForbidden', message: `Forbidden: ${message}` });
  if (!resourceVersion) forbid('resourceVersionMatch is forbidden unless resourceVersion is provided');
  if (token) forbid('resourceVersionMatch is forbidden when continue is provided');
  if (match !== 'Exact' && match !== 'NotOlderThan')
    errors.push({
      field: 'resourceVersionMatch',
      reason: 'FieldValueNotSupported',
      message: `Unsupported value: "${String(match)}": supported values: "Exact", "NotOlderThan", ""`,
    });
  if (match === 'Exact' && resourceVersion === '0') forbid('resourceVersionMatch "exact" is forbidden for resourceVersion "0"');
  if (errors.length > 0) throw invalid(listOptions, '', errors);
}
