import type { Attributes } from '../../types.ts';
import type { PolicyRule } from './types.ts';

const none: readonly string[] = [];

/** Whether one rule allows a request (RBAC, "Referring to resources"). */
export function allows(rule: PolicyRule, request: Attributes): boolean {
  if (!has(rule.verbs, request.verb)) return false;
  if (!request.resource) return pathMatches(rule.nonResourceURLs ?? none, request.path);
  return (
    has(rule.apiGroups ?? none, request.group) &&
    resourceMatches(rule.resources ?? none, request.plural, request.subresource) &&
    nameMatches(rule.resourceNames ?? none, request.name)
  );
}

function has(list: readonly string[], wanted: string): boolean {
  for (const item of list) if (item === '*' || item === wanted) return true;
  return false;
}
/** `pods`, `pods/log`, `*` (subresources too) or `*` + `/scale`. */
function resourceMatches(list: readonly string[], plural: string, subresource: string): boolean {
  for (const item of list) {
    if (item === '*') return true;
    if (subresource === '' ? item === plural : isSub(item, plural, subresource)) return true;
  }
  return false;
}
function isSub(item: string, plural: string, subresource: string): boolean {
  const slash = item.length - subresource.length - 1;
  if (slash < 0 || item[slash] !== '/' || !item.endsWith(subresource)) return false;
  return slash === 1 ? item[0] === '*' || plural === item[0] : slash === plural.length && item.startsWith(plural);
}
function nameMatches(list: readonly string[], name: string): boolean {
  return list.length === 0 || list.includes(name);
}
/** Exact, `*`, or a prefix that ends in `*`. */
function pathMatches(list: readonly string[], path: string): boolean {
  for (const item of list) {
    if (item === '*' || item === path) return true;
    if (item.endsWith('*') && path.startsWith(item.slice(0, -1))) return true;
  }
  return false;
}
