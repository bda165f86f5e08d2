import type { UserInfo } from '#machinery';
import type { Attributes, Authorizer, RuleSet } from '../types.ts';

const denied = { allowed: false } as const;

/** Allows what one of `authorizers` allows, asked in order; the reasons of all of them when none does. */
export function unionAuthorizer(authorizers: readonly Authorizer[]): Authorizer & { rulesFor(user: UserInfo, namespace: string): RuleSet } {
  return {
    start(reader) {
      for (const authorizer of authorizers) authorizer.start?.(reader);
    },
    authorize(attributes) {
      let reasons: string[] | undefined;
      for (const authorizer of authorizers) {
        const verdict = authorizer.authorize(attributes);
        if (verdict.allowed) return verdict;
        if (verdict.reason) (reasons ??= []).push(verdict.reason);
      }
      return reasons ? { allowed: false, reason: reasons.join('\n') } : denied;
    },
    rulesFor(user, namespace) {
      const parts = authorizers.flatMap((authorizer) => authorizer.rulesFor?.(user, namespace) ?? []);
      const incomplete = parts.flatMap((part) => part.incomplete ?? []);
      return { rules: parts.flatMap((part) => part.rules), ...(incomplete.length > 0 ? { incomplete: incomplete.join(', ') } : {}) };
    },
  };
}

const privileged = { allowed: true } as const;

/** system:masters may do everything, whatever the roles say. */
export const mastersAuthorizer: Authorizer = {
  authorize: ({ user }: Attributes) => (user.groups.includes('system:masters') ? privileged : denied),
};
