import { holds, type ConditionKeys, type Expand } from './conditions.ts';
import type { Policy, PrincipalElement, Statement } from './document.ts';
import { glob, matchesAction, matchesArn } from './match.ts';
import { expander } from './variables.ts';

/** Who asks. */
export interface Principal {
  /** `user`, `role` (a session of one), `root` of an account, a `service` of AWS, a `federated` identity, or nobody. */
  readonly type: 'user' | 'role' | 'root' | 'service' | 'federated' | 'anonymous';
  /** User, session or root; the service's or provider's name; '' for nobody. */
  readonly arn: string;
  /** Twelve digits; '' for services, federated identities and nobody. */
  readonly account: string;
  /** Of a session: the ARN of its role. */
  readonly roleArn?: string | undefined;
}

/** A policy with the name that a decision tells of it. */
export interface NamedPolicy {
  readonly name: string;
  readonly policy: Policy;
}

export interface EvaluationRequest {
  readonly principal: Principal;
  /** `service:Action`. */
  readonly action: string;
  /** ARN, or `*` for actions that name no resource. */
  readonly resource: string;
  /** Account that owns the resource. */
  readonly resourceAccount: string;
  /** In lower case. */
  readonly keys: ConditionKeys;
  /** Of the user with its groups, or of the role. */
  readonly identityPolicies: readonly NamedPolicy[];
  readonly boundary?: NamedPolicy | undefined;
  /** Given when the session was made. Undefined: none were; empty: nothing is left. */
  readonly sessionPolicies?: readonly NamedPolicy[] | undefined;
  /** Narrow the session further: each of them must allow, whoever else does. */
  readonly scopes?: readonly NamedPolicy[] | undefined;
  readonly resourcePolicy?: NamedPolicy | undefined;
  /** The resource's policy must allow, whatever the identity's say: trust policies of roles, key policies. */
  readonly resourcePolicyDecides?: boolean;
}

export interface Decision {
  readonly effect: 'allowed' | 'explicitDeny' | 'implicitDeny';
  /** Where the deciding statement stands; undefined for an implicit deny. */
  readonly by: { readonly policy: string; readonly sid: string | undefined } | undefined;
  /** Which sort of policy denied. */
  readonly denying?: 'identity' | 'boundary' | 'session' | 'resource' | undefined;
  /** The kind of policy that did not allow, when one had to. */
  readonly lacking: 'identity' | 'boundary' | 'session' | 'resource' | undefined;
}

/** How directly a resource's policy names the principal: what an account is given it must still give on itself. */
type Grant = 'direct' | 'role' | 'account' | undefined;

/**
 * Decides a request (IAM user guide, policy evaluation logic). An explicit deny anywhere wins. Within an account the
 * identity's policies or the resource's must allow; across accounts both. A boundary and session policies only take
 * away, except from what the resource's policy gives to the user or the session itself.
 */
export function evaluate(request: EvaluationRequest): Decision {
  const denied = denial(request);
  if (denied) return denied;
  if (request.scopes?.some((scope) => !find([scope], 'Allow', request, false))) return refuse('session');
  if (request.principal.type === 'root' && request.principal.account === request.resourceAccount && !request.resourcePolicyDecides) {
    return { effect: 'allowed', by: { policy: 'account root', sid: undefined }, lacking: undefined };
  }
  const granted = grantOf(request);
  const identity = request.principal.type === 'root' ? { policy: 'account root', sid: undefined } : find(request.identityPolicies, 'Allow', request, false);
  const outside = request.principal.account !== request.resourceAccount;
  const needsBoth = outside || granted.grant === 'account';
  if (needsBoth || request.resourcePolicyDecides) {
    if (!granted.by) return refuse('resource');
    if (isForeign(request.principal)) return allow(granted.by);
    if (granted.grant !== 'direct' || outside) {
      if (!identity && (outside || granted.grant === 'account')) return refuse('identity');
      const limited = limits(request);
      if (limited) return refuse(limited);
    }
    return allow(granted.by);
  }
  if (granted.grant === 'direct' && granted.by) return allow(granted.by);
  const by = identity ?? granted.by;
  if (!by) return refuse('identity');
  const limited = limits(request);
  return limited ? refuse(limited) : allow(by);
}

/** An explicit deny, wherever it stands. */
function denial(request: EvaluationRequest): Decision | undefined {
  const places = [
    ['identity', request.identityPolicies],
    ['boundary', some(request.boundary)],
    ['session', [...(request.sessionPolicies ?? []), ...(request.scopes ?? [])]],
    ['resource', some(request.resourcePolicy)],
  ] as const;
  for (const [denying, policies] of places) {
    const by = find(policies, 'Deny', request, denying === 'resource');
    if (by) return { effect: 'explicitDeny', by, lacking: undefined, denying };
  }
  return undefined;
}

const some = <T>(value: T | undefined): T[] => (value === undefined ? [] : [value]);
const allow = (by: NonNullable<Decision['by']>): Decision => ({ effect: 'allowed', by, lacking: undefined });
const refuse = (lacking: Decision['lacking']): Decision => ({ effect: 'implicitDeny', by: undefined, lacking });
/** Whom no identity policies belong to. */
const isForeign = (principal: Principal): boolean => principal.type === 'service' || principal.type === 'federated' || principal.type === 'anonymous';

/** The first kind of limit that does not allow. */
function limits(request: EvaluationRequest): 'boundary' | 'session' | undefined {
  if (request.boundary && !find([request.boundary], 'Allow', request, false)) return 'boundary';
  if (request.sessionPolicies && !find(request.sessionPolicies, 'Allow', request, false)) return 'session';
  return undefined;
}

/** What the resource's policy gives, by its most direct statement. */
function grantOf(request: EvaluationRequest): { grant: Grant; by: Decision['by'] } {
  const { resourcePolicy } = request;
  let best: { grant: Grant; by: Decision['by'] } = { grant: undefined, by: undefined };
  if (!resourcePolicy) return best;
  const order: Grant[] = [undefined, 'account', 'role', 'direct'];
  const expand = expander(resourcePolicy.policy, request.keys);
  for (const statement of resourcePolicy.policy.statements) {
    if (statement.effect !== 'Allow' || !applies(statement, request, expand)) continue;
    const grant = statement.principal ? named(statement.principal, request.principal) : exceptNamed(statement.notPrincipal, request.principal);
    if (order.indexOf(grant) > order.indexOf(best.grant)) best = { grant, by: { policy: resourcePolicy.name, sid: statement.sid } };
  }
  return best;
}

function find(policies: readonly NamedPolicy[], effect: Statement['effect'], request: EvaluationRequest, ofResource: boolean): Decision['by'] {
  for (const { name, policy } of policies) {
    const expand = expander(policy, request.keys);
    for (const statement of policy.statements) {
      if (statement.effect !== effect || !applies(statement, request, expand)) continue;
      if (ofResource && !concerns(statement, request.principal)) continue;
      return { policy: name, sid: statement.sid };
    }
  }
  return undefined;
}

/** Action, resource and conditions; not the principal. */
function applies(statement: Statement, request: EvaluationRequest, expand: Expand): boolean {
  if (statement.actions && !statement.actions.some((pattern) => matchesAction(pattern, request.action))) return false;
  if (statement.notActions?.some((pattern) => matchesAction(pattern, request.action))) return false;
  const matches = (pattern: string): boolean => {
    const wanted = expandResource(pattern, expand);
    return wanted !== undefined && matchesArn(wanted, request.resource);
  };
  if (statement.resources && !statement.resources.some(matches)) return false;
  if (statement.notResources?.some(matches)) return false;
  return statement.conditions.every((condition) => holds(condition, request.keys, expand));
}
const expandResource = (pattern: string, expand: Expand): string | undefined => (pattern === '*' ? pattern : expand(pattern));

/** Whether a denying statement of a resource's policy is about the principal. */
function concerns(statement: Statement, principal: Principal): boolean {
  if (statement.principal) return named(statement.principal, principal) !== undefined;
  // To be spared, a principal must be named itself: naming its account spares only the root (IAM reference, NotPrincipal).
  const grant = statement.notPrincipal && named(statement.notPrincipal, principal);
  return statement.notPrincipal !== undefined && grant !== 'direct' && grant !== 'role' && !(grant === 'account' && principal.type === 'root');
}

function named(element: PrincipalElement, principal: Principal): Grant {
  if (element.any) return 'direct';
  if (principal.type === 'service') return element.service.includes(principal.arn) ? 'direct' : undefined;
  if (principal.type === 'federated') return element.federated.includes(principal.arn) ? 'direct' : undefined;
  if (principal.type === 'anonymous') return undefined;
  if (element.aws.includes(principal.arn)) return principal.type === 'root' ? 'account' : 'direct';
  if (principal.roleArn !== undefined && element.aws.includes(principal.roleArn)) return 'role';
  return element.aws.some((name) => name === principal.account || glob(`arn:aws*:iam::${principal.account}:root`, name)) ? 'account' : undefined;
}
/** NotPrincipal of an allowing statement: everybody but those and, when an account is named, all of it. */
function exceptNamed(element: PrincipalElement | undefined, principal: Principal): Grant {
  return element && named(element, principal) === undefined ? 'direct' : undefined;
}
