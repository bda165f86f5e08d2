import { formatTime } from '#base';
import type { V1Lease, V1Node, V1NodeCondition } from '#kinds';

const watched = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'];

interface Pulse {
  /** What the lease and the status said last. */
  renewed: string;
  told: string;
  /** When that was heard, ms since the epoch. */
  at: number;
}

/**
 * When each node was last heard of, by our own clock: a heartbeat counts when it differs from the one
 * before, so the nodes' clocks do not matter. Lease renewals and status heartbeats count alike. Thousands of
 * nodes renew every few seconds: a heartbeat costs no timer, and whoever is silent the longest is known without a search.
 */
export class Heartbeats {
  readonly #pulses = new Map<string, Pulse>();
  /** Who is waited for, in the order of when they were heard: those that spoke, and those that never did. */
  readonly #spoken = new Map<string, Pulse>();
  readonly #mute = new Map<string, Pulse>();
  readonly #graceMs: number;
  readonly #startupMs: number;
  constructor(graceMs: number, startupMs: number) {
    this.#graceMs = graceMs;
    this.#startupMs = startupMs;
  }
  /** True when what `next` says may have come nearer: a node speaks for the first time, or nobody was waited for. */
  observe(name: string, node: V1Node, lease: V1Lease | undefined, now: number): boolean {
    const ready = node.status?.conditions?.find((c) => c.type === 'Ready');
    const told = ready?.status === 'Unknown' ? '' : (ready?.lastHeartbeatTime ?? '');
    return this.#beat(name, lease?.spec?.renewTime ?? '', told, now);
  }
  /** The same for a renewal of a node that is known already; others are not waited for. */
  renewed(name: string, lease: V1Lease | undefined, now: number): boolean {
    const pulse = this.#pulses.get(name);
    return pulse !== undefined && this.#beat(name, lease?.spec?.renewTime ?? '', pulse.told, now);
  }
  #beat(name: string, renewed: string, told: string, now: number): boolean {
    const spoke = renewed !== '' || told !== '';
    const before = this.#pulses.get(name);
    if (before && (!spoke || (before.renewed === renewed && before.told === told))) return false;
    const isNew = before === undefined || (before.renewed === '' && before.told === '');
    const nearer = isNew || this.#spoken.size + this.#mute.size === 0;
    const pulse = { renewed, told, at: now };
    this.#pulses.set(name, pulse);
    if (isNew) this.#mute.delete(name);
    else this.#spoken.delete(name);
    (spoke ? this.#spoken : this.#mute).set(name, pulse);
    return nearer;
  }
  /** How long the node may still be silent, ms; not above zero when it was for too long. */
  left(name: string, now: number): number {
    const pulse = this.#pulses.get(name);
    return pulse ? pulse.at + (pulse.renewed === '' && pulse.told === '' ? this.#startupMs : this.#graceMs) - now : Infinity;
  }
  /** Nodes whose time has run out; each is told once for a silence. */
  overdue(now: number): string[] {
    return [...takeDue(this.#spoken, now - this.#graceMs), ...takeDue(this.#mute, now - this.#startupMs)];
  }
  /** How long until the next one is overdue, ms; Infinity when nobody is waited for. */
  next(now: number): number {
    return Math.min(firstAt(this.#spoken) + this.#graceMs, firstAt(this.#mute) + this.#startupMs) - now;
  }
  forget(name: string): void {
    this.#pulses.delete(name);
    this.#spoken.delete(name);
    this.#mute.delete(name);
  }
}
function takeDue(waited: Map<string, Pulse>, until: number): string[] {
  const due: string[] = [];
  for (const [name, { at }] of waited) {
    if (at > until) break;
    due.push(name);
    waited.delete(name);
  }
  return due;
}
function firstAt(waited: ReadonlyMap<string, Pulse>): number {
  for (const { at } of waited.values()) return at;
  return Infinity;
}

/** The conditions of a node that fell silent: all Unknown; what was never told says so. */
export function silentConditions(node: V1Node, now: number): V1NodeCondition[] {
  const present = node.status?.conditions ?? [];
  const time = formatTime(now);
  const marked = present.map((c) => {
    if (!watched.includes(c.type) || c.status === 'Unknown') return c;
    return { ...c, status: 'Unknown', reason: 'NodeStatusUnknown', message: 'Kubelet stopped posting node status.', lastTransitionTime: time };
  });
  const missing = watched.filter((type) => !present.some((c) => c.type === type));
  const created = node.metadata?.creationTimestamp ?? time;
  return [
    ...marked,
    ...missing.map((type) => ({
      type,
      status: 'Unknown',
      reason: 'NodeStatusNeverUpdated',
      message: 'Kubelet never posted node status.',
      lastHeartbeatTime: created,
      lastTransitionTime: time,
    })),
  ];
}
