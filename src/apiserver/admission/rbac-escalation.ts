import { ApiError, type Kind, type KubeObject, type UserInfo } from '#machinery';
import { describe, missing, quoted } from '../auth/rbac/covers.ts';
import type { Policy } from '../auth/rbac/policy.ts';
import { rbacGroup, type Binding, type PolicyRule, type Role, type RoleRef } from '../auth/rbac/types.ts';
import type { AdmissionPlugin, AdmissionRequest, Authorizer } from '../types.ts';

const everything: readonly PolicyRule[] = [
  { apiGroups: ['*'], resources: ['*'], verbs: ['*'] },
  { nonResourceURLs: ['*'], verbs: ['*'] },
];

/**
 * Nobody grants what he does not hold, unless he may `escalate` the role or `bind` to it (RBAC, "Privilege
 * escalation prevention and bootstrapping").
 */
export function rbacEscalation(policy: Policy, authorizer: Authorizer): AdmissionPlugin {
  return {
    name: 'RBACEscalation',
    handles: (kind) => kind.group === rbacGroup,
    validate(request) {
      const { kind, context } = request;
      if (context.user.groups.includes('system:masters') || onlyReferencesChanged(request)) return;
      if (kind.plural.endsWith('bindings')) checkBinding(policy, authorizer, request);
      else checkRole(policy, authorizer, request);
    },
  };
}

function checkRole(policy: Policy, authorizer: Authorizer, { kind, context: { user }, object, old, name, namespace = '', operation }: AdmissionRequest): void {
  const role = object as Role;
  const before = old as Role | undefined;
  if (before && same(before.rules, role.rules) && same(before.aggregationRule, role.aggregationRule)) return;
  const asked = operation === 'CREATE' ? '' : name;
  if (may(authorizer, user, 'escalate', kind.plural, namespace, asked)) return;
  const refuse = (why: string): ApiError => refusal(kind, name, why);
  // It could gather anything.
  if (role.aggregationRule && uncovered(policy, user, namespace, everything).length > 0)
    throw refuse('must have cluster-admin privileges to use an aggregationRule');
  checkHeld(policy, user, namespace, role.rules ?? [], refuse);
}
function checkBinding(policy: Policy, authorizer: Authorizer, { kind, context: { user }, object, old, name, namespace = '' }: AdmissionRequest): void {
  const { roleRef, subjects } = object as Binding;
  const before = old as Binding | undefined;
  if (before && same(before.roleRef, roleRef) && same(before.subjects, subjects)) return;
  if (may(authorizer, user, 'bind', pluralOf(roleRef), namespace, roleRef.name)) return;
  checkHeld(policy, user, namespace, policy.requireRules(roleRef, namespace), (why) => refusal(kind, name, why));
}

const pluralOf = ({ kind }: RoleRef): string => (kind === 'ClusterRole' ? 'clusterroles' : 'roles');
function may(authorizer: Authorizer, user: UserInfo, verb: string, plural: string, namespace: string, name: string): boolean {
  return authorizer.authorize({ user, verb, resource: true, group: rbacGroup, version: '*', plural, subresource: '', namespace, name, path: '' }).allowed;
}
function uncovered(policy: Policy, user: UserInfo, namespace: string, wanted: readonly PolicyRule[]): PolicyRule[] {
  return missing(policy.rulesFor(user, namespace).rules, wanted);
}
function checkHeld(policy: Policy, user: UserInfo, namespace: string, wanted: readonly PolicyRule[], refuse: (why: string) => ApiError): void {
  const { rules, errors } = policy.rulesFor(user, namespace);
  const lacking = missing(rules, wanted);
  if (lacking.length === 0) return;
  const list = [...new Set(lacking.map(describe))].toSorted().join('\n');
  const tail = errors.length > 0 ? `; resolution errors: [${errors.join(', ')}]` : '';
  const who = `user ${JSON.stringify(user.username)} (groups=${quoted(user.groups)})`;
  throw refuse(`${who} is attempting to grant RBAC permissions not currently held:\n${list}${tail}`);
}
function refusal(kind: Kind, name: string, why: string): ApiError {
  return new ApiError('Forbidden', `${kind.plural}.${rbacGroup} ${JSON.stringify(name)} is forbidden: ${why}`, { name, group: rbacGroup, kind: kind.plural });
}

/** The garbage collector edits owner references and finalizers of whatever there is. */
function onlyReferencesChanged({ object, old }: AdmissionRequest): boolean {
  if (!old) return false;
  const bare = ({ metadata, ...rest }: KubeObject): unknown => {
    const {
      ownerReferences: _owners,
      finalizers: _finalizers,
      managedFields: _managed,
      resourceVersion: _version,
      generation: _generation,
      ...others
    } = metadata ?? {};
    return { ...rest, metadata: others };
  };
  return same(bare(object), bare(old));
}
/** Empty and absent are the same to the API. */
function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(empty(a)) === JSON.stringify(empty(b));
}
const empty = (value: unknown): unknown => (value === null || value === undefined || (Array.isArray(value) && value.length === 0) ? undefined : value);
