/** Entries per chunk before it is split: inserting moves at most this many references. */
const CHUNK = 512;

interface Chunk<V> {
  readonly keys: string[];
  readonly values: V[];
}

/** A position between two entries: chunk index and index inside the chunk. */
interface Position {
  chunk: number;
  index: number;
}

/**
 * A map with string keys that is read in key order (UTF-16 code units, as `<` compares; the same as
 * byte order for ASCII keys). A list of sorted chunks: get O(1), insert and delete O(log n + 512),
 * ranges O(log n + result).
 */
export class OrderedMap<V> {
  #byKey = new Map<string, V>();
  #chunks: Chunk<V>[] = [];

  get size(): number {
    return this.#byKey.size;
  }
  get(key: string): V | undefined {
    return this.#byKey.get(key);
  }
  has(key: string): boolean {
    return this.#byKey.has(key);
  }
  values(): IterableIterator<V> {
    return this.#byKey.values();
  }

  set(key: string, value: V): void {
    const known = this.#byKey.has(key);
    this.#byKey.set(key, value);
    const at = this.#insertion(key);
    const chunk = this.#chunks[at.chunk];
    if (!chunk) this.#chunks.push({ keys: [key], values: [value] });
    else if (known) chunk.values[at.index] = value;
    else {
      chunk.keys.splice(at.index, 0, key);
      chunk.values.splice(at.index, 0, value);
      if (chunk.keys.length > CHUNK) this.#split(at.chunk, chunk);
    }
  }

  delete(key: string): boolean {
    if (!this.#byKey.delete(key)) return false;
    const at = this.#insertion(key);
    const chunk = this.#chunks[at.chunk] as Chunk<V>;
    chunk.keys.splice(at.index, 1);
    chunk.values.splice(at.index, 1);
    if (chunk.keys.length === 0) this.#chunks.splice(at.chunk, 1);
    return true;
  }

  /** Replaces everything at once (one sort instead of an insertion per key) and keeps the map. */
  load(entries: Map<string, V>): void {
    this.#byKey = entries;
    this.#chunks = [];
    const keys = [...entries.keys()].sort();
    for (let i = 0; i < keys.length; i += CHUNK / 2) {
      const slice = keys.slice(i, i + CHUNK / 2);
      const values = slice.map((key) => entries.get(key) as V);
      this.#chunks.push({ keys: slice, values });
    }
  }

  /** How many keys are ≥ `from` and < `to` (undefined = no bound). */
  count(from: string, to: string | undefined): number {
    if (to !== undefined && to <= from) return 0;
    const start = this.#lowerBound(from);
    const end = to === undefined ? { chunk: this.#chunks.length, index: 0 } : this.#lowerBound(to);
    let count = end.index - start.index;
    for (let i = start.chunk; i < end.chunk; i++) count += (this.#chunks[i] as Chunk<V>).keys.length;
    return count;
  }

  /** Calls `visit` for the keys ≥ `from` and < `to` in order, until it returns false. */
  scan(from: string, to: string | undefined, visit: (key: string, value: V) => boolean): void {
    const start = this.#lowerBound(from);
    for (let c = start.chunk; c < this.#chunks.length; c++) {
      const { keys, values } = this.#chunks[c] as Chunk<V>;
      for (let i = c === start.chunk ? start.index : 0; i < keys.length; i++) {
        const key = keys[i] as string;
        if (to !== undefined && key >= to) return;
        if (!visit(key, values[i] as V)) return;
      }
    }
  }

  /** Where the first key ≥ `key` is; past the last chunk when there is none. */
  #lowerBound(key: string): Position {
    const at = this.#insertion(key);
    const chunk = this.#chunks[at.chunk];
    return chunk && at.index === chunk.keys.length ? { chunk: at.chunk + 1, index: 0 } : at;
  }

  /** Where `key` is or belongs: in the last chunk that starts at or before it. */
  #insertion(key: string): Position {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (((this.#chunks[middle] as Chunk<V>).keys[0] as string) <= key) low = middle + 1;
      else high = middle;
    }
    const chunk = Math.max(0, low - 1);
    return { chunk, index: lowerIndex(this.#chunks[chunk]?.keys ?? [], key) };
  }

  #split(index: number, chunk: Chunk<V>): void {
    const half = chunk.keys.length >>> 1;
    this.#chunks.splice(index + 1, 0, { keys: chunk.keys.splice(half), values: chunk.values.splice(half) });
  }
}

function lowerIndex(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] as string) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The first string after every string that starts with `prefix`; undefined when there is none. */
export function prefixEnd(prefix: string): string | undefined {
  for (let i = prefix.length - 1; i >= 0; i--) {
    const unit = prefix.charCodeAt(i);
    if (unit < 0xffff) return prefix.slice(0, i) + String.fromCharCode(unit + 1);
  }
  return undefined;
}
