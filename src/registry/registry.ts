import { mkdirSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Clock, Logger, Random } from '#base';
import { BlobFiles, registryLayout } from './blob-files.ts';
import { Catalog } from './catalog.ts';
import { algorithmOf, digestOf } from './digest.ts';
import { RegistryError } from './errors.ts';
import { parseManifest, type Descriptor, type ParsedManifest } from './manifest.ts';
import type { ImageRecord, ManifestRecord, RegistryEvent, RegistryRules } from './types.ts';
import { Uploads, type Received } from './uploads.ts';

export interface RegistryOptions {
  /** Directory that holds everything: blobs, uploads, the catalog. */
  dir: string;
  clock: Clock;
  random: Random;
  log: Logger;
  rules?: RegistryRules;
  onEvent?(event: RegistryEvent): void;
  /** How long a blob that no manifest needs, and an upload that nobody writes to, may stay, ms. Default 24 h. */
  keepUnusedMs?: number;
}

/** A repository of one of the registries. */
export interface RepositoryName {
  /** '' when the process serves one registry only. */
  readonly registry: string;
  readonly name: string;
}

export interface Collected {
  uploads: number;
  links: number;
  blobs: number;
}

/** Repositories that are asked for a blob which a client wants from anywhere. */
const MOST_SOURCES = 20;
const HOUR = 60 * 60 * 1000;
const DAY = 24 * HOUR;

/** Blobs, manifests and tags: what the protocol does, without HTTP. Every method throws RegistryErrors, and has done nothing then. */
export class Registry {
  #catalog: Catalog;
  readonly #blobs: BlobFiles;
  readonly #uploads: Uploads;
  readonly #options: RegistryOptions;
  readonly #keepMs: number;
  /** Blobs between their file's arrival and their link: a collection leaves them alone. */
  readonly #arriving = new Map<string, number>();

  constructor(options: RegistryOptions) {
    this.#options = options;
    this.#keepMs = options.keepUnusedMs ?? DAY;
    mkdirSync(options.dir, { recursive: true, mode: 0o700 });
    this.#catalog = new Catalog(registryLayout(options.dir).catalog);
    this.#blobs = new BlobFiles(registryLayout(options.dir).blobs);
    this.#uploads = new Uploads({ dir: join(options.dir, 'uploads'), blobs: this.#blobs, clock: options.clock, random: options.random });
  }
  async close(): Promise<void> {
    this.#catalog.close();
    await this.#uploads.close();
  }
  /** Runs work that puts another file in the catalog's place (`registryLayout`), and goes on with that one. */
  replaceCatalog(work: () => void): void {
    this.#catalog.close();
    try {
      work();
    } finally {
      this.#catalog = new Catalog(registryLayout(this.#options.dir).catalog);
    }
  }
  get #now(): number {
    return this.#options.clock.now();
  }

  // repositories
  repositories(registry: string, last: string, limit: number): string[] {
    return this.#catalog.repositories(registry, last, limit);
  }
  hasRepository(repository: RepositoryName): boolean {
    return this.#find(repository) !== undefined;
  }
  /** Names of the registries that have repositories. */
  registries(): string[] {
    return this.#catalog.registries();
  }
  /** Makes an empty repository; nothing when it exists. */
  createRepository({ registry, name }: RepositoryName): void {
    this.#catalog.createRepository(registry, name, this.#now);
  }
  /** Deletes a repository with its images; space is given back by the next collection. */
  deleteRepository({ registry, name }: RepositoryName): boolean {
    return this.#catalog.deleteRepository(registry, name);
  }
  /** Every manifest of a repository with its tags, the newest first. Content is in memory: for lists, not for serving. */
  images(repository: RepositoryName): ImageRecord[] {
    const id = this.#find(repository);
    return id === undefined ? [] : this.#catalog.images(id);
  }
  #find({ registry, name }: RepositoryName): number | undefined {
    return this.#catalog.repository(registry, name);
  }
  #existing(repository: RepositoryName): number {
    const id = this.#find(repository);
    if (id === undefined) throw new RegistryError('NAME_UNKNOWN', 'repository name not known to registry', { name: repository.name });
    return id;
  }
  async #writable(repository: RepositoryName): Promise<number> {
    const id = this.#find(repository);
    if (id !== undefined) return id;
    await this.#options.rules?.create?.(repository.registry, repository.name);
    return this.#catalog.createRepository(repository.registry, repository.name, this.#now);
  }

  // blobs
  /** Size of a blob; who asks may count on it for a while, also when no manifest needs it yet. */
  statBlob(repository: RepositoryName, digest: string): number {
    const id = this.#existing(repository);
    const size = this.#catalog.blob(id, digest);
    if (size === undefined) throw unknownBlob(digest);
    this.#catalog.touchLink(id, digest, this.#now, this.#now - this.#keepMs / 4);
    return size;
  }
  /** The caller closes the handle. */
  async openBlob(repository: RepositoryName, digest: string): Promise<{ size: number; handle: FileHandle }> {
    const size = this.statBlob(repository, digest);
    try {
      return { size, handle: await this.#blobs.open(digest) };
    } catch (error) {
      if ((error as { code?: string }).code !== 'ENOENT') throw error;
      this.#options.log.error('a blob is in the catalog and not on the disk', { digest });
      throw unknownBlob(digest);
    }
  }
  deleteBlob(repository: RepositoryName, digest: string): void {
    const id = this.#existing(repository);
    if (this.#catalog.blob(id, digest) === undefined) throw unknownBlob(digest);
    if (this.#catalog.isReferenced(id, digest))
      throw new RegistryError('DENIED', 'a manifest of this repository needs the blob: delete the manifest first', { digest });
    this.#catalog.unlinkBlob(id, digest);
  }
  /** Lets a repository serve a blob of another one. False: the other one has none such. */
  async mountBlob(repository: RepositoryName, digest: string, from: RepositoryName): Promise<boolean> {
    if (!this.#hasBlob(from, digest)) return false;
    const id = await this.#writable(repository);
    const source = this.#find(from);
    // Looked up again after the wait: from here to the link nothing can take it away.
    const size = source === undefined ? undefined : this.#catalog.blob(source, digest);
    if (size === undefined) return false;
    this.#catalog.linkBlob(id, digest, size, this.#now);
    return true;
  }
  /** Some repositories that have a blob, in order of bytes. */
  repositoriesWith(registry: string, digest: string): string[] {
    return this.#catalog.repositoriesWith(registry, digest, MOST_SOURCES);
  }
  #hasBlob(repository: RepositoryName, digest: string): boolean {
    const id = this.#find(repository);
    return id !== undefined && this.#catalog.blob(id, digest) !== undefined;
  }

  // uploads
  async beginUpload(repository: RepositoryName): Promise<string> {
    return this.#uploads.begin(await this.#writable(repository));
  }
  async uploadOffset(repository: RepositoryName, upload: string): Promise<number> {
    return this.#uploads.offset(this.#existing(repository), upload);
  }
  async writeUpload(repository: RepositoryName, upload: string, body: Readable, start?: number): Promise<Received> {
    return this.#uploads.receive(this.#existing(repository), upload, body, start);
  }
  async finishUpload(repository: RepositoryName, upload: string, digest: string, body: Readable, start?: number): Promise<void> {
    const id = this.#existing(repository);
    this.#arriving.set(digest, (this.#arriving.get(digest) ?? 0) + 1);
    try {
      const size = await this.#uploads.finish(id, upload, digest, body, start);
      this.#catalog.linkBlob(id, digest, size, this.#now);
    } finally {
      const others = (this.#arriving.get(digest) ?? 1) - 1;
      if (others > 0) this.#arriving.set(digest, others);
      else this.#arriving.delete(digest);
    }
  }
  async cancelUpload(repository: RepositoryName, upload: string): Promise<void> {
    return this.#uploads.cancel(this.#existing(repository), upload);
  }

  // manifests
  /** Lets the owner of a cache fetch what a client asks for. */
  async fetchMissing({ registry, name }: RepositoryName, reference: string): Promise<void> {
    await this.#options.rules?.missing?.(registry, name, reference);
  }
  /** A manifest by digest or tag. */
  manifest(repository: RepositoryName, reference: string): ManifestRecord {
    const id = this.#existing(repository);
    const digest = reference.includes(':') ? reference : this.#catalog.tag(id, reference);
    const found = digest === undefined ? undefined : this.#catalog.manifest(id, digest);
    if (!found) throw new RegistryError('MANIFEST_UNKNOWN', 'manifest unknown', reference.includes(':') ? { digest: reference } : { tag: reference });
    return found;
  }
  manifestContent(repository: RepositoryName, digest: string): Buffer {
    const content = this.#catalog.manifestContent(this.#existing(repository), digest);
    if (!content) throw new RegistryError('MANIFEST_UNKNOWN', 'manifest unknown', { digest });
    return content;
  }
  /** Puts a manifest under its digest and, when the reference is one, a tag. */
  async putManifest(
    repository: RepositoryName,
    reference: string,
    content: Buffer,
    contentType: string | undefined,
  ): Promise<{ digest: string; subject: string | undefined; warnings: readonly string[] }> {
    const parsed = parseManifest(content, contentType);
    const tag = reference.includes(':') ? undefined : reference;
    const digest = digestOf(content, tag === undefined ? algorithmOf(reference) : 'sha256');
    if (tag === undefined && digest !== reference)
      throw new RegistryError('DIGEST_INVALID', 'the manifest has another digest', { digest: reference, actual: digest });
    const first = [...parsed.blobs, ...parsed.manifests][0];
    // A refused manifest must not leave an empty repository behind.
    if (first && !this.hasRepository(repository)) throw missing(first);
    const id = await this.#writable(repository);
    this.#needEverything(id, parsed);
    if (tag !== undefined) this.#options.rules?.tag?.(repository.registry, repository.name, tag, digest, this.#catalog.tag(id, tag));
    const { mediaType, subject, artifactType } = parsed;
    const references = [...parsed.blobs, ...parsed.manifests].map((d) => d.digest);
    this.#catalog.putManifest(id, { digest, mediaType, content, subject, artifactType, references }, tag, this.#now);
    this.#tell({ type: 'manifest-pushed', registry: repository.registry, repository: repository.name, digest, tag });
    return { digest, subject, warnings: parsed.warnings };
  }
  #needEverything(id: number, parsed: ParsedManifest): void {
    for (const blob of parsed.blobs) {
      const size = this.#catalog.blob(id, blob.digest);
      if (size === undefined) throw missing(blob);
      if (size !== blob.size)
        throw new RegistryError('SIZE_INVALID', 'the manifest gives a blob another size than it has', { digest: blob.digest, size: blob.size, actual: size });
    }
    for (const child of parsed.manifests) {
      const found = this.#catalog.manifest(id, child.digest);
      if (!found) throw missing(child);
      if (found.size !== child.size)
        throw new RegistryError('SIZE_INVALID', 'the index gives a manifest another size than it has', {
          digest: child.digest,
          size: child.size,
          actual: found.size,
        });
    }
  }
  /** By digest: the manifest and its tags. By tag: the tag alone. */
  deleteManifest(repository: RepositoryName, reference: string): void {
    const id = this.#existing(repository);
    const { digest } = this.manifest(repository, reference);
    const { registry, name } = repository;
    if (reference.includes(':')) {
      const tags = this.#catalog.tagsOf(id, digest);
      this.#catalog.deleteManifest(id, digest);
      this.#tell({ type: 'manifest-deleted', registry, repository: name, digest, tags });
    } else {
      this.#catalog.deleteTag(id, reference);
      this.#tell({ type: 'tag-deleted', registry, repository: name, digest, tag: reference });
    }
  }
  /** A manifest was given to a client. */
  pulled({ registry, name }: RepositoryName, digest: string, reference: string): void {
    const id = this.#find({ registry, name });
    if (id !== undefined) this.#catalog.notePull(id, digest, this.#now, this.#now - HOUR);
    this.#tell({ type: 'manifest-pulled', registry, repository: name, digest, tag: reference.includes(':') ? undefined : reference });
  }
  /** Manifests that are about a digest, as descriptors. An unknown digest has none. */
  referrers(repository: RepositoryName, subject: string, artifactType: string | undefined): object[] {
    return this.#catalog
      .referrers(this.#existing(repository), subject)
      .filter((m) => artifactType === undefined || m.artifactType === artifactType)
      .map(({ mediaType, digest, size, artifactType, content }) => {
        const { annotations } = parseManifest(content, mediaType);
        return { mediaType, digest, size, ...(artifactType ? { artifactType } : {}), ...(annotations ? { annotations } : {}) };
      });
  }
  tags(repository: RepositoryName, last: string, limit: number): string[] {
    return this.#catalog.tags(this.#existing(repository), last, limit);
  }

  /**
   * Gives space back while serving: uploads that nobody goes on with, links that no manifest needs, blobs that
   * nothing links, files that a crash left. Only what was unused for `unusedMs` goes: a push in progress loses
   * what it has brought when that is less than it takes.
   */
  async collect(unusedMs = this.#keepMs): Promise<Collected> {
    const before = this.#now - unusedMs;
    const collected: Collected = { uploads: this.#uploads.expire(before), links: this.#catalog.dropUnusedLinks(before), blobs: 0 };
    for (let batch = this.#catalog.unlinkedBlobs(100); batch.length > 0; batch = this.#catalog.unlinkedBlobs(100)) {
      const gone = batch.filter((digest) => !this.#arriving.has(digest) && this.#catalog.forgetBlob(digest, () => this.#blobs.remove(digest)));
      collected.blobs += gone.length;
      if (gone.length === 0) break;
      await breathe();
    }
    for (const digest of this.#blobs.older(before)) {
      if (this.#arriving.has(digest) || this.#catalog.knowsBlob(digest)) continue;
      this.#blobs.remove(digest);
      collected.blobs++;
    }
    return collected;
  }
  #tell(event: RegistryEvent): void {
    this.#options.onEvent?.(event);
  }
}

const missing = (d: Descriptor): RegistryError =>
  new RegistryError('MANIFEST_BLOB_UNKNOWN', 'the manifest names what the repository does not have: push that first', { digest: d.digest });
const unknownBlob = (digest: string): RegistryError => new RegistryError('BLOB_UNKNOWN', 'blob unknown to registry', { digest });
/** Lets requests in between. */
const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
