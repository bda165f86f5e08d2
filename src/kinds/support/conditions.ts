/** metav1.Condition, the form of status conditions that newer kinds share. */
import type { FieldError } from '#machinery';
import type { V1Condition } from '../generated/types.ts';
import { duplicate, invalidValue, nonNegative, required, tooLong, unsupportedOf } from '../support/errors.ts';
import { checked, qualifiedName } from '../support/names.ts';

const reasonRule = /^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/;
const reasonText =
  "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName',  or 'ReasonA,ReasonB',  or 'ReasonA:ReasonB', regex used for validation is '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?')";

export function validateConditions(field: string, conditions: readonly V1Condition[] | undefined): FieldError[] {
  const seen = new Set<string>();
  return (conditions ?? []).flatMap((condition, i) => {
    const at = `${field}[${i}]`;
    const errors = validateCondition(at, condition);
    if (seen.has(condition.type)) errors.push(duplicate(`${at}.type`, condition.type));
    seen.add(condition.type);
    return errors;
  });
}

function validateCondition(at: string, { type, status, observedGeneration, lastTransitionTime, reason, message }: V1Condition): FieldError[] {
  const errors = type ? checked(`${at}.type`, type, qualifiedName) : [required(`${at}.type`, 'must be set')];
  if (!['False', 'True', 'Unknown'].includes(status)) errors.push(unsupportedOf(`${at}.status`, status ?? '', ['False', 'True', 'Unknown']));
  errors.push(...nonNegative(`${at}.observedGeneration`, observedGeneration));
  if (!lastTransitionTime) errors.push(required(`${at}.lastTransitionTime`, 'must be set'));
  if (!reason) errors.push(required(`${at}.reason`, 'must be set'));
  else {
    if (!reasonRule.test(reason)) errors.push(invalidValue(`${at}.reason`, reason, reasonText));
    if (reason.length > 1024) errors.push(tooLong(`${at}.reason`, 1024));
  }
  if ((message ?? '').length > 32768) errors.push(tooLong(`${at}.message`, 32768));
  return errors;
}
