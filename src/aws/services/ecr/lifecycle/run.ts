import type { EcrRepository } from '#kinds';
import { imagesOf, type Ecr } from '../ecr.ts';
import { invalidParameter } from '../errors.ts';
import { documentOf } from '../images.ts';
import { LifecyclePolicyError, parseLifecyclePolicy, type LifecyclePolicy } from './parse.ts';
import { planLifecycle, type LifecyclePlan } from './plan.ts';

export function readLifecyclePolicy(text: string): LifecyclePolicy {
  try {
    return parseLifecyclePolicy(text);
  } catch (error) {
    if (!(error instanceof LifecyclePolicyError)) throw error;
    throw invalidParameter('LifecyclePolicyText', `Lifecycle policy validation failure: ${error.message}`);
  }
}

export function planFor(ecr: Ecr, repository: EcrRepository, text: string): LifecyclePlan {
  const usedBy = ecr.deps.usedBy();
  const images = ecr.images(repository, repository.name).map((image) => ({
    digest: image.digest,
    tags: image.tags,
    pushedAt: image.pushed,
    pulledAt: image.pulled,
    archivedAt: repository.archived?.[image.digest],
    children: (documentOf(image).manifests ?? []).map((child) => child.digest),
    subject: image.subject,
    usedBy: usedBy.get(image.digest) ?? [],
  }));
  return planLifecycle(readLifecyclePolicy(text), images, ecr.now);
}

/** Does what the policies of all repositories ask for, or that of one. One that fails does not keep the others. */
export async function runLifecycles(ecr: Ecr, only?: { account: string; region: string; name: string }): Promise<void> {
  const one = only && ecr.repositories.get(only, only.name);
  for (const repository of only ? (one ? [one] : []) : ecr.repositories.all()) {
    if (repository.lifecyclePolicyText === undefined) continue;
    try {
      await runLifecycle(ecr, repository, repository.lifecyclePolicyText);
    } catch (error) {
      ecr.deps.log.error('a lifecycle policy could not be carried out', { repository: repository.name, error });
    }
  }
}

async function runLifecycle(ecr: Ecr, repository: EcrRepository, text: string): Promise<void> {
  const { steps, guarded } = planFor(ecr, repository, text);
  const { log, images } = ecr.deps;
  for (const { image, rule } of guarded)
    log.info('an image is due and stays: it is in use', { repository: repository.name, digest: image.digest, rule, by: image.usedBy });
  const archived: Record<string, number> = {};
  for (const { image, action, rule } of steps) {
    if (action === 'transition') archived[image.digest] = ecr.now;
    else {
      images.deleteManifest(imagesOf(repository, repository.name), image.digest);
      await ecr.deps.scans?.forget({ ...scanned(repository), digest: image.digest });
    }
    log.info(action === 'expire' ? 'an image expired' : 'an image was archived', { repository: repository.name, digest: image.digest, tags: image.tags, rule });
  }
  sweepReferrers(ecr, repository, new Set(steps.filter((step) => step.action === 'expire').map((step) => step.image.digest)));
  await ecr.repositories.update(repository, repository.name, (current) =>
    current.lifecyclePolicyText === text ? { ...current, archived: { ...current.archived, ...archived }, lifecycleEvaluatedAt: ecr.now } : current,
  );
}
const scanned = (repository: EcrRepository): { registry: string; repository: string } => ({
  registry: imagesOf(repository, repository.name).registry,
  repository: repository.name,
});

/** What is about an image goes with it: signatures, attestations. */
function sweepReferrers(ecr: Ecr, repository: EcrRepository, expired: ReadonlySet<string>): void {
  for (const { digest, subject } of ecr.images(repository, repository.name)) {
    if (subject !== undefined && expired.has(subject)) ecr.deps.images.deleteManifest(imagesOf(repository, repository.name), digest);
  }
}
