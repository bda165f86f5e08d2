import type { Readable } from 'node:stream';

/** A repository as the registry of images names it: `registry` is ACCOUNT/REGION. */
export interface ImageRepository {
  readonly registry: string;
  readonly name: string;
}
export interface ImageRecord {
  readonly digest: string;
  readonly mediaType: string;
  readonly size: number;
  readonly pushed: number;
  readonly pulled: number | undefined;
  readonly subject: string | undefined;
  readonly artifactType: string | undefined;
  readonly tags: readonly string[];
  readonly content: Buffer;
}

/**
 * What ECR needs of the registry that holds the bytes. Errors carry a `code` of the distribution specification.
 * Repositories appear with the first write when the owner's rules allow it.
 */
export interface Images {
  createRepository(repository: ImageRepository): void;
  deleteRepository(repository: ImageRepository): boolean;
  images(repository: ImageRepository): readonly ImageRecord[];
  statBlob(repository: ImageRepository, digest: string): number;
  mountBlob(repository: ImageRepository, digest: string, from: ImageRepository): Promise<boolean>;
  beginUpload(repository: ImageRepository): Promise<string>;
  uploadOffset(repository: ImageRepository, upload: string): Promise<number>;
  writeUpload(repository: ImageRepository, upload: string, body: Readable, start?: number): Promise<{ readonly offset: number }>;
  finishUpload(repository: ImageRepository, upload: string, digest: string, body: Readable, start?: number): Promise<void>;
  putManifest(
    repository: ImageRepository,
    reference: string,
    content: Buffer,
    contentType: string | undefined,
  ): Promise<{ readonly digest: string; readonly subject: string | undefined }>;
  /** By digest the manifest, by tag the tag. */
  deleteManifest(repository: ImageRepository, reference: string): void;
}

interface Descriptor {
  readonly mediaType?: string;
  readonly digest: string;
  readonly size: number;
}
/** The parts of a manifest that matter here; it was checked when it was pushed. */
export interface Document {
  readonly artifactType?: string;
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
  readonly manifests?: readonly Descriptor[];
  readonly annotations?: Readonly<Record<string, string>>;
}
export const documentOf = (image: Pick<ImageRecord, 'content'>): Document => JSON.parse(image.content.toString('utf8')) as Document;

/** Bytes of what an image consists of: its layers and configuration. Of an index it is the largest of the images that it names. */
export function sizeOf(document: Document, images: readonly ImageRecord[]): number {
  const children = (document.manifests ?? []).flatMap(({ digest }) => images.find((image) => image.digest === digest) ?? []);
  if (document.manifests) return Math.max(0, ...children.map((child) => sizeOf(documentOf(child), images)));
  return [...(document.layers ?? []), ...(document.config ? [document.config] : [])].reduce((sum, { size }) => sum + size, 0);
}
