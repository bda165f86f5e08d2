const format = /^system:serviceaccount:([a-z0-9]([-a-z0-9]*[a-z0-9])?):([a-z0-9]([-.a-z0-9]*[a-z0-9])?)$/;

/** The account that a user name is of; undefined for other users. */
export function accountOf(username: string): { namespace: string; name: string } | undefined {
  const match = format.exec(username);
  return match ? { namespace: match[1] ?? '', name: match[3] ?? '' } : undefined;
}
export function accountGroups(namespace: string): string[] {
  return ['system:serviceaccounts', `system:serviceaccounts:${namespace}`];
}
/** With the group that everybody is in: known or unknown. */
export function withGeneralGroup(username: string, groups: readonly string[]): string[] {
  if (groups.includes('system:authenticated') || groups.includes('system:unauthenticated')) return [...groups];
  return [...groups, username === 'system:anonymous' ? 'system:unauthenticated' : 'system:authenticated'];
}
