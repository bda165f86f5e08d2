/** One element of DER (X.690): its tag, what it holds, and all its bytes. */
export interface Element {
  readonly tag: number;
  readonly content: Buffer;
  readonly whole: Buffer;
}

/** Thrown for whatever is no DER. */
export class DerError extends Error {}

/** Walks over the elements of a buffer; never past its end. */
export class DerReader {
  readonly #bytes: Buffer;
  #at = 0;
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }
  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }
  /** The next element. With `tag`, another one is an error. */
  next(tag?: number): Element {
    const start = this.#at;
    const found = this.#byte();
    // Tags above 30 take several bytes; nothing that we read has them.
    if ((found & 0x1f) === 0x1f) throw new DerError('unsupported tag');
    const length = this.#length();
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new DerError('an element is cut off');
    const element = { tag: found, content: this.#bytes.subarray(this.#at, end), whole: this.#bytes.subarray(start, end) };
    if (tag !== undefined && found !== tag) throw new DerError(`tag ${found} instead of ${tag}`);
    this.#at = end;
    return element;
  }
  /** The next element when it has this tag. */
  optional(tag: number): Element | undefined {
    return !this.done && this.#bytes[this.#at] === tag ? this.next(tag) : undefined;
  }
  #byte(): number {
    const value = this.#bytes[this.#at++];
    if (value === undefined) throw new DerError('an element is cut off');
    return value;
  }
  #length(): number {
    const first = this.#byte();
    if (first < 0x80) return first;
    const count = first & 0x7f;
    if (count === 0 || count > 4) throw new DerError('unsupported length');
    let length = 0;
    for (let i = 0; i < count; i++) length = length * 256 + this.#byte();
    return length;
  }
}

export const inside = (element: Element): DerReader => new DerReader(element.content);

/** All elements of a constructed one. */
export function elements(element: Element): Element[] {
  const reader = inside(element);
  const out: Element[] = [];
  while (!reader.done) out.push(reader.next());
  return out;
}

/** The dotted form of an object identifier. */
export function oidText({ content }: Element): string {
  const numbers: number[] = [];
  let value = 0;
  for (const byte of content) {
    value = value * 128 + (byte & 0x7f);
    if (value > Number.MAX_SAFE_INTEGER / 128) throw new DerError('an object identifier is too large');
    if (byte & 0x80) continue;
    if (numbers.length > 0) numbers.push(value);
    else numbers.push(Math.min(2, Math.floor(value / 40)), value - 40 * Math.min(2, Math.floor(value / 40)));
    value = 0;
  }
  return numbers.join('.');
}

/** Any of the string types that names are written in. */
export function stringText({ tag, content }: Element): string {
  if (tag === 0x1e && content.length % 2 === 1) throw new DerError('half a character');
  if (tag === 0x1e) return Buffer.from(content).swap16().toString('utf16le');
  return content.toString(tag === 0x0c ? 'utf8' : 'latin1');
}
