/** S3's error codes that the engine and its service give, with their HTTP status (Amazon S3 API Reference, Error responses). */
const statuses = {
  AccessDenied: 403,
  AccessControlListNotSupported: 400,
  BadDigest: 400,
  BucketAlreadyExists: 409,
  BucketAlreadyOwnedByYou: 409,
  BucketNotEmpty: 409,
  EntityTooLarge: 400,
  EntityTooSmall: 400,
  IncompleteBody: 400,
  InternalError: 500,
  InvalidArgument: 400,
  InvalidBucketAclWithBlockPublicAccessError: 400,
  InvalidBucketAclWithObjectOwnership: 400,
  InvalidBucketName: 400,
  InvalidBucketState: 409,
  InvalidTargetBucketForLogging: 400,
  MissingSecurityHeader: 400,
  InvalidDigest: 400,
  InvalidPart: 400,
  InvalidPartNumber: 416,
  InvalidPartOrder: 400,
  InvalidObjectState: 403,
  InvalidRange: 416,
  InvalidRetentionPeriod: 400,
  InvalidRequest: 400,
  InvalidStorageClass: 400,
  InvalidTag: 400,
  KeyTooLongError: 400,
  MalformedPolicy: 400,
  MalformedXML: 400,
  MetadataTooLarge: 400,
  MethodNotAllowed: 405,
  NoSuchBucket: 404,
  NoSuchBucketPolicy: 404,
  NoSuchCORSConfiguration: 404,
  NoSuchConfiguration: 404,
  NoSuchKey: 404,
  NoSuchLifecycleConfiguration: 404,
  NoSuchPublicAccessBlockConfiguration: 404,
  NoSuchObjectLockConfiguration: 404,
  NoSuchTagSet: 404,
  NoSuchUpload: 404,
  NoSuchVersion: 404,
  NotImplemented: 501,
  NotModified: 304,
  ObjectLockConfigurationNotFoundError: 404,
  OwnershipControlsNotFoundError: 404,
  PreconditionFailed: 412,
  ReplicationConfigurationNotFoundError: 404,
  ServerSideEncryptionConfigurationNotFoundError: 404,
  ServiceUnavailable: 503,
  TooManyBuckets: 400,
  TooManyConfigurations: 400,
  UnresolvableGrantByEmailAddress: 400,
  NoSuchWebsiteConfiguration: 404,
} as const;

export type ObjectsErrorCode = keyof typeof statuses;

/** An answer of S3's: `fields` are further elements of its body, `headers` go with it. */
export class ObjectsError extends Error {
  readonly code: ObjectsErrorCode;
  readonly status: number;
  readonly fields: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: ObjectsErrorCode, message: string, fields: Record<string, string> = {}, headers: Record<string, string> = {}) {
    super(message);
    this.name = code;
    this.code = code;
    this.status = statuses[code];
    this.fields = fields;
    this.headers = headers;
  }
}

export const noSuchBucket = (name: string): ObjectsError => new ObjectsError('NoSuchBucket', 'The specified bucket does not exist', { BucketName: name });
export const noSuchKey = (key: string): ObjectsError => new ObjectsError('NoSuchKey', 'The specified key does not exist.', { Key: key });
export const noSuchUpload = (id: string): ObjectsError =>
  new ObjectsError('NoSuchUpload', 'The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.', {
    UploadId: id,
  });
