import { quantityToNumber } from '#base';
import type { V1Container, V1Pod, V1ResourceRequirements } from '#kinds';
import { latestContainer } from '../plan.ts';
import { podRequests } from '../pod.ts';
import { containerResources } from '../resources.ts';
import type { ContainerState, Measured, Runtime } from '../runtime.ts';
import type { PodWorker } from '../worker.ts';
import { differing, resizableContainers, summary, withResources } from './resources.ts';

/** How long a deferred resize waits for room that nobody tells of, and an error until it is tried again, ms (kubelet: its allocation manager and its sync). */
const deferredMs = 180_000;
const errorMs = 10_000;

interface Change {
  container: V1Container;
  state: ContainerState;
  before: V1ResourceRequirements;
}

/** One look at the wish for other resources: judges it, and brings what is granted into force. Gives ms until the next look, when one is needed. */
export async function resizePod(worker: PodWorker): Promise<number | undefined> {
  const { resize } = worker;
  if (resize.allocated) judge(worker);
  if (!resize.actuated && !resize.progress) return resize.pending?.reason === 'Deferred' ? deferredMs : undefined;
  const retry = await actuate(worker);
  return retry ?? (resize.pending?.reason === 'Deferred' ? deferredMs : undefined);
}

function judge(worker: PodWorker): void {
  const { resize, pod } = worker;
  const generation = pod.metadata?.generation;
  if (resize.unchanged(pod)) return resize.withdraw();
  const found = worker.context.judge(pod);
  if (!found) {
    resize.grant(pod);
    worker.event('Normal', 'ResizeStarted', `Pod resize started: ${summary(pod, generation)}`);
    return;
  }
  const known = resize.pending;
  resize.pending = { ...found, generation };
  if (known && known.reason === found.reason && known.message === found.message && known.generation === generation) return;
  worker.event('Warning', `Resize${found.reason}`, `Pod resize ${found.reason}: ${summary(pod, generation, found.message)}`);
}

/** Containers that run with something else than what is granted. What does not run starts with what is granted. */
function changesOf(worker: PodWorker, granted: V1Pod): Change[] {
  const { resize, sandboxes } = worker;
  const out: Change[] = [];
  for (const container of resizableContainers(granted)) {
    const before = resize.actuated?.get(container.name);
    if (!before) continue;
    const state = sandboxes[0] && latestContainer([sandboxes[0]], container.name);
    if (state?.state === 'running') out.push({ container, state, before });
    else resize.done(container.name);
  }
  return out;
}
/** Whether the container has to end for what changes. */
function mustRestart({ container, before }: Change): boolean {
  const names = differing(before, container.resources);
  return names.some((name) => container.resizePolicy?.some((p) => p.resourceName === name && p.restartPolicy === 'RestartContainer'));
}

async function actuate(worker: PodWorker): Promise<number | undefined> {
  const { resize, context, pod } = worker;
  const granted = resize.granted(pod);
  const changes = changesOf(worker, granted);
  const live = changes.filter((change) => !mustRestart(change));
  try {
    await refuseShrinking(worker, granted, live);
    context.cgroups?.loosen(withResources(granted, resize.actuated), granted);
    for (const { container, state } of live) {
      await context.runtime.containers.update(state.id, containerResources(granted, container, context.allocatable.memory));
      resize.done(container.name);
    }
    for (const { container } of changes) if (resize.actuated?.has(container.name)) resize.restarting.add(container.name);
    // They are killed and started by the plan of the pod; then this is looked at again.
    if (resize.restarting.size > 0) return undefined;
    context.cgroups?.create(granted);
    resize.done('');
  } catch (error) {
    return failed(worker, granted, error instanceof Error ? error.message : String(error));
  }
  const generation = resize.progress?.generation;
  resize.progress = undefined;
  worker.event('Normal', 'ResizeCompleted', `Pod resize completed: ${summary(granted, generation)}`);
  context.freed();
  return undefined;
}
function failed(worker: PodWorker, granted: V1Pod, message: string): number {
  const { resize } = worker;
  const generation = resize.progress?.generation ?? worker.pod.metadata?.generation;
  const known = resize.progress?.message === message;
  resize.progress = { reason: 'Error', message, generation };
  if (!known) worker.event('Warning', 'ResizeError', `Pod resize error: ${summary(granted, generation, message)}`);
  return errorMs;
}

const limitOf = (resources: V1ResourceRequirements | undefined): number => quantityToNumber(resources?.limits?.['memory']);
/** A memory limit below what is used now would kill: kubelet tries again when less is used. Throws Error. */
async function refuseShrinking(worker: PodWorker, granted: V1Pod, live: readonly Change[]): Promise<void> {
  const runtime = worker.context.runtime as Runtime & Partial<Measured>;
  const shrinking = live.filter(({ container, before }) => limitOf(container.resources) > 0 && limitOf(container.resources) < (limitOf(before) || Infinity));
  if (shrinking.length === 0 || !runtime.stats) return;
  const usage = new Map<string, number>();
  for (const container of resizableContainers(granted)) {
    const state = worker.sandboxes[0] && latestContainer([worker.sandboxes[0]], container.name);
    if (state?.state === 'running') usage.set(container.name, (await runtime.stats(state.id)).memoryWorkingSetBytes);
  }
  const errors: string[] = [];
  const whole = podRequests(granted, 'limits').memory;
  const used = [...usage.values()].reduce((sum, one) => sum + one, 0);
  if (resizableContainers(granted).every((c) => limitOf(c.resources) > 0) && whole < used)
    errors.push(`attempting to set pod memory limit (${whole}) below current usage (${used})`);
  for (const { container } of shrinking) {
    const limit = limitOf(container.resources);
    const current = usage.get(container.name) ?? 0;
    if (limit < current) errors.push(`attempting to set container "${container.name}" memory limit (${limit}) below current usage (${current})`);
  }
  if (errors.length > 0) throw new Error(`cannot decrease memory limits: ${errors.length === 1 ? errors[0] : `[${errors.join(', ')}]`}`);
}
