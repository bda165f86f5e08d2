import type { KubeObject } from '#machinery';
import type { Revision } from '#store';

/**
 * Stored bytes do not know their revision. They begin with `{"kind":…,"apiVersion":…,"metadata":{"resourceVersion":"`
 * and an empty version right behind it, so that answering is a splice: head, revision, tail; and an object is
 * stringified once in its life.
 */
export class Codec {
  readonly kind: string;
  readonly apiVersion: string;
  readonly head: Buffer;
  /**
   * Whether decoded objects are kept. Nobody in this process follows a kind at first: its entries are bytes, and
   * what is decoded for a request is let go after it. Followers hold the objects anyway, so then they are shared.
   */
  keepsObjects = false;
  #cooling: CacheEntry[] = [];
  constructor(kind: string, apiVersion: string) {
    this.kind = kind;
    this.apiVersion = apiVersion;
    this.head = Buffer.from(`{"kind":${JSON.stringify(kind)},"apiVersion":${JSON.stringify(apiVersion)},"metadata":{"resourceVersion":"`);
  }
  /** Lets the entry's object go at the end of this turn of the loop, unless objects are kept. */
  cool(entry: CacheEntry): void {
    if (this.keepsObjects) return;
    if (this.#cooling.length === 0) setImmediate(() => this.#release());
    this.#cooling.push(entry);
  }
  #release(): void {
    const entries = this.#cooling;
    this.#cooling = [];
    if (!this.keepsObjects) for (const entry of entries) entry.release();
  }
  /** A new top level and metadata around the same fields; its resourceVersion is empty until the store gave one. */
  normalize(object: KubeObject): KubeObject {
    const { kind: _kind, apiVersion: _version, metadata, ...rest } = object;
    const { resourceVersion: _old, ...meta } = metadata ?? {};
    return { kind: this.kind, apiVersion: this.apiVersion, metadata: { resourceVersion: '', ...meta }, ...rest };
  }
  /** `object` must come from `normalize`, with an empty resourceVersion. */
  encode(object: KubeObject): Buffer {
    return ownBytes(JSON.stringify(object));
  }
  /** Whether bytes are laid out by this codec. */
  fits(bytes: Buffer): boolean {
    return bytes.length > this.head.length && bytes.subarray(0, this.head.length).equals(this.head) && bytes[this.head.length] === 0x22;
  }
}

/** UTF-8 in memory of its own: a slice of Node's pool would keep the whole pool alive, and the store would copy it. */
function ownBytes(text: string): Buffer {
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
  bytes.write(text);
  return bytes;
}

type Labels = Readonly<Record<string, string>>;
const noLabels: Labels = {};

/** One state of one object. */
export class CacheEntry {
  readonly key: string;
  readonly revision: Revision;
  readonly codec: Codec;
  readonly #value: Buffer;
  #object: KubeObject | undefined;
  #labels: Labels | undefined;

  constructor(codec: Codec, key: string, revision: Revision, value: Buffer, object?: KubeObject) {
    this.codec = codec;
    this.key = key;
    this.revision = revision;
    this.#value = value;
    if (object) this.#object = this.#hold(object);
  }
  /** Decoded on first use, then shared. */
  get object(): KubeObject {
    return (this.#object ??= this.#hold(JSON.parse(this.#value.toString()) as KubeObject));
  }
  /** metadata.labels: selectors look at them far more often than anyone at the rest. */
  get labels(): Labels {
    return (this.#labels ??= this.object.metadata?.labels ?? noLabels);
  }
  /** Back to bytes and labels. */
  release(): void {
    this.#labels ??= this.#object?.metadata?.labels ?? noLabels;
    this.#object = undefined;
  }
  /** As the store has it. */
  get value(): Buffer {
    return this.#value;
  }
  get size(): number {
    return this.#value.length + 16;
  }
  /** The object as JSON with its resourceVersion; made anew each time (copying beats keeping). */
  json(): Buffer {
    const out = Buffer.allocUnsafe(this.#value.length + 16);
    return out.subarray(0, this.writeTo(out, 0));
  }
  /** Writes the JSON at `offset` and gives the end. `out` needs `size` bytes of room. */
  writeTo(out: Buffer, offset: number): number {
    const at = this.codec.head.length;
    let end = offset + this.#value.copy(out, offset, 0, at);
    end += out.write(String(this.revision), end, 'latin1');
    return end + this.#value.copy(out, end, at);
  }
  /** The same content under another revision: the last state of something deleted. */
  at(revision: Revision): CacheEntry {
    const old = this.object;
    return new CacheEntry(this.codec, this.key, revision, this.#value, { ...old, metadata: { ...old.metadata } });
  }
  #hold(object: KubeObject): KubeObject {
    if (object.metadata) object.metadata.resourceVersion = String(this.revision);
    this.codec.cool(this);
    return object;
  }
}
