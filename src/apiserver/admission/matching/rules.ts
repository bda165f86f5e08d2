import type { Kind } from '#machinery';
import type { Operation } from '../../types.ts';

/** admissionregistration RuleWithOperations and NamedRuleWithOperations. */
export interface Rule {
  readonly operations?: readonly string[];
  readonly apiGroups?: readonly string[];
  readonly apiVersions?: readonly string[];
  // `pods`, `pods/log`, `pods/*`, `*`, `*/scale`, `*/*`.
  readonly resources?: readonly string[];
  /** Default `*`. */
  readonly scope?: string;
  readonly resourceNames?: readonly string[];
}

/** What rules are matched with: the kind a request is made to and how. */
export interface Aim {
  readonly kind: Kind;
  readonly operation: Operation;
  /** '' for the object itself. */
  readonly subresource: string;
}

/** Whether a rule is about requests of this sort; resourceNames are the request's affair (`namesMatch`). */
export function ruleMatches(rule: Rule, { kind, operation, subresource }: Aim): boolean {
  return (
    has(rule.operations, operation) &&
    has(rule.apiGroups, kind.group) &&
    has(rule.apiVersions, kind.version) &&
    scopeMatches(rule.scope, kind.namespaced) &&
    (rule.resources ?? []).some((resource) => resourceMatches(resource, kind.plural, subresource))
  );
}
export function namesMatch(rule: Rule, name: string): boolean {
  return !rule.resourceNames?.length || rule.resourceNames.includes(name);
}

function has(list: readonly string[] | undefined, wanted: string): boolean {
  return list !== undefined && (list.includes('*') || list.includes(wanted));
}
function scopeMatches(scope: string | undefined, namespaced: boolean): boolean {
  if (scope === 'Namespaced') return namespaced;
  return scope === 'Cluster' ? !namespaced : true;
}
function resourceMatches(pattern: string, plural: string, subresource: string): boolean {
  const [resource = '', sub = ''] = pattern.split('/');
  return (resource === '*' || resource === plural) && (sub === subresource || sub === '*');
}
