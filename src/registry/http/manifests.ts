import { RegistryError } from '../errors.ts';
import { MAX_MANIFEST_BYTES } from '../manifest.ts';
import { checkDigest, checkReference } from '../names.ts';
import { answer, answerBytes, answerJson, header, isUnchanged, type Exchange } from './exchange.ts';

export async function getManifest(exchange: Exchange): Promise<void> {
  const { registry, repository } = exchange;
  const reference = checkReference(exchange.reference);
  await registry.fetchMissing(repository, reference);
  const { digest, mediaType, size } = registry.manifest(repository, reference);
  const headers = { 'content-type': mediaType, 'docker-content-digest': digest, etag: `"${digest}"` };
  if (isUnchanged(exchange, digest)) return answer(exchange, 304, headers);
  if (exchange.request.method === 'HEAD') return answer(exchange, 200, { ...headers, 'content-length': size });
  const recorded = exchange.recordsPull();
  const isRecorded = typeof recorded === 'boolean' ? recorded : await recorded;
  answerBytes(exchange, 200, headers, registry.manifestContent(repository, digest));
  if (isRecorded) registry.pulled(repository, digest, reference);
}

export async function putManifest(exchange: Exchange): Promise<void> {
  const { registry, repository } = exchange;
  const reference = checkReference(exchange.reference);
  const content = await readBody(exchange);
  const { digest, subject, warnings } = await registry.putManifest(repository, reference, content, header(exchange, 'content-type'));
  answer(exchange, 201, {
    location: `/v2/${repository.name}/manifests/${digest}`,
    'docker-content-digest': digest,
    ...(subject === undefined ? {} : { 'oci-subject': subject }),
    ...(warnings.length > 0 ? { warning: warnings.map((text) => `299 - "${text}"`) } : {}),
  });
}
async function readBody(exchange: Exchange): Promise<Buffer> {
  const tooLarge = new RegistryError('MANIFEST_INVALID', `manifests have at most ${MAX_MANIFEST_BYTES} bytes`, undefined, { status: 413 });
  if (Number(header(exchange, 'content-length') ?? 0) > MAX_MANIFEST_BYTES) throw tooLarge;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of exchange.request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_MANIFEST_BYTES) throw tooLarge;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

export function deleteManifest(exchange: Exchange): void {
  exchange.registry.deleteManifest(exchange.repository, checkReference(exchange.reference));
  answer(exchange, 202);
}

export function getReferrers(exchange: Exchange): void {
  const artifactType = exchange.query.get('artifactType') ?? undefined;
  // An unknown repository or digest has no referrers: clients ask before they push.
  const { registry, repository } = exchange;
  const subject = checkDigest(exchange.reference);
  const manifests = registry.hasRepository(repository) ? registry.referrers(repository, subject, artifactType) : [];
  const index = { schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests };
  answerJson(exchange, index, artifactType === undefined ? {} : { 'oci-filters-applied': 'artifactType' }, index.mediaType);
}
