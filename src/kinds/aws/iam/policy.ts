import type { Kind } from '#machinery';
import { defineAwsKind, type AwsObject } from '../define.ts';
import type { AwsTag } from './types.ts';

export interface IamPolicyVersion {
  /** `v1`. */
  id: string;
  document: string;
  createDate: string;
}
export interface IamPolicySpec {
  policyName: string;
  policyId: string;
  arn: string;
  path: string;
  description?: string;
  tags: AwsTag[];
  createDate: string;
  updateDate: string;
  versions: IamPolicyVersion[];
  defaultVersionId: string;
  /** Numbers of versions are never given twice. */
  lastVersion: number;
}

export const IAMPolicy: Kind<AwsObject<IamPolicySpec>> = defineAwsKind<IamPolicySpec>({
  service: 'iam',
  kind: 'IAMPolicy',
  plural: 'iampolicies',
  columns: [
    ['ARN', 'The ARN of the policy.', ({ arn }) => arn],
    ['Version', 'The version that holds.', ({ defaultVersionId }) => defaultVersionId],
  ],
});
