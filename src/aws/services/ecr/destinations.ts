import type { EcrReplicationRule } from '#kinds';

export interface Destination {
  readonly region: string;
  readonly registryId: string;
}

/** Where a repository is replicated to: every destination of the rules that its name matches, once, never itself. */
export function destinationsOf(rules: readonly EcrReplicationRule[], name: string, own: Destination): Destination[] {
  const found = new Map<string, Destination>();
  for (const { destinations, repositoryFilters = [] } of rules) {
    if (repositoryFilters.length > 0 && !repositoryFilters.some(({ filter }) => name.startsWith(filter))) continue;
    for (const to of destinations) {
      if (to.region !== own.region || to.registryId !== own.registryId)
        found.set(`${to.registryId}/${to.region}`, { region: to.region, registryId: to.registryId });
    }
  }
  return [...found.values()];
}
