import { isReady, removeFirstAnnotation, type V1Node } from '#kinds';

/** A machine of a group: its zone, and when it was ordered, ms since the epoch. */
export interface Member {
  readonly name: string;
  readonly zone: string;
  readonly at: number;
}

/**
 * Which machines go when a group gets smaller: those that somebody marked, then those that are of least use (not there
 * yet, not Ready, cordoned), then those of the zone that has the most, the newest first.
 */
export function victims(members: readonly Member[], node: (name: string) => V1Node | undefined, count: number): string[] {
  const left = new Map<string, number>();
  for (const { zone } of members) left.set(zone, (left.get(zone) ?? 0) + 1);
  const rest = members.map((member) => ({ member, use: useOf(node(member.name)) }));
  const chosen: string[] = [];
  while (chosen.length < count && rest.length > 0) {
    const next = rest.reduce((a, b) => (before(b, a, left) ? b : a));
    rest.splice(rest.indexOf(next), 1);
    left.set(next.member.zone, (left.get(next.member.zone) ?? 0) - 1);
    chosen.push(next.member.name);
  }
  return chosen;
}

interface Ranked {
  readonly member: Member;
  readonly use: number;
}
function before(a: Ranked, b: Ranked, left: ReadonlyMap<string, number>): boolean {
  if (a.use !== b.use) return a.use < b.use;
  const [zoneA, zoneB] = [left.get(a.member.zone) ?? 0, left.get(b.member.zone) ?? 0];
  if (zoneA !== zoneB) return zoneA > zoneB;
  return a.member.at !== b.member.at ? a.member.at > b.member.at : a.member.name > b.member.name;
}
function useOf(node: V1Node | undefined): number {
  if (node?.metadata?.annotations?.[removeFirstAnnotation] === 'true') return 0;
  if (!isReady(node)) return 1;
  return node?.spec?.unschedulable ? 2 : 3;
}
