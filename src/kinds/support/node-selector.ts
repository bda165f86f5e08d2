/** Node selectors and topology terms (ValidateNodeSelector of pkg/apis/core/validation). */
import type { FieldError } from '#machinery';
import type { V1NodeSelector, V1NodeSelectorRequirement, V1NodeSelectorTerm, V1TopologySelectorTerm } from '../generated/types.ts';
import { duplicate, forbidden, invalidValue, required, sameJson } from './errors.ts';
import { checked, dnsSubdomain, qualifiedName, validLabelValue } from './names.ts';

const operators = ['DoesNotExist', 'Exists', 'Gt', 'In', 'Lt', 'NotIn'];

function validateExpression(at: string, { key, operator, values = [] }: V1NodeSelectorRequirement, strict: boolean): FieldError[] {
  const errors: FieldError[] = [];
  if (['In', 'NotIn'].includes(operator) && values.length === 0) errors.push(required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
  if (['Exists', 'DoesNotExist'].includes(operator) && values.length > 0)
    errors.push(forbidden(`${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
  if (['Gt', 'Lt'].includes(operator) && values.length !== 1)
    errors.push(required(`${at}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'"));
  if (!operators.includes(operator)) errors.push(invalidValue(`${at}.operator`, operator ?? '', 'not a valid selector operator'));
  errors.push(...checked(`${at}.key`, key ?? '', qualifiedName));
  if (strict) values.forEach((value, i) => errors.push(...checked(`${at}.values[${i}]`, value, validLabelValue)));
  return errors;
}

/** Only metadata.name can be asked for. */
function validateField(at: string, { key, operator, values = [] }: V1NodeSelectorRequirement): FieldError[] {
  const errors: FieldError[] = [];
  if (operator !== 'In' && operator !== 'NotIn') errors.push(invalidValue(`${at}.operator`, operator ?? '', 'not a valid selector operator'));
  else if (values.length !== 1) errors.push(required(`${at}.values`, "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"));
  if (key !== 'metadata.name') errors.push(invalidValue(`${at}.key`, key ?? '', 'not a valid field selector key'));
  else values.forEach((value, i) => errors.push(...checked(`${at}.values[${i}]`, value, dnsSubdomain)));
  return errors;
}

export function validateNodeSelector(at: string, selector: V1NodeSelector): FieldError[] {
  const terms = selector.nodeSelectorTerms ?? [];
  if (terms.length === 0) return [required(`${at}.nodeSelectorTerms`, 'must have at least one node selector term')];
  return terms.flatMap((term, t) => validateNodeTerm(`${at}.nodeSelectorTerms[${t}]`, term, true));
}

/** `strict`: values have to be possible values of labels, as they have to where a term decides. */
export function validateNodeTerm(at: string, term: V1NodeSelectorTerm | undefined, strict: boolean): FieldError[] {
  return [
    ...(term?.matchExpressions ?? []).flatMap((expression, i) => validateExpression(`${at}.matchExpressions[${i}]`, expression, strict)),
    ...(term?.matchFields ?? []).flatMap((expression, i) => validateField(`${at}.matchFields[${i}]`, expression)),
  ];
}

export function validateTopologyTerms(at: string, terms: V1TopologySelectorTerm[] | undefined): FieldError[] {
  const errors: FieldError[] = [];
  terms?.forEach((term, t) => {
    const here = `${at}[${t}]`;
    const keys = new Set<string>();
    term.matchLabelExpressions?.forEach((expression, e) => {
      const field = `${here}.matchLabelExpressions[${e}]`;
      if (keys.has(expression.key)) errors.push(duplicate(`${field}.key`, expression.key));
      keys.add(expression.key);
      if ((expression.values ?? []).length === 0) errors.push(required(`${field}.values`));
      const seen = new Set<string>();
      expression.values?.forEach((value, v) => {
        if (seen.has(value)) errors.push(duplicate(`${field}.values[${v}]`, value));
        seen.add(value);
      });
      errors.push(...checked(`${field}.key`, expression.key ?? '', qualifiedName));
    });
    if (terms.slice(0, t).some((other) => sameJson(other, term))) errors.push(duplicate(`${here}.matchLabelExpressions`, ''));
  });
  return errors;
}
