import type { EcrRegistry, EcrRepository, EcrScanningRule } from '#kinds';
import { matchesTag } from './lifecycle/plan.ts';

/** How often images of a repository are scanned: the registry's rules, then its own old setting. A filter without a wildcard is a part of the name. */
export function scanFrequency(
  repository: Pick<EcrRepository, 'name' | 'scanOnPush'>,
  { scanning }: EcrRegistry,
): { frequency: EcrScanningRule['scanFrequency']; filters: { filter: string; filterType: 'WILDCARD' }[] } {
  const order = ['CONTINUOUS_SCAN', 'SCAN_ON_PUSH', 'MANUAL'] as const;
  for (const frequency of order) {
    const filters = (scanning?.rules ?? [])
      .filter((rule) => rule.scanFrequency === frequency)
      .flatMap((rule) => rule.repositoryFilters)
      .filter(({ filter }) => (filter.includes('*') ? matchesTag(filter, repository.name) : repository.name.includes(filter)));
    if (filters.length > 0) return { frequency, filters: filters.map(({ filter }) => ({ filter, filterType: 'WILDCARD' })) };
  }
  return { frequency: repository.scanOnPush ? 'SCAN_ON_PUSH' : 'MANUAL', filters: [] };
}
