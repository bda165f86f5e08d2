import type { CallRequest } from '../protocol/types.ts';

/** Answers the questions of browsers (Fetch standard, CORS) for pages of these origins, and of no others. */
export interface PageAccess {
  /** Whether a page of a listed origin asks. */
  allows(request: CallRequest): boolean;
  /** Headers that let the page read the answer; `preflight`: the request only asks whether it may. Undefined for all others. */
  headers(request: CallRequest): { readonly preflight: boolean; readonly headers: Readonly<Record<string, string>> } | undefined;
}

export function pageAccess(origins: readonly string[]): PageAccess {
  const allows = (request: CallRequest): boolean => origins.includes(request.header('origin') ?? '');
  return {
    allows,
    headers(request) {
      if (!allows(request)) return undefined;
      const common = { 'access-control-allow-origin': request.header('origin') ?? '', vary: 'Origin' };
      const method = request.method === 'OPTIONS' ? request.header('access-control-request-method') : undefined;
      if (method === undefined) return { preflight: false, headers: { ...common, 'access-control-expose-headers': '*' } };
      const names = request.header('access-control-request-headers');
      const headers = {
        ...common,
        'access-control-allow-methods': method,
        'access-control-max-age': '600',
        ...(names === undefined ? {} : { 'access-control-allow-headers': names }),
        // Pages of public sites ask whether they may reach loopback (Private Network Access).
        ...(request.header('access-control-request-private-network') === 'true' ? { 'access-control-allow-private-network': 'true' } : {}),
      };
      return { preflight: true, headers };
    },
  };
}
