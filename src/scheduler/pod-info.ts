import { requiredNodes, type NodeMatcher, type V1Pod, type V1Toleration } from '#kinds';
import { namedNodes, preferredNodes, type NodePreference } from './node-terms.ts';
import { classKey } from './pod-class.ts';
import { affinityTerms, preferredTerms, spreadConstraints, type PodTerm, type SpreadConstraint, type WeightedTerm } from './pod-terms.ts';
import { podRequests, type Resources } from './resources.ts';

export interface HostPort {
  protocol: string;
  ip: string;
  port: number;
}

/** A pod with everything that scheduling reads of it, computed once. */
export interface PodInfo {
  /** Its newest state: what changes without a change of the facts below (its status, mostly) is exchanged here. */
  pod: V1Pod;
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly priority: number;
  readonly requests: Resources;
  readonly scoredMilliCpu: number;
  readonly scoredMemory: number;
  /** Asks for nothing at all. */
  readonly bestEffort: boolean;
  readonly hostPorts: readonly HostPort[];
  readonly tolerations: readonly V1Toleration[];
  readonly required: NodeMatcher | undefined;
  /** Equal for pods that require the same of a node; '' for those that require nothing. */
  readonly requiredKey: string;
  /** Names of the only nodes that it may go to; undefined: any. */
  readonly onlyNodes: readonly string[] | undefined;
  readonly labels: { readonly [key: string]: string };
  /** Required pod affinity and anti-affinity, and topology spread constraints that forbid. */
  readonly affinity: readonly PodTerm[];
  readonly antiAffinity: readonly PodTerm[];
  readonly preferredPods: readonly WeightedTerm[];
  readonly spread: readonly SpreadConstraint[];
  /** Topology spread constraints that only prefer; undefined when the pod says nothing at all of its spread. */
  readonly preferredSpread: readonly SpreadConstraint[] | undefined;
  /** Uid and kind of the controller; '' without one. */
  readonly owner: string;
  readonly ownerKind: string;
  /** On its way out. */
  readonly terminating: boolean;
  /** Equal for pods that terms and constraints of others cannot tell apart. */
  readonly classKey: string;
  readonly preferred: readonly NodePreference[];
}

export function podInfo(pod: V1Pod): PodInfo {
  const { requests, scoredMilliCpu, scoredMemory } = podRequests(pod);
  const owner = pod.metadata?.ownerReferences?.find((reference) => reference.controller);
  const required = requiredNodes(pod);
  return {
    pod,
    uid: podUid(pod),
    namespace: pod.metadata?.namespace ?? '',
    name: pod.metadata?.name ?? '',
    priority: pod.spec?.priority ?? 0,
    requests,
    scoredMilliCpu,
    scoredMemory,
    bestEffort: requests.milliCpu === 0 && requests.memory === 0 && requests.ephemeralStorage === 0 && !requests.scalar,
    hostPorts: hostPorts(pod),
    tolerations: pod.spec?.tolerations ?? [],
    required,
    requiredKey: required ? JSON.stringify([pod.spec?.nodeSelector, pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution]) : '',
    onlyNodes: namedNodes(pod),
    labels: pod.metadata?.labels ?? {},
    affinity: affinityTerms(pod, pod.spec?.affinity?.podAffinity),
    antiAffinity: affinityTerms(pod, pod.spec?.affinity?.podAntiAffinity),
    preferredPods: preferredTerms(pod),
    spread: spreadConstraints(pod, 'DoNotSchedule'),
    preferredSpread: pod.spec?.topologySpreadConstraints?.length ? spreadConstraints(pod, 'ScheduleAnyway') : undefined,
    owner: owner?.uid ?? '',
    ownerKind: owner?.kind ?? '',
    terminating: pod.metadata?.deletionTimestamp !== undefined,
    classKey: classKey(pod, owner?.uid ?? ''),
    preferred: preferredNodes(pod.spec?.affinity?.nodeAffinity),
  };
}
/** Identity of a pod: a new pod of an old name is another one. */
export const podUid = (pod: V1Pod): string => pod.metadata?.uid ?? `${pod.metadata?.namespace ?? ''}/${pod.metadata?.name ?? ''}`;

function hostPorts(pod: V1Pod): HostPort[] {
  const sidecars = (pod.spec?.initContainers ?? []).filter((c) => c.restartPolicy === 'Always');
  const out: HostPort[] = [];
  for (const container of [...(pod.spec?.containers ?? []), ...sidecars]) {
    for (const port of container.ports ?? []) {
      const number = port.hostPort ?? (pod.spec?.hostNetwork ? port.containerPort : 0);
      if (number > 0) out.push({ protocol: port.protocol ?? 'TCP', ip: port.hostIP || '0.0.0.0', port: number });
    }
  }
  return out;
}
