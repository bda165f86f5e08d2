import type { KubeObject } from '#machinery';
import type { PodFact } from './facts.ts';

/** An object that is read when somebody asks for it. */
export class Lazy<T extends KubeObject> {
  readonly #value: Buffer | Uint8Array;
  #object: T | undefined;
  constructor(value: Buffer | Uint8Array) {
    this.#value = value;
  }
  get object(): T {
    const { buffer, byteOffset, byteLength } = this.#value;
    return (this.#object ??= JSON.parse(Buffer.from(buffer, byteOffset, byteLength).toString()) as T);
  }
}

interface Tally {
  readonly pods: Set<PodFact>;
  /** Those that are being deleted: they count until they ought to be gone. */
  readonly leaving: Set<PodFact>;
  count: number;
  cpu: number;
}

/** What the pods of each namespace take of its quota. */
export class Tallies {
  readonly #tallies = new Map<string, Tally>();
  add(pod: PodFact): void {
    const tally = this.#of(pod.namespace);
    tally.pods.add(pod);
    this.#count(tally, pod, 1);
    if (pod.deleting && !pod.terminal) tally.leaving.add(pod);
  }
  remove(pod: PodFact): void {
    const tally = this.#of(pod.namespace);
    tally.pods.delete(pod);
    tally.leaving.delete(pod);
    this.#count(tally, pod, -1);
  }
  pods(namespace: string): Iterable<PodFact> {
    return this.#of(namespace).pods;
  }
  of(namespace: string, now: number): { count: number; cpu: number } {
    const tally = this.#of(namespace);
    let { count, cpu } = tally;
    for (const pod of tally.leaving) {
      if (pod.goneAt > now) continue;
      count--;
      cpu -= pod.cpu;
    }
    return { count, cpu };
  }
  #count(tally: Tally, pod: PodFact, by: 1 | -1): void {
    if (pod.terminal) return;
    tally.count += by;
    tally.cpu += by * pod.cpu;
  }
  #of(namespace: string): Tally {
    let tally = this.#tallies.get(namespace);
    if (!tally) this.#tallies.set(namespace, (tally = { pods: new Set(), leaving: new Set(), count: 0, cpu: 0 }));
    return tally;
  }
}

/** How long after its owner a dependent may be there and nobody has told it to go, ms. */
const orphanMs = 30_000;

/** Who is owned by whom, and whether those whose owner is gone are told to go. */
export class Orphans {
  readonly #now: () => number;
  readonly #wrong: (text: string) => void;
  readonly #uids = new Map<string, string>();
  /** Dependents by uid of the owner, and whether they are being deleted. */
  readonly #owned = new Map<string, Map<string, boolean>>();
  /** Owners that are gone, the first first. */
  readonly #gone: { readonly uid: string; readonly owner: string; readonly at: number }[] = [];
  constructor(now: () => number, wrong: (text: string) => void) {
    this.#now = now;
    this.#wrong = wrong;
  }
  /** An owner as it is now; one of the same name may be another one. */
  owner(name: string, object: KubeObject | undefined): void {
    const uid = object?.metadata?.uid;
    const before = this.#uids.get(name);
    if (before === uid) return;
    if (before !== undefined) this.#gone.push({ uid: before, owner: name, at: this.#now() });
    if (uid === undefined) this.#uids.delete(name);
    else this.#uids.set(name, uid);
  }
  put(name: string, owner: string | undefined, deleting: boolean): void {
    if (owner === undefined) return;
    let owned = this.#owned.get(owner);
    if (!owned) this.#owned.set(owner, (owned = new Map()));
    owned.set(name, deleting);
  }
  drop(name: string, owner: string | undefined): void {
    const owned = owner === undefined ? undefined : this.#owned.get(owner);
    if (owned?.delete(name) && owned.size === 0) this.#owned.delete(owner as string);
  }
  /** To be called at every step: tells of those whose time is over. */
  look(): void {
    for (let first = this.#gone[0]; first && first.at + orphanMs <= this.#now(); first = this.#gone[0]) {
      this.#gone.shift();
      for (const [name, deleting] of this.#owned.get(first.uid) ?? []) if (!deleting) this.#wrong(`${name} is an orphan of ${first.owner}`);
    }
  }
}
