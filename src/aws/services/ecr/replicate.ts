import { evaluate } from '../../iam/policy/evaluate.ts';
import type { Place } from '../../state/table.ts';
import { imagesOf, partitionOf, repositoryArn, type Ecr } from './ecr.ts';
import { documentOf } from './images.ts';
import { ensureRepository, templateFor } from './repositories.ts';

/** Why an image cannot be copied, and would not be at another try. */
export class ReplicationError extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** Copies images between registries of the instance. Layers are shared on the disk: nothing is copied but names. */
export class ImageCopier {
  readonly #ecr: Ecr;
  /** Manifests that were put by a copy and not yet told of. */
  readonly #arriving = new Map<string, number>();

  constructor(ecr: Ecr) {
    this.#ecr = ecr;
  }
  /** Whether a push that is told of was a copy; true once for each. What was copied does not go further. */
  arrived(place: Place, name: string, digest: string): boolean {
    return this.#count(keyOf(place, name, digest), -1);
  }
  /** Makes the repository where there is none. Rejects with ReplicationError where another try is of no use. */
  async copy(from: Place, to: Place, name: string, digest: string, tag: string | undefined): Promise<void> {
    const ecr = this.#ecr;
    if (!mayReplicate(ecr, from, to, name)) {
      throw new ReplicationError('AccessDenied', `the registry policy of ${to.account} does not allow ecr:ReplicateImage to ${from.account}`);
    }
    await ensureRepository(ecr, to, name, templateFor(ecr, to, name, 'REPLICATION'));
    await this.#copy(from, to, name, digest, tag);
  }
  /** Parts before the whole. */
  async #copy(from: Place, to: Place, name: string, digest: string, tag: string | undefined): Promise<void> {
    const { images } = this.#ecr.deps;
    const image = this.#ecr.images(from, name).find((one) => one.digest === digest);
    if (!image) throw new ReplicationError('ImageNotFound', `${name}@${digest} is gone`);
    const document = documentOf(image);
    for (const child of document.manifests ?? []) await this.#copy(from, to, name, child.digest, undefined);
    const target = imagesOf(to, name);
    for (const layer of [...(document.layers ?? []), ...(document.config ? [document.config] : [])]) {
      await images.mountBlob(target, layer.digest, imagesOf(from, name));
    }
    const key = keyOf(to, name, digest);
    this.#count(key, 1);
    try {
      await images.putManifest(target, tag ?? digest, image.content, image.mediaType);
    } catch (error) {
      this.#count(key, -1);
      throw (error as { code?: unknown }).code === 'TAG_INVALID' ? new ReplicationError('ImageTagAlreadyExists', (error as Error).message) : error;
    }
  }
  /** Whether there was one. */
  #count(key: string, change: 1 | -1): boolean {
    const before = this.#arriving.get(key) ?? 0;
    if (before + change > 0) this.#arriving.set(key, before + change);
    else this.#arriving.delete(key);
    return before > 0;
  }
}
const keyOf = ({ account, region }: Place, name: string, digest: string): string => `${account}/${region}/${name}@${digest}`;

/** Within an account always; another account's registry must let the source's account replicate to it. */
function mayReplicate(ecr: Ecr, from: Place, to: Place, name: string): boolean {
  if (from.account === to.account) return true;
  const allowed = (action: string): boolean =>
    evaluate({
      principal: { type: 'root', arn: `arn:${partitionOf(from.region)}:iam::${from.account}:root`, account: from.account },
      action,
      resource: repositoryArn(to, name),
      resourceAccount: to.account,
      keys: new Map(),
      identityPolicies: [],
      resourcePolicy: ecr.registryPolicyOf(to),
    }).effect === 'allowed';
  return allowed('ecr:ReplicateImage') && (ecr.repositories.get(to, name) !== undefined || allowed('ecr:CreateRepository'));
}
