import type { IamRoleSpec } from '#kinds';
import type { Call } from '../../gateway/call.ts';
import { globalKeys } from '../../gateway/condition-keys.ts';
import { AwsError } from '../../gateway/errors.ts';
import { readPolicy } from '../../iam/identities.ts';
import { evaluate } from '../../iam/policy/evaluate.ts';
import { accountOfArn } from './sessions.ts';

interface Federation {
  /** Undefined when there is none: it looks like one that trusts nobody. */
  readonly role: IamRoleSpec | undefined;
  readonly roleArn: string;
  readonly providerArn: string;
  /** `sts:AssumeRoleWithSAML`, and what goes with it: all must be allowed. */
  readonly actions: readonly [string, ...string[]];
  readonly keys: Readonly<Record<string, string | readonly string[]>>;
}

/** The role, when its trust policy lets those in whom a provider vouches for. Throws AwsError (AccessDenied). */
export function trustedRole(call: Call, { role, roleArn, providerArn, actions, keys }: Federation): IamRoleSpec {
  const given = Object.entries(keys).map(([name, value]) => [name.toLowerCase(), typeof value === 'string' ? [value] : value] as const);
  const allowed = actions.every(
    (action) =>
      role &&
      evaluate({
        principal: { type: 'federated', arn: providerArn, account: '' },
        action,
        resource: roleArn,
        resourceAccount: accountOfArn(roleArn),
        keys: new Map([...globalKeys(call, {}), ...given]),
        identityPolicies: [],
        resourcePolicy: { name: roleArn, policy: readPolicy(role.trust, 'trust') },
        resourcePolicyDecides: true,
      }).effect === 'allowed',
  );
  if (!role || !allowed) throw new AwsError('AccessDenied', `Not authorized to perform ${actions[0]}`, { status: 403 });
  return role;
}
