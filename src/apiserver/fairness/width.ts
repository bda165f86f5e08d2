import type { RequestInfo } from '../http/request-info.ts';

/** One seat for so many objects that a list goes through, and never more than this. */
const objectsPerSeat = 100;
const widest = 10;
/** A request takes at most this part of its level's seats. */
const widestPart = 0.15;

/**
 * How many seats a request takes: lists, and watches that begin with what there is, one for each hundred objects.
 * `count` gives how many objects of a resource there are.
 */
export function widthOf({ verb, resource, query }: RequestInfo, nominal: number, count: (group: string, plural: string) => number): number {
  if (!resource || (verb !== 'list' && verb !== 'watch')) return 1;
  if (verb === 'watch' && query?.get('sendInitialEvents') !== 'true') return 1;
  if (resource.name || query?.get('fieldSelector')?.includes('metadata.name=')) return 1;
  const stored = count(resource.group, resource.plural);
  const limit = Number(query?.get('limit') || Infinity);
  // A selector is asked about everything, whatever the limit.
  const selective = query !== undefined && (query.has('labelSelector') || query.has('fieldSelector'));
  const objects = selective || !(limit > 0) ? stored : Math.min(stored, limit);
  const most = Math.max(1, Math.min(widest, Math.ceil(nominal * widestPart)));
  return Math.max(1, Math.min(most, Math.ceil(objects / objectsPerSeat)));
}
