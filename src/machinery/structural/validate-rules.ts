import { celFromJson, CelCostError, CelError, CelOptional, celToJson, perObjectBudget, type CelValue } from '../cel/index.ts';
import type { FieldError } from '../errors.ts';
import { duplicate, forbidden, invalidValue, required } from '../field-errors.ts';
import type { Json } from '../object.ts';
import { celTypeOf } from './cel-types.ts';
import type { Node } from './node.ts';
import { ruleProgramsOf, type RuleProgram } from './rule-programs.ts';
import { equalJson } from '../equal.ts';
import { child, isRecord, own, type JSONSchemaProps, type ValidationRule } from './types.ts';
import { oldItems, oldMembers } from './validate.ts';

const outOfBudget = 'validation failed due to running out of cost budget, no further validation rules will be run';

/** The nearest value around that can be compared with an old one: when it did not change, findings are tolerated. */
interface Correlated {
  readonly value: Json;
  readonly old: Json;
}

const withRules = new WeakMap<JSONSchemaProps, boolean>();
/** Whether the schema or one below it has rules; others are not walked. */
export function hasRules(schema: JSONSchemaProps): boolean {
  let found = withRules.get(schema);
  if (found !== undefined) return found;
  found =
    (schema['x-kubernetes-validations'] ?? []).length > 0 ||
    (schema.items !== undefined && !Array.isArray(schema.items) && hasRules(schema.items)) ||
    (typeof schema.additionalProperties === 'object' && hasRules(schema.additionalProperties)) ||
    Object.values(schema.properties ?? {}).some(hasRules);
  withRules.set(schema, found);
  return found;
}

/** Runs the rules of a value and of all below it. All rules of one object share a budget; out of it, the rest is not run. */
export function validateRules(value: Json, node: Node, path: string, old: Json | undefined, errors: FieldError[]): void {
  if (hasRules(node.schema)) new RuleWalk(errors).visit(value, node, path, old, old === undefined ? undefined : { value, old });
}

class RuleWalk {
  readonly #errors: FieldError[];
  readonly #budget = { remaining: perObjectBudget };
  #stopped = false;
  constructor(errors: FieldError[]) {
    this.#errors = errors;
  }

  visit(value: Json, node: Node, path: string, old: Json | undefined, correlated: Correlated | undefined): void {
    if (this.#stopped || value === null || !hasRules(node.schema)) return;
    if (node.schema['x-kubernetes-validations']?.length) this.#runRules(value, node, path, old, correlated);
    if (Array.isArray(value)) this.#visitItems(value, node, path, old, correlated);
    else if (isRecord(value)) {
      const before = oldMembers(old, node);
      for (const key in value) {
        const member = node.member(key);
        if (member === undefined) continue;
        const previous = own(before, key);
        const item = value[key] as Json;
        this.visit(item, member, child(path, key), previous, previous === undefined ? correlated : { value: item, old: previous });
      }
    }
  }

  #visitItems(list: Json[], node: Node, path: string, old: Json | undefined, correlated: Correlated | undefined): void {
    const { items } = node;
    if (items === undefined) return;
    const before = oldItems(old, node);
    for (const [i, item] of list.entries()) {
      const previous = before?.(item);
      this.visit(item, items, `${path}[${i}]`, previous, previous === undefined ? correlated : { value: item, old: previous });
    }
  }

  #runRules(value: Json, node: Node, path: string, old: Json | undefined, correlated: Correlated | undefined): void {
    const declared = celTypeOf(node.schema, 'selfType', node.whole);
    if (declared === undefined) return;
    if (this.#budget.remaining <= 0) {
      this.#stop(invalidValue(path, node.type ?? '', outOfBudget));
      return;
    }
    const previous = old ?? undefined;
    const read = (json: Json): CelValue => celFromJson(json, declared.type);
    let self: CelValue | undefined;
    let oldSelf: CelValue | undefined;
    const readSelf = (): CelValue => (self ??= read(value));
    const readOld = (): CelValue => (oldSelf ??= read(previous as Json));
    for (const compiled of ruleProgramsOf(node.schema, declared)) {
      if (this.#stopped) return;
      const optional = compiled.rule.optionalOldSelf === true;
      // Transition rules need something to compare with.
      if (compiled.usesOldSelf && previous === undefined && !optional) continue;
      const optionalOld = (): CelValue => (previous === undefined ? CelOptional.none : new CelOptional(readOld()));
      this.#run(compiled, { self: readSelf, oldSelf: optional ? optionalOld : readOld }, path, node.type ?? '', correlated);
    }
  }

  #run(compiled: RuleProgram, variables: { readonly [name: string]: () => CelValue }, path: string, type: string, correlated: Correlated | undefined): void {
    const { rule, program } = compiled;
    if (program === undefined) {
      this.#errors.push(invalidValue(path, type, `rule compile error: ${compiled.error}`));
      return;
    }
    try {
      if (program.evaluate(variables, this.#budget).value === true) return;
    } catch (error) {
      this.#failed(error, rule, path, type);
      return;
    }
    const unchanged = !compiled.usesOldSelf && correlated !== undefined && equalJson(correlated.value, correlated.old);
    const place = compiled.fieldPath === undefined ? path : joinPath(path, compiled.fieldPath);
    const detail = this.#messageOf(compiled, variables);
    const finding = this.#stopped ? invalidValue(place, type, detail) : findingOf(rule, place, type, detail);
    if (!unchanged) this.#errors.push(finding);
  }

  #stop(finding: FieldError): void {
    this.#errors.push(finding);
    this.#stopped = true;
  }

  #failed(error: unknown, rule: ValidationRule, path: string, type: string): void {
    const shown = rule.message ? rule.message.trim() : rule.rule.trim();
    if (error instanceof CelCostError) {
      if (this.#budget.remaining <= 0) this.#stop(invalidValue(path, type, outOfBudget));
      else
        this.#stop(invalidValue(path, type, `'${error.message}': no further validation rules will be run due to call cost exceeds limit for rule: ${shown}`));
    } else if (!(error instanceof CelError)) throw error;
    else if (error.message.startsWith('no such overload'))
      this.#errors.push(
        invalidValue(path, type, `'${error.message}': call arguments did not match a supported operator, function or macro signature for rule: ${shown}`),
      );
    else this.#errors.push(invalidValue(path, type, `${error.message} evaluating rule: ${shown}`));
  }

  /** A message expression that fails, or gives no usable text, leaves the rule's own message; one that costs too much ends everything. */
  #messageOf(compiled: RuleProgram, variables: { readonly [name: string]: () => CelValue }): string {
    const { rule, message } = compiled;
    const fallback = rule.message ? rule.message.trim() : `failed rule: ${rule.rule.trim()}`;
    if (message === undefined) return fallback;
    try {
      const text = celToJson(message.evaluate(variables, this.#budget).value);
      return typeof text === 'string' && text.trim() !== '' && !text.includes('\n') && text.length <= maxMessage ? text.trim() : fallback;
    } catch (error) {
      if (error instanceof CelError) return fallback;
      if (!(error instanceof CelCostError)) throw error;
      this.#stopped = true;
      return this.#budget.remaining <= 0
        ? 'messageExpression evaluation failed due to running out of cost budget'
        : `no further validation rules will be run due to call cost exceeds limit for messageExpression: ${rule.messageExpression?.trim()}`;
    }
  }
}
const maxMessage = 5 * 1024;

const joinPath = (path: string, below: string): string => (below.startsWith('[') ? path + below : child(path, below));

function findingOf(rule: ValidationRule, path: string, type: string, detail: string): FieldError {
  switch (rule.reason) {
    case 'FieldValueForbidden':
      return forbidden(path, detail);
    case 'FieldValueRequired':
      return required(path, detail);
    case 'FieldValueDuplicate':
      return duplicate(path, type);
    default:
      return invalidValue(path, type, detail);
  }
}
