import { headersOf, queryPairs, splitUrl, type WireRequest } from './request.ts';

/** What a presigned URL says of its signature. */
const ofSignature = /^x-amz-(?:algorithm|credential|date|expires|signedheaders|signature|security-token|content-sha256)$/;
/** S3 takes no notice of checksums in a URL: SDKs put that of an empty body there when they sign without one. */
const ignored = /^x-amz-(?:checksum-(?!mode$)|sdk-checksum-algorithm$)/;

/**
 * Headers of a request with those that a presigned URL carries in its query: clients move `x-amz-` headers there, and S3
 * reads them as such. They are signed as all of the query is. A header that is given as one counts.
 */
export function liftedHeaders(request: WireRequest): ReadonlyMap<string, readonly string[]> {
  const headers = headersOf(request.rawHeaders);
  const lifted = queryPairs(splitUrl(request.url).query)
    .map(([name, value]) => [name.toLowerCase(), value] as const)
    .filter(([name]) => name.startsWith('x-amz-') && !ofSignature.test(name) && !ignored.test(name) && !headers.has(name));
  return lifted.length === 0 ? headers : new Map([...headers, ...lifted.map(([name, value]) => [name, [value]] as const)]);
}
