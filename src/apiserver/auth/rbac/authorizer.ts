import type { UserInfo } from '#machinery';
import type { Attributes, Authorizer, ObjectReader, RuleSet } from '../../types.ts';
import { danglingText, type Policy } from './policy.ts';
import { allows } from './rules.ts';

const denied = { allowed: false } as const;

/** Role-based access control over `policy`. */
export function rbacAuthorizer(policy: Policy): Authorizer & { start(reader: ObjectReader): void; rulesFor(user: UserInfo, namespace: string): RuleSet } {
  return {
    start: (reader) => policy.follow(reader),
    authorize: (attributes) => decide(policy, attributes),
    rulesFor(user, namespace) {
      const { rules, errors } = policy.rulesFor(user, namespace);
      return { rules, ...(errors.length > 0 ? { incomplete: together(errors) } : {}) };
    },
  };
}

function decide(policy: Policy, attributes: Attributes): { allowed: boolean; reason?: string } {
  let verdict: { allowed: boolean; reason?: string } | undefined;
  let dangling: string[] | undefined;
  policy.visit(attributes.user, attributes.resource ? attributes.namespace : '', (grant) => {
    const rules = policy.rules(grant.roleRef, grant.namespace);
    if (!rules) {
      (dangling ??= []).push(danglingText(grant.roleRef));
      return false;
    }
    for (const rule of rules) {
      if (!allows(rule, attributes)) continue;
      verdict = grant.allowed;
      return true;
    }
    return false;
  });
  return verdict ?? (dangling ? { allowed: false, reason: `RBAC: ${together(dangling)}` } : denied);
}
/** Several errors as Go's aggregate prints them. */
function together(errors: readonly string[]): string {
  const different = [...new Set(errors)];
  return different.length === 1 ? (different[0] as string) : `[${different.join(', ')}]`;
}
