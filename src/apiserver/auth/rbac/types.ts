import type { KubeObject, LabelSelector } from '#machinery';

/** rbac.authorization.k8s.io/v1 in the parts that decide. */
export interface PolicyRule {
  readonly verbs: readonly string[];
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
}
/** A Role or ClusterRole. */
export interface Role extends KubeObject {
  rules?: readonly PolicyRule[] | null;
  aggregationRule?: { clusterRoleSelectors?: LabelSelector[] };
}
export interface Subject {
  readonly kind: string;
  readonly apiGroup?: string;
  readonly name: string;
  readonly namespace?: string;
}
export interface RoleRef {
  readonly apiGroup: string;
  readonly kind: string;
  readonly name: string;
}
/** A RoleBinding or ClusterRoleBinding. */
export interface Binding extends KubeObject {
  subjects?: readonly Subject[] | null;
  roleRef: RoleRef;
}

export const rbacGroup = 'rbac.authorization.k8s.io';
