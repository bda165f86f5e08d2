import type { EcrExclusionFilter, EcrMutability, EcrRepository } from '#kinds';
import { invalidParameter } from './errors.ts';
import { matchesTag } from './lifecycle/plan.ts';

/** Whether a tag that exists must go on naming what it names (user guide, image tag mutability). */
export function isImmutable({ mutability, exclusionFilters = [] }: Pick<EcrRepository, 'mutability' | 'exclusionFilters'>, tag: string): boolean {
  const excluded = mutability.endsWith('_WITH_EXCLUSION') && exclusionFilters.some(({ filter }) => matchesTag(filter, tag));
  return mutability.startsWith('IMMUTABLE') !== excluded;
}

/** Filters go with the modes that have exclusions, 1 to 5 of them, each with at most two wildcards. */
export function checkExclusions(mutability: EcrMutability, filters: readonly EcrExclusionFilter[] | undefined): void {
  const wants = mutability.endsWith('_WITH_EXCLUSION');
  const at = 'imageTagMutabilityExclusionFilters';
  if (wants && !filters?.length) throw invalidParameter(at, `must be given when imageTagMutability is ${mutability}`);
  if (!wants && filters?.length) throw invalidParameter(at, `must not be given when imageTagMutability is ${mutability}`);
  for (const { filter } of filters ?? []) {
    if (!/^[0-9a-zA-Z._*-]{1,128}$/.test(filter) || filter.split('*').length > 3) {
      throw invalidParameter(at, `filter '${filter}' must have letters, digits, '.', '_', '-' and at most 2 wildcards '*'`);
    }
  }
}
