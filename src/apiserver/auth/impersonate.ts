import { ApiError, type UserInfo } from '#machinery';
import type { Request } from '../http/types.ts';
import type { Attributes, Authorizer } from '../types.ts';
import { forbidden } from './forbidden.ts';

const serviceAccount = /^system:serviceaccount:([a-z0-9]([-a-z0-9]*[a-z0-9])?):([a-z0-9]([-.a-z0-9]*[a-z0-9])?)$/;
const extraPrefix = 'impersonate-extra-';

/**
 * The user that the Impersonate-* headers ask to act as, or `user` when there are none. Throws Forbidden when
 * `user` may not impersonate that user, one of the groups, the uid or an extra (User impersonation, Authenticating).
 */
export function impersonate(request: Request, user: UserInfo, authorizer: Authorizer): UserInfo {
  const { headers } = request;
  const username = headers['impersonate-user'];
  if (username === undefined || username === '') {
    if (headers['impersonate-group'] === undefined && headers['impersonate-uid'] === undefined) return user;
    throw new ApiError('BadRequest', 'requested to impersonate a group or uid without impersonating a user');
  }
  const wanted = read(String(username), request.rawHeaders);
  for (const attributes of permissions(wanted, user)) {
    const { allowed, reason } = authorizer.authorize(attributes);
    if (!allowed) throw forbidden(attributes, reason);
  }
  return { ...wanted, groups: withImplied(wanted) };
}

/** Headers of one name may come many times, so the raw ones count: joined ones cannot be told apart again. */
function read(username: string, raw: readonly string[]): UserInfo {
  const groups: string[] = [];
  const extra: Record<string, string[]> = {};
  let uid: string | undefined;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] ?? '').toLowerCase();
    const value = raw[i + 1] ?? '';
    if (name === 'impersonate-group') groups.push(value);
    else if (name === 'impersonate-uid') uid = value;
    else if (name.startsWith(extraPrefix)) (extra[unescape(name.slice(extraPrefix.length))] ??= []).push(value);
  }
  return { username, groups, ...(uid ? { uid } : {}), ...(Object.keys(extra).length > 0 ? { extra } : {}) };
}
function unescape(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}

function permissions(wanted: UserInfo, user: UserInfo): Attributes[] {
  const common = { user, verb: 'impersonate', resource: true, group: '', version: 'v1', subresource: '', namespace: '', path: '' };
  const account = serviceAccount.exec(wanted.username);
  const authentication = { ...common, group: 'authentication.k8s.io' };
  return [
    account
      ? { ...common, plural: 'serviceaccounts', namespace: account[1] ?? '', name: account[3] ?? '' }
      : { ...common, plural: 'users', name: wanted.username },
    ...wanted.groups.map((name) => ({ ...common, plural: 'groups', name })),
    ...(wanted.uid ? [{ ...authentication, plural: 'uids', name: wanted.uid }] : []),
    ...Object.entries(wanted.extra ?? {}).flatMap(([subresource, values]) =>
      values.map((name) => ({ ...authentication, plural: 'userextras', subresource, name })),
    ),
  ];
}

/** The groups every user of that sort is in, which nobody has to name. */
function withImplied({ username, groups }: UserInfo): string[] {
  const account = serviceAccount.exec(username);
  const own = account && groups.length === 0 ? ['system:serviceaccounts', `system:serviceaccounts:${account[1]}`] : [...groups];
  const general = username === 'system:anonymous' ? 'system:unauthenticated' : 'system:authenticated';
  return own.includes('system:authenticated') || own.includes('system:unauthenticated') ? own : [...own, general];
}
