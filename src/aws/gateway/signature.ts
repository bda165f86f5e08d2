import type { Protocol } from '../protocol/types.ts';
import type { SignatureError, SignatureProblem } from '../sigv4/request.ts';
import { AwsError } from './errors.ts';

type Codes = Readonly<Record<SignatureProblem, readonly [code: string, status: number]>>;
const usual: Codes = {
  missing: ['MissingAuthenticationToken', 403],
  incomplete: ['IncompleteSignature', 400],
  expired: ['SignatureDoesNotMatch', 403],
  presigned: ['SignatureDoesNotMatch', 403],
  early: ['SignatureDoesNotMatch', 403],
  mismatch: ['SignatureDoesNotMatch', 403],
  payload: ['SignatureDoesNotMatch', 403],
};
const json: Codes = {
  missing: ['MissingAuthenticationTokenException', 400],
  incomplete: ['IncompleteSignatureException', 400],
  expired: ['InvalidSignatureException', 400],
  presigned: ['InvalidSignatureException', 400],
  early: ['InvalidSignatureException', 400],
  mismatch: ['InvalidSignatureException', 400],
  payload: ['InvalidSignatureException', 400],
};
const s3: Codes = {
  missing: ['AccessDenied', 403],
  incomplete: ['AuthorizationHeaderMalformed', 400],
  expired: ['RequestTimeTooSkewed', 403],
  presigned: ['AccessDenied', 403],
  early: ['RequestTimeTooSkewed', 403],
  mismatch: ['SignatureDoesNotMatch', 403],
  payload: ['XAmzContentSHA256Mismatch', 400],
};

/** What is wrong with a signature, in the words of a protocol. */
export function signatureFailure({ problem, message }: SignatureError, { name }: Protocol): AwsError {
  const codes = name === 'restXml' ? s3 : name === 'awsQuery' || name === 'ec2Query' ? usual : json;
  const [code, status] = codes[problem];
  return new AwsError(code, message, { status });
}
/** A key that is not there, or a token that does not go with it. */
export function unknownKey({ name }: { readonly name: string }): AwsError {
  if (name === 'restXml') return new AwsError('InvalidAccessKeyId', 'The AWS Access Key Id you provided does not exist in our records.', { status: 403 });
  const message = 'The security token included in the request is invalid.';
  return name === 'awsQuery' || name === 'ec2Query'
    ? new AwsError('InvalidClientTokenId', message, { status: 403 })
    : new AwsError('UnrecognizedClientException', message, { status: 400 });
}
export function expiredToken({ name }: { readonly name: string }): AwsError {
  const message = 'The security token included in the request is expired';
  return name === 'awsQuery' || name === 'ec2Query'
    ? new AwsError('ExpiredToken', message, { status: 403 })
    : new AwsError(name === 'restXml' ? 'ExpiredToken' : 'ExpiredTokenException', message, { status: 400 });
}
