import type { Kind } from '#machinery';
import type { AdmissionPlugin, AdmissionRequest, Authorizer, KindReader } from '../../types.ts';
import type { ActivationDeps } from '../matching/activation.ts';
import { Constraints, type Match } from '../matching/constraints.ts';
import { Matches, type Candidate, type Constrained } from '../matching/matches.ts';
import type { Aim } from '../matching/rules.ts';
import type { Binding, Policy, PolicySpec } from './types.ts';

export interface PolicyOptions {
  readonly authorizer: Authorizer;
}
const group = 'admissionregistration.k8s.io';
/** Policies are not asked about policies: a bad one must stay mendable. They may judge webhooks. */
const isPolicy = ({ group: own, plural }: Kind): boolean => own === group && /admissionpolic/.test(plural);

/** A policy and one of its bindings. `compiled` is shared by all bindings of the policy. */
export interface Bound<S extends PolicySpec, C> extends Constrained {
  readonly policy: string;
  readonly spec: S;
  readonly binding: Binding;
  readonly compiled: () => C;
}

/** The policies of one sort with their bindings: followed in the cache, matched with requests. */
export class PolicySet<S extends PolicySpec, C> {
  readonly #plurals: { readonly policies: string; readonly bindings: string };
  readonly #compile: (spec: S) => C;
  readonly #options: PolicyOptions;
  readonly #policies = new Map<string, Policy<S>>();
  readonly #bindings = new Map<string, Binding>();
  readonly #matches = new Matches<Bound<S, C>>();
  #reader: KindReader | undefined;
  constructor(plurals: { policies: string; bindings: string }, compile: (spec: S) => C, options: PolicyOptions) {
    this.#plurals = plurals;
    this.#compile = compile;
    this.#options = options;
  }
  plugin(
    name: string,
    operations: NonNullable<AdmissionPlugin['operations']>,
  ): Pick<AdmissionPlugin, 'name' | 'handles' | 'operations' | 'subresources' | 'start'> {
    return { name, handles: (kind) => !isPolicy(kind), operations, subresources: true, start: (reader) => this.#start(reader) };
  }
  #start(reader: KindReader): void {
    this.#reader = reader;
    this.#matches.start(reader);
    follow(reader, this.#plurals.policies, this.#policies, () => this.#bind());
    follow(reader, this.#plurals.bindings, this.#bindings, () => this.#bind());
  }
  get deps(): ActivationDeps {
    if (!this.#reader) throw new Error('admission has not started');
    return { reader: this.#reader, authorizer: this.#options.authorizer };
  }
  /** Pairs that agree with a request, by name of policy and binding. */
  select(request: AdmissionRequest): readonly Candidate<Bound<S, C>>[] {
    const candidates = this.#matches.candidates(request);
    if (candidates.length === 0) return candidates;
    const { reader } = this.deps;
    return candidates.filter(({ member, match, aim }) => member.constraints.admits(match, request, aim, reader));
  }
  #bind(): void {
    const bindings = Map.groupBy([...this.#bindings.values()].sort(byName), (binding) => binding.spec?.policyName ?? '');
    const policies = [...this.#policies.values()].sort(byName);
    this.#matches.set(policies.flatMap((policy) => this.#bound(policy, bindings.get(policy.metadata?.name ?? '') ?? [])));
  }
  #bound({ metadata, spec }: Policy<S>, bindings: readonly Binding[]): Bound<S, C>[] {
    if (!spec) return [];
    const own = new Constraints(spec.matchConstraints ?? {}, true);
    let made: C | undefined;
    const compiled = (): C => (made ??= this.#compile(spec));
    return bindings.map((binding) => ({ policy: metadata?.name ?? '', spec, binding, compiled, constraints: both(own, binding) }));
  }
}

/** A request must agree with the policy and with the binding; the policy says in which version it is shown. */
function both(own: Constraints, { spec }: Binding): Pick<Constraints, 'match' | 'admits'> {
  if (!spec?.matchResources) return own;
  const bound = new Constraints(spec.matchResources, true);
  const narrower = new WeakMap<Match, Match>();
  return {
    match(aim: Aim, equivalents: readonly Kind[]) {
      const [match, narrow] = [own.match(aim, equivalents), bound.match(aim, equivalents)];
      if (!match || !narrow) return undefined;
      const found = { ...match };
      narrower.set(found, narrow);
      return found;
    },
    admits: (match, request, aim, reader) => own.admits(match, request, aim, reader) && bound.admits(narrower.get(match) ?? match, request, aim, reader),
  };
}
function follow<T extends { metadata?: { name?: string } }>(reader: KindReader, plural: string, into: Map<string, T>, changed: () => void): void {
  reader.observe(group, plural, (object, old) => {
    const name = (object ?? old)?.metadata?.name ?? '';
    if (object) into.set(name, object as T);
    else into.delete(name);
    changed();
  });
}
function byName(a: { metadata?: { name?: string } }, b: { metadata?: { name?: string } }): number {
  return (a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1;
}
