import type { Identities } from '../iam/identities.ts';
import { evaluate, type Decision } from '../iam/policy/evaluate.ts';
import type { ConditionKeys } from '../iam/policy/conditions.ts';
import type { Value } from '../protocol/types.ts';
import type { BareCall, Call } from './call.ts';
import { globalKeys } from './condition-keys.ts';
import { AwsError } from './errors.ts';
import type { Action, AnyAction, Conditions, Permission, Service } from './service.ts';

export interface AuthorizeOptions {
  readonly call: Call;
  readonly service: Service;
  readonly action: AnyAction;
  readonly input: Value;
  readonly identities: Identities;
}

/** Everything that an action needs of its caller. */
export const permissionsFor = ({ call, service, action, input }: Omit<AuthorizeOptions, 'identities'>): readonly Permission[] =>
  permissionsOf(action as unknown as Action<Value>, service, input, call);

/** Asks the policies for everything that an action needs. Throws AwsError. */
export function authorize(options: AuthorizeOptions): void {
  for (const permission of permissionsFor(options)) demand(options.call, permission, options.identities);
}

function permissionsOf(action: Action<Value>, service: Service, input: Value, call: Call): readonly Permission[] {
  if (action.permissions) return action.permissions(input, call);
  const name = action.permission ?? `${service.prefix}:${call.action}`;
  const resources = action.resources?.(input, call) ?? ['*'];
  const conditions = action.conditions?.(input, call) ?? {};
  const resourcePolicy = action.resourcePolicy?.(input, call);
  return resources.map((resource) => ({ action: name, resource, conditions, resourcePolicy }));
}

/** The error of a refused call. */
export type Refusal = (call: BareCall, permission: Permission, decision: Decision) => AwsError;

/** Refuses a caller who may not. Throws AwsError. */
export function demand(call: BareCall, permission: Permission, identities: Identities, refusal: Refusal = accessDenied): void {
  const decision = decide(call, permission, identities);
  if (decision.effect !== 'allowed') throw refusal(call, permission, decision);
}

/** What the policies say of one permission. */
export function decide(call: BareCall, permission: Permission, identities: Identities): Decision {
  const { caller } = call;
  return evaluate({
    principal: caller,
    action: permission.action,
    resource: permission.resource,
    resourceAccount: permission.resourceAccount ?? accountOf(permission.resource) ?? caller.account,
    keys: keysOf(call, permission.conditions ?? {}, identities),
    ...identities.policies(caller),
    resourcePolicy: permission.resourcePolicy,
    resourcePolicyDecides: permission.resourcePolicyDecides ?? false,
  });
}

function keysOf(call: BareCall, conditions: Conditions, identities: Identities): ConditionKeys {
  const keys = globalKeys(call, identities.tags(call.caller));
  for (const [name, value] of Object.entries(conditions)) {
    if (value !== undefined) keys.set(name.toLowerCase(), typeof value === 'string' ? [value] : value);
  }
  return keys;
}
/** The account in an ARN; undefined where there is none (`*`, S3's buckets). */
const accountOf = (resource: string): string | undefined => {
  const account = resource.split(':', 5)[4];
  return account !== undefined && /^\d{12}$/.test(account) ? account : undefined;
};

const lackingNames = { identity: 'identity-based', boundary: 'permissions boundary', session: 'session', resource: 'resource-based' };

/** The refusal in the words of AWS: it says which sort of policy decided. */
export function accessDenied({ caller }: BareCall, { action, resource }: Permission, decision: Decision): AwsError {
  const who = caller.type === 'anonymous' ? 'anonymous' : caller.arn;
  const on = resource === '*' ? '' : ` on resource: ${resource}`;
  const why =
    decision.effect === 'explicitDeny'
      ? ` with an explicit deny in ${article(decision)} policy`
      : ` because no ${lackingNames[decision.lacking ?? 'identity']}${decision.lacking === 'boundary' ? '' : ' policy'} allows the ${action} action`;
  return new AwsError('AccessDeniedException', `User: ${who} is not authorized to perform: ${action}${on}${why}`);
}
const article = (decision: Decision): string => {
  const kind = decision.denying ?? 'identity';
  return kind === 'boundary' ? 'a permissions boundary' : kind === 'session' ? 'a session' : kind === 'resource' ? 'a resource-based' : 'an identity-based';
};
