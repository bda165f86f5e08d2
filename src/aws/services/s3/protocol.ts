import { AwsError } from '../../gateway/errors.ts';
import { restXml } from '../../protocol/rest-xml.ts';
import type { CallRequest, Protocol } from '../../protocol/types.ts';
import { escapeXml } from '../../protocol/xml.ts';
import { pathWithBucket } from '../../sigv2/resource.ts';

/** A refusal with headers of its own: entity tags of 304, delete markers, the size of what a range missed. */
export class S3Refusal extends AwsError {
  readonly headers: Readonly<Record<string, string>>;
  constructor(code: string, message: string, options: ConstructorParameters<typeof AwsError>[2], headers: Readonly<Record<string, string>>) {
    super(code, message, options);
    this.headers = headers;
  }
}

function pathStyle(request: CallRequest): CallRequest {
  const path = pathWithBucket(request.path, request.header('host'));
  return path === request.path ? request : { ...request, path };
}

/** REST with XML as S3 speaks it: buckets in hosts, parts of objects, a location without an element around it, headers with errors. */
export const s3Xml: Protocol = {
  ...restXml,
  target: (request, contract) => restXml.target(pathStyle(request), contract),
  encode(output, operation, contract, requestId) {
    const answer = restXml.encode(output, operation, contract, requestId);
    if (operation.name === 'GetBucketLocation') {
      const region = output['LocationConstraint'];
      const body = `<?xml version="1.0" encoding="UTF-8"?>\n<LocationConstraint xmlns="${contract.namespace}">${typeof region === 'string' ? escapeXml(region) : ''}</LocationConstraint>`;
      return { ...answer, body };
    }
    return output['ContentRange'] === undefined ? answer : { ...answer, status: 206 };
  },
  encodeError(error, contract, requestId) {
    const answer = restXml.encodeError(error, contract, requestId);
    return error instanceof S3Refusal ? { ...answer, headers: { ...answer.headers, ...error.headers } } : answer;
  },
};
