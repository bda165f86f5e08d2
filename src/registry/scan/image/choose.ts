import { isDigest } from '../../names.ts';
import { ScanError } from '../types.ts';
import type { ImageSource } from './inventory.ts';

/** Where manifests, configurations and layers of an image are. */
export interface ContentSource {
  /** A small document, whole. */
  read(digest: string): Promise<Buffer>;
  open(digest: string): AsyncIterable<Buffer>;
}

interface Descriptor {
  mediaType?: string;
  digest: string;
  platform?: { os?: string; architecture?: string };
  annotations?: Record<string, string>;
}
const layerType = /^application\/vnd\.(?:oci\.image\.layer|docker\.image\.rootfs)\..*tar/;

/** A manifest of an image as what the reader needs. Throws `unsupported-image` for indexes and for artifacts that are no image. */
export async function imageOfManifest(digest: string, content: Buffer, source: ContentSource): Promise<ImageSource> {
  const { config, layers, manifests } = parse(content) as { config?: Descriptor; layers?: Descriptor[]; manifests?: unknown };
  if (Array.isArray(manifests)) throw new ScanError('unsupported-image', 'an index is no image: scan the images that it lists');
  if (!Array.isArray(layers) || layers.length === 0 || !layers.every((one) => isDigest(one?.digest) && layerType.test(one.mediaType ?? '')))
    throw new ScanError('unsupported-image', 'an artifact whose layers are no file systems cannot be scanned');
  return {
    digest,
    architecture: config && isDigest(config.digest) ? await architectureOf(config, source) : undefined,
    layers: layers.map((one) => ({ digest: one.digest, open: () => source.open(one.digest) })),
  };
}
async function architectureOf(config: Descriptor, source: ContentSource): Promise<string | undefined> {
  try {
    const { architecture } = parse(await source.read(config.digest)) as { architecture?: unknown };
    return typeof architecture === 'string' ? architecture : undefined;
  } catch {
    return undefined; // It only names what is in the layers.
  }
}

/** The digest of an index's image for a platform: that of this machine, else the first. Undefined: the content is no index. */
export function chooseFromIndex(content: Buffer, architecture: string): string | undefined {
  const { manifests } = parse(content) as { manifests?: Descriptor[] };
  if (!Array.isArray(manifests)) return undefined;
  const images = manifests.filter((one) => isDigest(one?.digest) && one.platform?.os !== 'unknown');
  const chosen = images.find((one) => one.platform?.architecture === architecture && (one.platform.os ?? 'linux') === 'linux') ?? images[0];
  if (!chosen) throw new ScanError('unsupported-image', 'the index lists no image');
  return chosen.digest;
}
/** As OCI calls the processor of this machine. */
export const ownArchitecture: string = process.arch === 'x64' ? 'amd64' : process.arch;

function parse(content: Buffer): object {
  try {
    const document: unknown = JSON.parse(content.toString());
    if (typeof document === 'object' && document !== null) return document;
  } catch {
    // Told below.
  }
  throw new ScanError('malformed', 'a manifest is not JSON');
}
