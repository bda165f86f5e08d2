import { formatTime } from '#base';
import type { V1Lease, V1Node, V1NodeCondition } from '#kinds';

const watched = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'];

/**
 * When each node was last heard of, by our own clock: a heartbeat counts when it differs from the one
 * before, so the nodes' clocks do not matter. Lease renewals and status heartbeats count alike.
 */
export class Heartbeats {
  readonly #seen = new Map<string, { beat: string; at: number; spoke: boolean }>();
  observe(name: string, node: V1Node | undefined, lease: V1Lease | undefined, now: number): { at: number; spoke: boolean } {
    const ready = node?.status?.conditions?.find((c) => c.type === 'Ready');
    const renewed = lease?.spec?.renewTime ?? '';
    const beat = `${renewed} ${ready?.status === 'Unknown' ? '' : (ready?.lastHeartbeatTime ?? '')}`;
    const before = this.#seen.get(name);
    if (before && (before.beat === beat || beat === ' ')) return before;
    const entry = { beat, at: now, spoke: beat !== ' ' };
    this.#seen.set(name, entry);
    return entry;
  }
  forget(name: string): void {
    this.#seen.delete(name);
  }
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
