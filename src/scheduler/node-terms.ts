import { termMatcher, type NodeMatcher, type V1NodeAffinity, type V1NodeSelectorTerm, type V1Pod } from '#kinds';

/** A preferred term of node affinity: what a node that matches it gets. */
export interface NodePreference {
  readonly weight: number;
  readonly matches: NodeMatcher;
}
export function preferredNodes(affinity: V1NodeAffinity | undefined): readonly NodePreference[] {
  const terms = affinity?.preferredDuringSchedulingIgnoredDuringExecution;
  return terms?.length ? terms.filter((t) => t.weight > 0).map((t) => ({ weight: t.weight, matches: preference(t.preference) })) : none;
}
const none: readonly never[] = [];
/** Unlike a required term, a preference without expressions holds on every node. */
function preference(term: V1NodeSelectorTerm): NodeMatcher {
  const empty = !term.matchExpressions?.length && !term.matchFields?.length;
  return empty ? () => true : termMatcher(term);
}

/** Names of the only nodes that the required affinity can hold on, because every term names some (pods of daemons); undefined: any. */
export function namedNodes({ spec }: V1Pod): readonly string[] | undefined {
  const terms = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  if (!terms?.length) return undefined;
  const names = new Set<string>();
  for (const { matchFields } of terms) {
    const field = matchFields?.find((one) => one.key === 'metadata.name' && one.operator === 'In');
    if (!field) return undefined;
    for (const name of field.values ?? []) names.add(name);
  }
  return [...names];
}
