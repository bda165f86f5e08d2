import type { FieldError } from '../errors.ts';
import { invalidValue } from '../field-errors.ts';
import type { Json } from '../object.ts';
import { Node } from './node.ts';
import { noField } from './scalar-checks.ts';
import type { JSONSchemaProps } from './types.ts';
import { validateValue, type Tally } from './validate.ts';

const nodes = new WeakMap<JSONSchemaProps, Node>();
function nodeOf(schema: JSONSchemaProps): Node {
  let node = nodes.get(schema);
  if (!node) nodes.set(schema, (node = new Node(schema)));
  return node;
}

interface Outcome {
  readonly errors: FieldError[];
  readonly matches: number;
}
/** Nothing in here is ratcheted: an alternative that does not hold is no failure of the value. */
function attempt(value: Json, schema: JSONSchemaProps, path: string): Outcome {
  const errors: FieldError[] = [];
  const tally: Tally = { matches: 0 };
  validateValue(value, nodeOf(schema), path, undefined, errors, tally);
  return { errors, matches: tally.matches };
}
const closest = (outcomes: readonly Outcome[]): Outcome | undefined =>
  outcomes.reduce<Outcome | undefined>((best, next) => (best && best.matches >= next.matches ? best : next), undefined);
const finding = (text: string): FieldError => invalidValue(noField, '', text);

/** anyOf, oneOf, allOf and not, with the texts of kube-openapi. */
export function checkComposites(value: Json, schema: JSONSchemaProps, path: string, errors: FieldError[], tally: Tally): void {
  const quoted = JSON.stringify(path);
  if (schema.anyOf && schema.anyOf.length > 0) {
    const outcomes: Outcome[] = [];
    for (const option of schema.anyOf) {
      outcomes.push(attempt(value, option, path));
      if (outcomes.at(-1)?.errors.length === 0) break;
    }
    const good = outcomes.at(-1)?.errors.length === 0;
    if (!good) errors.push(finding(`${quoted} must validate at least one schema (anyOf)`), ...(closest(outcomes)?.errors ?? []));
    else tally.matches++;
  }
  if (schema.oneOf && schema.oneOf.length > 0) checkOneOf(value, schema.oneOf, path, errors, tally);
  if (schema.allOf && schema.allOf.length > 0) {
    const outcomes = schema.allOf.map((part) => attempt(value, part, path));
    const good = outcomes.filter((outcome) => outcome.errors.length === 0).length;
    for (const outcome of outcomes) errors.push(...outcome.errors);
    if (good < outcomes.length) errors.push(finding(`${quoted} must validate all the schemas (allOf)${good === 0 ? '. None validated' : ''}`));
    else tally.matches++;
  }
  if (schema.not && attempt(value, schema.not, path).errors.length === 0) errors.push(finding(`${quoted} must not validate the schema (not)`));
}

function checkOneOf(value: Json, options: readonly JSONSchemaProps[], path: string, errors: FieldError[], tally: Tally): void {
  const outcomes = options.map((option) => attempt(value, option, path));
  const good = outcomes.filter((outcome) => outcome.errors.length === 0).length;
  if (good === 1) {
    tally.matches++;
    return;
  }
  const found = good === 0 ? 'Found none valid' : `Found ${good} valid alternatives`;
  errors.push(finding(`${JSON.stringify(path)} must validate one and only one schema (oneOf). ${found}`));
  if (good === 0) errors.push(...(closest(outcomes)?.errors ?? []));
}
