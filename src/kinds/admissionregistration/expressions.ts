import {
  admissionEnvironment,
  CelCompileError,
  compileCel,
  compileVariables,
  WrongResultType,
  type AdmissionScope,
  type CelType,
  type FieldError,
} from '#machinery';
import { invalidValue } from '../support/errors.ts';

type Results = readonly CelType['kind'][];
interface Named {
  name?: string;
  expression?: string;
}

/** Compiles one expression of admission; what kube-apiserver would say of it otherwise. */
export function validateExpression(at: string, expression: string | undefined, scope: AdmissionScope, returns?: Results): FieldError[] {
  if (!expression?.trim()) return [];
  try {
    compileCel(expression, { ...admissionEnvironment(scope), ...(returns ? { returns } : {}) });
    return [];
  } catch (error) {
    return [compileFailure(at, expression, error)];
  }
}
function compileFailure(at: string, expression: string, error: unknown): FieldError {
  if (!(error instanceof CelCompileError)) throw error;
  return invalidValue(at, expression, error instanceof WrongResultType ? error.message : `compilation failed: ${error.message}`);
}
export function validateConditionExpressions(at: string, conditions: readonly Named[] | undefined, scope: AdmissionScope): FieldError[] {
  return (conditions ?? []).flatMap(({ expression }, i) => validateExpression(`${at}[${i}].expression`, expression, scope, ['bool']));
}
/** The findings, and the scope in which the policy's other expressions are compiled. */
export function validateVariableExpressions(variables: readonly Named[] | undefined, scope: AdmissionScope): { errors: FieldError[]; scope: AdmissionScope } {
  const given = (variables ?? []).map(({ name = '', expression = '' }) => ({ name, expression }));
  const errors: FieldError[] = [];
  const { types } = compileVariables(given, scope, (i, error) => {
    const { expression } = given[i]!;
    // That an expression is missing has been said.
    if (expression.trim()) errors.push(compileFailure(`spec.variables[${i}].expression`, expression, error));
  });
  return { errors, scope: { ...scope, variables: types } };
}
