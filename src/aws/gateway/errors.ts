/** Further facts of an error. */
export interface AwsErrorOptions {
  /** HTTP status. Default: what the contract says of the code, or 400 for a client's fault and 500 for ours. */
  readonly status?: number;
  readonly fault?: 'client' | 'server';
  /** Members of the error's shape beyond its message. */
  readonly fields?: Readonly<Record<string, unknown>>;
}

/**
 * What a call is refused with. `code` is the code that clients see, or the name of the error's shape: where the
 * contract says that the two differ (NoSuchEntityException is NoSuchEntity over the query protocol), the protocol does it.
 */
export class AwsError extends Error {
  readonly code: string;
  readonly status: number | undefined;
  readonly fault: 'client' | 'server' | undefined;
  readonly fields: Readonly<Record<string, unknown>>;

  constructor(code: string, message: string, options: AwsErrorOptions = {}) {
    super(message);
    this.name = 'AwsError';
    this.code = code;
    this.status = options.status;
    this.fault = options.fault;
    this.fields = options.fields ?? {};
  }
}
