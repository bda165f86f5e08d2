import { ApiError, expired, invalid, type Kind, type WatchOptions } from '#machinery';
import type { Revision } from '#store';
import type { ObjectCache } from '../cache/cache.ts';
import { CacheEvent } from '../cache/event.ts';
import { createFilter, type Filter } from '../cache/filter.ts';
import { parseRevision } from './reads.ts';

/** Where a watch begins: events to send first, then everything after `from`. */
export interface WatchStart {
  readonly filter: Filter;
  readonly initial: readonly CacheEvent[];
  readonly from: Revision;
  /** After the initial events: a bookmark that says they were all. */
  readonly endMark: boolean;
}

/**
 * Throws ApiError: Expired when the revision is out of the window, BadRequest, Invalid. Between this call
 * and joining a group there must be no await, or events are lost.
 */
export function startWatch(cache: ObjectCache, kind: Kind, options: WatchOptions, converts = false): WatchStart {
  checkInitialEvents(options);
  const filter = createFilter(kind, options);
  const { resourceVersion = '' } = options;
  const synthetic = options.sendInitialEvents ?? (resourceVersion === '' || resourceVersion === '0');
  const endMark = options.sendInitialEvents === true && options.allowWatchBookmarks === true;
  const now = cache.revision;
  if (synthetic) return { filter, initial: snapshot(cache, kind, filter, converts), from: now, endMark };
  if (resourceVersion === '' || resourceVersion === '0') return { filter, initial: [], from: now, endMark };
  const revision = parseRevision(resourceVersion);
  if (revision > now) return { filter, initial: [], from: revision, endMark };
  const of = cache.of(kind);
  const initial = of.since(revision);
  if (!initial) throw expired(`too old resource version: ${revision} (${of.oldest})`);
  return { filter, initial, from: now, endMark };
}

/** What needs converting is not judged by its fields yet. */
function snapshot(cache: ObjectCache, kind: Kind, filter: Filter, converts: boolean): CacheEvent[] {
  const entries = cache.of(kind).range(filter.prefix);
  const matching = filter.everything || (converts && filter.byFields) ? entries : entries.filter((entry) => filter.matches(entry));
  return matching.map((entry) => new CacheEvent(entry.revision, entry, undefined));
}

function checkInitialEvents({ sendInitialEvents, resourceVersionMatch: match, continue: token }: WatchOptions): void {
  if (token) throw new ApiError('BadRequest', 'continue is forbidden for watch');
  const forbid = (field: string, message: string): ApiError =>
    invalid({ group: 'meta.k8s.io', plural: 'listoptions', kind: 'ListOptions' }, '', [
      { field, reason: 'FieldValueForbidden', message: `Forbidden: ${message}` },
    ]);
  if (sendInitialEvents !== undefined && match !== 'NotOlderThan')
    throw forbid('resourceVersionMatch', 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan');
  if (sendInitialEvents === undefined && match !== undefined)
    throw forbid('resourceVersionMatch', 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided');
}
