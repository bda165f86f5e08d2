import { parseQuantity } from '#base';
import type { V1Container, V1Pod, V1ResourceRequirements } from '#kinds';
import { initContainers, isSidecar, mainContainers } from '../pod.ts';

/** What containers may use, by name; under '' what the pod as a whole may. */
export type ResourceTable = ReadonlyMap<string, V1ResourceRequirements>;

/** The containers whose resources may change while they run: main ones and sidecars. */
export const resizableContainers = (pod: V1Pod): V1Container[] => [...mainContainers(pod), ...initContainers(pod).filter(isSidecar)];

export function tableOf(pod: V1Pod): ResourceTable {
  const out = new Map(resizableContainers(pod).map((c) => [c.name, c.resources ?? {}]));
  if (pod.spec?.resources) out.set('', pod.spec.resources);
  return out;
}

/** The pod with these resources in place of its own. The same object when there is nothing to replace. */
export function withResources(pod: V1Pod, table: ResourceTable | undefined): V1Pod {
  if (!table || !pod.spec) return pod;
  const replaced = (containers: V1Container[]): V1Container[] =>
    containers.map((c) => {
      const resources = table.get(c.name);
      return resources ? { ...c, resources } : c;
    });
  const { initContainers: inits, containers } = pod.spec;
  const whole = table.get('');
  const spec = { ...pod.spec, containers: replaced(containers), ...(inits ? { initContainers: replaced(inits) } : {}) };
  return { ...pod, spec: whole ? { ...spec, resources: whole } : spec };
}

export const resized = ['cpu', 'memory'] as const;
export type Resized = (typeof resized)[number];

function sameAmount(a: string | undefined, b: string | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && parseQuantity(a) === parseQuantity(b));
}
/** Which of CPU and memory differ, in requests or limits. */
export function differing(a: V1ResourceRequirements | undefined, b: V1ResourceRequirements | undefined): Resized[] {
  if (a === b) return [];
  return resized.filter((name) => !sameAmount(a?.requests?.[name], b?.requests?.[name]) || !sameAmount(a?.limits?.[name], b?.limits?.[name]));
}
/** Names of the containers ('' = the pod) for which the tables differ. */
export function changed(a: ResourceTable, b: ResourceTable): string[] {
  return [...new Set([...a.keys(), ...b.keys()])].filter((name) => differing(a.get(name), b.get(name)).length > 0);
}

/** As kubelet's events tell a resize: all containers with their resources, the generation, and what was wrong. */
export function summary(pod: V1Pod, generation: number | undefined, error?: string): string {
  const of = ({ name, resources }: V1Container): object => ({
    name,
    resources: { ...(resources?.limits ? { limits: resources.limits } : {}), ...(resources?.requests ? { requests: resources.requests } : {}) },
  });
  const inits = initContainers(pod).map(of);
  const told = { ...(inits.length > 0 ? { initContainers: inits } : {}), containers: mainContainers(pod).map(of) };
  return JSON.stringify({ ...told, ...(generation ? { generation } : {}), ...(error ? { error } : {}) });
}
