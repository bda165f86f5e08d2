import type { Constraints } from '../protocol/constraints.ts';
import { refusal } from '../protocol/findings.ts';
import type { Contract, Operation } from '../protocol/schema.ts';
import type { Protocol, Value } from '../protocol/types.ts';
import { compileInput, type InputCheck } from '../protocol/validate.ts';
import type { AwsError } from './errors.ts';
import type { Service } from './service.ts';

/** The inputs of a service against its model. What an operation demands is compiled at its first call. */
export class Validation {
  readonly #service: Service;
  readonly #contract: Contract;
  readonly #constraints: Constraints;
  readonly #checks = new Map<string, InputCheck>();

  constructor(service: Service, contract: Contract, constraints: Constraints) {
    this.#service = service;
    this.#contract = contract;
    this.#constraints = constraints;
  }

  /** The error that an input is to be refused with; undefined when it is as the model says. Throws AwsError when it cannot be read. */
  check(input: Value, operation: Operation, protocol: Protocol): AwsError | undefined {
    let check = this.#checks.get(operation.name);
    if (!check) this.#checks.set(operation.name, (check = compileInput(operation, this.#contract, this.#constraints, protocol.malformed)));
    const findings = check(input);
    if (findings.length === 0) return undefined;
    return (this.#service.refuse ?? protocol.refuse ?? refusal(protocol.invalid))(findings);
  }
}
