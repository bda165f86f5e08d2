import { labelSelectorMatcher, type Kind, type LabelMatcher, type LabelSelector } from '#machinery';
import type { AdmissionRequest, KindReader } from '../../types.ts';
import { namesMatch, ruleMatches, type Aim, type Rule } from './rules.ts';

/** admissionregistration MatchResources; webhooks have the same members. */
export interface MatchResources {
  readonly namespaceSelector?: LabelSelector;
  readonly objectSelector?: LabelSelector;
  readonly resourceRules?: readonly Rule[];
  readonly excludeResourceRules?: readonly Rule[];
  /** Default Equivalent. */
  readonly matchPolicy?: string;
}

/** How a request matches: which kind it is to be shown as, and what is still to be asked of the single request. */
export interface Match {
  /** The kind the rule names: the request's own, or another version of the same resource. */
  readonly as: Kind;
  /** The rule by which it matches, where that has names. */
  readonly named: readonly Rule[] | undefined;
}

/** The compiled form: rules are decided once per sort of request, selectors on each. */
export class Constraints {
  readonly #resources: MatchResources;
  readonly #namespace: LabelMatcher | undefined;
  readonly #object: LabelMatcher | undefined;
  readonly #all: boolean;
  /** `all`: no rules mean every request, not none. */
  constructor(resources: MatchResources, all = false) {
    this.#resources = resources;
    this.#all = all;
    this.#namespace = selector(resources.namespaceSelector);
    this.#object = selector(resources.objectSelector);
  }
  /** Undefined when requests of this sort never match. */
  match(aim: Aim, equivalents: readonly Kind[]): Match | undefined {
    const { resourceRules = [], excludeResourceRules = [], matchPolicy = 'Equivalent' } = this.#resources;
    const kinds = matchPolicy === 'Exact' ? [aim.kind] : [aim.kind, ...equivalents];
    if (excludeResourceRules.some((rule) => !rule.resourceNames?.length && kinds.some((kind) => ruleMatches(rule, { ...aim, kind })))) return undefined;
    if (this.#all && resourceRules.length === 0)
      return { as: aim.kind, named: excludeResourceRules.some((rule) => rule.resourceNames?.length) ? [{}] : undefined };
    for (const kind of kinds) {
      const rules = resourceRules.filter((rule) => ruleMatches(rule, { ...aim, kind }));
      if (rules.length === 0) continue;
      const excluded = excludeResourceRules.some((rule) => rule.resourceNames?.length);
      return { as: kind, named: excluded || rules.every((rule) => rule.resourceNames?.length) ? rules : undefined };
    }
    return undefined;
  }
  /** What of a single request decides: its names, the labels of its namespace and of its object. */
  admits(match: Match, request: AdmissionRequest, aim: Aim, reader: KindReader): boolean {
    return this.#named(match, request, aim) && this.#inNamespace(request, reader) && this.#labelled(request);
  }
  #named({ named }: Match, { name }: AdmissionRequest, aim: Aim): boolean {
    if (!named) return true;
    const { excludeResourceRules = [] } = this.#resources;
    return named.some((rule) => namesMatch(rule, name)) && !excludeResourceRules.some((rule) => ruleMatches(rule, aim) && namesMatch(rule, name));
  }
  #inNamespace(request: AdmissionRequest, reader: KindReader): boolean {
    if (!this.#namespace) return true;
    const own = isNamespaces(request.kind);
    if (!own && !request.namespace) return true;
    const writes = request.operation === 'CREATE' || request.operation === 'UPDATE';
    const namespace = own && !request.subresource && writes ? request.object : reader.get('', 'namespaces', undefined, namespaceOf(request) ?? '');
    return namespace !== undefined && this.#namespace(namespace.metadata?.labels);
  }
  #labelled({ operation, object, old }: AdmissionRequest): boolean {
    const match = this.#object;
    if (!match) return true;
    // A connection's options have no metadata, so no labels that could be selected.
    const current = operation === 'DELETE' ? undefined : object;
    return [current, old].some((candidate) => candidate?.metadata !== undefined && match(candidate.metadata.labels));
  }
}

function selector(given: LabelSelector | undefined): LabelMatcher | undefined {
  const empty = !given || (Object.keys(given.matchLabels ?? {}).length === 0 && !given.matchExpressions?.length);
  return empty ? undefined : labelSelectorMatcher(given);
}
export function isNamespaces({ group, plural }: Kind): boolean {
  return group === '' && plural === 'namespaces';
}
/** The namespace of a request; for a Namespace that is the object itself. */
export function namespaceOf({ kind, namespace, name, object }: AdmissionRequest): string | undefined {
  return isNamespaces(kind) ? name || object.metadata?.name : namespace;
}
