import { formatTime } from '#base';
import type { V1Container, V1ContainerStatus, V1Pod, V1PodCondition, V1PodStatus, V1ResourceRequirements } from '#kinds';
import { containerStatus } from './container-status.ts';
import { shouldRestart } from './plan.ts';
import { ephemeralContainers, initContainers, isSidecar, mainContainers, qosClass } from './pod.ts';
import type { ResizeState } from './resize/state.ts';
import type { SandboxState } from './runtime.ts';

export interface StatusInput {
  /** With the status that the API has now. */
  pod: V1Pod;
  /** Newest first. */
  sandboxes: readonly SandboxState[];
  now: number;
  /** Addresses of the node. */
  hostIPs: readonly string[];
  /** Why a container does not run yet. */
  waiting(container: string): { reason: string; message?: string } | undefined;
  started(container: string, id: string): boolean;
  ready(container: string, id: string): boolean;
  /** The pod is stopped for good: nothing restarts any more. */
  over: boolean;
  /** The pod is being deleted: it is not ready from that moment on. */
  deleting: boolean;
  /** A verdict on the whole pod: DeadlineExceeded, Evicted, UnexpectedAdmissionError … It is told when no container runs any more. */
  failure?: { reason: string; message: string };
  /** What is granted to, and in force in, a container ('' = the pod) that was resized; undefined: what it asks for. */
  resources?(container: string): { granted: V1ResourceRequirements; actual: V1ResourceRequirements } | undefined;
  resize?: Pick<ResizeState, 'pending' | 'progress' | 'restarting'>;
}

/** The whole status of a pod as kubelet reports it. Pure; conditions that others own are kept. */
export function computePodStatus(input: StatusInput): V1PodStatus {
  const { pod } = input;
  const old = pod.status ?? {};
  const inits = initContainers(pod).map((c) => containerStatus(input, c, isSidecar(c) ? 'sidecar' : 'init', find(old.initContainerStatuses, c.name)));
  const mains = mainContainers(pod).map((c) => containerStatus(input, c, 'container', find(old.containerStatuses, c.name)));
  const ephemeral = ephemeralContainers(pod).map((c) => containerStatus(input, c, 'ephemeral', find(old.ephemeralContainerStatuses, c.name)));
  const failure = input.sandboxes.some((s) => s.containers.some((c) => c.state === 'running')) ? undefined : input.failure;
  // What ends to be resized comes back: the pod goes on.
  const restarting = !input.over && (input.resize?.restarting.size ?? 0) > 0;
  const phase = failure ? 'Failed' : settled(old.phase, restarting ? 'Running' : podPhase(pod, inits, mains, input.over));
  const ips = podIPs(input);
  const { reason: _reason, message: _message, podIP: _ip, podIPs: _ips, ...kept } = old;
  const status: V1PodStatus = {
    ...kept,
    phase,
    ...(failure ?? (old.phase === 'Failed' ? wording(old) : {})),
    ...(pod.metadata?.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }),
    ...hostAddresses(input.hostIPs),
    ...(ips.length > 0 ? { podIP: ips[0] as string, podIPs: ips.map((ip) => ({ ip })) } : {}),
    startTime: old.startTime ?? formatTime(input.now),
    qosClass: qosClass(pod),
    ...(inits.length > 0 ? { initContainerStatuses: inits } : {}),
    containerStatuses: mains,
    ...(ephemeral.length > 0 ? { ephemeralContainerStatuses: ephemeral } : {}),
  };
  status.conditions = conditions(input, status, inits, mains);
  return status;
}

const find = (statuses: V1ContainerStatus[] | undefined, name: string): V1ContainerStatus | undefined => statuses?.find((s) => s.name === name);
/** A phase that is final never changes again. */
const settled = (old: string | undefined, phase: string): string => (old === 'Succeeded' || old === 'Failed' ? old : phase);
const wording = (old: V1PodStatus): Pick<V1PodStatus, 'reason' | 'message'> => ({
  ...(old.reason ? { reason: old.reason } : {}),
  ...(old.message ? { message: old.message } : {}),
});
const hostAddresses = (ips: readonly string[]): Partial<V1PodStatus> => (ips[0] ? { hostIP: ips[0], hostIPs: ips.map((ip) => ({ ip })) } : {});

function podIPs(input: StatusInput): string[] {
  if (input.pod.spec?.hostNetwork) return input.sandboxes.length > 0 || input.pod.status?.podIP ? [...input.hostIPs] : [];
  const ips = input.sandboxes[0]?.ips ?? [];
  return ips.length > 0 ? ips : (input.pod.status?.podIPs ?? []).map((p) => p.ip);
}

/** kubelet's getPhase. */
export function podPhase(pod: V1Pod, inits: readonly V1ContainerStatus[], mains: readonly V1ContainerStatus[], over: boolean): string {
  const policy = pod.spec?.restartPolicy ?? 'Always';
  const begun = mains.some((s) => s.state?.running || s.state?.terminated || s.lastState?.terminated);
  const init = initCounts(pod, inits);
  if (init.failed && policy === 'Never') return 'Failed';
  const count = { waiting: 0, running: 0, stopped: 0, succeeded: 0 };
  for (const s of mains) {
    if (s.state?.running) count.running++;
    else if (s.state?.terminated) {
      count.stopped++;
      if (s.state.terminated.exitCode === 0) count.succeeded++;
    } else if (s.lastState?.terminated) count.stopped++;
    else count.waiting++;
  }
  if (init.pending || (init.pendingSidecar && !begun)) return over ? 'Failed' : 'Pending';
  if (count.waiting > 0) return over ? 'Failed' : 'Pending';
  if (count.running > 0) return 'Running';
  if (over) return count.stopped === count.succeeded ? 'Succeeded' : 'Failed';
  const again = mainContainers(pod).some((c, i) => comesBack(pod, c, mains[i]));
  if (again || init.sidecarRunning || policy === 'Always') return 'Running';
  if (count.stopped === count.succeeded) return 'Succeeded';
  return policy === 'Never' ? 'Failed' : 'Running';
}
/** Its own policy or rules bring the container back, whatever the pod's policy. */
function comesBack(pod: V1Pod, container: V1Container, status: V1ContainerStatus | undefined): boolean {
  const ended = status?.state?.terminated ?? (status?.state?.waiting ? status.lastState?.terminated : undefined);
  return ended !== undefined && shouldRestart(pod, container, 'container', ended.exitCode);
}
function initCounts(pod: V1Pod, inits: readonly V1ContainerStatus[]): { pending: boolean; failed: boolean; pendingSidecar: boolean; sidecarRunning: boolean } {
  const out = { pending: false, failed: false, pendingSidecar: false, sidecarRunning: false };
  initContainers(pod).forEach((container, i) => {
    const s = inits[i];
    const ended = s?.state?.terminated ?? (s?.state?.waiting ? s.lastState?.terminated : undefined);
    if (isSidecar(container)) {
      if (s?.state?.running) out.sidecarRunning = true;
      if (!s?.started && !s?.state?.terminated) out.pendingSidecar = true;
    } else if (ended && ended.exitCode !== 0) out.failed = true;
    else if (!s?.state?.terminated) out.pending = true;
    if (!isSidecar(container) && s?.state?.waiting && ended) out.pending = true;
  });
  return out;
}

type Verdict = Pick<V1PodCondition, 'status' | 'reason' | 'message'>;
const yes: Verdict = { status: 'True' };

function conditions(input: StatusInput, status: V1PodStatus, inits: readonly V1ContainerStatus[], mains: readonly V1ContainerStatus[]): V1PodCondition[] {
  const old = input.pod.status?.conditions ?? [];
  const containers = containersReady(input, status, inits, mains);
  const verdicts: [string, Verdict][] = [
    ['PodReadyToStartContainers', { status: sandboxReady(input) ? 'True' : 'False' }],
    ['Initialized', initialized(input, status, inits)],
    ['Ready', podReady(input, containers)],
    ['ContainersReady', containers],
    ['PodScheduled', yes],
  ];
  const own = verdicts.map(([type, verdict]) =>
    condition(
      input,
      old.find((c) => c.type === type),
      type,
      verdict,
    ),
  );
  const others = old.filter((c) => !verdicts.some(([type]) => type === c.type) && c.type !== resizePending && c.type !== resizeInProgress);
  return [...resizeConditions(input, old), ...own, ...others];
}
const resizePending = 'PodResizePending';
const resizeInProgress = 'PodResizeInProgress';
/** They are there as long as they hold. */
function resizeConditions({ resize, now, over }: StatusInput, old: readonly V1PodCondition[]): V1PodCondition[] {
  const notes = [
    [resizePending, resize?.pending],
    [resizeInProgress, resize?.progress],
  ] as const;
  return notes.flatMap(([type, note]) => {
    if (!note || over) return [];
    const { reason, message, generation } = note;
    const known = old.find((c) => c.type === type);
    return {
      type,
      ...(generation === undefined ? {} : { observedGeneration: generation }),
      status: 'True',
      lastTransitionTime: known?.lastTransitionTime ?? formatTime(now),
      ...(reason ? { reason } : {}),
      ...(message ? { message } : {}),
    };
  });
}
function sandboxReady(input: StatusInput): boolean {
  const sandbox = input.sandboxes[0];
  return sandbox !== undefined && sandbox.ready && (input.pod.spec?.hostNetwork === true || sandbox.ips.length > 0);
}
function condition(input: StatusInput, old: V1PodCondition | undefined, type: string, verdict: Verdict): V1PodCondition {
  const generation = input.pod.metadata?.generation;
  const since = old && old.status === verdict.status && old.lastTransitionTime ? old.lastTransitionTime : formatTime(input.now);
  return {
    type,
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    status: verdict.status,
    lastTransitionTime: since,
    ...(verdict.reason ? { reason: verdict.reason } : {}),
    ...(verdict.message ? { message: verdict.message } : {}),
  };
}
function initialized(input: StatusInput, status: V1PodStatus, inits: readonly V1ContainerStatus[]): Verdict {
  if (status.phase === 'Succeeded') return { status: 'True', reason: 'PodCompleted' };
  const incomplete = initContainers(input.pod)
    .filter((c, i) => !(isSidecar(c) ? inits[i]?.started : inits[i]?.ready))
    .map((c) => c.name);
  const begun = (status.containerStatuses ?? []).some((s) => s.state?.running || s.state?.terminated || s.lastState?.terminated);
  if (incomplete.length === 0 || begun) return yes;
  return { status: 'False', reason: 'ContainersNotInitialized', message: `containers with incomplete status: [${incomplete.join(' ')}]` };
}
function containersReady(input: StatusInput, status: V1PodStatus, inits: readonly V1ContainerStatus[], mains: readonly V1ContainerStatus[]): Verdict {
  if (status.phase === 'Succeeded') return { status: 'False', reason: 'PodCompleted' };
  if (status.phase === 'Failed') return { status: 'False', reason: 'PodFailed' };
  const watched = [...inits.filter((_, i) => isSidecar(initContainers(input.pod)[i] as never)), ...mains];
  const unready = watched.filter((s) => !s.ready).map((s) => s.name);
  if (unready.length === 0) return yes;
  return { status: 'False', reason: 'ContainersNotReady', message: `containers with unready status: [${unready.join(' ')}]` };
}
function podReady(input: StatusInput, containers: Verdict): Verdict {
  if (containers.status !== 'True') return containers;
  if (input.deleting) return { status: 'False', reason: 'PodTerminating', message: 'the pod is being deleted' };
  const missing: string[] = [];
  for (const { conditionType } of input.pod.spec?.readinessGates ?? []) {
    const found = input.pod.status?.conditions?.find((c) => c.type === conditionType);
    if (!found) missing.push(`corresponding condition of pod readiness gate "${conditionType}" does not exist.`);
    else if (found.status !== 'True') missing.push(`the status of pod readiness gate "${conditionType}" is not "True", but ${found.status}`);
  }
  return missing.length === 0 ? yes : { status: 'False', reason: 'ReadinessGatesNotReady', message: missing.join(', ') };
}
