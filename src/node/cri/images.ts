import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { findProgram } from '#base';
import { RuntimeError, type ImageState } from '../runtime.ts';
import { CriError, grpcCode, type CriClient } from './client.ts';
import type { ImageMessage } from './messages.ts';

/**
 * Imports a docker-archive or an OCI image layout (tar, or tar.gz). Resolves with the normalised names, for example
 * docker.io/library/hello:1. `name` names an archive's only image that carries none. Rejects with RuntimeError and what is wrong.
 */
export async function importImage(client: CriClient, source: string | Readable, name?: string): Promise<string[]> {
  const tar = await import('tar-stream'); // not at every start
  const shown = typeof source === 'string' ? source : 'the stream';
  const input = typeof source === 'string' ? createReadStream(source) : source;
  const ctr = startCtrImport(client.socket);
  let names: string[];
  try {
    names = await rewriteArchive(tar, await gunzipped(input), ctr.stdin, name);
  } catch (error) {
    ctr.abort();
    input.destroy();
    await ctr.done.catch(() => undefined);
    throw archiveError(shown, error);
  }
  await ctr.done;
  await Promise.all(names.map((ref) => untilKnown(client, ref)));
  return names;
}

/** Imports a complete, uncompressed archive as it is. */
export async function runCtrImport(socket: string, archive: Buffer): Promise<void> {
  const ctr = startCtrImport(socket);
  await Promise.all([pipeline(Readable.from([archive]), ctr.stdin), ctr.done]);
}

export async function listImages(client: CriClient): Promise<ImageState[]> {
  const { images } = await client.call('ListImages', {});
  return images.map(imageState);
}
/** Idempotent. All names of the image go (as CRI says). */
export async function removeImage(client: CriClient, ref: string): Promise<void> {
  await client.call('RemoveImage', { image: { image: ref } });
}
export function imageState(image: ImageMessage): ImageState {
  return {
    id: image.id,
    repoTags: image.repo_tags,
    repoDigests: image.repo_digests,
    sizeBytes: image.size,
    ...(image.uid ? { uid: image.uid.value } : {}),
    ...(image.username ? { username: image.username } : {}),
  };
}

function archiveError(shown: string, error: unknown): RuntimeError {
  if (error instanceof RuntimeError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return new RuntimeError('image-not-found', `${shown}: no such file`);
  if (code === 'EISDIR') return new RuntimeError('image-not-found', `${shown} is a directory: give a tar file of 'docker save' or of an OCI image layout`);
  return new RuntimeError('invalid-image-name', `${shown} is not an image archive (docker-archive or OCI image layout, tar or tar.gz): ${message}`);
}

/** `ctr images import` on its standard input: it comes with containerd, and its streaming import needs no copy on disk. */
function startCtrImport(socket: string): { stdin: NodeJS.WritableStream; done: Promise<void>; abort(): void } {
  const child = spawn(findProgram('ctr') ?? 'ctr', ['--address', socket, '--namespace', 'k8s.io', 'images', 'import', '--snapshotter', 'overlayfs', '-'], {
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => (complaint = (complaint + chunk.toString('utf8')).slice(-4096)));
  // EPIPE: it ended early, and says why on stderr.
  child.stdin.on('error', () => undefined);
  const done = new Promise<void>((resolve, reject) => {
    child.once('error', (error) => reject(new RuntimeError('unavailable', `cannot run ctr, which comes with containerd: ${error.message}`)));
    child.once('close', (code) =>
      code === 0 ? resolve() : reject(new RuntimeError('create', `containerd did not import the image: ${complaint.trim() || `ctr exit code ${code}`}`)),
    );
  });
  done.catch(() => undefined);
  return { stdin: child.stdin, done, abort: () => void child.kill('SIGKILL') };
}

/** containerd's CRI service learns of imported images by an event. */
async function untilKnown(client: CriClient, ref: string): Promise<void> {
  for (let tries = 0; tries < 2000; tries++) {
    const { image } = await client.call('ImageStatus', { image: { image: ref } }).catch((error: unknown) => {
      if (error instanceof CriError && error.code === grpcCode.notFound) return { image: null };
      throw error;
    });
    if (image) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new RuntimeError('image-not-found', `containerd imported ${ref} but does not list it`);
}

async function gunzipped(input: Readable): Promise<Readable> {
  const first = await firstChunk(input);
  if (first.length === 0) throw new Error('it is empty');
  input.unshift(first);
  if (first[0] !== 0x1f || first[1] !== 0x8b) return input;
  const gunzip = createGunzip();
  input.on('error', (error) => gunzip.destroy(error));
  return input.pipe(gunzip);
}
function firstChunk(input: Readable): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const settle = (fn: () => void) => (): void => {
      input.off('readable', readable).off('end', ended).off('error', failed);
      fn();
    };
    const readable = (): void => {
      const chunk = input.read() as Buffer | null;
      if (chunk) settle(() => resolve(chunk))();
    };
    const ended = settle(() => resolve(Buffer.alloc(0)));
    const failed = (error: Error): void => settle(() => reject(error))();
    input.on('readable', readable).once('end', ended).once('error', failed);
  });
}

interface DockerManifest {
  RepoTags: string[] | null;
}
interface OciIndex {
  manifests?: { annotations?: Record<string, string> }[];
}

/** Copies the archive, writing normalised names into manifest.json and index.json. Gives the names. */
async function rewriteArchive(
  { extract, pack }: typeof import('tar-stream'),
  input: Readable,
  output: NodeJS.WritableStream,
  name: string | undefined,
): Promise<string[]> {
  const reader = extract();
  const writer = pack();
  const names = new Set<string>();
  let found = false;
  const copy = async (): Promise<void> => {
    for await (const entry of reader) {
      const file = entry.header.name.replace(/^\.\//, '');
      if (file === 'manifest.json' || file === 'index.json') {
        found = true;
        const text = await readAll(entry);
        const body = file === 'manifest.json' ? nameDockerManifest(text, name, names) : nameOciIndex(text, name, names);
        const { size: _size, ...header } = entry.header;
        writer.entry(header, body);
      } else if (entry.header.type === 'file' || entry.header.type === 'contiguous-file') {
        await pipeline(entry, writer.entry(entry.header));
      } else {
        entry.resume();
        writer.entry(entry.header);
      }
    }
    if (!found) throw new Error('it has neither manifest.json nor index.json');
    if (names.size === 0) throw new RuntimeError('invalid-image-name', "the archive does not say its image's name: give one, for example hello:1");
    writer.finalize();
  };
  await Promise.all([pipeline(input, reader), copy().catch((error: unknown) => destroyBoth(reader, writer, error)), pipeline(writer, output)]);
  return [...names];
}
function destroyBoth(reader: { destroy(error?: Error): unknown }, writer: { destroy(error?: Error): unknown }, error: unknown): never {
  reader.destroy(error as Error);
  writer.destroy(error as Error);
  throw error;
}
async function readAll(entry: AsyncIterable<unknown>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of entry) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function nameDockerManifest(text: string, name: string | undefined, names: Set<string>): string {
  const images = JSON.parse(text) as DockerManifest[];
  const named = images.map((image) => {
    const given = image.RepoTags?.length ? image.RepoTags : images.length === 1 && name ? [name] : [];
    const tags = given.map(normalizeReference);
    for (const tag of tags) names.add(tag);
    return { ...image, RepoTags: tags };
  });
  return JSON.stringify(named);
}
const imageNameAnnotation = 'io.containerd.image.name';
const refNameAnnotation = 'org.opencontainers.image.ref.name';
function nameOciIndex(text: string, name: string | undefined, names: Set<string>): string {
  const index = JSON.parse(text) as OciIndex;
  const manifests = (index.manifests ?? []).map((manifest, _, all) => {
    const given = ociName(manifest.annotations ?? {}) ?? (all.length === 1 ? name : undefined);
    if (!given) return manifest;
    const full = normalizeReference(given);
    names.add(full);
    return { ...manifest, annotations: { ...manifest.annotations, [imageNameAnnotation]: full } };
  });
  return JSON.stringify({ ...index, manifests });
}
/** ref.name is a whole reference (skopeo) or only a tag (the specification's example); a tag alone names no image. */
function ociName(annotations: Record<string, string>): string | undefined {
  const refName = annotations[refNameAnnotation];
  return annotations[imageNameAnnotation] ?? (refName && /[:/]/.test(refName) ? refName : undefined);
}

const domainPattern = /^(?:localhost|[^/]*[.:][^/]*)$/;
const referencePattern =
  /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?(?::\d+)?\/)?[a-z0-9]+(?:(?:[._]|__|-+|\/)[a-z0-9]+)*(?::[\w][\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?$/;
/** As Docker completes a reference: docker.io, library/ and :latest are added. Throws RuntimeError 'invalid-image-name'. */
export function normalizeReference(ref: string): string {
  if (!referencePattern.test(ref)) throw new RuntimeError('invalid-image-name', `invalid reference format: ${ref}`);
  const slash = ref.indexOf('/');
  const first = slash < 0 ? '' : ref.slice(0, slash);
  const hasDomain = first !== '' && domainPattern.test(first);
  const domain = hasDomain ? (first === 'index.docker.io' ? 'docker.io' : first) : 'docker.io';
  const path = hasDomain ? ref.slice(slash + 1) : ref;
  const full = domain === 'docker.io' && !path.includes('/') ? `library/${path}` : path;
  return `${domain}/${full}${/[:@]/.test(full) ? '' : ':latest'}`;
}
