import { AwsError } from '../gateway/errors.ts';

/** One demand of the model that an input does not meet. */
export interface Finding {
  readonly kind: 'required' | 'enum' | 'min' | 'max' | 'length' | 'pattern' | 'items';
  /** Where, as `tags.1.member.key`. */
  readonly at: string;
  /** The value as Java prints it; undefined when it is secret, or not there. */
  readonly value: string | undefined;
  /** `Member must …` */
  readonly constraint: string;
}

/** Makes the error of a service from what was found: at least one finding, in the order of the model. */
export type Refusal = (findings: readonly Finding[]) => AwsError;

/** Services tell no more than this many findings. */
const most = 10;

/** The text that most services share: `1 validation error detected: Value 'x' at 'name' failed to satisfy constraint: …`. */
export function findingsText(findings: readonly Finding[]): string {
  const told = findings.slice(0, most).map(({ kind, at, value, constraint }) => {
    const shown = kind === 'required' ? ' null' : value === undefined ? '' : ` '${value}'`;
    return `Value${shown} at '${at}' failed to satisfy constraint: ${constraint}`;
  });
  return `${told.length} validation error${told.length > 1 ? 's' : ''} detected: ${told.join('; ')}`;
}

export const refusal =
  (code: string): Refusal =>
  (findings) =>
    new AwsError(code, findingsText(findings));

/** EC2 tells one finding at a time, in words of its own. */
export const refuseInEc2: Refusal = ([first]) => {
  const { kind, at, value = '', constraint } = first as Finding;
  if (kind === 'required') return new AwsError('MissingParameter', `The request must contain the parameter ${upperFirst(at)}`);
  const expected = /(greater|less) than or equal to (\S+)/.exec(constraint);
  const hint = expected && kind !== 'length' ? ` Expecting a value ${expected[1]} than or equal to ${expected[2]}.` : '';
  return new AwsError('InvalidParameterValue', `Value (${value}) for parameter ${at} is invalid.${hint}`);
};
const upperFirst = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);
