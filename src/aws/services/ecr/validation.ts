import type { Finding, Refusal } from '../../protocol/findings.ts';
import { invalidParameter } from './errors.ts';

/** ECR tells one finding, and of the names of repositories in words of its own. */
export const refuseInEcr: Refusal = ([first]) => {
  const { at, kind, constraint } = first as Finding;
  if (at !== 'repositoryName') return invalidParameter(at, constraint);
  const own = constraint.replace(/^Member /, '');
  return invalidParameter(
    at,
    kind === 'pattern' ? own.replace(/^must satisfy regular expression pattern: (.*)$/s, "must satisfy regular expression '$1'") : own,
  );
};
