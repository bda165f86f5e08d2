import { createReadStream, existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { extract } from 'tar-stream';
import { digestOf } from '../../digest.ts';
import { isDigest } from '../../names.ts';
import { ScanError } from '../types.ts';
import { chooseFromIndex, imageOfManifest, ownArchitecture, type ContentSource } from './choose.ts';
import type { ImageSource } from './inventory.ts';

/** Manifests and configurations. */
const MAX_DOCUMENT = 4 * 1024 * 1024;

/** Files by name: a directory, or what is in an archive. */
interface FileSet {
  has(name: string): boolean;
  read(name: string): Promise<Buffer>;
  open(name: string): AsyncIterable<Buffer>;
}

/** An image in an OCI layout (a directory) or an archive (of OCI's or Docker's form), without any registry. */
export async function imageFromFiles(path: string): Promise<ImageSource> {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) throw new ScanError('unknown-image', `${path}: no such file or directory`);
  const files = found.isDirectory() ? directory(path) : await archive(path);
  if (files.has('index.json')) return fromLayout(files);
  if (files.has('manifest.json')) return fromDockerArchive(files);
  throw new ScanError('unsupported-image', `${path}: neither an OCI layout nor an archive of an image`);
}

async function fromLayout(files: FileSet): Promise<ImageSource> {
  const nameOf = (digest: string): string => `blobs/${digest.replace(':', '/')}`;
  const source: ContentSource = { read: (digest) => files.read(nameOf(digest)), open: (digest) => files.open(nameOf(digest)) };
  let content = await files.read('index.json');
  let digest = digestOf(content);
  // An index may list an index.
  for (let i = 0; i < 4; i++) {
    const chosen = chooseFromIndex(content, ownArchitecture);
    if (chosen === undefined) break;
    digest = chosen;
    content = await source.read(digest);
  }
  return imageOfManifest(digest, content, source);
}

/** What `docker save` writes: a list of images with the names of their files. */
async function fromDockerArchive(files: FileSet): Promise<ImageSource> {
  const list = JSON.parse((await files.read('manifest.json')).toString()) as { Config?: unknown; Layers?: unknown }[];
  const { Config: config, Layers: layers } = (Array.isArray(list) ? list[0] : undefined) ?? {};
  if (typeof config !== 'string' || !Array.isArray(layers) || !layers.every((one) => typeof one === 'string'))
    throw new ScanError('malformed', 'manifest.json names no image');
  const content = await files.read(config);
  const { architecture, rootfs } = JSON.parse(content.toString()) as { architecture?: string; rootfs?: { diff_ids?: string[] } };
  return {
    digest: digestOf(content),
    architecture,
    layers: layers.map((name: string, i) => ({ digest: rootfs?.diff_ids?.[i] ?? name, open: () => files.open(name) })),
  };
}

function directory(path: string): FileSet {
  const safe = (name: string): string => {
    const [folder, algorithm, hex, ...rest] = name.split('/');
    if (name !== 'index.json' && !(folder === 'blobs' && rest.length === 0 && isDigest(`${algorithm}:${hex}`)))
      throw new ScanError('malformed', `${name} is no file of a layout`);
    return join(path, name);
  };
  return {
    has: (name) => name === 'index.json' && existsSync(join(path, name)),
    read: async (name) => {
      const file = safe(name);
      if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) > MAX_DOCUMENT) throw new ScanError('limit-exceeded', `${name} is too large for what it is`);
      return existing(name, () => readFileSync(file));
    },
    open: (name) => createReadStream(safe(name)) as AsyncIterable<Buffer>,
  };
}

async function archive(path: string): Promise<FileSet> {
  const entries = new Map<string, { start: number; size: number }>();
  const reader = extract();
  const input = createReadStream(path);
  input.once('error', (error) => reader.destroy(error));
  input.pipe(reader);
  try {
    for await (const entry of reader) {
      const { name, size, type, byteOffset, linkname } = entry.header as typeof entry.header & { byteOffset: number };
      // Docker links layers that images share to one another.
      const linked = type === 'symlink' || type === 'link' ? entries.get((linkname ?? '').replace(/^\.\.\//, '')) : undefined;
      if (linked) entries.set(name, linked);
      else if (type === 'file') entries.set(name.replace(/^\.\//, ''), { start: byteOffset, size: size ?? 0 });
      if (entries.size > 10_000) throw new ScanError('limit-exceeded', `${path} has more than 10000 files`);
      entry.resume();
    }
  } catch (error) {
    throw error instanceof ScanError ? error : new ScanError('malformed', `${path} is no archive of an image: ${(error as Error).message}`);
  } finally {
    input.destroy();
  }
  const open = (name: string): AsyncIterable<Buffer> => {
    const entry = existing(name, () => entries.get(name));
    return entry.size === 0 ? nothing() : (createReadStream(path, { start: entry.start, end: entry.start + entry.size - 1 }) as AsyncIterable<Buffer>);
  };
  return {
    has: (name) => entries.has(name),
    open,
    read: async (name) => {
      if ((entries.get(name)?.size ?? 0) > MAX_DOCUMENT) throw new ScanError('limit-exceeded', `${name} is too large for what it is`);
      const chunks: Buffer[] = [];
      for await (const chunk of open(name)) chunks.push(chunk);
      return Buffer.concat(chunks);
    },
  };
}
async function* nothing(): AsyncGenerator<Buffer> {}
function existing<T>(name: string, get: () => T | undefined): T {
  try {
    const found = get();
    if (found !== undefined) return found;
  } catch (error) {
    if ((error as { code?: string }).code !== 'ENOENT') throw error;
  }
  throw new ScanError('malformed', `${name} is missing`);
}
