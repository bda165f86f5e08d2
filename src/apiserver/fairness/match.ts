import type { UserInfo } from '#machinery';
import type { RequestInfo, ResourcePath } from '../http/request-info.ts';
import type { FlowSchema, NonResourceRule, PolicyRules, ResourceRule, Subject } from './specs.ts';

/** A FlowSchema made ready for matching. */
export interface Schema {
  readonly name: string;
  readonly uid: string;
  readonly precedence: number;
  readonly level: string;
  readonly distinguisher: 'ByUser' | 'ByNamespace' | undefined;
  readonly rules: readonly PolicyRules[];
}

export function readSchema({ metadata, spec }: FlowSchema): Schema {
  const type = spec?.distinguisherMethod?.type;
  return {
    name: metadata?.name ?? '',
    uid: metadata?.uid ?? '',
    precedence: spec?.matchingPrecedence ?? 1000,
    level: spec?.priorityLevelConfiguration?.name ?? '',
    distinguisher: type === 'ByUser' || type === 'ByNamespace' ? type : undefined,
    rules: spec?.rules ?? [],
  };
}
/** Lower precedence first, then by name. */
export function inOrder(schemas: readonly Schema[]): Schema[] {
  return schemas.toSorted((a, b) => a.precedence - b.precedence || (a.name < b.name ? -1 : 1));
}

/** The rules of a schema that are about a user: what is left to look at is the request. */
export function rulesFor(schema: Schema, user: UserInfo): readonly PolicyRules[] {
  return schema.rules.filter((rule) => rule.subjects?.some((subject) => isAbout(subject, user)));
}

const accountPrefix = 'system:serviceaccount:';
function isAbout({ kind, user: one, group, serviceAccount }: Subject, { username, groups }: UserInfo): boolean {
  switch (kind) {
    case 'User':
      return one?.name === '*' || one?.name === username;
    case 'Group':
      return group?.name === '*' || groups.includes(group?.name ?? '');
    case 'ServiceAccount': {
      const { namespace = '', name = '' } = serviceAccount ?? {};
      if (name === '*') return username.startsWith(`${accountPrefix}${namespace}:`);
      return username === `${accountPrefix}${namespace}:${name}`;
    }
    default:
      return false;
  }
}

export function matches(rules: readonly PolicyRules[], info: RequestInfo): boolean {
  const at = info.resource;
  return rules.some(({ resourceRules, nonResourceRules }) =>
    at ? resourceRules?.some((rule) => resourceMatches(rule, info.verb, at)) : nonResourceRules?.some((rule) => pathMatches(rule, info)),
  );
}

function has(list: readonly string[] | undefined, value: string): boolean {
  return list !== undefined && (list.includes(value) || list.includes('*'));
}
function resourceMatches({ verbs, apiGroups, resources, namespaces, clusterScope }: ResourceRule, verb: string, at: ResourcePath): boolean {
  const resource = at.subresource ? `${at.plural}/${at.subresource}` : at.plural;
  if (!has(verbs, verb) || !has(apiGroups, at.group) || !has(resources, resource)) return false;
  return at.namespace ? has(namespaces, at.namespace) : clusterScope === true;
}
function pathMatches({ verbs, nonResourceURLs = [] }: NonResourceRule, { verb, path }: RequestInfo): boolean {
  return has(verbs, verb) && nonResourceURLs.some((url) => url === path || url === '*' || (url.endsWith('/*') && path.startsWith(url.slice(0, -1))));
}
