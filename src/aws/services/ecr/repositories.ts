import type { Repository } from '@aws-sdk/client-ecr';
import type { EcrCreationTemplate, EcrEncryption, EcrRepository } from '#kinds';
import type { Place } from '../../state/table.ts';
import { imagesOf, repositoryArn, type Ecr } from './ecr.ts';
import { invalidParameter, repositoryExists } from './errors.ts';
import { closest } from './prefixes.ts';

const nameRule = /^(?:[a-z0-9]+(?:[._-][a-z0-9]+)*\/)*[a-z0-9]+(?:[._-][a-z0-9]+)*$/;
export function checkRepositoryName(name: string): void {
  if (name.length < 2 || name.length > 256 || !nameRule.test(name)) {
    throw invalidParameter('repositoryName', `must satisfy regular expression '(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*'`);
  }
}

export const repositoryView = (ecr: Ecr, one: EcrRepository): Repository => ({
  repositoryArn: repositoryArn(one, one.name),
  registryId: one.account,
  repositoryName: one.name,
  repositoryUri: `${ecr.deps.hostOf(one)}/${one.name}`,
  createdAt: new Date(one.createdAt),
  imageTagMutability: one.mutability,
  ...(one.exclusionFilters ? { imageTagMutabilityExclusionFilters: [...one.exclusionFilters] } : {}),
  imageScanningConfiguration: { scanOnPush: one.scanOnPush },
  encryptionConfiguration: one.encryption,
});

/** Keys of KMS are echoed: bytes on the disk of the instance are not encrypted by them. */
export function encryptionOf(given: { encryptionType: string | undefined; kmsKey?: string | undefined } | undefined, place: Place): EcrEncryption {
  const encryptionType = (given?.encryptionType ?? 'AES256') as EcrEncryption['encryptionType'];
  if (encryptionType === 'AES256') {
    if (given?.kmsKey !== undefined) throw invalidParameter('encryptionConfiguration', 'A KMS key cannot be given with encryptionType AES256');
    return { encryptionType };
  }
  return { encryptionType, kmsKey: given?.kmsKey ?? `arn:aws:kms:${place.region}:${place.account}:alias/aws/ecr` };
}

export async function addRepository(ecr: Ecr, place: Place, one: EcrRepository): Promise<EcrRepository> {
  checkRepositoryName(one.name);
  if (!(await ecr.repositories.create(place, one.name, one))) throw repositoryExists(one.name, place.account);
  // What a crash left of a repository of that name is not of this one.
  ecr.deps.images.deleteRepository(imagesOf(place, one.name));
  ecr.deps.images.createRepository(imagesOf(place, one.name));
  return one;
}

export type Occasion = 'CREATE_ON_PUSH' | 'PULL_THROUGH_CACHE' | 'REPLICATION';
/** The template by which a repository is made on an occasion. */
export function templateFor(ecr: Ecr, place: Place, name: string, occasion: Occasion): EcrCreationTemplate | undefined {
  return closest(
    ecr.templates.list(place).filter((template) => template.appliedFor.includes(occasion)),
    name,
  );
}
/** Makes a repository by a template, or with the defaults; leaves one that is there. */
export async function ensureRepository(ecr: Ecr, place: Place, name: string, template: EcrCreationTemplate | undefined): Promise<void> {
  if (ecr.repositories.get(place, name)) return;
  const { exclusionFilters, repositoryPolicy, lifecyclePolicy } = template ?? {};
  const one: EcrRepository = {
    account: place.account,
    region: place.region,
    name,
    createdAt: ecr.now,
    tags: template?.tags ?? [],
    mutability: template?.mutability ?? 'MUTABLE',
    scanOnPush: false,
    encryption: template?.encryption ?? { encryptionType: 'AES256' },
    ...(exclusionFilters ? { exclusionFilters } : {}),
    ...(repositoryPolicy === undefined ? {} : { policyText: repositoryPolicy }),
    ...(lifecyclePolicy === undefined ? {} : { lifecyclePolicyText: lifecyclePolicy }),
  };
  await addRepository(ecr, place, one).catch((error: unknown) => {
    // Another request of the same push was quicker.
    if ((error as { code?: string }).code !== 'RepositoryAlreadyExistsException') throw error;
  });
}
