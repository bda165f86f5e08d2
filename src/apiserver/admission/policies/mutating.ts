import { isDeepStrictEqual } from 'node:util';
import { ApiError, overlayConfiguration, type KubeObject } from '#machinery';
import type { AdmissionPlugin, AdmissionRequest, KindReader } from '../../types.ts';
import { activationOf, withVariables } from '../matching/activation.ts';
import { convertTo } from '../matching/convert.ts';
import type { Candidate } from '../matching/matches.ts';
import { currentView, replaceObject } from '../matching/mutation.ts';
import { subjectOf } from '../refusals.ts';
import { Rounds, type Round } from '../matching/rounds.ts';
import { versioned } from '../matching/versioned.ts';
import type { Versioned } from '../webhooks/review.ts';
import { compileMutating, type CompiledMutating } from './compile.ts';
import { run } from './evaluate.ts';
import { paramsOf, PolicyFault } from './params.ts';
import { patchFrom, configurationFrom } from './patch-values.ts';
import { PolicySet, type Bound, type PolicyOptions } from './policy-set.ts';
import type { MutatingSpec } from './types.ts';

type Pair = Bound<MutatingSpec, CompiledMutating>;
type Policies = PolicySet<MutatingSpec, CompiledMutating>;
const costBudget = 10_000_000;

/** MutatingAdmissionPolicies by their bindings, one mutation after the other. */
export function mutatingPolicies(options: PolicyOptions): AdmissionPlugin {
  const policies: Policies = new PolicySet({ policies: 'mutatingadmissionpolicies', bindings: 'mutatingadmissionpolicybindings' }, compileMutating, options);
  const rounds = new Rounds();
  return {
    ...policies.plugin('MutatingAdmissionPolicy', ['CREATE', 'UPDATE', 'CONNECT']),
    mutate(request) {
      const pairs = policies.select(request);
      if (pairs.length > 0) return runAll(policies, rounds.enter(request), pairs, request);
    },
  };
}

async function runAll(policies: Policies, round: Round, pairs: readonly Candidate<Pair>[], request: AdmissionRequest): Promise<void | 'again'> {
  const faults: string[] = [];
  for (const { member, match } of pairs) {
    const { policy, spec, binding } = member;
    const note = (error: unknown): void => {
      if (error instanceof ApiError) throw error;
      if (spec.failurePolicy === 'Ignore') return;
      const { message } = error as Error;
      const bound = `policy '${policy}' with binding '${binding.metadata?.name}' denied request:`;
      faults.push(error instanceof PolicyFault ? `policy '${policy}' denied request: failed to configure policy: ${message}` : `${bound} ${message}`);
    };
    for (const param of params(policies, member, request, note)) {
      const id = `${policy}/${binding.metadata?.name}/${param?.metadata?.namespace ?? ''}/${param?.metadata?.name ?? ''}`;
      if (!round.wants(id)) continue;
      const outcome = await mutate(policies, member, await versioned(request, match.as, currentView(request)), param, request, note);
      if (outcome === 'skipped') continue;
      if (outcome === 'changed') round.changed();
      if (spec.reinvocationPolicy === 'IfNeeded') round.reinvocable(id);
    }
  }
  if (faults[0] !== undefined) throw denied(request, faults);
  return round.leave(request);
}
function params(policies: Policies, { spec, binding }: Pair, request: AdmissionRequest, note: (error: unknown) => void): readonly (KubeObject | null)[] {
  try {
    return paramsOf(spec, binding.spec?.paramRef, request, policies.deps.reader);
  } catch (error) {
    note(error instanceof PolicyFault ? error : new Error(`failed to configure binding: ${(error as Error).message}`));
    return [];
  }
}

/** All mutations of a policy with one parameter; what fails is noted and the rest goes on. */
async function mutate(
  policies: Policies,
  member: Pair,
  start: Versioned,
  param: KubeObject | null,
  request: AdmissionRequest,
  note: (error: unknown) => void,
): Promise<'changed' | 'same' | 'skipped'> {
  const { reader } = policies.deps;
  const { spec } = member;
  const compiled = member.compiled();
  const activation = (object: KubeObject): ReturnType<typeof activationOf> =>
    activationOf(policies.deps, request, { ...start, object }, spec.paramKind ? param : undefined);
  try {
    if (!compiled.conditions.hold(activation(start.object))) return 'skipped';
  } catch (error) {
    note(error);
    return 'skipped';
  }
  let { object } = start;
  for (const [i, mutation] of compiled.mutations.entries()) {
    try {
      const budget = { remaining: costBudget };
      const value = run(mutation, withVariables(activation(object), compiled.variables, budget), budget);
      const json = spec.mutations?.[i]?.patchType === 'JSONPatch';
      object = json ? patchFrom(value, object) : overlay(reader, start, object, configurationFrom(value));
    } catch (error) {
      note(error);
    }
  }
  if (isDeepStrictEqual(object, start.object)) return 'same';
  const native = start.as === request.kind || object.kind !== start.as.kind ? object : await convertTo(object, start.as, request.kind);
  return replaceObject(request, native, reader) ? 'changed' : 'same';
}
function overlay(reader: KindReader, { as }: Versioned, object: KubeObject, configuration: KubeObject): KubeObject {
  return overlayConfiguration(object, configuration, reader.patchSchema(as), as.schema);
}

function denied(request: AdmissionRequest, faults: readonly string[]): ApiError {
  const { details } = subjectOf(
    request,
    faults.map((message) => ({ message })),
  );
  return new ApiError('Forbidden', faults[0] ?? '', details, { code: 403, reason: 'Invalid' });
}
