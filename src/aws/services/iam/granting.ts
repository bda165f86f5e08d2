import type { IamGroupSpec, IamPrincipal, IamRoleSpec, IamUserSpec } from '#kinds';
import type { Call } from '../../gateway/call.ts';
import { readPolicy } from '../../iam/identities.ts';
import type { Policy } from '../../iam/policy/document.ts';
import { glob } from '../../iam/policy/match.ts';
import { serviceNames } from './service-names.ts';
import { findPolicy, getGroup, getPolicy, getRole, getUser, groups, iamId, invalid, place, roles, users } from './support.ts';

/** A user, role or group. */
export interface Entity {
  readonly arn: string;
  readonly name: string;
  readonly type: 'USER' | 'ROLE' | 'GROUP';
  /** Unique id. */
  readonly id: string;
  readonly path: string;
}
/** A policy that somebody has, and from whom: inline policies are of one user, role or group. */
export interface Granting {
  readonly name: string;
  readonly policy: Policy;
  readonly arn?: string;
  readonly holder?: Entity;
}
/** What an ARN of IAM stands for: who acts, and by which policies. */
export interface Source {
  readonly actors: readonly Entity[];
  readonly policies: readonly Granting[];
}

const userEntity = ({ arn, userName, userId, path }: IamUserSpec): Entity => ({ arn, name: userName, type: 'USER', id: userId, path });
const roleEntity = ({ arn, roleName, roleId, path }: IamRoleSpec): Entity => ({ arn, name: roleName, type: 'ROLE', id: roleId, path });
const groupEntity = ({ arn, groupName, groupId, path }: IamGroupSpec): Entity => ({ arn, name: groupName, type: 'GROUP', id: groupId, path });

function managed(call: Call, arn: string): Granting[] {
  const found = findPolicy(call, arn);
  const document = found?.versions.find(({ id }) => id === found.defaultVersionId)?.document;
  return document === undefined ? [] : [{ name: found?.policyName ?? '', arn, policy: readPolicy(document, 'identity') }];
}
function held(call: Call, { inline, attached }: IamPrincipal, holder: Entity): Granting[] {
  const own = Object.entries(inline).map(([name, document]) => ({ name, holder, policy: readPolicy(document, 'identity') }));
  return [...own, ...attached.flatMap((arn) => managed(call, arn))];
}
const groupsOf = (call: Call, user: IamUserSpec): IamGroupSpec[] => user.groups.flatMap((name) => groups(call).get(place(call), iamId(name)) ?? []);

/** Throws AwsError when there is no such user, role, group or policy. */
export function sourceOf(call: Call, arn: string): Source {
  const [, , , , account = '', rest = ''] = arn.split(':');
  const name = rest.slice(rest.lastIndexOf('/') + 1);
  const all = users(call).list(place(call));
  if (rest.startsWith('policy/')) {
    getPolicy(call, arn);
    const has = (one: IamPrincipal): boolean => one.attached.includes(arn);
    const actors = [
      ...all.filter((user) => has(user) || groupsOf(call, user).some(has)).map(userEntity),
      ...roles(call).list(place(call)).filter(has).map(roleEntity),
    ];
    return { actors, policies: managed(call, arn) };
  }
  if (account !== call.account) throw invalid(`Invalid Entity Arn: ${arn} does not clearly define entity type and name.`);
  if (rest.startsWith('user/')) {
    const user = getUser(call, name);
    const through = groupsOf(call, user).flatMap((group) => held(call, group, groupEntity(group)));
    return { actors: [userEntity(user)], policies: [...held(call, user, userEntity(user)), ...through] };
  }
  if (rest.startsWith('role/')) {
    const role = getRole(call, name);
    return { actors: [roleEntity(role)], policies: held(call, role, roleEntity(role)) };
  }
  if (!rest.startsWith('group/')) throw invalid(`Invalid Entity Arn: ${arn} does not clearly define entity type and name.`);
  const group = getGroup(call, name);
  return { actors: all.filter((user) => user.groups.includes(group.groupName)).map(userEntity), policies: held(call, group, groupEntity(group)) };
}

const prefixOf = (pattern: string): string => (pattern === '*' ? '*' : pattern.slice(0, Math.max(0, pattern.indexOf(':')))).toLowerCase();
/** Whether a policy allows anything of a service. */
export const grants = ({ policy }: Granting, service: string): boolean =>
  policy.statements.some(
    ({ effect, actions, notActions }) =>
      effect === 'Allow' &&
      (actions ? actions.some((one) => glob(prefixOf(one), service)) : !(notActions ?? []).some((one) => one === '*' || one.toLowerCase() === `${service}:*`)),
  );
/** The services that policies allow something of: those that are known here, and those that the policies name. */
export function grantedServices(policies: readonly Granting[]): string[] {
  const named = policies.flatMap(({ policy }) => policy.statements.flatMap(({ effect, actions }) => (effect === 'Allow' ? (actions ?? []).map(prefixOf) : [])));
  const candidates = new Set([...Object.keys(serviceNames), ...named.filter((one) => /^[\w-]+$/.test(one))]);
  return [...candidates].filter((service) => policies.some((one) => grants(one, service))).toSorted();
}
