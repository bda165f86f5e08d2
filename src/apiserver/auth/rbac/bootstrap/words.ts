import { rbacGroup, type Binding, type PolicyRule, type Role, type Subject } from '../types.ts';

export const read = 'get list watch';
export const write = 'create update patch delete deletecollection';
export const readWrite = `${read} ${write}`;

const words = (text: string): string[] => text.split(' ').toSorted();

/** A rule in words parted by spaces. `''` is the core group. */
export function on(verbs: string, groups: string, resources: string, names?: string): PolicyRule {
  return { apiGroups: words(groups), ...(names ? { resourceNames: words(names) } : {}), resources: words(resources), verbs: words(verbs) };
}
export function urls(verbs: string, paths: string): PolicyRule {
  return { nonResourceURLs: words(paths), verbs: words(verbs) };
}
export const events: PolicyRule = on('create update patch', ' events.k8s.io', 'events');
/** What delegates authentication and authorization to the server asks it. Neither changes anything. */
export const delegation: readonly PolicyRule[] = [
  on('create', 'authentication.k8s.io', 'tokenreviews'),
  on('create', 'authorization.k8s.io', 'subjectaccessreviews'),
];

const labels = { 'kubernetes.io/bootstrapping': 'rbac-defaults' };
const annotations = { 'rbac.authorization.kubernetes.io/autoupdate': 'true' };
const meta = (name: string, namespace?: string, more: Record<string, string> = {}): NonNullable<Role['metadata']> => ({
  name,
  ...(namespace ? { namespace } : {}),
  labels: { ...labels, ...more },
  annotations,
});

export function clusterRole(name: string, rules: readonly PolicyRule[], more: Record<string, string> = {}): Role {
  return { apiVersion: `${rbacGroup}/v1`, kind: 'ClusterRole', metadata: meta(name, undefined, more), rules };
}
export function role(namespace: string, name: string, rules: readonly PolicyRule[]): Role {
  return { apiVersion: `${rbacGroup}/v1`, kind: 'Role', metadata: meta(name, namespace), rules };
}
export function clusterRoleBinding(name: string, ...subjects: Subject[]): Binding {
  return { ...bindingOf('ClusterRoleBinding', 'ClusterRole', name, subjects), metadata: meta(name) };
}
export function roleBinding(namespace: string, name: string, roleName: string, ...subjects: Subject[]): Binding {
  return { ...bindingOf('RoleBinding', 'Role', roleName, subjects), metadata: meta(name, namespace) };
}
function bindingOf(kind: string, refKind: string, refName: string, subjects: Subject[]): Binding {
  const ref = { apiGroup: rbacGroup, kind: refKind, name: refName };
  return { apiVersion: `${rbacGroup}/v1`, kind, roleRef: ref, ...(subjects.length > 0 ? { subjects } : {}) };
}
export const userSubject = (name: string): Subject => ({ apiGroup: rbacGroup, kind: 'User', name });
export const groupSubject = (name: string): Subject => ({ apiGroup: rbacGroup, kind: 'Group', name });
/** A ServiceAccount of kube-system. */
export const systemAccount = (name: string): Subject => ({ kind: 'ServiceAccount', name, namespace: 'kube-system' });
