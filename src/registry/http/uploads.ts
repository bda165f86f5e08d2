import { RegistryError } from '../errors.ts';
import { checkDigest, isDigest, isRepository } from '../names.ts';
import { answer, header, type Exchange } from './exchange.ts';

const location = ({ repository }: Exchange, upload: string): string => `/v2/${repository.name}/blobs/uploads/${upload}`;
const progress = (exchange: Exchange, upload: string, offset: number): Record<string, string> => ({
  location: location(exchange, upload),
  range: `0-${Math.max(0, offset - 1)}`,
  'docker-upload-uuid': upload,
});

/** POST: begins an upload, takes a whole blob, or mounts one of another repository. */
export async function beginUpload(exchange: Exchange): Promise<void> {
  const { registry, repository, query, request } = exchange;
  const mount = query.get('mount');
  if (mount !== null && (await mounted(exchange, checkDigest(mount)))) return created(exchange, mount);
  const digest = query.get('digest');
  if (digest !== null && mount === null) {
    const upload = await registry.beginUpload(repository);
    try {
      await registry.finishUpload(repository, upload, checkDigest(digest), request);
    } catch (error) {
      // Nobody knows of this upload: it can't be gone on with.
      await registry.cancelUpload(repository, upload).catch(() => {});
      throw error;
    }
    return created(exchange, digest);
  }
  const upload = await registry.beginUpload(repository);
  answer(exchange, 202, { ...progress(exchange, upload, 0), 'oci-chunk-min-length': 0 });
}
/** A mount that cannot be done turns into an upload; where the caller may not read, too, so that it tells nothing. */
async function mounted(exchange: Exchange, digest: string): Promise<boolean> {
  const { registry, repository, query } = exchange;
  const from = query.get('from');
  // Without a source the specification lets the registry find one.
  const sources = from === null ? registry.repositoriesWith(repository.registry, digest) : isRepository(from) ? [from] : [];
  for (const name of sources) {
    if ((await exchange.mayMount(digest, name)) && (await registry.mountBlob(repository, digest, { registry: repository.registry, name }))) return true;
  }
  return false;
}
function created(exchange: Exchange, digest: string): void {
  answer(exchange, 201, { location: `/v2/${exchange.repository.name}/blobs/${digest}`, 'docker-content-digest': digest });
}

export async function uploadStatus(exchange: Exchange): Promise<void> {
  const offset = await exchange.registry.uploadOffset(exchange.repository, exchange.reference);
  answer(exchange, 204, progress(exchange, exchange.reference, offset));
}

/** PATCH: one chunk, or the whole as a stream. */
export async function writeUpload(exchange: Exchange): Promise<void> {
  const { registry, repository, request, reference } = exchange;
  const { offset, whole } = await registry.writeUpload(repository, reference, request, chunkStart(exchange));
  if (whole) answer(exchange, 202, progress(exchange, reference, offset));
}

/** PUT: the last chunk, or none, and the digest of the whole. */
export async function finishUpload(exchange: Exchange): Promise<void> {
  const digest = exchange.query.get('digest');
  if (digest === null || !isDigest(digest)) throw new RegistryError('DIGEST_INVALID', 'the digest parameter must name the digest of the blob', { digest });
  await exchange.registry.finishUpload(exchange.repository, exchange.reference, digest, exchange.request, chunkStart(exchange));
  created(exchange, digest);
}

export async function cancelUpload(exchange: Exchange): Promise<void> {
  await exchange.registry.cancelUpload(exchange.repository, exchange.reference);
  answer(exchange, 204);
}

/** Where a chunk begins, by its Content-Range (`0-1023`, also with `bytes ` and `/total`); undefined without one. */
function chunkStart(exchange: Exchange): number | undefined {
  const range = header(exchange, 'content-range');
  if (range === undefined) return undefined;
  const match = /^(?:bytes[ =])?(\d{1,15})-(\d{1,15})(?:\/(?:\d+|\*))?$/.exec(range.trim());
  if (!match) throw new RegistryError('BLOB_UPLOAD_INVALID', 'Content-Range must be START-END', { range });
  const [start, end] = [Number(match[1]), Number(match[2])];
  const length = header(exchange, 'content-length');
  if (length !== undefined && Number(length) !== end - start + 1) {
    throw new RegistryError('SIZE_INVALID', 'Content-Range and Content-Length differ', { range, length });
  }
  return start;
}
