import type { FieldError } from '../errors.ts';
import { forbidden } from '../field-errors.ts';
import { checkCompleteness } from './completeness.ts';
import { checkDefaults } from './default-rules.ts';
import { checkInvariants } from './invariants.ts';
import { checkKeywords } from './keywords.ts';
import { checkRules, checkRuleTexts } from './rule-rules.ts';
import type { JSONSchemaProps } from './types.ts';

/**
 * All rules of apiextensions.k8s.io/v1 for a version's schema, with the field paths of the real server. `path` is
 * that of the schema itself, for example `spec.versions[0].schema.openAPIV3Schema`. A schema without findings is
 * fit for `compileStructural`.
 */
export function validateStructural(schema: JSONSchemaProps, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (schema.nullable) errors.push(forbidden(`${path}.nullable`, 'nullable cannot be true at the root'));
  checkKeywords(schema, path, { root: true, insideMeta: false, noDefaults: undefined }, errors);
  const structural: FieldError[] = [];
  checkInvariants(schema, 'root', path, structural);
  checkCompleteness(schema, path, structural);
  structural.sort((a, b) => compare(`${a.field}: ${a.message}`, `${b.field}: ${b.message}`));
  errors.push(...structural);
  checkRuleTexts(schema, path, errors);
  if (errors.length === 0) checkRules(schema, path, errors);
  // Defaults are tried on the schema, which must be sound for that.
  if (errors.length === 0) checkDefaults(schema, path, true, errors);
  return errors;
}
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
