import type { UserInfo } from '#machinery';

const prefix = 'system:node:';

/** The node that a user is: its name, '' for a node without one, undefined for everybody else. */
export function nodeOf({ username, groups }: UserInfo): string | undefined {
  if (!username.startsWith(prefix) || !groups.includes('system:nodes')) return undefined;
  return username.slice(prefix.length);
}
