import { quantityToMilli } from '#base';
import { requiredNodes, type V1Node, type V1Pod } from '#kinds';
import { podRequests } from './pod.ts';
import { forbiddenSysctl } from './sysctls.ts';

export interface Refusal {
  reason: string;
  message: string;
}
export interface NodeRoom {
  readonly name: string;
  readonly maxPods: number;
  /** Cores and bytes. */
  readonly allocatable: { readonly cpu: number; readonly memory: number };
  /** The Node object; undefined as long as it is not known. */
  object(): V1Node | undefined;
}

/** kubelet's admission: what the node cannot hold beside its `others` it refuses for good. (Kubernetes: lifecycle.predicateAdmitHandler.) */
export function refusal(pod: V1Pod, others: readonly V1Pod[], room: NodeRoom): Refusal | undefined {
  const found = forbiddenSysctl(pod) ?? tooMany(others, room) ?? shortage(pod, others, room) ?? misplaced(pod, room) ?? portTaken(pod, others);
  return found && { ...found, message: `Pod was rejected: ${found.message}` };
}

const lacking = (resource: string, wanted: number, used: number, capacity: number): Refusal => ({
  reason: `OutOf${resource}`,
  message: `Node didn't have enough resource: ${resource}, requested: ${wanted}, used: ${used}, capacity: ${capacity}`,
});
const failed = (predicate: string, why: string): Refusal => ({ reason: predicate, message: `Predicate ${predicate} failed: ${why}` });

const tooMany = (others: readonly V1Pod[], { maxPods }: NodeRoom): Refusal | undefined =>
  others.length + 1 > maxPods ? lacking('pods', 1, others.length, maxPods) : undefined;

/** Of what the pod asks for, the first that is not left beside what the `others` hold. */
export function shortage(pod: V1Pod, others: readonly V1Pod[], { allocatable }: NodeRoom): Refusal | undefined {
  const wanted = podRequests(pod);
  if (wanted.cpu === 0 && wanted.memory === 0) return undefined;
  const used = { cpu: 0, memory: 0 };
  for (const other of others) {
    const { cpu, memory } = podRequests(other);
    used.cpu += cpu;
    used.memory += memory;
  }
  const capacity = { cpu: quantityToMilli(allocatable.cpu), memory: allocatable.memory };
  const short = (['cpu', 'memory'] as const).find((name) => wanted[name] > 0 && wanted[name] + used[name] > capacity[name]);
  return short && lacking(short, wanted[short], used[short], capacity[short]);
}

function misplaced(pod: V1Pod, room: NodeRoom): Refusal | undefined {
  const chosen = requiredNodes(pod);
  const object = chosen && room.object();
  if (!chosen || !object || chosen({ name: room.name, labels: object.metadata?.labels ?? {} })) return undefined;
  return failed('NodeAffinity', "node(s) didn't match Pod's node affinity/selector");
}

interface HostPort {
  readonly ip: string;
  readonly port: number;
  readonly protocol: string;
}
function hostPorts({ spec }: V1Pod): HostPort[] {
  const restartable = (spec?.initContainers ?? []).filter((c) => c.restartPolicy === 'Always');
  return [...(spec?.containers ?? []), ...restartable].flatMap(({ ports }) =>
    (ports ?? []).flatMap(({ hostPort, hostIP, protocol }) => (hostPort ? [{ ip: hostIP || '0.0.0.0', port: hostPort, protocol: protocol ?? 'TCP' }] : [])),
  );
}
function portTaken(pod: V1Pod, others: readonly V1Pod[]): Refusal | undefined {
  const wanted = hostPorts(pod);
  if (wanted.length === 0) return undefined;
  const taken = others.flatMap(hostPorts);
  const isSame = (a: string, b: string): boolean => a === b || a === '0.0.0.0' || b === '0.0.0.0';
  const clash = wanted.some((w) => taken.some((t) => t.port === w.port && t.protocol === w.protocol && isSame(t.ip, w.ip)));
  return clash ? failed('NodePorts', "node(s) didn't have free ports for the requested pod ports") : undefined;
}
