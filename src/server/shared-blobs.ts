import { link } from 'node:fs/promises';
import { join } from 'node:path';
import { isDigest, type BlobFiles, type Registry, type RepositoryName } from '#registry';

/** Where an image is in the instance's registry. */
export interface LocalImage {
  readonly repository: RepositoryName;
  /** Tag or digest. */
  readonly reference: string;
}
interface Descriptor {
  readonly digest?: string;
  readonly platform?: { readonly os?: string; readonly architecture?: string };
}
interface Manifest {
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
  readonly manifests?: readonly Descriptor[];
}
const architecture = process.arch === 'x64' ? 'amd64' : process.arch;

/** Digests of configuration and layers that a node needs to run the image; of an index those for this machine. Empty where it is not there. */
export function blobsOf(registry: Registry, { repository, reference }: LocalImage): string[] {
  try {
    const {
      config,
      layers,
      manifests = [],
    } = JSON.parse(registry.manifestContent(repository, registry.manifest(repository, reference).digest).toString()) as Manifest;
    const own = [config, ...(layers ?? [])].flatMap((one) => (one?.digest !== undefined && isDigest(one.digest) ? [one.digest] : []));
    const fitting = manifests.filter(({ platform }) => !platform || (platform.os === 'linux' && platform.architecture === architecture));
    return [...own, ...fitting.flatMap(({ digest }) => (digest === undefined ? [] : blobsOf(registry, { repository, reference: digest })))];
  } catch {
    return []; // the pull says what is wrong
  }
}

/**
 * Gives blobs of the registry to containerd as they lie on the disk: a file under its digest in the content store is taken for
 * fetched when an image is pulled, so that only manifests go over the network. The pull itself decides who may have them; what it
 * does not take, containerd's garbage collection removes. On another file system nothing is linked, and the pull fetches.
 */
export async function shareBlobs(files: BlobFiles, contentStore: string, digests: readonly string[]): Promise<void> {
  await Promise.all(
    digests.map(async (digest) => {
      const [algorithm = '', hex = ''] = digest.split(':');
      await link(files.path(digest), join(contentStore, 'blobs', algorithm, hex)).catch(() => undefined);
    }),
  );
}
