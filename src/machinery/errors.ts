/** metav1.StatusReason values that this server answers with, and their HTTP codes. */
export const reasons = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  AlreadyExists: 409,
  Conflict: 409,
  Gone: 410,
  Expired: 410,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  Invalid: 422,
  TooManyRequests: 429,
  InternalError: 500,
  NotImplemented: 501,
  ServiceUnavailable: 503,
  Timeout: 504,
  /** An error that the real server never classified: its Status has no reason. */
  '': 500,
} as const;
export type StatusReason = keyof typeof reasons;

export interface StatusCause {
  reason?: string;
  message?: string;
  field?: string;
}
export interface StatusDetails {
  name?: string;
  group?: string;
  kind?: string;
  uid?: string;
  causes?: StatusCause[];
  retryAfterSeconds?: number;
}
/** metav1.Status. */
export interface Status {
  apiVersion: 'v1';
  kind: 'Status';
  metadata: { resourceVersion?: string };
  status: 'Success' | 'Failure';
  message?: string;
  reason?: string;
  details?: StatusDetails;
  code?: number;
}

/** An error that *is* a metav1.Status. Everything the API refuses is one of these. */
export class ApiError extends Error {
  readonly reason: StatusReason;
  readonly code: number;
  readonly details: StatusDetails | undefined;
  /** `wire`: code and reason of a Status that another server gave; it may have its own words. */
  constructor(reason: StatusReason, message: string, details?: StatusDetails, wire?: { readonly code: number; readonly reason: string }) {
    super(message);
    this.name = 'ApiError';
    this.reason = (wire?.reason ?? reason) as StatusReason;
    this.code = wire?.code ?? reasons[reason];
    this.details = details;
  }
  get status(): Status {
    return {
      apiVersion: 'v1',
      kind: 'Status',
      metadata: {},
      status: 'Failure',
      message: this.message,
      ...(this.reason ? { reason: this.reason } : {}),
      ...(this.details ? { details: this.details } : {}),
      code: this.code,
    };
  }
}

export function isApiError(error: unknown, reason?: StatusReason): error is ApiError {
  return error instanceof ApiError && (reason === undefined || error.reason === reason);
}

interface Named {
  readonly group: string;
  readonly plural: string;
  readonly kind: string;
}
const qualified = (kind: Named): string => (kind.group ? `${kind.plural}.${kind.group}` : kind.plural);
const details = (kind: Named, name: string): StatusDetails => ({ name, ...(kind.group ? { group: kind.group } : {}), kind: kind.plural });

/** A path of the API that leads nowhere. */
export const unknownResource = (): ApiError => new ApiError('NotFound', 'the server could not find the requested resource', {});
/** A resource that does not know the verb. */
export const methodNotAllowed = (): ApiError => new ApiError('MethodNotAllowed', 'the server does not allow this method on the requested resource', {});
export const notFound = (kind: Named, name: string): ApiError => new ApiError('NotFound', `${qualified(kind)} "${name}" not found`, details(kind, name));
export const alreadyExists = (kind: Named, name: string): ApiError =>
  new ApiError('AlreadyExists', `${qualified(kind)} "${name}" already exists`, details(kind, name));
export const conflict = (
  kind: Named,
  name: string,
  why = 'the object has been modified; please apply your changes to the latest version and try again',
): ApiError => new ApiError('Conflict', `Operation cannot be fulfilled on ${qualified(kind)} "${name}": ${why}`, details(kind, name));
export const badRequest = (message: string): ApiError => new ApiError('BadRequest', message);
export const expired = (message = 'The resourceVersion for the provided list is too old.'): ApiError => new ApiError('Expired', message);

/** One finding of validation; `type` is the reason kubectl users know, for example FieldValueInvalid. */
export interface FieldError {
  /** Such as spec.containers[0].name. */
  field: string;
  reason:
    | 'FieldValueRequired'
    | 'FieldValueInvalid'
    | 'FieldValueNotSupported'
    | 'FieldValueDuplicate'
    | 'FieldValueForbidden'
    | 'FieldValueTooLong'
    | 'FieldValueTooMany'
    | 'FieldValueNotFound'
    | 'FieldValueTypeInvalid';
  /** Full text without the field, for example `Invalid value: "x": must be …` or `Required value`. */
  message: string;
}

/** 422 with the text that kubectl shows: `Pod "x" is invalid: [a: …, b: …]`. */
export function invalid(kind: Named, name: string, errors: readonly FieldError[]): ApiError {
  const texts = errors.map((e) => `${e.field}: ${e.message}`);
  const text = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`;
  const full = kind.group ? `${kind.kind}.${kind.group}` : kind.kind;
  return new ApiError('Invalid', `${full} "${name}" is invalid: ${text}`, {
    name,
    ...(kind.group ? { group: kind.group } : {}),
    kind: kind.kind,
    causes: errors.map((e) => ({ reason: e.reason, message: e.message, field: e.field })),
  });
}
