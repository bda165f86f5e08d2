/**
 * Endpoints shared out among zones by the CPU that each zone has, for Services annotated
 * `service.kubernetes.io/topology-mode: Auto` (KEP-2433). Pure.
 */
import { parseQuantity, quantityToMilli } from '#base';
import { isReady, type V1Endpoint, type V1Node, type V1Service } from '#kinds';
import { endpointKey } from './packing.ts';

/** By zone: its share of the CPU; or why that cannot be told. */
export type ZoneShares = ReadonlyMap<string, number> | string;

/** How much more than its share an endpoint may get. */
const overload = 0.2;
const zoneLabel = 'topology.kubernetes.io/zone';

export function isTopologyAware({ metadata }: V1Service): boolean {
  const { 'service.kubernetes.io/topology-mode': mode, 'service.kubernetes.io/topology-aware-hints': old } = metadata?.annotations ?? {};
  return ['Auto', 'auto'].includes(mode ?? old ?? '');
}

const isControlPlane = ({ metadata }: V1Node): boolean =>
  ['node-role.kubernetes.io/control-plane', 'node-role.kubernetes.io/master'].some((label) => metadata?.labels?.[label] !== undefined);
export const isCounted = (node: V1Node): boolean => !isControlPlane(node) && isReady(node);

export function zoneShares(nodes: readonly V1Node[]): ZoneShares {
  const cpu = new Map<string, number>();
  for (const node of nodes.filter(isCounted)) {
    const zone = node.metadata?.labels?.[zoneLabel];
    const quantity = node.status?.allocatable?.['cpu'];
    if (!zone || !quantity) return 'Insufficient Node information: allocatable CPU or zone not specified on one or more nodes';
    cpu.set(zone, (cpu.get(zone) ?? 0) + quantityToMilli(parseQuantity(quantity)));
  }
  if (cpu.size < 2) return 'Nodes only ready in one zone';
  const total = [...cpu.values()].reduce((sum, milli) => sum + milli, 0);
  return new Map([...cpu].map(([zone, milli]) => [zone, milli / total]));
}

interface Room {
  min: number;
  max: number;
  taken: V1Endpoint[];
}

/** Writes a zone into the hints of every ready endpoint. Gives the reason when that cannot be done well; then no hint is written. */
export function hintZones(endpoints: readonly V1Endpoint[], shares: ZoneShares, before: ReadonlyMap<string, string>): string | undefined {
  const ready = endpoints.filter((e) => e.conditions?.ready === true);
  const rooms = roomsFor(ready, shares);
  if (typeof rooms === 'string') return rooms;
  const homeless: V1Endpoint[] = [];
  // Those that stay where they were come first: hints that move cost every node a change.
  const stays = (e: V1Endpoint): number => (before.get(endpointKey(e)) === e.zone ? 0 : 1);
  for (const endpoint of [...ready].sort((a, b) => stays(a) - stays(b))) {
    const home = rooms.get(endpoint.zone ?? '');
    if (home && home.taken.length < home.max) home.taken.push(endpoint);
    else homeless.push(endpoint);
  }
  homeless.sort((a, b) => Number(!before.has(endpointKey(a))) - Number(!before.has(endpointKey(b))));
  for (const endpoint of homeless) settle(endpoint, rooms, before);
  fillUp(rooms);
  for (const [zone, room] of rooms) for (const endpoint of room.taken) endpoint.hints = { forZones: [{ name: zone }] };
  return undefined;
}
function roomsFor(ready: readonly V1Endpoint[], shares: ZoneShares): Map<string, Room> | string {
  if (typeof shares === 'string') return shares;
  const count = ready.length;
  if (shares.size > count) return `Insufficient number of endpoints (${count}), impossible to safely allocate proportionally`;
  if (ready.some((e) => !e.zone)) return 'One or more endpoints do not have a zone specified';
  const least = new Map([...shares].map(([zone, share]) => [zone, Math.ceil((share * count) / (1 + overload))]));
  const total = [...least.values()].reduce((sum, n) => sum + n, 0);
  if (total > count)
    return `Unable to allocate minimum required endpoints to each zone without exceeding overload threshold (${count} endpoints, ${shares.size} zones)`;
  return new Map([...least].map(([zone, min]) => [zone, { min, max: min + count - total, taken: [] }]));
}
/** An endpoint whose own zone has enough goes where it was, else where the most is missing. */
function settle(endpoint: V1Endpoint, rooms: ReadonlyMap<string, Room>, before: ReadonlyMap<string, string>): void {
  const old = rooms.get(before.get(endpointKey(endpoint)) ?? '');
  const need = (room: Room): number => room.min - room.taken.length;
  const neediest = [...rooms.values()].reduce((best, room) => (need(room) > need(best) ? room : best));
  (old && old.taken.length < old.max && need(neediest) <= 0 ? old : neediest).taken.push(endpoint);
}
/** Zones that have more than they must give to those that have less. */
function fillUp(rooms: ReadonlyMap<string, Room>): void {
  for (const room of rooms.values()) {
    for (let giver = richest(rooms); room.taken.length < room.min && giver; giver = richest(rooms)) {
      const given = giver.taken.pop();
      if (given) room.taken.push(given);
    }
  }
}
const richest = (rooms: ReadonlyMap<string, Room>): Room | undefined =>
  [...rooms.values()].filter((room) => room.taken.length > room.min).sort((a, b) => b.taken.length - b.min - (a.taken.length - a.min))[0];
