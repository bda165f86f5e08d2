/** Whether a repository's name lies under a prefix: `ROOT` is every name, `a` is `a/…`, and what ends in `/` is taken as it is. */
export function isUnder(prefix: string, name: string): boolean {
  if (prefix === 'ROOT') return true;
  return name.startsWith(prefix.endsWith('/') ? prefix : `${prefix}/`);
}

/** The thing with the longest prefix that a name lies under; ROOT is the shortest. */
export function closest<T extends { readonly prefix: string }>(things: readonly T[], name: string): T | undefined {
  const length = ({ prefix }: T): number => (prefix === 'ROOT' ? 0 : prefix.length);
  return things.filter(({ prefix }) => isUnder(prefix, name)).toSorted((a, b) => length(b) - length(a))[0];
}

/** The name upstream of a repository of a pull-through cache. */
export function upstreamName(rule: { readonly prefix: string; readonly upstreamRepositoryPrefix: string }, name: string): string {
  const rest = rule.prefix === 'ROOT' ? name : name.slice(rule.prefix.length + 1);
  return rule.upstreamRepositoryPrefix === 'ROOT' ? rest : `${rule.upstreamRepositoryPrefix}/${rest}`;
}
