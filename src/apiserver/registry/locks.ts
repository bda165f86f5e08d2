/**
 * One writer per key at a time. The store's compare-and-swap makes writes correct; taking turns makes them
 * succeed at the first try when many clients write the same object.
 */
export class Locks {
  readonly #tails = new Map<string, Promise<void>>();

  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key);
    let release: () => void = () => {};
    const tail = new Promise<void>((resolve) => (release = resolve));
    this.#tails.set(key, tail);
    if (before) await before;
    try {
      return await work();
    } finally {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
      release();
    }
  }
}
