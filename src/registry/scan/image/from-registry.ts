import { createReadStream, existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BlobFiles } from '../../blob-files.ts';
import { Catalog } from '../../catalog.ts';
import { ScanError, type ImageName } from '../types.ts';
import { chooseFromIndex, imageOfManifest, ownArchitecture } from './choose.ts';
import type { ImageSource } from './inventory.ts';

/** Images of a registry, read where they lie: beside the one that serves it, or while none does. */
export class RegistryImages {
  readonly #catalog: Catalog;
  readonly #blobs: BlobFiles;

  /** `dir`: the registry's. Throws a ScanError when there is none. */
  constructor(dir: string) {
    const file = join(dir, 'catalog.db');
    if (!existsSync(file)) throw new ScanError('unknown-image', `there is no registry in ${dir}`);
    this.#catalog = new Catalog(file);
    this.#blobs = new BlobFiles(join(dir, 'blobs'));
  }
  async image(name: ImageName): Promise<ImageSource> {
    const content = this.#manifest(name, name.digest);
    return imageOfManifest(name.digest, content, {
      read: (digest) => readFile(this.#blobs.path(digest)),
      open: (digest) => createReadStream(this.#blobs.path(digest)) as AsyncIterable<Buffer>,
    });
  }
  /** The registry that has a repository: the plain one, or the only other. */
  registryOf(repository: string): string {
    const having = ['', ...this.#catalog.registries()].filter((registry) => this.#catalog.repository(registry, repository) !== undefined);
    if (having[0] === '' || having.length === 1) return having[0] as string;
    if (having.length === 0) throw new ScanError('unknown-image', `${repository} is not in the registry`);
    throw new ScanError('unknown-image', `several registries have ${repository} (${having.join(', ')}): name its host too`);
  }
  /** Digest of the image that a tag or digest names; of an index, the image for this machine. */
  resolve(registry: string, repository: string, reference: string): string {
    const id = this.#repository({ registry, repository });
    let digest = reference.includes(':') ? reference : this.#catalog.tag(id, reference);
    if (digest === undefined) throw new ScanError('unknown-image', `${repository}:${reference} is not in the registry${of(registry)}`);
    for (let i = 0; i < 4; i++) {
      const chosen = chooseFromIndex(this.#manifest({ registry, repository }, digest), ownArchitecture);
      if (chosen === undefined) break;
      digest = chosen;
    }
    return digest;
  }
  tagsOf({ registry, repository, digest }: ImageName): string[] {
    const id = this.#catalog.repository(registry, repository);
    return id === undefined ? [] : this.#catalog.tagsOf(id, digest);
  }
  #repository({ registry, repository }: Pick<ImageName, 'registry' | 'repository'>): number {
    const id = this.#catalog.repository(registry, repository);
    if (id === undefined) throw new ScanError('unknown-image', `${repository} is not in the registry${of(registry)}`);
    return id;
  }
  #manifest(name: Pick<ImageName, 'registry' | 'repository'>, digest: string): Buffer {
    const content = this.#catalog.manifestContent(this.#repository(name), digest);
    if (!content) throw new ScanError('unknown-image', `${name.repository}@${digest} is not in the registry${of(name.registry)}`);
    return content;
  }
  close(): void {
    this.#catalog.close();
  }
}

/** Whose registry it is that lacks something, where it is an account's. */
function of(registry: string): string {
  const [account, region] = registry.split('/');
  return region === undefined ? '' : ` of account ${account} in ${region}`;
}
