import type { V1Pod } from '#kinds';
import { labelRequirements, parseLabelSelector, type LabelMatcher } from '#machinery';

interface Entry {
  readonly text: string;
  readonly matches: LabelMatcher;
  readonly bucket: string;
}

/** Which autoscalers pick a pod by the selectors of what they scale: two of them would pull at the same pods. */
export class Overlap {
  readonly #entries = new Map<string, Entry>();
  /** Keys by `namespace/label=value` that their selector asks for, or by `namespace/` where it asks for none. */
  readonly #buckets = new Map<string, Set<string>>();

  note(key: string, namespace: string, text: string): void {
    if (this.#entries.get(key)?.text === text) return;
    this.forget(key);
    const first = labelRequirements(text).find(({ operator }) => operator === '=' || operator === '==');
    const bucket = first ? `${namespace}/${first.key}=${first.values[0] ?? ''}` : `${namespace}/`;
    this.#entries.set(key, { text, matches: parseLabelSelector(text), bucket });
    const keys = this.#buckets.get(bucket);
    if (keys) keys.add(key);
    else this.#buckets.set(bucket, new Set([key]));
  }
  forget(key: string): void {
    const { bucket } = this.#entries.get(key) ?? {};
    if (bucket === undefined) return;
    this.#entries.delete(key);
    const keys = this.#buckets.get(bucket);
    keys?.delete(key);
    if (keys?.size === 0) this.#buckets.delete(bucket);
  }
  /** In order. */
  of(namespace: string, pods: readonly V1Pod[]): string[] {
    const found = new Set<string>();
    for (const { metadata } of pods) {
      const labels = metadata?.labels ?? {};
      for (const bucket of [`${namespace}/`, ...Object.entries(labels).map(([key, value]) => `${namespace}/${key}=${value}`)])
        for (const key of this.#buckets.get(bucket) ?? []) if (!found.has(key) && this.#entries.get(key)?.matches(labels)) found.add(key);
    }
    return [...found].toSorted();
  }
}
