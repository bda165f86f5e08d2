import { quantityToMilli, quantityToNumber } from '#base';
import type { V1ContainerStatus, V1Pod, V1ResourceRequirements } from '#kinds';
import { changed, differing, resizableContainers, tableOf, withResources, type ResourceTable } from './resources.ts';

/** Why a resize waits, or what is wrong with one that is under way; as of a generation of the pod. */
export interface ResizeNote {
  readonly reason: string;
  readonly message: string;
  readonly generation: number | undefined;
}

/**
 * What the node has granted to a pod, and what is in force, where that is not what the pod asks for (KEP-1287). Most pods
 * are never resized and keep nothing here.
 */
export class ResizeState {
  /** Granted; undefined = what the pod asks for. */
  allocated: ResourceTable | undefined;
  /** In force; undefined = what is granted. */
  actuated: Map<string, V1ResourceRequirements> | undefined;
  pending: ResizeNote | undefined;
  progress: ResizeNote | undefined;
  /** Containers that end because of a resize, to be started again whatever their restart policy says. */
  readonly restarting = new Set<string>();

  /** The pod asks for something else than before: what was granted stays until the node has judged it. */
  wished(before: V1Pod, now: V1Pod): void {
    const generation = now.metadata?.generation;
    if (this.allocated || before.spec === now.spec || (generation !== undefined && generation === before.metadata?.generation)) return;
    const table = tableOf(before);
    if (changed(table, tableOf(now)).length > 0) this.allocated = table;
  }
  /** After a restart of the agent: what the API was told is what was granted. */
  recall(pod: V1Pod): void {
    const told = new Map<string, V1ResourceRequirements>();
    const inForce = new Map<string, V1ResourceRequirements>();
    for (const status of [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])]) {
      const granted = grantedBy(status);
      if (!granted) continue;
      told.set(status.name, granted);
      if (status.state?.running && differing(granted, status.resources).length > 0) inForce.set(status.name, status.resources ?? {});
    }
    const granted = new Map(resizableContainers(pod).map((c) => [c.name, told.get(c.name) ?? c.resources ?? {}]));
    if (pod.spec?.resources) granted.set('', pod.status?.resources ?? pod.spec.resources);
    if (changed(granted, tableOf(pod)).length > 0) this.allocated = granted;
    if (inForce.size === 0) return;
    this.actuated = inForce;
    this.progress = { reason: '', message: '', generation: pod.metadata?.generation };
  }
  /** Nothing to judge and nothing to bring into force. */
  get idle(): boolean {
    return !this.allocated && !this.actuated && !this.progress;
  }
  /** The pod as it was granted: what its containers are started with. */
  granted(pod: V1Pod): V1Pod {
    return withResources(pod, this.allocated);
  }
  /** What the pod holds of the node: of each resource the larger of what is granted and what is in force. */
  held(pod: V1Pod): V1Pod {
    const granted = this.granted(pod);
    if (!this.actuated) return granted;
    const table = new Map(tableOf(granted));
    for (const [name, resources] of this.actuated) table.set(name, largest(table.get(name) ?? {}, resources));
    return withResources(granted, table);
  }
  /** What is granted to a container, and in force in it. */
  of(pod: V1Pod, name: string): { granted: V1ResourceRequirements; actual: V1ResourceRequirements } | undefined {
    if (!this.allocated && !this.actuated) return undefined;
    const granted = this.allocated?.get(name) ?? tableOf(pod).get(name) ?? {};
    return { granted, actual: this.actuated?.get(name) ?? granted };
  }
  /** Nothing is asked for any more that is not granted. */
  unchanged(pod: V1Pod): boolean {
    return !this.allocated || changed(this.allocated, tableOf(pod)).length === 0;
  }
  withdraw(): void {
    this.allocated = undefined;
    this.pending = undefined;
  }
  /** From now on the wish is granted; what was, is in force until it is changed. */
  grant(pod: V1Pod): void {
    const before = this.allocated;
    if (!before) return;
    const wanted = tableOf(pod);
    this.actuated = new Map([...before, ...(this.actuated ?? [])]);
    this.allocated = undefined;
    this.pending = undefined;
    for (const [name, resources] of this.actuated) if (differing(resources, wanted.get(name)).length === 0) this.actuated.delete(name);
    for (const [name] of wanted) if (!before.has(name)) this.actuated.set(name, {});
    this.progress = { reason: '', message: '', generation: pod.metadata?.generation };
  }
  /** What is granted to this container ('' = the pod) is in force. */
  done(name: string): void {
    this.actuated?.delete(name);
    if (this.actuated?.size === 0) this.actuated = undefined;
  }
}

function grantedBy({ resources, allocatedResources }: V1ContainerStatus): V1ResourceRequirements | undefined {
  if (!resources && !allocatedResources) return undefined;
  const requests = allocatedResources ?? resources?.requests;
  return { ...(resources?.limits ? { limits: resources.limits } : {}), ...(requests ? { requests } : {}) };
}

const amount = (name: string, text: string | undefined): number => (name === 'cpu' ? quantityToMilli(text) : quantityToNumber(text));
function largest(a: V1ResourceRequirements, b: V1ResourceRequirements): V1ResourceRequirements {
  const requests = { ...a.requests };
  for (const [name, text] of Object.entries(b.requests ?? {})) if (amount(name, text) > amount(name, requests[name])) requests[name] = text;
  return { ...a, requests };
}
