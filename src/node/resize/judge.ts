import { quantityToMilli } from '#base';
import type { V1Pod } from '#kinds';
import { shortage, type NodeRoom } from '../admission.ts';
import { podRequests } from '../pod.ts';

export interface Objection {
  readonly reason: 'Infeasible' | 'Deferred';
  readonly message: string;
}

/** Why the node cannot grant a resize: never, or not as long as `others` hold what they hold. (Kubernetes: the allocation manager of kubelet.) */
export function objection(pod: V1Pod, others: () => readonly V1Pod[], room: NodeRoom): Objection | undefined {
  const wanted = podRequests(pod);
  const capacity = { cpu: quantityToMilli(room.allocatable.cpu), memory: room.allocatable.memory };
  const name = wanted.memory > capacity.memory ? 'memory' : wanted.cpu > capacity.cpu ? 'cpu' : undefined;
  if (name) return { reason: 'Infeasible', message: `Node didn't have enough capacity: ${name}, requested: ${wanted[name]}, capacity: ${capacity[name]}` };
  const short = shortage(pod, others(), room);
  return short && { reason: 'Deferred', message: short.message };
}
