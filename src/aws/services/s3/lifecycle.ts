import { checkStorageClass, ObjectsError, type LifecycleRule } from '#objects';
import { createHash } from 'node:crypto';
import { malformedXml } from './setting.ts';

interface Lifecycle {
  readonly Rules: readonly LifecycleRule[];
  /** Below which size objects stay where they are unless a rule says another. */
  readonly TransitionDefaultMinimumObjectSize: string;
}

/** Rules get the names that they lack. Throws what is wrong with them. */
export function takeLifecycle({ Rules = [] }: { Rules?: readonly LifecycleRule[] }, { input }: { input: object }): Lifecycle {
  if (Rules.length === 0 || Rules.length > 1000) throw malformedXml();
  if (new Set(Rules.map((rule, i) => rule.ID ?? i)).size !== Rules.length)
    throw new ObjectsError('InvalidArgument', 'Rule ID must be unique. Found same ID for more than one rule');
  for (const rule of Rules) checkRule(rule);
  const { TransitionDefaultMinimumObjectSize = 'all_storage_classes_128K' } = input as { TransitionDefaultMinimumObjectSize?: string };
  return { Rules: Rules.map((rule) => ({ ...rule, ID: rule.ID ?? nameOf(rule) })), TransitionDefaultMinimumObjectSize };
}
const nameOf = (rule: LifecycleRule): string => createHash('sha256').update(JSON.stringify(rule)).digest('base64url');

function checkRule(rule: LifecycleRule): void {
  const does =
    rule.Expiration ?? rule.Transitions ?? rule.NoncurrentVersionExpiration ?? rule.NoncurrentVersionTransitions ?? rule.AbortIncompleteMultipartUpload;
  if (!does) throw new ObjectsError('InvalidRequest', 'At least one action needs to be specified in a rule');
  if (rule.Filter && rule.Prefix !== undefined) throw new ObjectsError('InvalidRequest', 'Filter and Prefix cannot be used together in a rule');
  if (rule.ID !== undefined && rule.ID.length > 255) throw new ObjectsError('InvalidArgument', 'ID length should not exceed allowed limit of 255');
  if (rule.Expiration?.Days !== undefined && rule.Expiration.Days < 1)
    throw new ObjectsError('InvalidArgument', "'Days' for Expiration action must be a positive integer");
  for (const { StorageClass } of [...(rule.Transitions ?? []), ...(rule.NoncurrentVersionTransitions ?? [])]) checkStorageClass(StorageClass ?? '');
}
