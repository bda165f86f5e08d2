import type { Kind } from '#machinery';
import { defineAwsKind, type AwsObject } from '../define.ts';
import type { IamPrincipal } from './types.ts';

export interface IamGroupSpec extends IamPrincipal {
  groupName: string;
  groupId: string;
}

export const IAMGroup: Kind<AwsObject<IamGroupSpec>> = defineAwsKind<IamGroupSpec>({
  service: 'iam',
  kind: 'IAMGroup',
  plural: 'iamgroups',
  columns: [['ARN', 'The ARN of the group.', ({ arn }) => arn]],
});
