import { CelCompileError, CelCostError, celToJson, type Budget, type CelValue } from '#machinery';
import { withVariables, type Activation } from '../matching/activation.ts';
import type { Compiled, CompiledValidating } from './compile.ts';
import type { ValidatingSpec, Validation } from './types.ts';

/** How an expression ended (error_type of the metrics). */
export type PolicyError = 'no_error' | 'compile_error' | 'invalid_error' | 'out_of_budget_error';
/** Something of one policy and binding that is counted. */
export interface PolicyCheck {
  readonly policy: string;
  readonly binding: string;
  readonly error: PolicyError;
  readonly action: 'allow' | 'audit' | 'deny' | 'warn';
  readonly seconds: number;
}
/** How an expression did that does not admit. */
interface Finding {
  readonly error: PolicyError;
  readonly seconds: number;
}
export interface Decision extends Finding {
  readonly index: number;
  readonly message: string;
  readonly reason: string;
}
export interface Outcome {
  readonly denials: readonly Decision[];
  /** What failed and admits, as the failure policy has it. */
  readonly ignored: readonly Finding[];
  readonly annotations: readonly { readonly key: string; readonly value: string }[];
  /** Audit annotations that failed and count as refusals, whatever the binding's actions. */
  readonly failures: readonly string[];
}
/** What one policy may spend on one request with one parameter. */
const costBudget = 10_000_000;
const maxMessageBytes = 5 * 1024;
const maxAnnotationBytes = 10 * 1024;
const admitted: Outcome = { denials: [], ignored: [], annotations: [], failures: [] };

/** Evaluates the validations of a policy on one request. With failurePolicy Ignore what fails admits. */
export function evaluate(spec: ValidatingSpec, compiled: CompiledValidating, activation: Activation): Outcome {
  const fails = spec.failurePolicy !== 'Ignore';
  if (!compiled.conditions.none) {
    try {
      if (!compiled.conditions.hold(activation)) return admitted;
    } catch (error) {
      const finding = { error: errorType(error), seconds: 0 };
      return fails
        ? { ...admitted, denials: [{ index: 0, message: (error as Error).message, reason: 'Invalid', ...finding }] }
        : { ...admitted, ignored: [finding] };
    }
  }
  const budget = { remaining: costBudget };
  const all = withVariables(activation, compiled.variables, budget);
  const denials: Decision[] = [];
  const ignored: Finding[] = [];
  for (const [index, validation] of (spec.validations ?? []).entries()) {
    const started = performance.now();
    const refusal = refuse(validation, compiled.validations[index], all, budget);
    if (!refusal) continue;
    const { message, error } = refusal;
    const seconds = (performance.now() - started) / 1000;
    if (error !== 'no_error' && !fails) ignored.push({ error, seconds });
    else denials.push({ index, message, reason: validation.reason ?? 'Invalid', error, seconds });
  }
  return { denials, ignored, ...annotate(spec, compiled, all, budget, fails) };
}
/** Why a validation does not admit; undefined when it does. */
function refuse(
  validation: Validation,
  compiled: CompiledValidating['validations'][number] | undefined,
  activation: Activation,
  budget: Budget,
): { readonly message: string; readonly error: PolicyError } | undefined {
  if (!compiled) return undefined;
  let value: CelValue;
  try {
    value = run(compiled.test, activation, budget);
  } catch (error) {
    return { message: failureText(validation.expression, error), error: errorType(error) };
  }
  if (value === true) return undefined;
  const message = messageOf(compiled.message, activation, budget) ?? validation.message?.trim() ?? `failed expression: ${validation.expression.trim()}`;
  return { message, error: 'no_error' };
}
function errorType(error: unknown): PolicyError {
  if (error instanceof CelCompileError) return 'compile_error';
  return error instanceof CelCostError ? 'out_of_budget_error' : 'invalid_error';
}
function failureText(expression: string, error: unknown): string {
  if (error instanceof CelCompileError) return `compilation error: compilation failed: ${error.message}`;
  if (error instanceof CelCostError) return 'validation failed due to running out of cost budget, no further validation rules will be run';
  return `expression '${expression}' resulted in error: ${(error as Error).message}`;
}
/** A message that fails, is empty, too long or of several lines is as good as none. */
function messageOf(compiled: Compiled | undefined, activation: Activation, budget: Budget): string | undefined {
  if (!compiled) return undefined;
  try {
    const text = run(compiled, activation, budget);
    const message = typeof text === 'string' ? text.trim() : '';
    return message === '' || message.includes('\n') || Buffer.byteLength(message) > maxMessageBytes ? undefined : message;
  } catch {
    return undefined;
  }
}
function annotate(
  spec: ValidatingSpec,
  compiled: CompiledValidating,
  activation: Activation,
  budget: Budget,
  fails: boolean,
): Pick<Outcome, 'annotations' | 'failures'> {
  const annotations: { key: string; value: string }[] = [];
  const failures: string[] = [];
  for (const [i, { key, valueExpression }] of (spec.auditAnnotations ?? []).entries()) {
    try {
      const value = run(compiled.auditAnnotations[i] as Compiled, activation, budget);
      if (value === null) continue;
      if (typeof value !== 'string')
        throw new Error(
          `valueExpression '${valueExpression}' resulted in unsupported return type: ${JSON.stringify(celToJson(value))}. Return type must be either string or null.`,
        );
      if (value.trim() !== '') annotations.push({ key, value: value.trim().slice(0, maxAnnotationBytes) });
    } catch (error) {
      if (fails) failures.push(error instanceof CelCompileError ? `compilation error: ${error.message}` : (error as Error).message);
    }
  }
  return { annotations, failures };
}
export function run(compiled: Compiled, activation: Activation, budget: Budget): CelValue {
  if (compiled instanceof CelCompileError) throw compiled;
  return compiled.evaluate(activation, budget).value;
}
