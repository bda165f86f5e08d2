import { evaluate } from '../../iam/policy/evaluate.ts';
import type { Place } from '../../state/table.ts';
import { imagesOf, partitionOf, repositoryArn, type Ecr } from './ecr.ts';
import { replicationAction } from './events.ts';
import { documentOf } from './images.ts';
import { destinationsOf } from './replication.ts';
import { ensureRepository, templateFor } from './repositories.ts';

/** Copies pushed images to where the registry's rules say. Layers are shared on the disk: nothing is copied but names. */
export class Replicator {
  readonly #ecr: Ecr;
  /** Images that are arriving by replication: they do not go further. */
  readonly #arriving = new Set<string>();

  constructor(ecr: Ecr) {
    this.#ecr = ecr;
  }

  /** Never rejects: what cannot be replicated is told in the log. */
  async pushed(place: Place, name: string, digest: string, tag: string | undefined): Promise<void> {
    if (this.#arriving.has(keyOf(place, name, digest))) return;
    const rules = this.#ecr.registry(place).replicationRules ?? [];
    for (const { region, registryId } of destinationsOf(rules, name, { region: place.region, registryId: place.account })) {
      const to = { account: registryId, region };
      try {
        if (!mayReplicate(this.#ecr, place, to, name))
          throw new Error(`the registry policy of ${registryId} does not allow ecr:ReplicateImage to ${place.account}`);
        await ensureRepository(this.#ecr, to, name, templateFor(this.#ecr, to, name, 'REPLICATION'));
        await this.#copy(place, to, name, digest, tag);
        this.#ecr.deps.events.put(replicationAction({ place: to, name, digest, tag }, place, 'SUCCESS'));
      } catch (error) {
        this.#ecr.deps.events.put(replicationAction({ place: to, name, digest, tag }, place, 'FAILED'));
        this.#ecr.deps.log.error('an image was not replicated', { repository: name, digest, to, error });
      }
    }
  }

  /** Parts before the whole. */
  async #copy(from: Place, to: Place, name: string, digest: string, tag: string | undefined): Promise<void> {
    const image = this.#ecr.images(from, name).find((one) => one.digest === digest);
    if (!image) return;
    const document = documentOf(image);
    for (const child of document.manifests ?? []) await this.#copy(from, to, name, child.digest, undefined);
    const target = imagesOf(to, name);
    for (const layer of [...(document.layers ?? []), ...(document.config ? [document.config] : [])]) {
      await this.#ecr.deps.images.mountBlob(target, layer.digest, imagesOf(from, name));
    }
    const key = keyOf(to, name, digest);
    this.#arriving.add(key);
    try {
      await this.#ecr.deps.images.putManifest(target, tag ?? digest, image.content, image.mediaType);
    } finally {
      this.#arriving.delete(key);
    }
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
