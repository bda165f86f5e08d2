import type * as Iam from '@aws-sdk/client-iam';
import type { Call, Caller } from '../../gateway/call.ts';
import { defineAction } from '../../gateway/service.ts';
import { readPolicy, type CallerPolicies } from '../../iam/identities.ts';
import { evaluate, type NamedPolicy, type Principal } from '../../iam/policy/evaluate.ts';
import { splitOperator } from '../../iam/policy/document.ts';
import { sourceOf as grantsOf } from './granting.ts';
import { checkDocument, getGroup, getRole, getUser, invalid, paginate } from './support.ts';

type Common = Pick<
  Iam.SimulatePrincipalPolicyRequest,
  'ActionNames' | 'ResourceArns' | 'ResourcePolicy' | 'ContextEntries' | 'CallerArn' | 'ResourceOwner' | 'Marker' | 'MaxItems'
>;

const policyList = (documents: readonly string[] | undefined, name: string): NamedPolicy[] =>
  (documents ?? []).map((document, i) => ({ name: `${name}.${i + 1}`, policy: readPolicy(checkDocument(document, 'identity'), 'identity') }));

/** The keys of a simulation: the given ones and none besides, since there is no request. */
function keysOf(entries: readonly Iam.ContextEntry[] | undefined): Map<string, readonly string[]> {
  return new Map((entries ?? []).map(({ ContextKeyName = '', ContextKeyValues = [] }) => [ContextKeyName.toLowerCase(), ContextKeyValues]));
}
/** Condition keys that the policies ask for and the simulation was not given. */
function missingKeys(policies: readonly NamedPolicy[], given: ReadonlyMap<string, unknown>): string[] {
  const wanted = policies.flatMap(({ policy }) =>
    policy.statements.flatMap(({ conditions }) => conditions.filter((one) => splitOperator(one.operator).name !== 'null').map(({ key }) => key)),
  );
  return [...new Set(wanted)].filter((key) => !given.has(key.toLowerCase()));
}

function simulate(input: Common, principal: Principal, policies: CallerPolicies): Iam.SimulatePolicyResponse {
  const keys = keysOf(input.ContextEntries);
  const resourcePolicy =
    input.ResourcePolicy === undefined
      ? undefined
      : { name: 'ResourcePolicy', policy: readPolicy(checkDocument(input.ResourcePolicy, 'resource'), 'resource') };
  const all = [...policies.identityPolicies, ...(policies.boundary ? [policies.boundary] : []), ...(resourcePolicy ? [resourcePolicy] : [])];
  const absent = missingKeys(all, keys);
  const results = (input.ActionNames ?? []).flatMap((action) =>
    (input.ResourceArns?.length ? input.ResourceArns : ['*']).map((resource): Iam.EvaluationResult => {
      const owner = /^arn:[^:]*:[^:]*:[^:]*:(\d{12}):/.exec(resource)?.[1] ?? /(\d{12})/.exec(input.ResourceOwner ?? '')?.[1] ?? principal.account;
      const decision = evaluate({ principal, action, resource, resourceAccount: owner, keys, ...policies, resourcePolicy });
      return {
        EvalActionName: action,
        EvalResourceName: resource,
        EvalDecision: decision.effect,
        MatchedStatements: decision.by
          ? [
              {
                SourcePolicyId: decision.by.policy,
                SourcePolicyType: decision.by.policy.startsWith('arn:aws:iam::aws:')
                  ? 'aws-managed'
                  : decision.by.policy.startsWith('arn:')
                    ? 'user-managed'
                    : 'none',
              },
            ]
          : [],
        MissingContextValues: absent,
        ...(policies.boundary
          ? { PermissionsBoundaryDecisionDetail: { AllowedByPermissionsBoundary: decision.lacking !== 'boundary' && decision.denying !== 'boundary' } }
          : {}),
      };
    }),
  );
  const { page, ...rest } = paginate(results, input);
  return { EvaluationResults: page, ...rest };
}

/** The caller that an ARN of a user, group or role stands for, and its policies. */
function sourceOf(call: Call, arn: string): { principal: Caller; policies: CallerPolicies } {
  const [, , , , account = '', rest = ''] = arn.split(':');
  const [type = '', ...path] = rest.split('/');
  const name = path.at(-1) ?? '';
  if (account !== call.account || name === '') throw invalid(`Invalid Entity Arn: ${arn} does not clearly define entity type and name.`);
  if (type === 'group') {
    const group = getGroup(call, name);
    const principal: Caller = { type: 'user', arn: group.arn, account, userId: '', accessKeyId: '' };
    const identityPolicies = grantsOf(call, arn).policies.map(({ name: own, arn: managed, policy }) => ({ name: managed ?? own, policy }));
    return { principal, policies: { identityPolicies } };
  }
  if (type === 'user') {
    const user = getUser(call, name);
    const principal: Caller = { type: 'user', arn: user.arn, account, userId: user.userId, accessKeyId: '' };
    return { principal, policies: call.identities.policies(principal) };
  }
  if (type !== 'role') throw invalid(`Invalid Entity Arn: ${arn} does not clearly define entity type and name.`);
  const role = getRole(call, name);
  const principal: Caller = { type: 'role', arn: role.arn, roleArn: role.arn, account, userId: role.roleId, accessKeyId: '' };
  return { principal, policies: call.identities.policies(principal) };
}

/** Names of the condition keys in documents. */
function contextKeys(documents: readonly string[]): string[] {
  const keys = documents.flatMap((document) => [
    ...readPolicy(document, 'identity').statements.flatMap(({ conditions }) => conditions.map(({ key }) => key)),
    ...[...document.matchAll(/\$\{([\w:/-]+)/g)].flatMap(([, name]) => (name === undefined || ['*', '?', '$'].includes(name) ? [] : [name])),
  ]);
  return [...new Set(keys)].toSorted();
}

export const simulateActions = {
  SimulateCustomPolicy: defineAction<Iam.SimulateCustomPolicyRequest, Iam.SimulatePolicyResponse>({
    handle(input, call) {
      const principal: Principal = { type: 'user', arn: input.CallerArn ?? `arn:${call.partition}:iam::${call.account}:user/simulated`, account: call.account };
      const [boundary] = policyList(input.PermissionsBoundaryPolicyInputList, 'PermissionsBoundaryPolicyInputList');
      return simulate(input, principal, { identityPolicies: policyList(input.PolicyInputList, 'PolicyInputList'), boundary });
    },
  }),
  SimulatePrincipalPolicy: defineAction<Iam.SimulatePrincipalPolicyRequest, Iam.SimulatePolicyResponse>({
    resources: ({ PolicySourceArn = '' }) => [PolicySourceArn],
    handle(input, call) {
      const { principal, policies } = sourceOf(call, input.PolicySourceArn ?? '');
      const [boundary] = policyList(input.PermissionsBoundaryPolicyInputList, 'PermissionsBoundaryPolicyInputList');
      const identityPolicies = [...policies.identityPolicies, ...policyList(input.PolicyInputList, 'PolicyInputList')];
      return simulate(input, principal, { identityPolicies, boundary: boundary ?? policies.boundary });
    },
  }),
  GetContextKeysForCustomPolicy: defineAction<Iam.GetContextKeysForCustomPolicyRequest, Iam.GetContextKeysForPolicyResponse>({
    handle: ({ PolicyInputList = [] }) => ({ ContextKeyNames: contextKeys(PolicyInputList.map((document) => checkDocument(document, 'identity'))) }),
  }),
  GetContextKeysForPrincipalPolicy: defineAction<Iam.GetContextKeysForPrincipalPolicyRequest, Iam.GetContextKeysForPolicyResponse>({
    resources: ({ PolicySourceArn = '' }) => [PolicySourceArn],
    handle({ PolicySourceArn = '', PolicyInputList = [] }, call) {
      const { policies } = sourceOf(call, PolicySourceArn);
      const own = policies.identityPolicies.flatMap(({ policy }) => policy.statements.flatMap(({ conditions }) => conditions.map(({ key }) => key)));
      return { ContextKeyNames: [...new Set([...own, ...contextKeys(PolicyInputList)])].toSorted() };
    },
  }),
};
