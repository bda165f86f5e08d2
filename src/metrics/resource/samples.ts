import type { Clock, Logger, Timer } from '#base';
import type { NodeUsage, PodUsage, Usage, UsageMeter } from '#machinery';

/** Cores and bytes in use, over a window that ended at `time`. Times in ms. */
export interface Reading {
  readonly time: number;
  readonly windowMs: number;
  readonly cores: number;
  readonly memoryBytes: number;
}
export interface ContainerReading extends Reading {
  readonly name: string;
}

export interface SamplesDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** The nodes there are, each with how its usage is learned. */
  readonly nodes: () => Iterable<readonly [name: string, meter: UsageMeter]>;
  readonly meter: (node: string) => UsageMeter | undefined;
  /** How often nodes are measured, ms; also the window of nodes that need no measuring. */
  readonly periodMs: number;
}
interface Pair {
  readonly last: NodeUsage;
  readonly before: NodeUsage | undefined;
  /** Containers of `before`, by id. */
  readonly old: ReadonlyMap<string, Usage>;
  /** Pods of `last`, by uid. */
  readonly pods: ReadonlyMap<string, PodUsage>;
}

/** A container that runs no longer than this says too little of itself, ms (metrics-server's limit for fresh containers). */
const freshMs = 10_000;

/** What nodes and pods use: rates between the last two measurements of each node. */
export class Samples {
  readonly #deps: SamplesDeps;
  readonly #pairs = new Map<string, Pair>();
  #timer: Timer | undefined;
  #stopped = false;
  constructor(deps: SamplesDeps) {
    this.#deps = deps;
  }
  start(): void {
    void this.#round();
  }
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  async #round(): Promise<void> {
    const present = new Set<string>();
    const measured = [...this.#deps.nodes()].map(async ([name, meter]) => {
      present.add(name);
      if (!meter.at) await this.#sample(name, meter);
    });
    await Promise.all(measured);
    for (const name of this.#pairs.keys()) if (!present.has(name)) this.#pairs.delete(name);
    if (!this.#stopped) this.#timer = this.#deps.clock.after(this.#deps.periodMs, () => void this.#round());
  }
  async #sample(name: string, meter: UsageMeter): Promise<void> {
    try {
      const last = await meter.measure();
      const before = this.#pairs.get(name)?.last;
      const old = new Map((before?.pods ?? []).flatMap(({ containers }) => containers.map((one) => [one.id, one])));
      this.#pairs.set(name, { last, before, old, pods: new Map(last.pods.map((pod) => [pod.uid, pod])) });
    } catch (error) {
      this.#deps.log.debug('a node could not be measured', { node: name, error });
      this.#pairs.delete(name);
    }
  }

  /** Undefined until a node was measured twice. */
  node(name: string): Reading | undefined {
    const { periodMs, clock } = this.#deps;
    const meter = this.#deps.meter(name);
    const now = clock.now();
    const pair = meter?.at ? { last: meter.at(now), before: meter.at(now - periodMs) } : this.#pairs.get(name);
    if (!pair?.before || pair.last.time <= pair.before.time) return undefined;
    return reading(pair.last.node, pair.last.time, pair.before.node, pair.before.time);
  }
  /** What each container of a pod uses. Undefined when one of them is too young to say. */
  pod(node: string, uid: string): ContainerReading[] | undefined {
    const meter = this.#deps.meter(node);
    if (meter?.podAt) return this.#computed(meter.podAt.bind(meter), uid);
    const pair = this.#pairs.get(node);
    const pod = pair?.pods.get(uid);
    return pair && pod && readings(pod, pair.last.time, (id) => pair.old.get(id), pair.before?.time);
  }
  #computed(podAt: NonNullable<UsageMeter['podAt']>, uid: string): ContainerReading[] | undefined {
    const now = this.#deps.clock.now();
    const then = now - this.#deps.periodMs;
    const pod = podAt(uid, now);
    if (!pod) return undefined;
    const old = new Map((podAt(uid, then)?.containers ?? []).map((one) => [one.id, one]));
    return readings(pod, now, (id) => old.get(id), then);
  }
}

function readings(pod: PodUsage, time: number, old: (id: string) => Usage | undefined, then: number | undefined): ContainerReading[] | undefined {
  const out: ContainerReading[] = [];
  for (const one of pod.containers) {
    const first = old(one.id);
    if (first && then !== undefined && then < time) out.push({ name: one.name, ...reading(one, time, first, then) });
    else if (time - one.startedAt >= freshMs) out.push({ name: one.name, ...reading(one, time, undefined, one.startedAt) });
    else return undefined;
  }
  return out.length > 0 ? out : undefined;
}
function reading(last: Usage, time: number, first: Usage | undefined, then: number): Reading {
  const cores = Math.max(0, last.cpuSeconds - (first?.cpuSeconds ?? 0)) / ((time - then) / 1000);
  return { time, windowMs: time - then, cores, memoryBytes: last.memoryBytes };
}
