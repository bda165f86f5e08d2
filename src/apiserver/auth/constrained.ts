import type { UserInfo } from '#machinery';
import type { Attributes, Authorizer } from '../types.ts';
import { accountGroups, accountOf, withGeneralGroup } from './service-accounts.ts';

type Mode = 'associated-node' | 'arbitrary-node' | 'serviceaccount' | 'user-info';
const nodePrefix = 'system:node:';
const authentication = 'authentication.k8s.io';

/**
 * Constrained impersonation: `user` may act as `wanted` for one request, when he may `impersonate:MODE` that identity
 * and `impersonate-on:MODE:VERB` what he asks for. Gives who acts then; undefined when that is not allowed.
 */
export function constrainedImpersonation(wanted: UserInfo, user: UserInfo, authorizer: Authorizer, asked: Attributes): UserInfo | undefined {
  const may = (attributes: Attributes): boolean => authorizer.authorize(attributes).allowed;
  for (const mode of modesOf(wanted, user)) {
    if (!may({ ...asked, verb: `impersonate-on:${mode}:${asked.verb}` })) continue;
    if (identities(mode, wanted, user).every(may)) return { ...wanted, groups: groupsOf(mode, wanted) };
  }
  return undefined;
}

/** What sort of identity it is: the narrowest first. Nodes and accounts are only what their name says. */
function modesOf({ username, groups, uid, extra }: UserInfo, user: UserInfo): Mode[] {
  const plain = uid === undefined && extra === undefined;
  if (username.startsWith(nodePrefix)) {
    if (!plain || groups.some((group) => group !== 'system:nodes')) return [];
    return isOnNode(user, username.slice(nodePrefix.length)) ? ['associated-node', 'arbitrary-node'] : ['arbitrary-node'];
  }
  const account = accountOf(username);
  if (!account) return ['user-info'];
  const own = accountGroups(account.namespace);
  return plain && groups.every((group) => own.includes(group)) ? ['serviceaccount'] : [];
}
/** Whether the user is a service account whose token is bound to the node. */
function isOnNode({ username, extra }: UserInfo, node: string): boolean {
  return accountOf(username) !== undefined && (extra?.['authentication.kubernetes.io/node-name']?.includes(node) ?? false);
}

function identities(mode: Mode, wanted: UserInfo, user: UserInfo): Attributes[] {
  const { username, groups, uid, extra = {} } = wanted;
  const about = (plural: string, name: string, more: { namespace?: string; subresource?: string } = {}): Attributes => ({
    user,
    verb: `impersonate:${mode}`,
    resource: true,
    group: authentication,
    version: 'v1',
    plural,
    subresource: '',
    namespace: '',
    path: '',
    ...more,
    name,
  });
  if (mode === 'associated-node') return [about('nodes', '*')];
  if (mode === 'arbitrary-node') return [about('nodes', username.slice(nodePrefix.length))];
  const account = accountOf(username);
  if (account) return [about('serviceaccounts', account.name, { namespace: account.namespace })];
  return [
    about('users', username),
    ...groups.map((group) => about('groups', group)),
    ...(uid === undefined ? [] : [about('uids', uid)]),
    ...Object.entries(extra).flatMap(([key, values]) => values.map((value) => about('userextras', value, { subresource: key }))),
  ];
}

function groupsOf(mode: Mode, { username, groups }: UserInfo): string[] {
  if (mode === 'serviceaccount') return [...accountGroups(accountOf(username)?.namespace ?? ''), 'system:authenticated'];
  if (mode !== 'user-info') return ['system:nodes', 'system:authenticated'];
  return withGeneralGroup(username, groups);
}
