import { createHash } from 'node:crypto';

/** Hash of everything that was committed, in order. Commits are gathered: a call of the hash for each costs more than the hash. */
export class Digest {
  readonly #hash = createHash('sha256');
  readonly #buffer = Buffer.allocUnsafeSlow(1 << 16);
  #used = 0;

  add(key: string, revision: number, value: Uint8Array | undefined): void {
    const head = `${key} ${revision} `;
    this.#room(head.length);
    this.#used += this.#buffer.write(head, this.#used, 'latin1');
    if (!value) return;
    if (value.byteLength > this.#buffer.length / 2) {
      this.#flush();
      return void this.#hash.update(value);
    }
    this.#room(value.byteLength);
    this.#buffer.set(value, this.#used);
    this.#used += value.byteLength;
  }
  hex(): string {
    this.#flush();
    return this.#hash.copy().digest('hex');
  }
  #room(bytes: number): void {
    if (this.#used + bytes > this.#buffer.length) this.#flush();
  }
  #flush(): void {
    this.#hash.update(this.#buffer.subarray(0, this.#used));
    this.#used = 0;
  }
}
