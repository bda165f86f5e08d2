import type { Binding, Role } from '../types.ts';
import { generalClusterRoles } from './cluster-roles.ts';
import { controllerRoles, controllerRules } from './controller-roles.ts';
import { clusterRoleBinding, events, groupSubject, on, read, role, roleBinding, systemAccount, userSubject } from './words.ts';

const everyone = [groupSubject('system:authenticated'), groupSubject('system:unauthenticated')] as const;
const leaderLocking = (name: string): Role =>
  role('kube-system', `system::leader-locking-${name}`, [on('watch', '', 'configmaps'), on('get update', '', 'configmaps', name)]);

const clusterRoleBindings: readonly Binding[] = [
  clusterRoleBinding('cluster-admin', groupSubject('system:masters')),
  clusterRoleBinding('system:monitoring', groupSubject('system:monitoring')),
  clusterRoleBinding('system:discovery', groupSubject('system:authenticated')),
  clusterRoleBinding('system:basic-user', groupSubject('system:authenticated')),
  clusterRoleBinding('system:public-info-viewer', ...everyone),
  clusterRoleBinding('system:node-proxier', userSubject('system:kube-proxy')),
  clusterRoleBinding('system:kube-controller-manager', userSubject('system:kube-controller-manager')),
  clusterRoleBinding('system:kube-dns', systemAccount('kube-dns')),
  clusterRoleBinding('system:kube-scheduler', userSubject('system:kube-scheduler')),
  clusterRoleBinding('system:volume-scheduler', userSubject('system:kube-scheduler')),
  // Of no subject since there is a Node authorizer; it is here so that an old one is emptied.
  clusterRoleBinding('system:node'),
  clusterRoleBinding('system:service-account-issuer-discovery', groupSubject('system:serviceaccounts')),
];

const roles: readonly Role[] = [
  role('kube-public', 'system:controller:bootstrap-signer', [on(read, '', 'configmaps'), on('update', '', 'configmaps', 'cluster-info'), events]),
  role('kube-system', 'extension-apiserver-authentication-reader', [on(read, '', 'configmaps', 'extension-apiserver-authentication')]),
  role('kube-system', 'system:controller:bootstrap-signer', [on(read, '', 'secrets')]),
  role('kube-system', 'system:controller:cloud-provider', [on(`create ${read}`, '', 'configmaps')]),
  role('kube-system', 'system:controller:token-cleaner', [on(`delete ${read}`, '', 'secrets'), events]),
  leaderLocking('kube-controller-manager'),
  leaderLocking('kube-scheduler'),
];
const roleBindings: readonly Binding[] = [
  roleBinding('kube-public', 'system:controller:bootstrap-signer', 'system:controller:bootstrap-signer', systemAccount('bootstrap-signer')),
  roleBinding(
    'kube-system',
    'system::extension-apiserver-authentication-reader',
    'extension-apiserver-authentication-reader',
    userSubject('system:kube-controller-manager'),
    userSubject('system:kube-scheduler'),
  ),
  ...['bootstrap-signer', 'cloud-provider', 'token-cleaner'].map((name) =>
    roleBinding('kube-system', `system:controller:${name}`, `system:controller:${name}`, systemAccount(name)),
  ),
  ...['kube-controller-manager', 'kube-scheduler'].map((name) =>
    roleBinding('kube-system', `system::leader-locking-${name}`, `system::leader-locking-${name}`, userSubject(`system:${name}`), systemAccount(name)),
  ),
];

/**
 * What every cluster of 1.36 has (RBAC, "Default roles and role bindings"). Held true at each start where the
 * annotation autoupdate allows it.
 */
export const bootstrapPolicy: {
  readonly clusterRoles: readonly Role[];
  readonly clusterRoleBindings: readonly Binding[];
  readonly roles: readonly Role[];
  readonly roleBindings: readonly Binding[];
} = {
  clusterRoles: [...generalClusterRoles, ...controllerRoles],
  clusterRoleBindings: [
    ...clusterRoleBindings,
    ...Object.keys(controllerRules).map((name) => clusterRoleBinding(`system:controller:${name}`, systemAccount(name))),
  ],
  roles,
  roleBindings,
};
