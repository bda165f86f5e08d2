import type { FieldError } from '../errors.ts';
import { forbidden, invalidValue, required, unsupported } from '../field-errors.ts';
import { celTypeOf, maxItemsIn } from './cel-types.ts';
import { fieldPathText } from './field-path.ts';
import { ruleProgramsOf, type RuleProgram } from './rule-programs.ts';
import type { JSONSchemaProps, ValidationRule } from './types.ts';
import { hasRules } from './validate-rules.ts';

const expressionLimit = 10_000_000;
const definitionLimit = 100_000_000;
const reasons = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired'];

interface Place {
  /** How many values of this schema an object can hold; undefined when a list or map around it has no bound. */
  readonly cardinality: number | undefined;
  /** The list or map whose items have no old selves. */
  readonly uncorrelated: string | undefined;
}

/** What x-kubernetes-validations say, before they are compiled: texts, reasons and paths. */
export function checkRuleTexts(schema: JSONSchemaProps, path: string, errors: FieldError[]): void {
  for (const [i, rule] of (schema['x-kubernetes-validations'] ?? []).entries()) checkRuleText(rule, schema, `${path}.x-kubernetes-validations[${i}]`, errors);
  each(schema, path, (inner, innerPath) => checkRuleTexts(inner, innerPath, errors));
}

const hasNewlines = (text: string): boolean => /[\n\r]/.test(text);

function checkRuleText(rule: ValidationRule, schema: JSONSchemaProps, path: string, errors: FieldError[]): void {
  const { message = '', messageExpression = '', fieldPath = '', reason } = rule;
  const text = (rule.rule ?? '').trim();
  if (text === '') errors.push(required(`${path}.rule`, 'rule is not specified'));
  else if (message !== '' && message.trim() === '') errors.push(invalidValue(`${path}.message`, message, 'message must be non-empty if specified'));
  else if (hasNewlines(message.trim())) errors.push(invalidValue(`${path}.message`, message, 'message must not contain line breaks'));
  else if (hasNewlines(text) && message.trim() === '') errors.push(required(`${path}.message`, 'message must be specified if rule contains line breaks'));
  if (messageExpression !== '' && messageExpression.trim() === '')
    errors.push(required(`${path}.messageExpression`, 'messageExpression must be non-empty if specified'));
  if (reason !== undefined && !reasons.includes(reason)) errors.push(unsupported(`${path}.reason`, reason, reasons));
  if (fieldPath === '') return;
  if (fieldPath.trim() === '') errors.push(invalidValue(`${path}.fieldPath`, fieldPath, 'fieldPath must be non-empty if specified'));
  else if (hasNewlines(fieldPath)) errors.push(invalidValue(`${path}.fieldPath`, fieldPath, 'fieldPath must not contain line breaks'));
  else if (fieldPathText(fieldPath, schema) === undefined) errors.push(invalidValue(`${path}.fieldPath`, fieldPath, 'fieldPath must be a valid path'));
}

/** Compiles all rules of a definition and adds up what they may cost. The schema is otherwise sound. */
export function checkRules(schema: JSONSchemaProps, path: string, errors: FieldError[]): void {
  if (!hasRules(schema)) return;
  const costs: { path: string; cost: number }[] = [];
  compileAll(schema, path, true, { cardinality: 1, uncorrelated: undefined }, costs, errors);
  const total = costs.reduce((sum, { cost }) => sum + cost, 0);
  if (total <= definitionLimit) return;
  for (const { path: expensive } of costs
    .filter(({ cost }) => cost > 0)
    .toSorted((a, b) => b.cost - a.cost)
    .slice(0, 4))
    errors.push(forbidden(expensive, 'contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema'));
  errors.push(forbidden(path, costText('x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema', total, definitionLimit)));
}

function compileAll(schema: JSONSchemaProps, path: string, whole: boolean, place: Place, costs: { path: string; cost: number }[], errors: FieldError[]): void {
  if (!hasRules(schema)) return;
  const declared = celTypeOf(schema, 'selfType', whole || schema['x-kubernetes-embedded-resource'] === true);
  if (declared && schema['x-kubernetes-validations']?.length) {
    const cardinality = place.cardinality ?? maxItemsIn(declared.minSize);
    for (const [i, compiled] of ruleProgramsOf(schema, declared).entries())
      checkCompiled(compiled, `${path}.x-kubernetes-validations[${i}]`, cardinality, place.uncorrelated, costs, errors);
  }
  each(schema, path, (inner, innerPath) => compileAll(inner, innerPath, false, placeBelow(schema, inner, path, place), costs, errors));
}

function placeBelow(schema: JSONSchemaProps, inner: JSONSchemaProps, path: string, place: Place): Place {
  const isItem = inner === schema.items;
  const isMember = inner === schema.additionalProperties;
  const most = isItem ? schema.maxItems : isMember ? schema.maxProperties : 1;
  const loses = (isItem && schema['x-kubernetes-list-type'] !== 'map') || (!isItem && schema['x-kubernetes-map-type'] === 'atomic');
  return {
    cardinality: place.cardinality === undefined || most === undefined ? undefined : place.cardinality * most,
    uncorrelated: place.uncorrelated ?? (loses ? path : undefined),
  };
}

function checkCompiled(
  compiled: RuleProgram,
  path: string,
  cardinality: number,
  uncorrelated: string | undefined,
  costs: { path: string; cost: number }[],
  errors: FieldError[],
): void {
  const { rule, program, message } = compiled;
  if (program) checkCost('estimated rule cost', `${path}.rule`, program.estimatedCost.max * cardinality, costs, errors);
  else errors.push(ruleError(`${path}.rule`, rule, compiled.error));
  if (message) checkCost('estimated messageExpression cost', `${path}.messageExpression`, message.estimatedCost.max * cardinality, costs, errors);
  else if (compiled.messageError !== undefined) errors.push(ruleError(`${path}.messageExpression`, rule, compiled.messageError));
  if (compiled.usesOldSelf && uncorrelated !== undefined)
    errors.push(invalidValue(`${path}.rule`, rule.rule, `oldSelf cannot be used on the uncorrelatable portion of the schema within ${uncorrelated}`));
  if (!compiled.usesOldSelf && rule.optionalOldSelf !== undefined && program)
    errors.push(invalidValue(`${path}.optionalOldSelf`, rule.optionalOldSelf, 'may not be set if oldSelf is not used in rule'));
}

function checkCost(what: string, path: string, cost: number, costs: { path: string; cost: number }[], errors: FieldError[]): void {
  costs.push({ path, cost });
  if (cost > expressionLimit) errors.push(forbidden(path, costText(what, cost, expressionLimit)));
}

function costText(what: string, cost: number, limit: number): string {
  const factor = cost / limit;
  const shown = factor > 100 ? 'more than 100x' : factor < 1.5 ? `${factor.toFixed(6)}x` : `${factor.toFixed(1)}x`;
  return `${what} exceeds budget by factor of ${shown} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`;
}

/** The rule is shown as Go prints the struct. */
function ruleError(path: string, rule: ValidationRule, why: string | undefined): FieldError {
  const text = (value: string | undefined): string => JSON.stringify(value ?? '');
  const reason = rule.reason === undefined ? '(*apiextensions.FieldValueErrorReason)(nil)' : text(rule.reason);
  const optional = rule.optionalOldSelf === undefined ? '(*bool)(nil)' : String(rule.optionalOldSelf);
  const shown = `apiextensions.ValidationRule{Rule:${text(rule.rule)}, Message:${text(rule.message)}, MessageExpression:${text(rule.messageExpression)}, Reason:${reason}, FieldPath:${text(rule.fieldPath)}, OptionalOldSelf:${optional}}`;
  return { field: path, reason: 'FieldValueInvalid', message: `Invalid value: ${shown}: ${why ?? ''}` };
}

function each(schema: JSONSchemaProps, path: string, visit: (schema: JSONSchemaProps, path: string) => void): void {
  if (schema.items !== undefined && !Array.isArray(schema.items)) visit(schema.items, `${path}.items`);
  if (typeof schema.additionalProperties === 'object') visit(schema.additionalProperties, `${path}.additionalProperties`);
  for (const [name, property] of Object.entries(schema.properties ?? {})) visit(property, `${path}.properties[${name}]`);
}
