import type { Kind } from '#machinery';
import { defineAwsKind, type AwsObject } from '../define.ts';
import type { AwsTag } from './types.ts';

export interface IamInstanceProfileSpec {
  instanceProfileName: string;
  instanceProfileId: string;
  arn: string;
  path: string;
  createDate: string;
  /** Names; at most one. */
  roles: string[];
  tags: AwsTag[];
}

export const IAMInstanceProfile: Kind<AwsObject<IamInstanceProfileSpec>> = defineAwsKind<IamInstanceProfileSpec>({
  service: 'iam',
  kind: 'IAMInstanceProfile',
  plural: 'iaminstanceprofiles',
  columns: [['ARN', 'The ARN of the instance profile.', ({ arn }) => arn]],
});
