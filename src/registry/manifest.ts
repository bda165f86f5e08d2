import { RegistryError } from './errors.ts';
import { isDigest } from './names.ts';

/** Manifests are read whole into memory: the limit that the distribution specification names. */
export const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;

const images = ['application/vnd.oci.image.manifest.v1+json', 'application/vnd.docker.distribution.manifest.v2+json'];
const indexes = ['application/vnd.oci.image.index.v1+json', 'application/vnd.docker.distribution.manifest.list.v2+json'];

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly urls?: readonly string[];
}

/** What the registry must know of a manifest. */
export interface ParsedManifest {
  readonly mediaType: string;
  /** Blobs that must be in the repository: the configuration and the layers that it serves itself. */
  readonly blobs: readonly Descriptor[];
  /** Manifests that must be in the repository. */
  readonly manifests: readonly Descriptor[];
  /** The manifest that this one is about; it need not be there. */
  readonly subject: string | undefined;
  /** Of the manifest itself or, as the specification has it, the type of its configuration. */
  readonly artifactType: string | undefined;
  readonly annotations: Readonly<Record<string, string>> | undefined;
  /** What is allowed and may surprise: for who pushes it. */
  readonly warnings: readonly string[];
}

type Fields = Record<string, unknown>;
const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);
const invalid = (message: string, detail?: unknown): RegistryError => new RegistryError('MANIFEST_INVALID', message, detail);

/** Reads a manifest and checks its form (OCI image specification 1.1, Docker's schema 2). Throws MANIFEST_INVALID. */
export function parseManifest(content: Buffer, contentType: string | undefined): ParsedManifest {
  const document = readDocument(content);
  const mediaType = mediaTypeOf(document, contentType);
  if (document['schemaVersion'] !== 2) throw invalid('schemaVersion must be 2', { schemaVersion: document['schemaVersion'] });
  const isIndex = indexes.includes(mediaType);
  // A document that is both could mean different images to different clients (CVE-2021-41190).
  if ('manifests' in document && ('layers' in document || 'config' in document || 'fsLayers' in document)) {
    throw invalid('a manifest has either layers or manifests, not both');
  }
  const config = isIndex ? undefined : descriptor(document['config'], 'config');
  const layers = isIndex ? [] : descriptors(document['layers'], 'layers');
  const own = typeof document['artifactType'] === 'string' && document['artifactType'] !== '' ? document['artifactType'] : undefined;
  return {
    mediaType,
    blobs: config ? [config, ...layers.filter((layer) => !layer.urls?.length)] : [],
    manifests: isIndex ? descriptors(document['manifests'], 'manifests') : [],
    subject: document['subject'] === undefined ? undefined : descriptor(document['subject'], 'subject').digest,
    artifactType: own ?? config?.mediaType,
    annotations: annotationsOf(document['annotations']),
    warnings: warningsOf(document, layers),
  };
}

function warningsOf(document: Fields, layers: readonly Descriptor[]): string[] {
  const far = layers.filter((layer) => layer.urls?.length).length;
  return [
    ...(document['mediaType'] === undefined ? ['the manifest has no mediaType: name it, so that nobody takes it for something else'] : []),
    ...(far > 0 ? [`${far} layer${far > 1 ? 's are' : ' is'} not kept here: clients fetch what has URLs from there`] : []),
  ];
}
function readDocument(content: Buffer): Fields {
  let document: unknown;
  try {
    document = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(content));
  } catch {
    throw invalid('the manifest is not JSON in UTF-8');
  }
  if (!isFields(document)) throw invalid('the manifest is not a JSON object');
  return document;
}
function mediaTypeOf(document: Fields, contentType: string | undefined): string {
  const sent = contentType?.split(';', 1)[0]?.trim().toLowerCase();
  const own = document['mediaType'];
  if (own !== undefined && typeof own !== 'string') throw invalid('mediaType must be a string');
  if (sent && own && sent !== own) throw invalid('mediaType and Content-Type differ', { mediaType: own, contentType: sent });
  const mediaType = sent || own;
  if (!mediaType) throw invalid('neither a Content-Type nor a mediaType says what this is');
  if (!images.includes(mediaType) && !indexes.includes(mediaType)) {
    throw invalid(`manifests of type ${mediaType} are not supported: ${[...images, ...indexes].join(', ')}`);
  }
  return mediaType;
}
function descriptors(value: unknown, path: string): Descriptor[] {
  if (!Array.isArray(value)) throw invalid(`${path} must be a list`);
  return value.map((item: unknown, i) => descriptor(item, `${path}[${i}]`));
}
function descriptor(value: unknown, path: string): Descriptor {
  if (!isFields(value)) throw invalid(`${path} must be a descriptor`);
  const { mediaType, digest, size, urls } = value;
  if (typeof mediaType !== 'string' || mediaType === '') throw invalid(`${path}.mediaType must be a string`);
  if (typeof digest !== 'string' || !isDigest(digest)) throw invalid(`${path}.digest is not a digest`, { digest });
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) throw invalid(`${path}.size must be a whole number of bytes`, { size });
  if (urls !== undefined && !(Array.isArray(urls) && urls.every((url) => typeof url === 'string'))) throw invalid(`${path}.urls must be a list of strings`);
  return { mediaType, digest, size, ...(urls === undefined ? {} : { urls }) };
}
function annotationsOf(value: unknown): Record<string, string> | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isFields(value) || !Object.values(value).every((text) => typeof text === 'string')) throw invalid('annotations must map strings to strings');
  return value as Record<string, string>;
}
