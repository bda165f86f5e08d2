/** Error codes of the distribution specification (and those that its first implementation added), with the status that each answers with. */
const statuses = {
  BLOB_UNKNOWN: 404,
  BLOB_UPLOAD_INVALID: 400,
  BLOB_UPLOAD_UNKNOWN: 404,
  DIGEST_INVALID: 400,
  MANIFEST_BLOB_UNKNOWN: 400,
  MANIFEST_INVALID: 400,
  MANIFEST_UNKNOWN: 404,
  NAME_INVALID: 400,
  NAME_UNKNOWN: 404,
  SIZE_INVALID: 400,
  UNAUTHORIZED: 401,
  DENIED: 403,
  UNSUPPORTED: 405,
  TOOMANYREQUESTS: 429,
  RANGE_INVALID: 416,
  TAG_INVALID: 400,
  PAGINATION_NUMBER_INVALID: 400,
  UNAVAILABLE: 503,
  UNKNOWN: 500,
} as const;

export type ErrorCode = keyof typeof statuses;

/** An error that is the protocol's own answer. */
export class RegistryError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly detail: unknown;
  /** Headers of the answer, such as WWW-Authenticate. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: ErrorCode, message: string, detail?: unknown, how: { status?: number; headers?: Record<string, string> } = {}) {
    super(message);
    this.code = code;
    this.status = how.status ?? statuses[code];
    this.detail = detail;
    this.headers = how.headers ?? {};
  }
  body(): string {
    return JSON.stringify({ errors: [{ code: this.code, message: this.message, ...(this.detail === undefined ? {} : { detail: this.detail }) }] });
  }
}
