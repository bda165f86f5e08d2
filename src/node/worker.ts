import { hash } from 'node:crypto';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Timer } from '#base';
import { Pod, type V1Container, type V1Pod } from '#kinds';
import { isApiError } from '#machinery';
import { terminationFile } from './container-spec.ts';
import type { AgentContext } from './context.ts';
import { PodVolumeState } from './pod-volumes.ts';
import type { PodFacts } from './env.ts';
import { computePodActions, type BackoffEntry, type PodPlan } from './plan.ts';
import { allContainers, findContainer, gracePeriodSeconds, isTerminalPhase, nameOf, namespaceOf, podRef, uidOf } from './pod.ts';
import { PodProber } from './probes/prober.ts';
import { resizePod } from './resize/actuate.ts';
import { ResizeState } from './resize/state.ts';
import type { ContainerState, SandboxState } from './runtime.ts';
import { podLogDirectory } from './sandbox-spec.ts';
import { createSandbox, startContainers } from './start.ts';
import { computePodStatus } from './status.ts';
import { idOf } from './container-status.ts';
import { killContainer, stopEverything, terminate } from './stop.ts';
import { terminationMessage } from './termination.ts';

export interface Waiting {
  reason: string;
  message?: string;
}

/** How long a sync may go on before a status is written in the middle of it, ms. A cached image is up before that: one write in all. */
const quietMs = 250;

/** Why what goes on for a pod is cut short; one for all, an exception of its own for each pod is dear. */
const over = new Error('the pod is being stopped');

/** Everything the node does for one pod: one step at a time, from what is wanted and what is seen. */
export class PodWorker {
  readonly context: AgentContext;
  readonly uid: string;
  pod: V1Pod;
  /** Newest first. */
  sandboxes: readonly SandboxState[];
  /** The object is gone from the API. */
  removed = false;
  /** Stopped for good: nothing restarts any more. */
  over = false;
  failure: { reason: string; message: string } | undefined;
  readonly waiting = new Map<string, Waiting>();
  readonly backoffs = new Map<string, BackoffEntry>();
  /** No new try of a container ('' = the sandbox) before this time, ms since the epoch. */
  readonly blocked = new Map<string, number>();
  readonly prober: PodProber;
  readonly volumes: PodVolumeState;
  readonly resize = new ResizeState();
  sandboxFailures = 0;
  /** Only short runtime calls are going on: their events tell nothing new. */
  starting = false;
  /** Set while the pod is being stopped; when the stop began, ms since the epoch. */
  stoppingSince: number | undefined;
  /** Containers whose preStop hook has run. */
  readonly hooked = new Set<string>();
  readonly #messages = new Map<string, string>();
  readonly #graceListeners = new Set<() => void>();
  #abort = new AbortController();
  #admitted: boolean;
  #busy = false;
  #quiet: Timer | undefined;
  #refreshing: Promise<void> = Promise.resolve();
  #nextRefresh: Promise<void> | undefined;
  #writing: Promise<void> | undefined;
  #writeAgain = false;
  #written = '';
  #finished = false;
  #graceCap: number | undefined;

  constructor(context: AgentContext, pod: V1Pod, sandboxes: readonly SandboxState[]) {
    this.context = context;
    this.uid = uidOf(pod);
    this.pod = pod;
    this.sandboxes = newestFirst(sandboxes);
    this.#admitted = pod.status?.startTime !== undefined || sandboxes.length > 0;
    this.volumes = new PodVolumeState(this);
    this.prober = new PodProber({
      clock: context.clock,
      runtime: context.runtime,
      podIP: () => this.podIPs()[0] ?? '',
      changed: () => {
        this.publish();
        context.enqueue(this.uid);
      },
      unhealthy: (container, message) => this.event('Warning', 'Unhealthy', message, container),
    });
    if (this.#admitted) this.resize.recall(pod);
    if (sandboxes.length > 0) this.#watchProbes();
  }

  get deleting(): boolean {
    return this.removed || this.pod.metadata?.deletionTimestamp !== undefined;
  }
  /** The next try of these containers ('' = the sandbox) waits `ms`. */
  block(names: readonly string[], ms: number): number {
    for (const name of names) this.blocked.set(name, this.context.clock.now() + ms);
    return ms;
  }
  get signal(): AbortSignal {
    return this.#abort.signal;
  }
  get finished(): boolean {
    return this.#finished;
  }
  event(type: 'Normal' | 'Warning', reason: string, message: string, container?: string): void {
    const field = container === undefined ? undefined : fieldPath(this.pod, container);
    this.context.emit(this.pod, type, reason, message, field);
  }
  podIPs(): readonly string[] {
    if (this.pod.spec?.hostNetwork) return this.context.hostIPs;
    return this.sandboxes[0]?.ips ?? [];
  }
  facts(): PodFacts {
    return { podIPs: this.podIPs(), hostIPs: this.context.hostIPs, nodeName: this.context.nodeName, allocatable: this.context.allocatable };
  }

  /** A newer version of the pod, or its removal. */
  update(pod: V1Pod | undefined): void {
    if (pod === undefined) {
      this.removed = true;
      if (this.#finished) return this.context.finished(this.uid);
    } else if (isOlder(pod, this.pod)) return;
    else {
      const before = this.pod;
      this.#take(pod);
      if (gracePeriodSeconds(pod) < gracePeriodSeconds(before)) for (const listener of this.#graceListeners) listener();
      if (pod.metadata?.generation !== before.metadata?.generation) this.blocked.clear();
      if (this.#writing && !this.deleting && sameWish(before, pod)) return;
      if (!isDeepStrictEqual([before.metadata?.labels, before.metadata?.annotations], [pod.metadata?.labels, pod.metadata?.annotations]))
        this.volumes.refresh();
    }
    if (this.deleting) this.#abort.abort(over);
    this.context.enqueue(this.uid);
  }
  #take(pod: V1Pod): void {
    if (isOlder(pod, this.pod)) return;
    if (this.#admitted) this.resize.wished(this.pod, pod);
    this.pod = pod;
  }
  /** The node puts the pod out: it fails for good, and its containers end without a grace period. */
  evict(message: string): void {
    if (this.failure || this.over || this.deleting) return;
    this.failure = { reason: 'Evicted', message };
    this.event('Warning', 'Evicted', message);
    this.#graceCap = 0;
    this.context.enqueue(this.uid);
  }
  /** Something that the pod refers to changed: its files follow, and a container that lacked it tries again. */
  sourceChanged(): void {
    if ([...this.waiting.values()].some((w) => w.reason === 'CreateContainerConfigError')) {
      this.blocked.clear();
      this.context.enqueue(this.uid);
    }
    this.volumes.refresh();
  }
  /** Calls back when the grace period gets shorter. */
  onShorterGrace(listener: () => void): () => void {
    this.#graceListeners.add(listener);
    return () => void this.#graceListeners.delete(listener);
  }

  /** One step of the pod's life; gives ms until the next one when it is known. */
  async sync(): Promise<number | void> {
    if (this.#finished) return;
    this.#hold();
    try {
      return await this.#step();
    } finally {
      this.#release();
    }
  }
  async #step(): Promise<number | void> {
    if (this.deleting) return terminate(this);
    if (isTerminalPhase(this.pod) || this.over || this.failure) return this.#end();
    if (!this.#admitted && !this.#admit()) return this.#end();
    const left = this.#deadline();
    if (left !== undefined && left <= 0) return this.#end();
    const resize = this.resize.idle ? undefined : await resizePod(this);
    const next = await this.#act(this.#plan());
    const soonest = Math.min(left ?? Infinity, resize ?? Infinity, next ?? Infinity);
    return soonest === Infinity ? undefined : soonest;
  }
  #plan(): PodPlan {
    return computePodActions({
      pod: this.pod,
      sandboxes: this.sandboxes,
      now: this.context.clock.now(),
      verdict: (name, id) => this.prober.verdict(this.#container(name), id),
      backoff: (name) => this.backoffs.get(name),
      resizing: (name) => this.resize.restarting.has(name),
    });
  }
  #container(name: string): V1Container {
    return findContainer(this.pod, name)?.container ?? { name };
  }
  #admit(): boolean {
    this.failure = this.context.admit(this.pod);
    if (this.failure) this.event('Warning', this.failure.reason, this.failure.message);
    this.#admitted = !this.failure;
    return this.#admitted;
  }
  /** ms left of activeDeadlineSeconds; at the end the pod fails. */
  #deadline(): number | undefined {
    const seconds = this.pod.spec?.activeDeadlineSeconds;
    const start = this.pod.status?.startTime;
    if (seconds === undefined || start === undefined) return seconds === undefined ? undefined : seconds * 1000;
    const left = Date.parse(start) + seconds * 1000 - this.context.clock.now();
    if (left <= 0 && !this.failure) {
      this.failure = { reason: 'DeadlineExceeded', message: 'Pod was active on the node longer than the specified deadline' };
      this.event('Normal', 'DeadlineExceeded', this.failure.message);
    }
    return left;
  }
  async #act(plan: PodPlan): Promise<number | undefined> {
    if (plan.killPod) {
      await this.#end();
      return undefined;
    }
    if (plan.kill.length > 0) {
      await Promise.all(plan.kill.map((kill) => killContainer(this, kill)));
      await this.refresh();
      return 0;
    }
    this.#noteWaits(plan);
    const waits = plan.wait.map((w) => w.until - this.context.clock.now());
    const start = plan.start.filter((action) => this.#free(action.name, waits));
    if (plan.sandbox ? this.#free('', waits) : start.length > 0) {
      const retry = await (plan.sandbox ? createSandbox(this, plan.sandbox, start) : startContainers(this, start));
      if (retry !== undefined) waits.push(retry);
      await this.refresh();
      if (retry === undefined) this.context.enqueue(this.uid);
    }
    return waits.length > 0 ? Math.max(1, Math.min(...waits)) : undefined;
  }
  /** False, and one more time to wait for, when the last try of this container ('' = the sandbox) failed a moment ago. */
  #free(name: string, waits: number[]): boolean {
    const left = (this.blocked.get(name) ?? 0) - this.context.clock.now();
    if (left <= 0) return true;
    waits.push(left);
    return false;
  }
  #noteWaits(plan: PodPlan): void {
    for (const wait of plan.wait) {
      const pod = `${nameOf(this.pod)}_${namespaceOf(this.pod)}(${this.uid})`;
      const message = `back-off ${formatBackoff(wait.delayMs)} restarting failed container=${wait.name} pod=${pod}`;
      if (this.waiting.get(wait.name)?.message === message) continue;
      this.waiting.set(wait.name, { reason: 'CrashLoopBackOff', message });
      this.event('Warning', 'BackOff', `Back-off restarting failed container ${wait.name} in pod ${pod}`, wait.name);
    }
  }
  /** The pod is complete (or failed as a whole): stop the rest, tell the final phase, give everything back but the logs. */
  async #end(): Promise<void> {
    const running = this.sandboxes.some((s) => s.ready || s.containers.some((c) => c.state === 'running'));
    if (running) {
      await stopEverything(this);
      await this.refresh();
    }
    const fresh = !this.over;
    this.over = true;
    this.prober.stop();
    if (fresh && !isTerminalPhase(this.pod)) await this.writeStatus();
    if (fresh) {
      await this.volumes.teardown();
      await this.context.cgroups?.remove(this.uid);
      this.context.freed();
    }
  }
  /** Nothing is left on the node. The worker stays until the object is gone (finalizers may keep it). */
  finish(): void {
    this.detach();
    this.context.images.forget(this.uid);
    if (this.removed) this.context.finished(this.uid);
  }
  /** What is ending already may take this much longer, and no more. */
  hasten(graceSeconds: number): void {
    const elapsed = this.stoppingSince === undefined ? 0 : (this.context.clock.now() - this.stoppingSince) / 1000;
    this.#graceCap = elapsed + graceSeconds;
    for (const listener of this.#graceListeners) listener();
  }
  /** The whole node goes down: the containers end in order, the object stays. After `detach`. */
  async halt(graceSeconds: number | undefined): Promise<void> {
    this.#graceCap = graceSeconds;
    await this.refresh();
    this.stoppingSince = this.context.clock.now();
    await stopEverything(this);
    await this.context.volumes?.unmount(this.uid);
    await this.context.cgroups?.remove(this.uid);
  }
  /** Seconds that the containers get to end. */
  grace(): number {
    return Math.min(gracePeriodSeconds(this.pod), this.#graceCap ?? Infinity);
  }
  /** The agent stops: leave the containers alone. */
  detach(): void {
    this.#finished = true;
    this.prober.stop();
    this.volumes.stop();
    this.#quiet?.cancel();
    this.#abort.abort(over);
  }

  /** Looks at the runtime again. Calls that arrive meanwhile share the next look. */
  refresh(): Promise<void> {
    this.#nextRefresh ??= this.#refreshing
      .catch(() => {})
      .then(() => {
        this.#refreshing = this.#look();
        this.#nextRefresh = undefined;
        return this.#refreshing;
      });
    return this.#nextRefresh;
  }
  async #look(): Promise<void> {
    const found = (await this.context.runtime.list(this.uid)).filter((s) => s.podUid === this.uid);
    this.sandboxes = newestFirst(await Promise.all(found.map((s) => this.#withMessages(s))));
    this.#watchProbes();
  }
  /** Takes a snapshot that someone else made, with the last words of the containers. */
  async adopt(): Promise<void> {
    this.sandboxes = await Promise.all(this.sandboxes.map((s) => this.#withMessages(s)));
  }
  async #withMessages(sandbox: SandboxState): Promise<SandboxState> {
    const volumes = this.context.volumes;
    if (!volumes || !sandbox.containers.some((c) => c.state === 'exited')) return sandbox;
    const containers = await Promise.all(
      sandbox.containers.map(async (c) => (c.state === 'exited' ? { ...c, message: await this.#message(c, volumes.podDir(this.uid)) } : c)),
    );
    return { ...sandbox, containers };
  }
  async #message(state: ContainerState, dir: string): Promise<string> {
    const known = this.#messages.get(state.id);
    if (known !== undefined) return known;
    const log = join(this.context.logDir, podLogDirectory(this.pod), state.name, `${state.attempt}.log`);
    const message = await terminationMessage(this.#container(state.name), state, terminationFile(dir, state.name, state.attempt), log);
    this.#messages.set(state.id, message);
    return message;
  }
  #watchProbes(): void {
    if (this.deleting || this.over) return;
    for (const container of allContainers(this.pod)) {
      if (!container.startupProbe && !container.readinessProbe && !container.livenessProbe) continue;
      const state = this.sandboxes[0]?.containers.filter((c) => c.name === container.name && c.state === 'running').sort((a, b) => b.attempt - a.attempt)[0];
      if (state) this.prober.watch(container, state, this.#known(state));
      else this.prober.forget(container.name);
    }
  }
  #known(state: ContainerState): { started: boolean; ready: boolean } | undefined {
    const all = [...(this.pod.status?.containerStatuses ?? []), ...(this.pod.status?.initContainerStatuses ?? [])];
    const old = all.find((s) => s.containerID === idOf(state.id));
    return old && { started: old.started ?? false, ready: old.ready };
  }

  #hold(): void {
    this.#busy = true;
    this.#quiet = this.context.clock.after(quietMs, () => {
      this.#quiet = undefined;
      if (this.#busy && !this.#finished && !this.starting) this.#write();
      else if (this.#busy) this.#quiet = this.context.clock.after(quietMs, () => void (this.#busy && !this.#finished && this.#write()));
    });
  }
  #release(): void {
    this.#busy = false;
    this.#quiet?.cancel();
    this.#quiet = undefined;
    if (!this.#finished) this.publish();
  }
  /** Reports what is known, soon: steps that are quick are reported once, at their end. */
  publish(): void {
    if (!this.#busy) this.#write();
  }
  #write(): void {
    this.writeStatus().catch((error: unknown) => {
      if (this.#finished) return;
      this.context.log.warn('cannot write pod status', { pod: podRef(this.pod), error });
      this.context.enqueue(this.uid, 1000);
    });
  }
  /** Writes the status if it differs from what the API has. Resolves when the newest one is there. */
  writeStatus(): Promise<void> {
    if (this.#writing) {
      this.#writeAgain = true;
      return this.#writing;
    }
    this.#writing = this.#writeLoop();
    return this.#writing;
  }
  async #writeLoop(): Promise<void> {
    try {
      do {
        this.#writeAgain = false;
        await this.#writeOnce();
      } while (this.#writeAgain);
    } finally {
      this.#writing = undefined;
    }
  }
  async #writeOnce(): Promise<void> {
    for (let attempt = 0; attempt < 5; attempt++) {
      if (this.removed) return;
      const status = this.status();
      const digest = hash('sha1', JSON.stringify(Object.entries(status).sort()), 'base64');
      if (digest === this.#written || isDeepStrictEqual(status, this.pod.status)) return;
      try {
        const written = await this.context.client.api.update(Pod, { ...this.pod, status }, { subresource: 'status' });
        this.#written = digest;
        this.#take(written);
        return;
      } catch (error) {
        if (isApiError(error, 'NotFound')) return void ((this.removed = true), this.context.enqueue(this.uid));
        if (!isApiError(error, 'Conflict')) throw error;
        if (!(await this.#reload())) return;
      }
    }
  }
  async #reload(): Promise<boolean> {
    try {
      const latest = await this.context.client.api.get(Pod, { namespace: namespaceOf(this.pod), name: nameOf(this.pod) });
      if (uidOf(latest) !== this.uid) throw Object.assign(new Error('replaced'), { replaced: true });
      this.#take(latest);
      return true;
    } catch (error) {
      if (!isApiError(error, 'NotFound') && !(error instanceof Error && 'replaced' in error)) throw error;
      this.removed = true;
      this.context.enqueue(this.uid);
      return false;
    }
  }
  status(): NonNullable<V1Pod['status']> {
    return computePodStatus({
      pod: this.pod,
      sandboxes: this.sandboxes,
      now: this.context.clock.now(),
      hostIPs: this.context.hostIPs,
      waiting: (name) => this.waiting.get(name),
      started: (name, id) => this.prober.verdict(this.#container(name), id).started,
      ready: (name, id) => this.prober.ready(this.#container(name), id),
      over: this.over,
      deleting: this.deleting,
      ...(this.failure ? { failure: this.failure } : {}),
      resources: (name) => this.resize.of(this.pod, name),
      resize: this.resize,
    });
  }
}

function newestFirst(sandboxes: readonly SandboxState[]): readonly SandboxState[] {
  return sandboxes.length < 2 ? sandboxes : [...sandboxes].sort((a, b) => b.attempt - a.attempt || b.createdAt - a.createdAt);
}
/** Nothing of what the pod asks for differs. */
function sameWish(a: V1Pod, b: V1Pod): boolean {
  return (
    a.metadata?.generation !== undefined &&
    a.metadata.generation === b.metadata?.generation &&
    isDeepStrictEqual(a.metadata.labels, b.metadata.labels) &&
    isDeepStrictEqual(a.metadata.annotations, b.metadata.annotations)
  );
}
/** By revision; unreadable ones count as newer. */
function isOlder(a: V1Pod, b: V1Pod): boolean {
  return Number(a.metadata?.resourceVersion ?? 0) < Number(b.metadata?.resourceVersion ?? 0);
}
function fieldPath(pod: V1Pod, name: string): string {
  const type = findContainer(pod, name)?.type;
  const list = type === 'init' || type === 'sidecar' ? 'initContainers' : type === 'ephemeral' ? 'ephemeralContainers' : 'containers';
  return `spec.${list}{${name}}`;
}
/** 10s, 40s, 1m20s, 5m0s: as Go prints it. */
function formatBackoff(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}
