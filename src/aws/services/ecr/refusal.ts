/** A refusal in the words of the distribution specification. */
export class Refusal extends Error {
  readonly code: 'UNAUTHORIZED' | 'DENIED' | 'NAME_UNKNOWN' | 'UNSUPPORTED' | 'TAG_INVALID' | 'UNAVAILABLE';
  readonly headers: Readonly<Record<string, string>>;
  constructor(code: Refusal['code'], message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.name = 'Refusal';
    this.code = code;
    this.headers = headers;
  }
}
