import type { PolicyRule } from './types.ts';

/**
 * What of `wanted` nobody who holds `held` holds, broken down and put together again for display. Empty when
 * everything is covered. Nobody may grant what he does not hold (RBAC, "Privilege escalation prevention").
 */
export function missing(held: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  const lacking = wanted.flatMap(breakDown).filter((part) => !held.some((rule) => covers(rule, part)));
  return compact(lacking);
}

/** One verb on one resource (and name), or on one path, at a time. */
function breakDown({ verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] }: PolicyRule): PolicyRule[] {
  const out: PolicyRule[] = [];
  for (const group of apiGroups)
    for (const resource of resources)
      for (const verb of verbs) {
        const part = { verbs: [verb], apiGroups: [group], resources: [resource] };
        if (resourceNames.length === 0) out.push(part);
        for (const name of resourceNames) out.push({ ...part, resourceNames: [name] });
      }
  for (const url of nonResourceURLs) for (const verb of verbs) out.push({ verbs: [verb], nonResourceURLs: [url] });
  return out;
}

function covers(rule: PolicyRule, part: PolicyRule): boolean {
  const { apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = part;
  return (
    hasAll(rule.verbs, part.verbs) &&
    hasAll(rule.apiGroups ?? [], apiGroups) &&
    resources.every((resource) => coversResource(rule.resources ?? [], resource)) &&
    coversNames(rule.resourceNames ?? [], resourceNames) &&
    nonResourceURLs.every((url) => coversPath(rule.nonResourceURLs ?? [], url))
  );
}
const hasAll = (held: readonly string[], wanted: readonly string[]): boolean => held.includes('*') || wanted.every((item) => held.includes(item));
function coversResource(held: readonly string[], wanted: string): boolean {
  if (held.includes('*') || held.includes(wanted)) return true;
  const slash = wanted.indexOf('/');
  return slash >= 0 && held.includes(`*${wanted.slice(slash)}`);
}
function coversNames(held: readonly string[], wanted: readonly string[]): boolean {
  return held.length === 0 || (wanted.length > 0 && wanted.every((name) => held.includes(name)));
}
function coversPath(held: readonly string[], wanted: string): boolean {
  return held.some((item) => item === wanted || (item.endsWith('*') && wanted.startsWith(item.slice(0, -1))));
}

/** Verbs of the same resource and name in one rule. */
function compact(rules: readonly PolicyRule[]): PolicyRule[] {
  const merged = new Map<string, PolicyRule & { verbs: string[] }>();
  for (const rule of rules) {
    const key = rule.nonResourceURLs
      ? JSON.stringify([rule.nonResourceURLs, rule.verbs])
      : JSON.stringify([rule.apiGroups, rule.resources, rule.resourceNames]);
    const present = merged.get(key);
    if (present) present.verbs.push(...rule.verbs);
    else merged.set(key, { ...rule, verbs: [...rule.verbs] });
  }
  return [...merged.values()];
}

/** `{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}`, as kube-apiserver prints a rule. */
export function describe({ verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] }: PolicyRule): string {
  const part = (name: string, list: readonly string[]): string[] => (list.length > 0 ? [`${name}:${quoted(list)}`] : []);
  return `{${[
    ...part('APIGroups', apiGroups),
    ...part('Resources', resources),
    ...part('NonResourceURLs', nonResourceURLs),
    ...part('ResourceNames', resourceNames),
    ...part('Verbs', verbs),
  ].join(', ')}}`;
}
/** Go's %q of a list of strings. */
export function quoted(list: readonly string[]): string {
  return `[${list.map((item) => JSON.stringify(item)).join(' ')}]`;
}
