import { quantityToMilli, quantityToNumber } from '#base';
import type { V1Container, V1Pod } from '#kinds';
import { qosClass } from './pod.ts';
import type { ContainerSpec } from './runtime.ts';

const periodUs = 100_000;

/** cpu.shares of cgroup v1 for a request in thousandths of a core. */
export const milliToShares = (milli: number): number => (milli <= 0 ? 2 : Math.min(262_144, Math.max(2, Math.floor((milli * 1024) / 1000))));
/** cpu.weight of cgroup v2 for cpu.shares: the curve that runc and kubelet agree on since 2025 maps 1024 to about 100. */
export const sharesToWeight = (shares: number): number => Math.max(1, Math.min(10_000, Math.floor(1 + ((shares - 2) * 9999) / 262_142)));
/** CFS quota for a limit; 0 = none; never under 1 ms. */
export const milliToQuota = (milli: number): number => (milli <= 0 ? 0 : Math.max(1000, Math.floor((milli * periodUs) / 1000)));

export function containerResources(pod: V1Pod, container: V1Container, nodeMemoryBytes: number): ContainerSpec['resources'] {
  const limits = container.resources?.limits ?? {};
  const requests = container.resources?.requests ?? {};
  const cpuLimit = quantityToMilli(limits['cpu']);
  const cpuRequest = requests['cpu'] === undefined ? cpuLimit : quantityToMilli(requests['cpu']);
  return {
    cpuShares: milliToShares(cpuRequest),
    cpuQuotaUs: milliToQuota(cpuLimit),
    cpuPeriodUs: periodUs,
    memoryLimitBytes: quantityToNumber(limits['memory']),
    oomScoreAdj: oomScoreAdj(pod, container, nodeMemoryBytes),
  };
}

/** Which process the kernel ends first under memory pressure (kubelet's qos policy). */
export function oomScoreAdj(pod: V1Pod, container: V1Container, nodeMemoryBytes: number): number {
  const qos = qosClass(pod);
  if (pod.spec?.priorityClassName === 'system-node-critical' || qos === 'Guaranteed') return -997;
  if (qos === 'BestEffort') return 1000;
  const request = quantityToNumber(container.resources?.requests?.['memory']);
  const adj = 1000 - Math.floor((1000 * request) / Math.max(1, nodeMemoryBytes));
  return Math.min(999, Math.max(3, adj));
}
