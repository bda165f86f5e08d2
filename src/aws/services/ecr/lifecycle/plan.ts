import type { LifecyclePolicy, LifecycleRule, Selection } from './parse.ts';

/** An image as a policy sees it. Times are ms since the epoch. */
export interface LifecycleImage {
  readonly digest: string;
  readonly tags: readonly string[];
  readonly pushedAt: number;
  readonly pulledAt: number | undefined;
  /** When it was moved to the archive; undefined: it was not. */
  readonly archivedAt: number | undefined;
  /** Digests of the manifests of an index. */
  readonly children: readonly string[];
  /** What it is about, of a signature, say. */
  readonly subject: string | undefined;
  /** Who runs it: names of pods and tasks. Nothing that runs is taken away. */
  readonly usedBy: readonly string[];
}

export interface LifecycleStep {
  readonly image: LifecycleImage;
  readonly action: LifecycleRule['action'];
  /** Priority of the rule that decided. */
  readonly rule: number;
}
export interface LifecyclePlan {
  /** In order of priority, and the oldest first. */
  readonly steps: readonly LifecycleStep[];
  /** What a rule asks for and what uses the image forbids. */
  readonly guarded: readonly LifecycleStep[];
}

const DAY = 24 * 60 * 60 * 1000;

/**
 * What a policy does to images now (Amazon ECR user guide, lifecycle policy evaluation). Every rule looks at all
 * images as if no other rule had acted; an image is touched by one rule only, the first by priority whose tags it
 * has, also when that one leaves it alone. An image that an index names stays as long as the index; what is about
 * an image goes with it.
 */
export function planLifecycle(policy: LifecyclePolicy, images: readonly LifecycleImage[], now: number): LifecyclePlan {
  const named = new Set(images.flatMap((image) => image.children));
  const byDigest = new Map(images.map((image) => [image.digest, image]));
  const candidates = images.filter((image) => !named.has(image.digest) && !(image.subject !== undefined && byDigest.has(image.subject)));
  const claimed = { expire: new Set<string>(), transition: new Set<string>() };
  const done = new Set<string>();
  const steps: LifecycleStep[] = [];
  const guarded: LifecycleStep[] = [];
  for (const rule of policy) {
    const tagged = candidates.filter((image) => selects(rule.selection, image));
    for (const image of due(rule.selection, tagged, now)) {
      if (done.has(image.digest) || claimed[rule.action].has(image.digest)) continue;
      done.add(image.digest);
      const users = usersOf(image, byDigest);
      const step = { image, action: rule.action, rule: rule.rulePriority };
      if (users.length > 0) guarded.push({ ...step, image: { ...image, usedBy: users } });
      else steps.push(step);
    }
    for (const image of tagged) claimed[rule.action].add(image.digest);
  }
  return { steps, guarded };
}

/** A pod of an index runs the manifest of its platform: the index is in use with it. */
function usersOf(image: LifecycleImage, byDigest: ReadonlyMap<string, LifecycleImage>): string[] {
  const users = [...image.usedBy, ...image.children.flatMap((digest) => byDigest.get(digest)?.usedBy ?? [])];
  return [...new Set(users)];
}

function selects(selection: Selection, image: LifecycleImage): boolean {
  if ((image.archivedAt !== undefined) !== (selection.storageClass === 'archive')) return false;
  if (selection.tagStatus === 'untagged') return image.tags.length === 0;
  if (selection.tagStatus === 'any') return true;
  return image.tags.length > 0 && selection.patterns.every((pattern) => image.tags.some((tag) => matchesTag(pattern, tag)));
}

function due(selection: Selection, images: readonly LifecycleImage[], now: number): LifecycleImage[] {
  const oldestFirst = images.toSorted((a, b) => a.pushedAt - b.pushedAt || (a.digest < b.digest ? -1 : 1));
  if (selection.countType === 'imageCountMoreThan') return oldestFirst.slice(0, Math.max(0, oldestFirst.length - selection.countNumber));
  const since = {
    sinceImagePushed: (image: LifecycleImage) => image.pushedAt,
    sinceImagePulled: (image: LifecycleImage) => image.pulledAt ?? image.pushedAt,
    sinceImageTransitioned: (image: LifecycleImage) => image.archivedAt ?? now,
  }[selection.countType];
  return oldestFirst.filter((image) => now - since(image) > selection.countNumber * DAY);
}

const compiled = new Map<string, RegExp>();
/** Whether a tag matches a pattern, in which `*` is any text and `\*` the character. */
export function matchesTag(pattern: string, tag: string): boolean {
  let regex = compiled.get(pattern);
  if (!regex) {
    const source = pattern.replaceAll(/\\\*|[\\^$.|?+()[\]{}*]/g, (c) => (c === '*' ? '.*' : c === '\\*' ? '\\*' : `\\${c}`));
    if (compiled.size > 1000) compiled.clear();
    compiled.set(pattern, (regex = new RegExp(`^${source}$`, 's')));
  }
  return regex.test(tag);
}
