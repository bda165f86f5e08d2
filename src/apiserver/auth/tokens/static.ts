import { createHash, timingSafeEqual } from 'node:crypto';
import type { UserInfo } from '#machinery';
import type { TokenAuthenticator } from '../../types.ts';
import { forServer, withAuthenticated } from './bearer.ts';

export interface StaticToken {
  readonly token: string;
  readonly user: UserInfo;
}

/** A fixed list of tokens; compared by digest, all of them each time, so that time tells nothing. */
export function staticTokens(tokens: readonly StaticToken[], own: readonly string[]): TokenAuthenticator {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  const known = tokens.map(({ token, user }) => ({ digest: digest(token), user: { ...user, groups: withAuthenticated(user.groups) } }));
  return {
    name: 'static',
    review(token, audiences) {
      if (known.length === 0) return undefined;
      const hash = digest(token);
      let found: UserInfo | undefined;
      for (const entry of known) if (timingSafeEqual(entry.digest, hash)) found ??= entry.user;
      return found && forServer(found, audiences, own);
    },
  };
}

/**
 * The file of --token-auth-file: CSV of token, user name, user uid and, quoted when there are several, groups. Throws
 * an Error that names the line, never the token.
 */
export function parseTokenFile(text: string): StaticToken[] {
  const out: StaticToken[] = [];
  const seen = new Set<string>();
  text.split(/\r?\n/).forEach((line, i) => {
    if (line.trim() === '' || line.startsWith('#')) return;
    const [token, username = '', uid = '', groups = ''] = splitCsv(line);
    if (!token || !username) throw new Error(`line ${i + 1}: a token, a user name and a user uid are needed`);
    if (seen.has(token)) throw new Error(`line ${i + 1}: this token was there before`);
    seen.add(token);
    const names = groups.split(',').map((name) => name.trim());
    out.push({ token, user: { username, groups: names.filter((name) => name !== ''), ...(uid ? { uid } : {}) } });
  });
  return out;
}
/** Fields of one line; quotes hold commas, doubled quotes are one. */
function splitCsv(line: string): string[] {
  const fields = line.match(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g) ?? [];
  return fields.map((field) => {
    const value = field.replace(/,$/, '').trim();
    return value.startsWith('"') && value.endsWith('"') && value.length > 1 ? value.slice(1, -1).replaceAll('""', '"') : value;
  });
}
