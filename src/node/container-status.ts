import { formatTime } from '#base';
import type { V1Container, V1ContainerState, V1ContainerStatus, V1ResourceRequirements } from '#kinds';
import { shouldRestart } from './plan.ts';
import type { ContainerType } from './pod.ts';
import { initContainers } from './pod.ts';
import type { ContainerState } from './runtime.ts';
import type { StatusInput } from './status.ts';

/** The name of the runtime in container ids, as every client expects it. */
export const idOf = (id: string): string => `containerd://${id}`;

/** The status of one container, from what runs, what was last tried and what the API was told before. */
export function containerStatus(input: StatusInput, container: V1Container, type: ContainerType, old: V1ContainerStatus | undefined): V1ContainerStatus {
  const history = containersOf(input, container.name);
  const newest = history[0];
  if (!newest) return unborn(input, container, type, old);
  const running = newest.state === 'running';
  const started = running && input.started(container.name, newest.id);
  const base: V1ContainerStatus = {
    name: container.name,
    state: stateOf(newest),
    lastState: lastState(history[1], old, newest),
    ready: type === 'init' ? newest.state === 'exited' && newest.exitCode === 0 : running && started && input.ready(container.name, newest.id),
    restartCount: newest.attempt,
    image: newest.image || (container.image ?? ''),
    imageID: newest.imageId,
    containerID: idOf(newest.id),
    ...(type === 'init' && newest.state !== 'running' ? { started: false } : type === 'ephemeral' ? {} : { started }),
    ...resourcesOf(container, input.resources?.(container.name), running),
  };
  return restarting(input, container, type, newest, base);
}

/** An exited container that is to run again shows as waiting, with its end as the last state. */
function restarting(input: StatusInput, container: V1Container, type: ContainerType, newest: ContainerState, base: V1ContainerStatus): V1ContainerStatus {
  if (newest.state !== 'exited' || input.over || !shouldRestart(input.pod, container, type, newest.exitCode)) return base;
  const why = input.waiting(container.name);
  if (!why) return base;
  return { ...base, lastState: base.state ?? {}, state: { waiting: { reason: why.reason, ...(why.message ? { message: why.message } : {}) } } };
}

function unborn(input: StatusInput, container: V1Container, type: ContainerType, old: V1ContainerStatus | undefined): V1ContainerStatus {
  if (old?.state?.terminated) return old;
  const base: V1ContainerStatus = {
    name: container.name,
    state: waitingState(input, container),
    lastState: old?.lastState ?? {},
    ready: false,
    restartCount: old?.restartCount ?? 0,
    image: container.image ?? '',
    imageID: '',
    ...(type === 'ephemeral' ? {} : { started: false }),
  };
  if (!old?.containerID) return base;
  const terminated = {
    exitCode: 137,
    reason: 'ContainerStatusUnknown',
    message: 'The container could not be located when the pod was terminated',
    containerID: old.containerID,
  };
  if (input.over) return { ...old, ready: false, started: false, state: { terminated } };
  return { ...base, lastState: { terminated }, restartCount: old.restartCount + 1 };
}
function waitingState(input: StatusInput, container: V1Container): V1ContainerState {
  const why = input.waiting(container.name);
  if (why) return { waiting: { reason: why.reason, ...(why.message ? { message: why.message } : {}) } };
  return { waiting: { reason: initContainers(input.pod).length > 0 ? 'PodInitializing' : 'ContainerCreating' } };
}

/** All containers of a name, newest first. */
function containersOf(input: StatusInput, name: string): ContainerState[] {
  const out: ContainerState[] = [];
  for (const sandbox of input.sandboxes) for (const c of sandbox.containers) if (c.name === name) out.push(c);
  return out.length < 2 ? out : out.sort((a, b) => b.attempt - a.attempt || b.createdAt - a.createdAt);
}

export function stateOf(c: ContainerState): V1ContainerState {
  if (c.state === 'running') return { running: { startedAt: formatTime(c.startedAt) } };
  if (c.state === 'exited') return { terminated: terminatedOf(c) };
  return { waiting: { reason: 'ContainerCreating' } };
}
function terminatedOf(c: ContainerState): NonNullable<V1ContainerState['terminated']> {
  return {
    exitCode: c.exitCode,
    reason: c.reason || (c.exitCode === 0 ? 'Completed' : 'Error'),
    ...(c.message ? { message: c.message } : {}),
    ...(c.startedAt > 0 ? { startedAt: formatTime(c.startedAt) } : {}),
    ...(c.finishedAt > 0 ? { finishedAt: formatTime(c.finishedAt) } : {}),
    containerID: idOf(c.id),
  };
}
/** The end of the attempt before; when its container is gone, what the API was told of it. */
function lastState(previous: ContainerState | undefined, old: V1ContainerStatus | undefined, newest: ContainerState): V1ContainerState {
  if (previous) return previous.state === 'exited' ? { terminated: terminatedOf(previous) } : {};
  if (newest.attempt === 0 || !old) return {};
  if (old.containerID === idOf(newest.id)) return old.state?.waiting ? {} : (old.lastState ?? {});
  return old.state?.terminated ? { terminated: old.state.terminated } : (old.lastState ?? {});
}
/** In a running container what is in force in it; else what is granted. */
function resourcesOf(
  container: V1Container,
  own: { granted: V1ResourceRequirements; actual: V1ResourceRequirements } | undefined,
  running: boolean,
): Partial<V1ContainerStatus> {
  const granted = own?.granted ?? container.resources ?? {};
  const { requests, limits } = running && own ? own.actual : granted;
  const resources = requests || limits ? { resources: { ...(limits ? { limits } : {}), ...(requests ? { requests } : {}) } } : {};
  return { ...resources, ...(granted.requests ? { allocatedResources: granted.requests } : {}) };
}
