import type { Clock, Timer } from '#base';
import type { V1Container, V1Probe } from '#kinds';
import type { Verdict } from '../plan.ts';
import type { ContainerState, Runtime } from '../runtime.ts';
import { runProbe } from './run.ts';

type ProbeKind = 'startup' | 'readiness' | 'liveness';
const title = { startup: 'Startup', readiness: 'Readiness', liveness: 'Liveness' } as const;

export interface ProberDeps {
  clock: Clock;
  runtime: Runtime;
  podIP(): string;
  /** A verdict changed: plan and report again. */
  changed(): void;
  unhealthy(container: string, message: string): void;
}

/** What was known of a container before this agent started, so that adoption does not make a pod unready. */
export interface Known {
  started: boolean;
  ready: boolean;
}

/** The probes of one pod. Costs nothing for containers without probes. */
export class PodProber {
  readonly #deps: ProberDeps;
  readonly #containers = new Map<string, ContainerProbes>();
  #stopped = false;
  constructor(deps: ProberDeps) {
    this.#deps = deps;
  }
  /** Follows a running container; a new id begins afresh. */
  watch(container: V1Container, state: ContainerState, known?: Known): void {
    if (this.#stopped || !(container.startupProbe || container.readinessProbe || container.livenessProbe)) return;
    const present = this.#containers.get(container.name);
    if (present?.id === state.id) return;
    present?.stop();
    this.#containers.set(container.name, new ContainerProbes(container, state, known, this.#deps));
  }
  verdict(container: V1Container, id: string): Verdict {
    const probes = this.#containers.get(container.name);
    if (probes?.id === id) return { started: probes.started, ...(probes.failed ? { failed: probes.failed } : {}) };
    return { started: !container.startupProbe };
  }
  ready(container: V1Container, id: string): boolean {
    if (!container.readinessProbe) return true;
    const probes = this.#containers.get(container.name);
    return probes?.id === id && probes.ready;
  }
  /** Liveness and startup end with the pod's deletion; readiness goes on until the container is dead. */
  terminating(): void {
    for (const probes of this.#containers.values()) probes.only('readiness');
  }
  forget(container: string): void {
    this.#containers.get(container)?.stop();
    this.#containers.delete(container);
  }
  stop(): void {
    this.#stopped = true;
    for (const name of this.#containers.keys()) this.forget(name);
  }
}

class ContainerProbes {
  readonly id: string;
  started: boolean;
  ready: boolean;
  failed: 'liveness' | 'startup' | undefined;
  readonly #container: V1Container;
  readonly #startedAt: number;
  readonly #deps: ProberDeps;
  readonly #timers = new Map<ProbeKind, Timer>();
  readonly #streaks = new Map<ProbeKind, { ok: boolean; count: number }>();
  #stopped = false;

  constructor(container: V1Container, state: ContainerState, known: Known | undefined, deps: ProberDeps) {
    this.id = state.id;
    this.#container = container;
    this.#startedAt = state.startedAt || deps.clock.now();
    this.#deps = deps;
    this.started = known?.started ?? !container.startupProbe;
    this.ready = known?.ready ?? !container.readinessProbe;
    if (this.started) this.#startOthers();
    else this.#schedule('startup', this.#delay('startup'));
  }
  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
  }
  only(kept: ProbeKind): void {
    for (const [kind, timer] of this.#timers) if (kind !== kept) timer.cancel();
    for (const kind of ['startup', 'readiness', 'liveness'] as const) if (kind !== kept) this.#timers.delete(kind);
  }
  #probe(kind: ProbeKind): V1Probe | undefined {
    return kind === 'startup' ? this.#container.startupProbe : kind === 'readiness' ? this.#container.readinessProbe : this.#container.livenessProbe;
  }
  #startOthers(): void {
    for (const kind of ['readiness', 'liveness'] as const) if (this.#probe(kind)) this.#schedule(kind, this.#delay(kind));
  }
  #delay(kind: ProbeKind): number {
    return Math.max(0, this.#startedAt + (this.#probe(kind)?.initialDelaySeconds ?? 0) * 1000 - this.#deps.clock.now());
  }
  #schedule(kind: ProbeKind, ms: number): void {
    if (this.#stopped) return;
    this.#timers.set(
      kind,
      this.#deps.clock.after(ms, () => void this.#run(kind)),
    );
  }
  async #run(kind: ProbeKind): Promise<void> {
    const probe = this.#probe(kind);
    if (!probe) return;
    const begun = this.#deps.clock.now();
    const result = await runProbe(
      kind,
      probe,
      { container: this.#container, containerId: this.id, podIP: this.#deps.podIP() },
      this.#deps.runtime,
      this.#deps.clock,
    );
    if (this.#stopped || !this.#timers.has(kind)) return;
    if (!result.ok) this.#deps.unhealthy(this.#container.name, `${title[kind]} probe failed: ${result.output.slice(0, 1024)}`);
    this.#count(kind, probe, result.ok);
    if (kind === 'startup' && this.started) return;
    if (this.failed && kind !== 'readiness') return;
    const next = (probe.periodSeconds ?? 10) * 1000 - (this.#deps.clock.now() - begun);
    this.#schedule(kind, Math.max(kind === 'readiness' && !this.ready ? 0 : 1, next));
  }
  #count(kind: ProbeKind, probe: V1Probe, ok: boolean): void {
    const streak = this.#streaks.get(kind);
    const count = streak?.ok === ok ? streak.count + 1 : 1;
    this.#streaks.set(kind, { ok, count });
    if (ok && count >= (probe.successThreshold ?? 1)) this.#passed(kind);
    if (!ok && count >= (probe.failureThreshold ?? 3)) this.#failed(kind);
  }
  #passed(kind: ProbeKind): void {
    if (kind === 'startup' && !this.started) {
      this.started = true;
      this.#timers.delete('startup');
      this.#startOthers();
      this.#deps.changed();
    } else if (kind === 'readiness' && !this.ready) {
      this.ready = true;
      this.#deps.changed();
    }
  }
  #failed(kind: ProbeKind): void {
    if (kind === 'readiness') {
      if (!this.ready) return;
      this.ready = false;
    } else this.failed = kind;
    this.#deps.changed();
  }
}
