import { parsePolicy } from '../../iam/policy/document.ts';
import { invalidParameter } from './errors.ts';

/** A policy of a repository or a registry, as ECR gives it back: JSON with two spaces. */
export function checkPolicy(text: string, at: string): string {
  try {
    parsePolicy(text, 'resource');
  } catch (error) {
    throw invalidParameter(at, `Invalid repository policy provided: ${(error as Error).message}`);
  }
  return JSON.stringify(JSON.parse(text), undefined, 2);
}
