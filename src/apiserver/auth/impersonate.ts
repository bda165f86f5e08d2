import { ApiError, type UserInfo } from '#machinery';
import { attributesOf } from '../http/attributes.ts';
import type { RequestInfo } from '../http/request-info.ts';
import type { Request } from '../http/types.ts';
import type { Attributes, Authorizer } from '../types.ts';
import { constrainedImpersonation } from './constrained.ts';
import { accountGroups, accountOf, withGeneralGroup } from './service-accounts.ts';
import { unescapeKey } from './request-header.ts';
import { forbidden } from './forbidden.ts';

const extraPrefix = 'impersonate-extra-';

/**
 * The user that the Impersonate-* headers ask to act as, or `user` when there are none. Throws Forbidden when
 * `user` may not impersonate that user, one of the groups, the uid or an extra, neither for what is asked (constrained
 * impersonation) nor for anything (User impersonation).
 */
export function impersonate(request: Request, user: UserInfo, authorizer: Authorizer, info: RequestInfo): UserInfo {
  const { headers } = request;
  const username = headers['impersonate-user'];
  if (username === undefined || username === '') {
    if (!Object.keys(headers).some((name) => name.startsWith('impersonate-') && name !== 'impersonate-user')) return user;
    throw new ApiError('BadRequest', 'requested to impersonate a group, uid or extra without impersonating a user');
  }
  const wanted = read(String(username), request.rawHeaders);
  const constrained = constrainedImpersonation(wanted, user, authorizer, attributesOf(info, user));
  if (constrained) return constrained;
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
    else if (name.startsWith(extraPrefix)) (extra[unescapeKey(name.slice(extraPrefix.length))] ??= []).push(value);
  }
  return { username, groups, ...(uid ? { uid } : {}), ...(Object.keys(extra).length > 0 ? { extra } : {}) };
}
function permissions(wanted: UserInfo, user: UserInfo): Attributes[] {
  const common = { user, verb: 'impersonate', resource: true, group: '', version: 'v1', subresource: '', namespace: '', path: '' };
  const account = accountOf(wanted.username);
  const authentication = { ...common, group: 'authentication.k8s.io' };
  return [
    account
      ? { ...common, plural: 'serviceaccounts', namespace: account.namespace, name: account.name }
      : { ...common, plural: 'users', name: wanted.username },
    ...wanted.groups.map((name) => ({ ...common, plural: 'groups', name })),
    ...(wanted.uid ? [{ ...authentication, plural: 'uids', name: wanted.uid }] : []),
    ...Object.entries(wanted.extra ?? {}).flatMap(([subresource, values]) =>
      values.map((name) => ({ ...authentication, plural: 'userextras', subresource, name })),
    ),
  ];
}

/** An account is in the groups of its accounts unless others are named. */
function withImplied({ username, groups }: UserInfo): string[] {
  const account = groups.length === 0 ? accountOf(username) : undefined;
  return withGeneralGroup(username, account ? accountGroups(account.namespace) : groups);
}
