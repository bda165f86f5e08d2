import { admissionEnvironment, compileCel, type AdmissionScope, type CelProgram } from '#machinery';
import type { Activation } from './activation.ts';

export interface MatchCondition {
  readonly name: string;
  readonly expression: string;
}
/** What all match conditions of one member may cost together. */
const budget = 2_500_000;

/** matchConditions of a webhook or policy, compiled when they are first needed. */
export class Conditions {
  readonly #conditions: readonly MatchCondition[];
  readonly #scope: AdmissionScope;
  #programs: readonly CelProgram[] | undefined;
  constructor(conditions: readonly MatchCondition[] = [], scope: AdmissionScope = {}) {
    this.#conditions = conditions;
    this.#scope = scope;
  }
  get none(): boolean {
    return this.#conditions.length === 0;
  }
  /** Whether all hold. Throws Error when none is false and one of them failed: the failurePolicy decides then. */
  hold(activation: Activation): boolean {
    const left = { remaining: budget };
    const errors: string[] = [];
    for (const [i, program] of this.#compiled().entries()) {
      try {
        if (program.evaluate(activation, left).value !== true) return false;
      } catch (error) {
        errors.push(`match condition ${JSON.stringify(this.#conditions[i]?.name)} failed: ${(error as Error).message}`);
      }
    }
    if (errors.length > 0) throw new Error(errors.join(', '));
    return true;
  }
  #compiled(): readonly CelProgram[] {
    return (this.#programs ??= this.#conditions.map(({ expression }) => compileCel(expression, { ...admissionEnvironment(this.#scope), returns: ['bool'] })));
  }
}
