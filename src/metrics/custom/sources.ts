import type { Described, MetricSource, Sample } from '../source.ts';

type Listed = Described & { readonly metric: string };
const keyOf = ({ group, plural }: { readonly group: string; readonly plural: string }, metric: string): string => `${plural}.${group}/${metric}`;

/** All sources as one. What there is, is worked out again when a source says that it has changed. */
export class Sources {
  readonly #all: MetricSource[] = [];
  readonly #followers: (() => void)[] = [];
  #custom: ReadonlyMap<string, Listed> | undefined;
  #external: ReadonlySet<string> | undefined;
  add(source: MetricSource): void {
    this.#all.push(source);
    source.follow(() => this.#changed());
    this.#changed();
  }
  follow(changed: () => void): void {
    this.#followers.push(changed);
  }
  #changed(): void {
    this.#custom = undefined;
    this.#external = undefined;
    for (const follower of this.#followers) follower();
  }
  #listed(): ReadonlyMap<string, Listed> {
    if (this.#custom) return this.#custom;
    const found = new Map<string, Listed>();
    for (const source of this.#all) for (const one of source.custom()) found.set(keyOf(one, one.metric), one);
    return (this.#custom = new Map([...found].toSorted(([a], [b]) => (a < b ? -1 : 1))));
  }
  #names(): ReadonlySet<string> {
    return (this.#external ??= new Set(this.#all.flatMap((source) => [...source.external()]).toSorted()));
  }
  /** Each metric of each sort of objects once, in order. */
  custom(): Listed[] {
    return [...this.#listed().values()];
  }
  has(of: { readonly group: string; readonly plural: string }, metric: string): boolean {
    return this.#listed().has(keyOf(of, metric));
  }
  samples(of: Described, namespace: string, name: string, metric: string): Sample[] {
    return this.#all.flatMap((source) => [...source.samples(of, namespace, name, metric)]);
  }
  external(): string[] {
    return [...this.#names()];
  }
  hasExternal(metric: string): boolean {
    return this.#names().has(metric);
  }
  externalSamples(namespace: string, metric: string): Sample[] {
    return this.#all.flatMap((source) => [...source.externalSamples(namespace, metric)]);
  }
}
