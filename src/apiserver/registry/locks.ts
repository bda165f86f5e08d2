/**
 * One writer per key at a time. The store's compare-and-swap makes writes correct; taking turns makes them
 * succeed at the first try when many clients write the same object.
 */
export class Locks {
  readonly #tails = new Map<string, Promise<void>>();

  /** `work` may call `release` before it waits for something slow: the next writer goes on then. */
  async run<T>(key: string, work: (release: () => void) => Promise<T>): Promise<T> {
    const before = this.#tails.get(key);
    let open: () => void = () => {};
    const tail = new Promise<void>((resolve) => (open = resolve));
    this.#tails.set(key, tail);
    const release = (): void => {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
      open();
    };
    if (before) await before;
    try {
      return await work(release);
    } finally {
      release();
    }
  }
}
