/** How fast nodes that are gone may be emptied: a zone that fails as a whole is more likely cut off than dead. Pure but for the buckets. */
import type { V1Node } from '#kinds';
import type { ZoneOptions } from '../controller.ts';
import { conditionStatus } from './taints.ts';

export type ZoneState = 'Normal' | 'PartialDisruption' | 'FullDisruption';
export function zoneOf(node: V1Node): string {
  const { 'topology.kubernetes.io/region': region = '', 'topology.kubernetes.io/zone': zone = '' } = node.metadata?.labels ?? {};
  return region || zone ? `${region} ${zone}` : '';
}

interface Zone {
  nodes: number;
  ready: number;
  tokens: number;
  at: number;
}

/** Counts nodes by zone as they change, and hands out evictions one node at a time. */
export class Zones {
  readonly #zones = new Map<string, Zone>();
  readonly #members = new Map<string, { zone: string; ready: boolean }>();
  readonly #options: Required<ZoneOptions>;
  constructor({ evictionRate = 0.1, secondaryEvictionRate = 0.01, unhealthyZoneThreshold = 0.55, largeZoneSize = 50 }: ZoneOptions = {}) {
    this.#options = { evictionRate, secondaryEvictionRate, unhealthyZoneThreshold, largeZoneSize };
  }

  /** Gives true when that changed the state of a zone. */
  observe(name: string, node: V1Node | undefined): boolean {
    const before = this.#members.get(name);
    const next = node && { zone: zoneOf(node), ready: conditionStatus(node, 'Ready') === 'True' };
    if (before?.zone === next?.zone && before?.ready === next?.ready) return false;
    const touched = [...new Set([before?.zone, next?.zone])].filter((zone) => zone !== undefined);
    const states = touched.map((zone) => this.#stateOf(zone));
    if (before) this.#count(before, -1);
    if (next) this.#count(next, 1);
    if (next) this.#members.set(name, next);
    else this.#members.delete(name);
    return touched.some((zone, i) => this.#stateOf(zone) !== states[i]);
  }
  state(node: V1Node): ZoneState {
    return this.#stateOf(zoneOf(node)) ?? 'Normal';
  }
  /** No zone has a living node: it is more likely this program that is cut off. */
  get allDisrupted(): boolean {
    return [...this.#zones.keys()].every((zone) => this.#stateOf(zone) === 'FullDisruption');
  }
  /** How long until a node of this zone may be emptied, ms; 0 takes the turn; undefined = not as things are. */
  take(node: V1Node, now: number): number | undefined {
    const zone = this.#zones.get(zoneOf(node));
    const rate = zone ? this.#rate(zone) : this.#options.evictionRate;
    if (!zone || rate === 0) return zone ? undefined : 0;
    zone.tokens = Math.min(1, zone.tokens + ((now - zone.at) / 1000) * rate);
    zone.at = now;
    // A hair less than a whole one will do: time comes in whole milliseconds.
    if (zone.tokens < 1 - 1e-9) return Math.ceil(((1 - zone.tokens) / rate) * 1000);
    zone.tokens--;
    return 0;
  }

  #count({ zone, ready }: { zone: string; ready: boolean }, by: 1 | -1): void {
    const found = this.#zones.get(zone) ?? { nodes: 0, ready: 0, tokens: 1, at: 0 };
    found.nodes += by;
    if (ready) found.ready += by;
    if (found.nodes === 0) this.#zones.delete(zone);
    else this.#zones.set(zone, found);
  }
  #stateOf(name: string): ZoneState | undefined {
    const zone = this.#zones.get(name);
    return zone && this.#judge(zone);
  }
  #judge({ nodes, ready }: Zone): ZoneState {
    const lost = nodes - ready;
    if (ready === 0 && lost > 0) return 'FullDisruption';
    return lost > 2 && lost / nodes >= this.#options.unhealthyZoneThreshold ? 'PartialDisruption' : 'Normal';
  }
  #rate(zone: Zone): number {
    if (this.#judge(zone) !== 'PartialDisruption') return this.#options.evictionRate;
    return zone.nodes > this.#options.largeZoneSize ? this.#options.secondaryEvictionRate : 0;
  }
}
