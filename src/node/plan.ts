import type { V1Container, V1Pod } from '#kinds';
import { containerHash, ephemeralContainers, initContainers, isSidecar, mainContainers, type ContainerType } from './pod.ts';
import type { ContainerState, SandboxState } from './runtime.ts';

/** Memory of the crash-loop back-off of one container. */
export interface BackoffEntry {
  delayMs: number;
  /** When the delay was last raised, ms since the epoch. */
  updatedAt: number;
}

export interface Verdict {
  /** Startup probe passed, or there is none. */
  started: boolean;
  /** The probe that condemned this very container, if any. */
  failed?: 'liveness' | 'startup';
}

export interface PlanInput {
  pod: V1Pod;
  /** Every sandbox of the pod, newest first. */
  sandboxes: readonly SandboxState[];
  now: number;
  verdict(container: string, id: string): Verdict;
  backoff(container: string): BackoffEntry | undefined;
  /** It has to end, and to start again, to get other resources. */
  resizing?(container: string): boolean;
}

export interface StartAction {
  name: string;
  type: ContainerType;
  attempt: number;
  /** The container is started again after an exit: count it for the back-off. */
  again: boolean;
}
export interface KillAction {
  id: string;
  name: string;
  /** Text of the Killing event. */
  message: string;
  reason: 'liveness' | 'startup' | 'changed' | 'resize' | 'unknown';
}
export interface WaitAction {
  name: string;
  /** ms since the epoch */
  until: number;
  delayMs: number;
}

/** What to do next for one pod. Empty lists: nothing. */
export interface PodPlan {
  /** All is over (or can never begin): stop what is left and report the final phase. */
  killPod: boolean;
  /** A new sandbox is needed; those in `stopFirst` are in the way. */
  sandbox?: { attempt: number; stopFirst: string[] };
  start: StartAction[];
  kill: KillAction[];
  wait: WaitAction[];
}

const maxBackoffMs = 300_000;
const firstBackoffMs = 10_000;

/** The next delay: doubles up to five minutes; ten minutes without a crash reset it (kubelet's flowcontrol.Backoff). */
export function nextBackoff(entry: BackoffEntry | undefined, finishedAt: number, now: number): BackoffEntry {
  if (!entry || finishedAt - entry.updatedAt > 2 * maxBackoffMs) return { delayMs: firstBackoffMs, updatedAt: now };
  return { delayMs: Math.min(maxBackoffMs, entry.delayMs * 2), updatedAt: now };
}

/** Whether an exited container is to run again. */
export function shouldRestart(pod: V1Pod, container: V1Container, type: ContainerType, exitCode: number): boolean {
  if (type === 'ephemeral') return false;
  if (type === 'sidecar') return true;
  for (const rule of container.restartPolicyRules ?? []) {
    if (rule.action === 'Restart' && rule.exitCodes && matchesExit(rule.exitCodes, exitCode)) return true;
  }
  const policy = container.restartPolicy ?? pod.spec?.restartPolicy ?? 'Always';
  if (type === 'init') return exitCode !== 0 && policy !== 'Never';
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);
}
function matchesExit(rule: { operator: string; values?: number[] }, code: number): boolean {
  const inside = (rule.values ?? []).includes(code);
  return rule.operator === 'In' ? inside : rule.operator === 'NotIn' && !inside;
}

/** The newest container of a name over all sandboxes. */
export function latestContainer(sandboxes: readonly SandboxState[], name: string): ContainerState | undefined {
  let best: ContainerState | undefined;
  for (const sandbox of sandboxes) {
    for (const c of sandbox.containers) {
      if (c.name === name && (!best || c.attempt > best.attempt || (c.attempt === best.attempt && c.createdAt > best.createdAt))) best = c;
    }
  }
  return best;
}

/** The attempt that the next container of this name gets: one more than any seen here or reported to the API. */
export function nextAttempt(pod: V1Pod, sandboxes: readonly SandboxState[], name: string): number {
  const seen = latestContainer(sandboxes, name);
  if (seen) return seen.attempt + 1;
  const all = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? []), ...(pod.status?.ephemeralContainerStatuses ?? [])];
  const reported = all.find((s) => s.name === name);
  return reported ? reported.restartCount + (reported.containerID ? 1 : 0) : 0;
}

/** From the wanted pod and what runs, the next actions. Pure. Pods that are being deleted or are over are not planned here. */
export function computePodActions(input: PlanInput): PodPlan {
  const plan: PodPlan = { killPod: false, start: [], kill: [], wait: [] };
  const newest = input.sandboxes[0];
  if (!newest?.ready) planNewSandbox(input, plan);
  else planContainers(input, newest, plan);
  return plan;
}

function planNewSandbox({ pod, sandboxes, ...input }: PlanInput, plan: PodPlan): void {
  const again = sandboxes.length > 0;
  const exits = mainContainers(pod).map((c) => ({ container: c, state: latestContainer(sandboxes, c.name) }));
  if (again && neverAgain(pod, exits)) {
    plan.killPod = true;
    return;
  }
  plan.sandbox = {
    attempt: again ? Math.max(...sandboxes.map((s) => s.attempt)) + 1 : 0,
    stopFirst: sandboxes.filter((s) => s.ready || s.containers.some((c) => c.state === 'running')).map((s) => s.id),
  };
  const [firstInit] = initContainers(pod);
  if (firstInit) return startOrWait({ pod, sandboxes, ...input }, firstInit, isSidecar(firstInit) ? 'sidecar' : 'init', plan);
  for (const { container, state } of exits) {
    if (state?.state === 'exited' && !shouldRestart(pod, container, 'container', state.exitCode)) continue;
    startOrWait({ pod, sandboxes, ...input }, container, 'container', plan);
  }
}
function neverAgain(pod: V1Pod, exits: { container: V1Container; state: ContainerState | undefined }[]): boolean {
  const existed = exits.some((e) => e.state !== undefined);
  if (pod.spec?.restartPolicy === 'Never' && existed)
    return exits.every((e) => e.state === undefined || e.state.state !== 'exited' || !shouldRestart(pod, e.container, 'container', e.state.exitCode));
  return exits.length > 0 && exits.every((e) => e.state?.state === 'exited' && !shouldRestart(pod, e.container, 'container', e.state.exitCode));
}

function planContainers(input: PlanInput, sandbox: SandboxState, plan: PodPlan): void {
  const { pod } = input;
  const current = (name: string): ContainerState | undefined => latestContainer([sandbox], name);
  for (const container of ephemeralContainers(pod)) {
    if (!current(container.name))
      plan.start.push({ name: container.name, type: 'ephemeral', attempt: nextAttempt(pod, input.sandboxes, container.name), again: false });
  }
  const begun = mainContainers(pod).some((c) => current(c.name));
  const init = begun ? 'done' : planInit(input, current, plan);
  if (init === 'failed') plan.killPod = true;
  if (init !== 'done') return;
  let alive = 0;
  for (const container of mainContainers(pod)) if (planMain(input, container, 'container', current(container.name), plan)) alive++;
  if (alive === 0) {
    plan.killPod = true;
    plan.start = [];
    return;
  }
  if (begun) for (const container of initContainers(pod)) if (isSidecar(container)) planMain(input, container, 'sidecar', current(container.name), plan);
}

/** Init containers one after another; a sidecar only has to be started for the next to begin. */
function planInit(input: PlanInput, current: (name: string) => ContainerState | undefined, plan: PodPlan): 'done' | 'waiting' | 'failed' {
  for (const container of initContainers(input.pod)) {
    const type = isSidecar(container) ? 'sidecar' : 'init';
    const state = current(container.name);
    if (type === 'init' && state?.state === 'exited') {
      if (state.exitCode === 0) continue;
      if (!shouldRestart(input.pod, container, type, state.exitCode)) return 'failed';
    }
    const alive = planMain(input, container, type, state, plan);
    const condemned = plan.kill.some((k) => k.name === container.name);
    if (type === 'sidecar' && alive && !condemned && state?.state === 'running' && input.verdict(container.name, state.id).started) continue;
    return 'waiting';
  }
  return 'done';
}

/** Plans one container; true when it runs or will run again. */
function planMain(input: PlanInput, container: V1Container, type: ContainerType, state: ContainerState | undefined, plan: PodPlan): boolean {
  if (!state) {
    startOrWait(input, container, type, plan);
    return true;
  }
  if (state.state === 'running') {
    const kill = condemn(input, container, state);
    if (kill) plan.kill.push(kill);
    return !kill || kill.reason === 'resize' || shouldRestart(input.pod, container, type, 137);
  }
  if (state.state === 'unknown')
    plan.kill.push({
      id: state.id,
      name: container.name,
      message: `Container ${container.name} is in unknown state, try killing it before restart`,
      reason: 'unknown',
    });
  if (state.state === 'exited' && !input.resizing?.(container.name) && !shouldRestart(input.pod, container, type, state.exitCode)) return false;
  startOrWait(input, container, type, plan);
  return true;
}

function condemn(input: PlanInput, container: V1Container, state: ContainerState): KillAction | undefined {
  const hash = state.annotations['io.kubernetes.container.hash'];
  const kill = { id: state.id, name: container.name };
  if (hash !== undefined && hash !== containerHash(container))
    return { ...kill, reason: 'changed', message: `Container ${container.name} definition changed, will be restarted` };
  if (input.resizing?.(container.name)) return { ...kill, reason: 'resize', message: `Container ${container.name} resize requires restart` };
  const failed = input.verdict(container.name, state.id).failed;
  return failed && { ...kill, reason: failed, message: `Container ${container.name} failed ${failed} probe, will be restarted` };
}

function startOrWait(input: PlanInput, container: V1Container, type: ContainerType, plan: PodPlan): void {
  const last = latestContainer(input.sandboxes, container.name);
  const entry = input.backoff(container.name);
  const exited = last?.state === 'exited' ? last : undefined;
  if (exited && entry && !input.resizing?.(container.name) && exited.finishedAt - entry.updatedAt <= 2 * maxBackoffMs) {
    const until = exited.finishedAt + entry.delayMs;
    if (until > input.now) {
      plan.wait.push({ name: container.name, until, delayMs: entry.delayMs });
      return;
    }
  }
  plan.start.push({ name: container.name, type, attempt: nextAttempt(input.pod, input.sandboxes, container.name), again: exited !== undefined });
}
