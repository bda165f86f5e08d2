import type { Kind } from '#machinery';
import { defineAwsKind, type AwsObject } from '../define.ts';
import type { IamPrincipal } from './types.ts';

export interface IamUserSpec extends IamPrincipal {
  userName: string;
  userId: string;
  groups: string[];
  /** Of a login profile. The password is a scrypt hash. */
  login?: { createDate: string; hash: string; resetRequired: boolean };
  passwordLastUsed?: string;
}

export const IAMUser: Kind<AwsObject<IamUserSpec>> = defineAwsKind<IamUserSpec>({
  service: 'iam',
  kind: 'IAMUser',
  plural: 'iamusers',
  columns: [['ARN', 'The ARN of the user.', ({ arn }) => arn]],
});
