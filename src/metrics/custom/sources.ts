import type { Described, MetricSource, Sample } from '../source.ts';

/** All sources as one. */
export class Sources {
  readonly #all: MetricSource[] = [];
  readonly #followers: (() => void)[] = [];
  add(source: MetricSource): void {
    this.#all.push(source);
    source.follow(() => this.#tell());
    this.#tell();
  }
  follow(changed: () => void): void {
    this.#followers.push(changed);
  }
  #tell(): void {
    for (const follower of this.#followers) follower();
  }
  /** Each metric of each sort of objects once, in order. */
  custom(): (Described & { readonly metric: string })[] {
    const found = new Map<string, Described & { readonly metric: string }>();
    for (const source of this.#all) for (const one of source.custom()) found.set(`${one.plural}.${one.group}/${one.metric}`, one);
    return [...found].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
  }
  has(of: { readonly group: string; readonly plural: string }, metric: string): boolean {
    return this.#all.some((source) => [...source.custom()].some((one) => one.metric === metric && one.plural === of.plural && one.group === of.group));
  }
  samples(of: Described, namespace: string, name: string, metric: string): Sample[] {
    return this.#all.flatMap((source) => [...source.samples(of, namespace, name, metric)]);
  }
  external(): string[] {
    return [...new Set(this.#all.flatMap((source) => [...source.external()]))].toSorted();
  }
  externalSamples(namespace: string, metric: string): Sample[] {
    return this.#all.flatMap((source) => [...source.externalSamples(namespace, metric)]);
  }
}
