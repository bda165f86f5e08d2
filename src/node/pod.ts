import { hash } from 'node:crypto';
import { quantityToMilli, quantityToNumber } from '#base';
import type { V1Container, V1EphemeralContainer, V1Pod, V1PodCondition, V1PodSpec } from '#kinds';

export type ContainerType = 'init' | 'sidecar' | 'container' | 'ephemeral';

/** The fields that every use of a pod needs; absent ones are a broken server. */
export const uidOf = (pod: V1Pod): string => pod.metadata?.uid ?? '';
export const namespaceOf = (pod: V1Pod): string => pod.metadata?.namespace ?? 'default';
export const nameOf = (pod: V1Pod): string => pod.metadata?.name ?? '';
export const specOf = (pod: V1Pod): V1PodSpec => pod.spec ?? { containers: [] };
/** `namespace/name`, as logs and errors write a pod. */
export const podRef = (pod: V1Pod): string => `${namespaceOf(pod)}/${nameOf(pod)}`;

/** An init container that keeps running beside the main ones (KEP-753). */
export const isSidecar = (container: V1Container): boolean => container.restartPolicy === 'Always';
export const initContainers = (pod: V1Pod): V1Container[] => pod.spec?.initContainers ?? [];
export const sidecars = (pod: V1Pod): V1Container[] => initContainers(pod).filter(isSidecar);
export const mainContainers = (pod: V1Pod): V1Container[] => pod.spec?.containers ?? [];
export const ephemeralContainers = (pod: V1Pod): V1Container[] => (pod.spec?.ephemeralContainers ?? []) as (V1EphemeralContainer & V1Container)[];

export function findContainer(pod: V1Pod, name: string): { container: V1Container; type: ContainerType } | undefined {
  const init = initContainers(pod).find((c) => c.name === name);
  if (init) return { container: init, type: isSidecar(init) ? 'sidecar' : 'init' };
  const main = mainContainers(pod).find((c) => c.name === name);
  if (main) return { container: main, type: 'container' };
  const ephemeral = ephemeralContainers(pod).find((c) => c.name === name);
  return ephemeral && { container: ephemeral, type: 'ephemeral' };
}
export const allContainers = (pod: V1Pod): V1Container[] => [...initContainers(pod), ...mainContainers(pod), ...ephemeralContainers(pod)];

/** Changes when the container must be restarted: kubelet compares name and image only. */
export function containerHash(container: V1Container): string {
  return hash('sha256', `${container.name}\0${container.image ?? ''}`, 'hex').slice(0, 8);
}

export const isTerminalPhase = (pod: V1Pod): boolean => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
export const podCondition = (pod: V1Pod, type: string): V1PodCondition | undefined => pod.status?.conditions?.find((c) => c.type === type);
export const isPodReady = (pod: V1Pod): boolean => podCondition(pod, 'Ready')?.status === 'True';

/** Seconds that the containers get to end: what the deletion asked, else the pod's own wish. */
export const gracePeriodSeconds = (pod: V1Pod): number => pod.metadata?.deletionGracePeriodSeconds ?? pod.spec?.terminationGracePeriodSeconds ?? 30;

export type Qos = 'Guaranteed' | 'Burstable' | 'BestEffort';

/** Kubernetes' three classes, by cpu and memory of all containers (Pod Quality of Service Classes). */
export function qosClass(pod: V1Pod): Qos {
  const known = pod.status?.qosClass;
  if (known === 'Guaranteed' || known === 'Burstable' || known === 'BestEffort') return known;
  let any = false;
  let guaranteed = true;
  for (const container of [...initContainers(pod), ...mainContainers(pod)]) {
    for (const resource of ['cpu', 'memory']) {
      const limit = quantityToMilli(container.resources?.limits?.[resource]);
      const request = quantityToMilli(container.resources?.requests?.[resource] ?? container.resources?.limits?.[resource]);
      if (limit > 0 || request > 0) any = true;
      if (limit === 0 || limit !== request) guaranteed = false;
    }
  }
  if (!any) return 'BestEffort';
  return guaranteed ? 'Guaranteed' : 'Burstable';
}

export interface Resources {
  /** Thousandths of a core. */
  cpu: number;
  /** Bytes. */
  memory: number;
}

/** What the pod is charged for: the larger of its running set and its widest init step (KEP-753 for sidecars), or what it says of itself (KEP-2837); plus overhead. */
export function podRequests(pod: V1Pod, field: 'requests' | 'limits' = 'requests'): Resources {
  const total = { cpu: 0, memory: 0 };
  const widest = { cpu: 0, memory: 0 };
  const beside = { cpu: 0, memory: 0 };
  for (const container of mainContainers(pod)) add(total, resourcesOf(container, field));
  for (const container of initContainers(pod)) {
    const own = resourcesOf(container, field);
    if (isSidecar(container)) add(beside, own);
    const step = isSidecar(container) ? { ...beside } : { cpu: beside.cpu + own.cpu, memory: beside.memory + own.memory };
    widest.cpu = Math.max(widest.cpu, step.cpu);
    widest.memory = Math.max(widest.memory, step.memory);
  }
  add(total, beside);
  const whole = pod.spec?.resources?.[field] ?? {};
  const overhead = pod.spec?.overhead ?? {};
  return {
    cpu: (whole['cpu'] === undefined ? Math.max(total.cpu, widest.cpu) : quantityToMilli(whole['cpu'])) + quantityToMilli(overhead['cpu']),
    memory: (whole['memory'] === undefined ? Math.max(total.memory, widest.memory) : quantityToNumber(whole['memory'])) + quantityToNumber(overhead['memory']),
  };
}
function resourcesOf(container: V1Container, field: 'requests' | 'limits'): Resources {
  const own = container.resources?.[field] ?? {};
  return { cpu: quantityToMilli(own['cpu']), memory: quantityToNumber(own['memory']) };
}
function add(sum: Resources, other: Resources): void {
  sum.cpu += other.cpu;
  sum.memory += other.memory;
}
