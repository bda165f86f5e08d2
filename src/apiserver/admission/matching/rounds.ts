import { isDeepStrictEqual } from 'node:util';
import { cloneObject, type KubeObject } from '#machinery';
import type { AdmissionRequest } from '../../types.ts';

/**
 * Reinvocation of mutating webhooks and policies (reinvocationPolicy IfNeeded). The chain of admission runs at most
 * twice: the second time because something was changed after a member that wants to see the outcome.
 */
export class Rounds {
  readonly #open = new WeakMap<AdmissionRequest, Round>();
  enter(request: AdmissionRequest): Round {
    const former = this.#open.get(request);
    if (former) {
      former.again(request.object);
      return former;
    }
    const round = new Round();
    this.#open.set(request, round);
    return round;
  }
}

export class Round {
  #second = false;
  #changed = false;
  #called = new Set<string>();
  readonly #wanted = new Set<string>();
  #output: KubeObject | undefined;

  get number(): 0 | 1 {
    return this.#second ? 1 : 0;
  }
  /** Whether a member is to be called in this run. */
  wants(id: string): boolean {
    return !this.#second || this.#wanted.has(id);
  }
  /** A member that was called and asked to see later changes. */
  reinvocable(id: string): void {
    this.#called.add(id);
  }
  /** Whatever was called before this change and cares is to see it. */
  changed(): void {
    this.#changed = true;
    for (const id of this.#called) this.#wanted.add(id);
    this.#called = new Set();
  }
  again(object: KubeObject): void {
    this.#second = true;
    if (!isDeepStrictEqual(this.#output, object)) this.changed();
  }
  /** Ends a run; `again` asks the chain for another one. */
  leave({ object }: AdmissionRequest): void | 'again' {
    if (this.#second) return;
    if (this.#called.size === 0 && !this.#changed) return;
    this.#output = cloneObject(object);
    if (this.#changed) return 'again';
  }
}
