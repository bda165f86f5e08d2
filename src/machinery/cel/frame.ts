import { CelCostError, CelError } from './errors.ts';
import type { Value } from './values.ts';

/** What an evaluation may cost all in all; shared by the rules of one object. */
export interface Budget {
  remaining: number;
}

/** One evaluation: its variables and what it has cost so far. */
export class Frame {
  /** Variables of macros, by the slots that the planner gave them. */
  readonly locals: Value[] = [];
  cost = 0;
  readonly #limit: number;
  readonly #read: (name: string) => Value | undefined;
  readonly #known = new Map<string, Value>();

  constructor(read: (name: string) => Value | undefined, limit: number) {
    this.#read = read;
    this.#limit = limit;
  }

  charge(cost: number): void {
    this.cost += cost;
    if (this.cost > this.#limit) throw new CelCostError();
  }

  variable(name: string): Value {
    let value = this.#known.get(name);
    if (value === undefined) {
      value = this.#read(name);
      if (value === undefined) throw new CelError(`no such attribute(s): ${name}`);
      this.#known.set(name, value);
    }
    return value;
  }
}
