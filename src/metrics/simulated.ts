import type { Clock } from '#base';
import type { Informer } from '#client';
import type { V1Pod } from '#kinds';
import type { UsageMeter } from '#machinery';
import type { Described, MetricSource, Sample } from './source.ts';

/** `batuta.dev/sim-metric.NAME` of a pod on a simulated node says what its metric NAME is; the node makes a number of it. */
const prefix = 'batuta.dev/sim-metric.';
const index = 'simulatedMetrics';
const pods: Described = { group: '', plural: 'pods', namespaced: true };
const namesOf = (pod: V1Pod): string[] =>
  Object.keys(pod.metadata?.annotations ?? {}).flatMap((key) => (key.startsWith(prefix) ? key.slice(prefix.length) : []));

export interface SimulatedDeps {
  readonly clock: Clock;
  readonly pods: Informer<V1Pod>;
  readonly meter: (node: string) => UsageMeter | undefined;
}

/** Metrics of pods that run nothing. */
export class SimulatedMetrics implements MetricSource {
  readonly name = 'simulated';
  readonly #deps: SimulatedDeps;
  /** How many pods have a metric, by its name. */
  readonly #pods = new Map<string, number>();
  readonly #followers: (() => void)[] = [];
  constructor(deps: SimulatedDeps) {
    this.#deps = deps;
    deps.pods.addIndex(index, (pod) => (namesOf(pod).length > 0 ? [pod.metadata?.namespace ?? ''] : []));
    deps.pods.onChange((pod, old) => this.#count(pod, old));
  }
  #count(pod: V1Pod | undefined, old: V1Pod | undefined): void {
    if (pod?.metadata?.annotations === old?.metadata?.annotations) return;
    const before = this.#pods.size;
    let changed = false;
    for (const [names, step] of [
      [pod ? namesOf(pod) : [], 1],
      [old ? namesOf(old) : [], -1],
    ] as const) {
      for (const name of names) {
        const count = (this.#pods.get(name) ?? 0) + step;
        changed ||= count === step && step > 0;
        if (count > 0) this.#pods.set(name, count);
        else this.#pods.delete(name);
      }
    }
    if (changed || this.#pods.size !== before) for (const follower of this.#followers) follower();
  }
  *custom(): Iterable<Described & { metric: string }> {
    for (const metric of this.#pods.keys()) yield { ...pods, metric };
  }
  *samples({ group, plural }: Described, namespace: string, name: string, metric: string): Iterable<Sample> {
    const pod = group === '' && plural === 'pods' ? this.#deps.pods.get(namespace, name) : undefined;
    const sample = pod && this.#sample(pod, metric);
    if (sample) yield sample;
  }
  external(): Iterable<string> {
    return this.#pods.keys();
  }
  *externalSamples(namespace: string, metric: string): Iterable<Sample> {
    for (const pod of this.#deps.pods.byIndex(index, namespace)) {
      const sample = this.#sample(pod, metric);
      if (sample) yield { ...sample, labels: { pod: pod.metadata?.name ?? '' } };
    }
  }
  #sample({ metadata, spec }: V1Pod, metric: string): Sample | undefined {
    const time = this.#deps.clock.now();
    const value = this.#deps.meter(spec?.nodeName ?? '')?.podAt?.(metadata?.uid ?? '', time)?.metrics?.[metric];
    return value === undefined ? undefined : { value, time, labels: {} };
  }
  follow(changed: () => void): void {
    this.#followers.push(changed);
  }
}
