import type { UserInfo } from '#machinery';
import type { Authenticator, Identification, TokenAuthenticator, TokenVerdict } from '../../types.ts';

/** The token of an Authorization header. */
export function bearer(authorization: string | undefined): string | undefined {
  const match = authorization && /^bearer +(\S+)\s*$/i.exec(authorization);
  return match ? match[1] : undefined;
}

/** Every sort of token behind one question: the first that knows the token answers. */
export function tokenUnion(sorts: readonly TokenAuthenticator[]): TokenAuthenticator & { start: NonNullable<TokenAuthenticator['start']> } {
  const ask = (token: string, audiences: readonly string[], from: number, error: TokenVerdict): TokenVerdict | Promise<TokenVerdict> => {
    for (let i = from; i < sorts.length; i++) {
      const verdict = (sorts[i] as TokenAuthenticator).review(token, audiences);
      if (verdict instanceof Promise) return verdict.then((late) => (late && 'user' in late ? late : ask(token, audiences, i + 1, error ?? late)));
      if (verdict && 'user' in verdict) return verdict;
      error ??= verdict;
    }
    return error;
  };
  return {
    name: 'token',
    start(reader) {
      for (const sort of sorts) sort.start?.(reader);
    },
    review: (token, audiences) => ask(token, audiences, 0, undefined),
  };
}

/** `Authorization: Bearer TOKEN`, for the server's own audiences. */
export function bearerAuthenticator(tokens: TokenAuthenticator, audiences: readonly string[]): Authenticator {
  const conclude = (verdict: TokenVerdict): Identification => verdict !== undefined && 'user' in verdict && verdict.user;
  return {
    name: 'bearer',
    start: (reader) => tokens.start?.(reader),
    authenticate({ authorization }) {
      const token = bearer(authorization);
      if (token === undefined) return undefined;
      const verdict = tokens.review(token, audiences);
      return verdict instanceof Promise ? verdict.then(conclude) : conclude(verdict);
    },
  };
}

/** Tokens that say nothing of audiences are for the server's own. */
export function forServer(user: UserInfo, wanted: readonly string[], own: readonly string[]): TokenVerdict {
  const audiences = wanted.filter((audience) => own.includes(audience));
  return audiences.length > 0 ? { user, audiences } : undefined;
}

export function withAuthenticated(groups: readonly string[]): string[] {
  return groups.includes('system:authenticated') ? [...groups] : [...groups, 'system:authenticated'];
}
