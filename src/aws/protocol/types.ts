import type { AwsError } from '../gateway/errors.ts';
import type { BodyStream } from '../sigv4/chunks.ts';
import type { Refusal } from './findings.ts';
import type { Contract, Operation } from './schema.ts';

/** Input and output of an operation as the SDKs have them: Dates, Buffers, lists and plain objects. */
export type Value = Readonly<Record<string, unknown>>;

/** What a protocol reads a call from. */
export interface CallRequest {
  readonly method: string;
  /** As it was sent; path and query are its parts. */
  readonly url: string;
  readonly rawHeaders: readonly string[];
  /** Path and query as they were sent. */
  readonly path: string;
  readonly query: string;
  /** By lower-case name; the first value, where there are several. */
  header(name: string): string | undefined;
  readonly headers: ReadonlyMap<string, readonly string[]>;
  /** Empty where the body is a stream. */
  readonly body: Buffer;
  /** The body of an operation that takes a stream. */
  readonly stream: BodyStream | undefined;
}

export interface CallResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | AsyncIterable<Uint8Array> | undefined;
}

/** An operation with what its path said of it. */
export interface Target {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** One way of putting calls into HTTP. */
export interface Protocol {
  readonly name: string;
  /** Loads what only this protocol needs; before anything else of it is used. */
  prepare?(): Promise<void>;
  /** Which operation is asked for, known or not; undefined when the request does not say. */
  target(request: CallRequest, contract: Contract): Target | undefined;
  /** Throws AwsError. */
  decode(request: CallRequest, operation: Operation, target: Target, contract: Contract): Value;
  encode(output: Value, operation: Operation, contract: Contract, requestId: string): CallResponse;
  encodeError(error: AwsError, contract: Contract | undefined, requestId: string): CallResponse;
  /** The code of a name for an action that nobody knows. */
  readonly unknownAction: string;
  /** The code of values that break the contract. */
  readonly invalid: string;
  /** The code of values that cannot be read. */
  readonly malformed: string;
  /** How the protocol's only service tells of values that break the contract, where it has words of its own. */
  readonly refuse?: Refusal;
}
