/** Which groups could help pods that nobody can take, and by how many nodes. Pure but for the cluster in thought, which is left as it was. */
import { quantityToMilli, quantityToNumber } from '#base';
import { defaultZones, nodeGroupLabel, nodeOfTemplate, type NodeGroup, type V1Node, type V1Pod } from '#kinds';
import { boundsOf, nameOf, type Placement } from './types.ts';

/** What a group could do. */
export interface Option {
  readonly group: NodeGroup;
  /** New nodes. */
  readonly count: number;
  /** The pods that they would take. */
  readonly pods: readonly V1Pod[];
  /** Share of the new nodes' CPU and memory that would be used by nobody, 0 to 2. */
  readonly waste: number;
}
/** Why a group does not help a pod. */
export type Refusals = ReadonlyMap<V1Pod, readonly string[]>;

/** In which zone a group makes its next node: the one with the fewest. */
export class ZoneTurns {
  readonly #counts: Map<string, number>;
  constructor(zones: readonly string[], nodes: readonly V1Node[] = []) {
    this.#counts = new Map(zones.map((zone) => [zone, 0]));
    for (const { metadata } of nodes) this.#add(metadata?.labels?.['topology.kubernetes.io/zone'] ?? '');
  }
  #add(zone: string): void {
    const count = this.#counts.get(zone);
    if (count !== undefined) this.#counts.set(zone, count + 1);
  }
  next(): string | undefined {
    let best: string | undefined;
    for (const [zone, count] of this.#counts) if (best === undefined || count < (this.#counts.get(best) ?? 0)) best = zone;
    if (best !== undefined) this.#add(best);
    return best;
  }
  copy(): ZoneTurns {
    const copy = new ZoneTurns([]);
    for (const [zone, count] of this.#counts) copy.#counts.set(zone, count);
    return copy;
  }
}
export function zonesOf({ spec }: NodeGroup): readonly string[] {
  return spec?.template?.zones?.length ? spec.template.zones : defaultZones;
}

/** A node as a group would make it. */
export function templateNode(group: NodeGroup, name: string, zone: string | undefined): V1Node {
  const node = nodeOfTemplate(group.spec?.template ?? {}, name, zone);
  return { ...node, metadata: { ...node.metadata, labels: { ...node.metadata?.labels, [nodeGroupLabel]: nameOf(group) } } };
}

/** Pods that are alike but for their names: what is true of one is true of the others. */
export function sortOf({ metadata, spec }: V1Pod): string {
  const owner = metadata?.ownerReferences?.find(({ controller }) => controller)?.uid;
  return owner ?? JSON.stringify([metadata?.namespace, metadata?.labels, spec]);
}

/** `turns` is where the group's next nodes go; it is left as it was. */
export function evaluate(group: NodeGroup, pods: readonly V1Pod[], placement: Placement, turns: ZoneTurns): { option: Option | undefined; refusals: Refusals } {
  const zones = turns.copy();
  const { size, max } = boundsOf(group);
  const refusals = new Map<V1Pod, readonly string[]>();
  const nodes: string[] = [];
  const taken: V1Pod[] = [];
  /** Where to go on looking for pods of a sort: nodes before are too full for it. */
  const from = new Map<string, number>();
  const hopeless = new Map<string, readonly string[]>();
  for (const pod of pods.toSorted((a, b) => sizeOf(b) - sizeOf(a))) {
    const sort = sortOf(pod);
    const why = hopeless.get(sort) ?? tryOn(pod, sort);
    if (why) {
      hopeless.set(sort, why);
      refusals.set(pod, why);
    } else taken.push(pod);
  }
  const waste = wasteOf(group, nodes.length, taken);
  for (const pod of taken) placement.removePod(pod);
  for (const name of nodes) placement.removeNode(name);
  return { option: taken.length > 0 ? { group, count: nodes.length, pods: taken, waste } : undefined, refusals };

  function tryOn(pod: V1Pod, sort: string): readonly string[] | undefined {
    let at = from.get(sort) ?? 0;
    for (; at < nodes.length; at++) if (put(pod, nodes[at] as string) === undefined) break;
    from.set(sort, at);
    if (at < nodes.length) return undefined;
    if (size + nodes.length >= max) return ['max node group size reached'];
    const name = `template-node-for-${nameOf(group)}-${nodes.length}`;
    placement.setNode(templateNode(group, name, zones.next()));
    const why = put(pod, name);
    if (why) placement.removeNode(name);
    else nodes.push(name);
    return why;
  }
  function put(pod: V1Pod, node: string): readonly string[] | undefined {
    const why = placement.against(pod, node);
    if (!why) placement.addPod(pod, node);
    return why;
  }
}

/** CPU and memory that the pod asks for, in cores and gibibytes: only for putting large pods first. */
function sizeOf(pod: V1Pod): number {
  const { cpu, memory } = requestsOf(pod);
  return cpu / 1000 + memory / 2 ** 30;
}
export function requestsOf({ spec }: V1Pod): { cpu: number; memory: number } {
  let cpu = 0;
  let memory = 0;
  for (const { resources } of spec?.containers ?? []) {
    cpu += quantityToMilli(resources?.requests?.['cpu']);
    memory += quantityToNumber(resources?.requests?.['memory']);
  }
  return { cpu, memory };
}
export function allocatableOf({ status }: V1Node): { cpu: number; memory: number } {
  return { cpu: quantityToMilli(status?.allocatable?.['cpu']), memory: quantityToNumber(status?.allocatable?.['memory']) };
}
function wasteOf(group: NodeGroup, count: number, pods: readonly V1Pod[]): number {
  const node = allocatableOf(templateNode(group, 'template', undefined));
  let [cpu, memory] = [0, 0];
  for (const pod of pods) {
    const requests = requestsOf(pod);
    cpu += requests.cpu;
    memory += requests.memory;
  }
  const free = (used: number, each: number): number => (each > 0 && count > 0 ? 1 - used / (each * count) : 1);
  return free(cpu, node.cpu) + free(memory, node.memory);
}
