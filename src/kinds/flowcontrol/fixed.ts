/** What both kinds of flow control check alike: the specs that are fixed, and the conditions of the status. */
import type { FieldError } from '#machinery';
import { duplicate, invalidValue, required, sameJson } from '../support/errors.ts';

/** An object that must exist keeps the spec that it must have. */
export function validateFixed(name: string | undefined, spec: unknown, fixed: ReadonlyMap<string, unknown>): FieldError[] {
  const wanted = fixed.get(name ?? '');
  return wanted === undefined || sameJson(spec, wanted) ? [] : [invalidValue('spec', spec, `spec of '${name}' must equal the fixed value`)];
}

export function validateConditionTypes(conditions: readonly { type?: string }[] | undefined): FieldError[] {
  const seen = new Set<string>();
  return (conditions ?? []).flatMap(({ type = '' }, i) => {
    const field = `status.conditions[${i}].type`;
    const errors = seen.has(type) ? [duplicate(field, type)] : [];
    seen.add(type);
    return type ? errors : [...errors, required(field, 'must not be empty')];
  });
}
