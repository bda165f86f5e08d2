import type { V1NodeSelectorRequirement, V1NodeSelectorTerm, V1Pod } from '../generated/types.ts';

/** Which nodes selectors and node affinity choose, for those who place pods (component-helpers: nodeaffinity). */

/** The parts of a node that selectors look at. */
export interface SelectedNode {
  readonly name: string;
  readonly labels: { readonly [key: string]: string };
}
export type NodeMatcher = (node: SelectedNode) => boolean;

/** nodeSelector and required node affinity of a pod; undefined when it has neither. */
export function requiredNodes(pod: V1Pod): NodeMatcher | undefined {
  const selector = Object.entries(pod.spec?.nodeSelector ?? {});
  const terms = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms?.map(termMatcher);
  if (selector.length === 0 && !terms) return undefined;
  return (node) => {
    for (const [key, value] of selector) if (node.labels[key] !== value) return false;
    return !terms || terms.some((match) => match(node));
  };
}

/** All expressions and fields of a term must hold; a term without any matches nothing. */
export function termMatcher(term: V1NodeSelectorTerm): NodeMatcher {
  const expressions = (term.matchExpressions ?? []).map((r) => requirement(r, (node) => node.labels[r.key]));
  const fields = (term.matchFields ?? []).map((r) => requirement(r, (node) => (r.key === 'metadata.name' ? node.name : undefined)));
  const all = [...expressions, ...fields];
  return (node) => all.length > 0 && all.every((match) => match(node));
}

function requirement(r: V1NodeSelectorRequirement, read: (node: SelectedNode) => string | undefined): NodeMatcher {
  const values = new Set(r.values ?? []);
  const bound = Number(r.values?.[0]);
  const numeric = (node: SelectedNode, holds: (value: number) => boolean): boolean => {
    const text = read(node);
    return text !== undefined && /^[+-]?\d+$/.test(text) && holds(Number(text));
  };
  switch (r.operator) {
    case 'In':
      return (node) => {
        const value = read(node);
        return value !== undefined && values.has(value);
      };
    case 'NotIn':
      return (node) => !values.has(read(node) ?? '\0');
    case 'Exists':
      return (node) => read(node) !== undefined;
    case 'DoesNotExist':
      return (node) => read(node) === undefined;
    case 'Gt':
      return (node) => numeric(node, (value) => value > bound);
    case 'Lt':
      return (node) => numeric(node, (value) => value < bound);
    default:
      return () => false; // an operator that validation does not let through selects nothing
  }
}
