import { queryPairs, SignatureError } from '../sigv4/request.ts';

/** Bucket of a virtual host: BUCKET.s3.localhost, BUCKET.s3.REGION.localhost, BUCKET.localhost, BUCKET.s3.REGION.amazonaws.com. */
export function bucketOfHost(host: string | undefined): string | undefined {
  const name = (host ?? '').replace(/:\d+$/, '').toLowerCase();
  if (/^(?:s3[.-].*|localhost|[^.]*)$/.test(name)) return undefined;
  return /^(.+?)\.(?:s3(?:[.-][a-z0-9-]+)?\.(?:localhost|amazonaws\.com|localhost\.localstack\.cloud)|localhost)$/.exec(name)?.[1];
}
/** The path with the bucket in it, wherever the request names the bucket. Routes and signatures must read it alike. */
export function pathWithBucket(path: string, host: string | undefined): string {
  const bucket = bucketOfHost(host);
  return bucket === undefined ? path : `/${encodeURIComponent(bucket)}${path}`;
}

/**
 * What a query may say beside the path that decides what is done: the sub-resources and overrides of the developer guide,
 * and all that came to S3 since. Whatever is missing here could be put to somebody else's URL.
 */
export const subresources: ReadonlySet<string> = new Set(
  `abac accelerate acl analytics annotation annotationName attributes cors defaultObjectAcl delete encryption id intelligent-tiering inventory
  legal-hold lifecycle location logging metadataAnnotationTable metadataConfiguration metadataInventoryTable metadataJournalTable metadataTable
  metrics notification object-lock ownershipControls partNumber policy policyStatus publicAccessBlock renameObject replication requestPayment
  restore retention select select-type session storageClass tagging torrent uploadId uploads versionId versioning versions website
  response-cache-control response-content-disposition response-content-encoding response-content-language response-content-type
  response-expires`.split(/\s+/),
);

/**
 * CanonicalizedResource: the path as it was sent, and the sub-resources by name, their values decoded. Throws SignatureError
 * for values that would read as further sub-resources: the string to sign could not tell the two apart.
 */
export function canonicalResource(path: string, query: string): string {
  const signed = query
    .split('&')
    .flatMap((piece) => queryPairs(piece).map(([name, value]) => ({ name, text: piece.includes('=') ? `${name}=${value}` : name })))
    .filter(({ name }) => subresources.has(name))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  for (const { text } of signed) {
    const [, ...more] = text.split('&');
    if (more.some((one) => subresources.has(one.split('=', 1)[0] as string))) throw new SignatureError('presigned', 'A sub-resource has an ambiguous value');
  }
  return signed.length === 0 ? path : `${path}?${signed.map(({ text }) => text).join('&')}`;
}
