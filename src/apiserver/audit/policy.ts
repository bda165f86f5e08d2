import type { UserInfo } from '#machinery';
import type { RequestInfo, ResourcePath } from '../http/request-info.ts';

export const levels = ['None', 'Metadata', 'Request', 'RequestResponse'] as const;
export type Level = (typeof levels)[number];
export const stages = ['RequestReceived', 'ResponseStarted', 'ResponseComplete', 'Panic'] as const;
export type Stage = (typeof stages)[number];

/** Policy of audit.k8s.io/v1. */
export interface Policy {
  readonly rules: readonly PolicyRule[];
  readonly omitStages?: readonly Stage[];
  readonly omitManagedFields?: boolean;
}
export interface PolicyRule {
  readonly level: Level;
  readonly users?: readonly string[];
  readonly userGroups?: readonly string[];
  readonly verbs?: readonly string[];
  readonly resources?: readonly GroupResources[];
  readonly namespaces?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
  readonly omitStages?: readonly Stage[];
  readonly omitManagedFields?: boolean;
}
export interface GroupResources {
  readonly group?: string;
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
}

/** What is to be written of one request. */
export interface Decision {
  readonly level: Level;
  readonly omitStages: ReadonlySet<Stage>;
  readonly omitManagedFields: boolean;
}

/** Everything that happens, without anything that was said: what holds when there is no policy. */
export const metadataPolicy: Policy = { rules: [{ level: 'Metadata' }], omitStages: ['RequestReceived'] };

/** The first rule that fits decides; where none does, nothing is written. `user` is undefined when nobody could be authenticated. */
export function decider(policy: Policy): (user: UserInfo | undefined, info: RequestInfo) => Decision {
  const nothing: Decision = { level: 'None', omitStages: new Set(), omitManagedFields: false };
  const rules = policy.rules.map((rule) => ({
    rule,
    decision: {
      level: rule.level,
      omitStages: new Set([...(policy.omitStages ?? []), ...(rule.omitStages ?? [])]),
      omitManagedFields: rule.omitManagedFields ?? policy.omitManagedFields ?? false,
    },
  }));
  return (user, info) => rules.find(({ rule }) => fits(rule, user, info))?.decision ?? nothing;
}

const given = (list: readonly string[] | undefined): list is readonly string[] => list !== undefined && list.length > 0;
function fits(rule: PolicyRule, user: UserInfo | undefined, info: RequestInfo): boolean {
  const { users, userGroups, verbs, namespaces, resources, nonResourceURLs } = rule;
  if (user && given(users) && !users.includes(user.username)) return false;
  if (user && given(userGroups) && !userGroups.some((group) => user.groups.includes(group))) return false;
  if (given(verbs) && !verbs.includes(info.verb)) return false;
  if (given(namespaces) || (resources && resources.length > 0)) return resourceFits(rule, info.resource);
  return given(nonResourceURLs) ? !info.resource && nonResourceURLs.some((url) => pathFits(url, info.path)) : true;
}
function resourceFits({ namespaces, resources = [] }: PolicyRule, at: ResourcePath | undefined): boolean {
  if (!at) return false;
  if (given(namespaces) && !namespaces.includes(at.namespace)) return false;
  return resources.length === 0 || resources.some((group) => groupFits(group, at));
}
function groupFits({ group = '', resources, resourceNames }: GroupResources, at: ResourcePath): boolean {
  if (group !== at.group) return false;
  if (!given(resources)) return true;
  if (given(resourceNames) && !resourceNames.includes(at.name)) return false;
  const whole = at.subresource ? `${at.plural}/${at.subresource}` : at.plural;
  return resources.some(
    (wanted) => wanted === '*' || wanted === whole || (at.subresource !== '' && wanted === `*/${at.subresource}`) || wanted === `${at.plural}/*`,
  );
}
function pathFits(url: string, path: string): boolean {
  return url === path || (url.endsWith('*') && path.startsWith(url.slice(0, -1)));
}

/** Reads a Policy. Throws an Error whose message names the field. */
export function readPolicy(document: unknown): Policy {
  const { kind, apiVersion, rules, omitStages, omitManagedFields } = record(document);
  if (kind !== 'Policy' || apiVersion !== 'audit.k8s.io/v1') throw new Error('kind: must be Policy of apiVersion audit.k8s.io/v1');
  if (!Array.isArray(rules) || rules.length === 0) throw new Error('rules: at least one rule is needed');
  return {
    rules: rules.map((rule, i) => readRule(record(rule), `rules[${i}]`)),
    omitStages: stageList(omitStages, 'omitStages'),
    ...(omitManagedFields === true ? { omitManagedFields } : {}),
  };
}
function readRule(rule: Record<string, unknown>, path: string): PolicyRule {
  const level = levels.find((one) => one === rule['level']);
  if (!level)
    throw new Error(`${path}.level: Unsupported value: ${JSON.stringify(rule['level'])}: supported values: ${levels.map((l) => `"${l}"`).join(', ')}`);
  const texts = (name: string): readonly string[] => list(rule[name], `${path}.${name}`, 'string') as string[];
  const resources = list(rule['resources'], `${path}.resources`, 'object') as GroupResources[];
  const namespaces = texts('namespaces');
  const nonResourceURLs = texts('nonResourceURLs');
  if (nonResourceURLs.length > 0 && (resources.length > 0 || namespaces.length > 0))
    throw new Error(`${path}.nonResourceURLs: Invalid value: rules cannot apply to both regular resources and non-resource URLs`);
  return {
    level,
    users: texts('users'),
    userGroups: texts('userGroups'),
    verbs: texts('verbs'),
    namespaces,
    nonResourceURLs,
    resources,
    omitStages: stageList(rule['omitStages'], `${path}.omitStages`),
    ...(typeof rule['omitManagedFields'] === 'boolean' ? { omitManagedFields: rule['omitManagedFields'] } : {}),
  };
}
function stageList(value: unknown, path: string): readonly Stage[] {
  return (list(value, path, 'string') as string[]).map((name) => {
    const stage = stages.find((one) => one === name);
    if (!stage) throw new Error(`${path}: Invalid value: ${JSON.stringify(name)}: allowed stages are ${stages.join(',')}`);
    return stage;
  });
}
function list(value: unknown, path: string, type: 'string' | 'object'): unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || value.some((item) => typeof item !== type || item === null)) throw new Error(`${path}: must be a list of ${type}s`);
  return value;
}
function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
