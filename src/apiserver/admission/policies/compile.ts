import { admissionEnvironment, CelCompileError, compileCel, compileVariables, type AdmissionScope, type CelProgram, type CelType } from '#machinery';
import { Conditions } from '../matching/conditions.ts';
import type { MutatingSpec, PolicySpec, ValidatingSpec } from './types.ts';

/** An expression that may not have compiled: then running it is the failure. */
export type Compiled = CelProgram | CelCompileError;

export interface CompiledPolicy {
  readonly conditions: Conditions;
  readonly variables: ReadonlyMap<string, CelProgram>;
}
export interface CompiledValidating extends CompiledPolicy {
  readonly validations: readonly { readonly test: Compiled; readonly message: Compiled | undefined }[];
  readonly auditAnnotations: readonly Compiled[];
}
export interface CompiledMutating extends CompiledPolicy {
  readonly mutations: readonly Compiled[];
}

function compile(expression: string, scope: AdmissionScope, returns?: readonly CelType['kind'][]): Compiled {
  try {
    return compileCel(expression, { ...admissionEnvironment(scope), ...(returns ? { returns } : {}) });
  } catch (error) {
    if (error instanceof CelCompileError) return error;
    throw error;
  }
}
function common(spec: PolicySpec, mutates: boolean): { policy: CompiledPolicy; scope: AdmissionScope } {
  const base: AdmissionScope = { params: spec.paramKind !== undefined, mutates };
  // A variable that does not compile is no field of `variables`: whoever reads it fails.
  const { programs, types } = compileVariables(spec.variables ?? [], base, () => {});
  return { policy: { conditions: new Conditions(spec.matchConditions, base), variables: programs }, scope: { ...base, variables: types } };
}

export function compileValidating(spec: ValidatingSpec): CompiledValidating {
  const { policy, scope } = common(spec, false);
  const { authorizer: _none, ...messages } = { ...scope, authorizer: false };
  return {
    ...policy,
    validations: (spec.validations ?? []).map(({ expression, messageExpression }) => ({
      test: compile(expression, scope, ['bool']),
      message: messageExpression ? compile(messageExpression, { ...messages, authorizer: false }, ['string']) : undefined,
    })),
    auditAnnotations: (spec.auditAnnotations ?? []).map(({ valueExpression }) => compile(valueExpression, scope, ['string', 'null'])),
  };
}
export function compileMutating(spec: MutatingSpec): CompiledMutating {
  const { policy, scope } = common(spec, true);
  return {
    ...policy,
    mutations: (spec.mutations ?? []).map(({ patchType, applyConfiguration, jsonPatch }) =>
      patchType === 'JSONPatch' ? compile(jsonPatch?.expression ?? '', scope, ['list']) : compile(applyConfiguration?.expression ?? '', scope, ['object']),
    ),
  };
}
