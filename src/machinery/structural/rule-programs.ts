import { CelCompileError, celTypes, compileCel, WrongResultType, type CelProgram } from '../cel/index.ts';
import type { DeclaredType } from './cel-types.ts';
import { fieldPathText } from './field-path.ts';
import type { JSONSchemaProps, ValidationRule } from './types.ts';

/** A rule of x-kubernetes-validations, ready to run; or why it is not. */
export interface RuleProgram {
  readonly rule: ValidationRule;
  readonly program: CelProgram | undefined;
  readonly error: string | undefined;
  readonly message: CelProgram | undefined;
  readonly messageError: string | undefined;
  readonly usesOldSelf: boolean;
  /** Below the value's own path, where the rule names a field. */
  readonly fieldPath: string | undefined;
}

const known = new WeakMap<JSONSchemaProps, readonly RuleProgram[]>();

/** The rules of one schema, compiled when they are first needed. */
export function ruleProgramsOf(schema: JSONSchemaProps, declared: DeclaredType): readonly RuleProgram[] {
  let found = known.get(schema);
  if (!found) known.set(schema, (found = (schema['x-kubernetes-validations'] ?? []).map((rule) => compileRule(rule, schema, declared))));
  return found;
}

function compileRule(rule: ValidationRule, schema: JSONSchemaProps, declared: DeclaredType): RuleProgram {
  const { type } = declared;
  const variables = { self: type, oldSelf: rule.optionalOldSelf ? celTypes.optionalOf(type) : type };
  const main = attempt(rule.rule, variables, 'bool', 'compilation failed: ', 'cel expression must evaluate to a bool');
  const message = rule.messageExpression
    ? attempt(rule.messageExpression, variables, 'string', 'messageExpression compilation failed: ', 'messageExpression must evaluate to a string')
    : {};
  return {
    rule,
    program: main.program,
    error: main.error,
    message: message.program,
    messageError: message.error,
    usesOldSelf: main.program?.variables.has('oldSelf') === true || message.program?.variables.has('oldSelf') === true,
    fieldPath: rule.fieldPath ? fieldPathText(rule.fieldPath, schema) : undefined,
  };
}

function attempt(
  source: string,
  variables: { readonly [name: string]: celTypes.CelType },
  kind: 'bool' | 'string',
  prefix: string,
  wrong: string,
): { program?: CelProgram; error?: string } {
  try {
    return { program: compileCel(source, { variables, returns: [kind] }) };
  } catch (error) {
    if (error instanceof WrongResultType) return { error: wrong };
    if (error instanceof CelCompileError) return { error: prefix + error.message };
    throw error;
  }
}
