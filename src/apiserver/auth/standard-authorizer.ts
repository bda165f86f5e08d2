import { nodeAuthorizer } from './node/authorizer.ts';
import { NodeGraph } from './node/graph.ts';
import { rbacAuthorizer } from './rbac/authorizer.ts';
import { bootstrapPolicy } from './rbac/bootstrap/bootstrap.ts';
import { Policy } from './rbac/policy.ts';
import { mastersAuthorizer, unionAuthorizer } from './union.ts';
import type { UserInfo } from '#machinery';
import type { Authorizer, RuleSet } from '../types.ts';

export interface StandardAuthorizer {
  readonly authorizer: Authorizer & { rulesFor(user: UserInfo, namespace: string): RuleSet };
  /** The roles and bindings, for those who check what is granted. */
  readonly policy: Policy;
}

/** --authorization-mode=Node,RBAC. The bootstrap policy holds from the first request on, stored or not. */
export function standardAuthorizer(): StandardAuthorizer {
  const policy = new Policy();
  const { clusterRoles, roles, clusterRoleBindings, roleBindings } = bootstrapPolicy;
  policy.preset({ clusterRoles, roles, bindings: [...clusterRoleBindings, ...roleBindings] });
  return { authorizer: unionAuthorizer([mastersAuthorizer, nodeAuthorizer(new NodeGraph()), rbacAuthorizer(policy)]), policy };
}
