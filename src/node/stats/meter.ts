import type { Clock } from '#base';
import type { ContainerUsage, NodeUsage, PodUsage, Usage, UsageMeter } from '#machinery';
import { latestContainer } from '../plan.ts';
import { allContainers, nameOf, namespaceOf, uidOf } from '../pod.ts';
import type { ContainerState, Measured, Runtime } from '../runtime.ts';
import type { PodWorker } from '../worker.ts';
import { simulatedMetrics } from '../sim/metrics.ts';
import { usageAt, usageCurves } from '../sim/usage.ts';

export interface MeterDeps {
  readonly clock: Clock;
  readonly runtime: Runtime;
  /** Usage by annotations: nothing runs that could be measured. */
  readonly simulated: boolean;
  readonly workers: () => readonly PodWorker[];
  readonly worker: (uid: string) => PodWorker | undefined;
}

/** Tells what the pods of a node use; undefined when the runtime does not measure. */
export function createMeter(deps: MeterDeps): UsageMeter | undefined {
  if (deps.simulated) {
    const at = (time: number): NodeUsage => simulatedUsage(deps, time);
    const podAt = (uid: string, time: number): PodUsage | undefined => {
      const worker = deps.worker(uid);
      return worker && simulatedPod(worker, time);
    };
    return { at, podAt, measure: async () => at(deps.clock.now()) };
  }
  const runtime = deps.runtime as Runtime & Partial<Measured>;
  if (!runtime.stats) return undefined;
  const measured = measurer(deps, runtime as Measured);
  return { measure: measured };
}

function running(worker: PodWorker): ContainerState[] {
  return allContainers(worker.pod)
    .flatMap(({ name }) => latestContainer(worker.sandboxes, name) ?? [])
    .filter(({ state }) => state === 'running');
}
function podUsage({ pod }: PodWorker, containers: readonly ContainerUsage[]): PodUsage {
  return { namespace: namespaceOf(pod), name: nameOf(pod), uid: uidOf(pod), containers };
}

function simulatedUsage({ workers }: MeterDeps, time: number): NodeUsage {
  const pods = workers().map((worker) => simulatedPod(worker, time));
  return { time, pods, node: sumOf(pods, 0) };
}
function simulatedPod(worker: PodWorker, time: number): PodUsage {
  const started = running(worker).filter(({ startedAt }) => startedAt < time);
  const containers = started.map(({ id, name, startedAt }) => ({ id, name, ...simulated(worker, name, startedAt, time) }));
  const first = Math.min(...started.map(({ startedAt }) => startedAt));
  const metrics = started.length > 0 ? simulatedMetrics(worker.pod.metadata?.annotations ?? {}, (time - first) / 1000) : undefined;
  return { ...podUsage(worker, containers), ...(metrics ? { metrics } : {}) };
}
/**
 * A node uses what its containers use: the machine below may carry other nodes, and the cluster itself. Containers that are
 * gone have used what they used: the node's counter never goes back.
 */
function measurer({ clock, workers }: MeterDeps, runtime: Measured): () => Promise<NodeUsage> {
  const last = new Map<string, number>();
  const startedAt = clock.now();
  let gone = 0;
  return async () => {
    const pods = await Promise.all(
      workers().map(async (worker) =>
        podUsage(
          worker,
          (await Promise.all(running(worker).map((one) => statsOf(runtime, one)))).filter((one) => one !== undefined),
        ),
      ),
    );
    const present = new Set<string>();
    for (const { containers } of pods) {
      for (const { id, cpuSeconds } of containers) {
        present.add(id);
        last.set(id, cpuSeconds);
      }
    }
    for (const [id, cpuSeconds] of last) {
      if (present.has(id)) continue;
      last.delete(id);
      gone += cpuSeconds;
    }
    const { cpuSeconds, memoryBytes } = sumOf(pods, startedAt);
    return { time: clock.now(), pods, node: { cpuSeconds: cpuSeconds + gone, memoryBytes, startedAt } };
  };
}
/** Undefined for a container that ended meanwhile: the others still count. */
async function statsOf(runtime: Measured, { id, name, startedAt }: ContainerState): Promise<ContainerUsage | undefined> {
  try {
    const { cpuNanoseconds, memoryWorkingSetBytes } = await runtime.stats(id);
    return { id, name, startedAt, cpuSeconds: cpuNanoseconds / 1e9, memoryBytes: memoryWorkingSetBytes };
  } catch {
    return undefined;
  }
}
function sumOf(pods: readonly PodUsage[], startedAt: number): Usage {
  let cpuSeconds = 0;
  let memoryBytes = 0;
  for (const { containers } of pods) {
    for (const container of containers) {
      cpuSeconds += container.cpuSeconds;
      memoryBytes += container.memoryBytes;
    }
  }
  return { cpuSeconds, memoryBytes, startedAt };
}
function simulated({ pod }: PodWorker, container: string, startedAt: number, time: number): Usage {
  const { memory, cpuSeconds } = usageAt(usageCurves(pod.metadata?.annotations ?? {}, container), (time - startedAt) / 1000);
  return { cpuSeconds, memoryBytes: memory, startedAt };
}
