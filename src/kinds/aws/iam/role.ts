import type { Kind } from '#machinery';
import { defineAwsKind, type AwsObject } from '../define.ts';
import type { IamPrincipal } from './types.ts';

export interface IamRoleSpec extends IamPrincipal {
  roleName: string;
  roleId: string;
  /** The policy that says who may assume it. */
  trust: string;
  description?: string;
  /** Seconds. */
  maxSessionDuration: number;
  lastUsed?: { date: string; region: string };
}

export const IAMRole: Kind<AwsObject<IamRoleSpec>> = defineAwsKind<IamRoleSpec>({
  service: 'iam',
  kind: 'IAMRole',
  plural: 'iamroles',
  columns: [['ARN', 'The ARN of the role.', ({ arn }) => arn]],
});
