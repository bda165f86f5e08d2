import type { Kind } from '#machinery';
import { defineAwsKind, type AwsObject } from '../define.ts';
import type { IamPrincipal } from './types.ts';

export interface IamUserSpec extends IamPrincipal {
  userName: string;
  userId: string;
  groups: string[];
  /** Of a login profile. Passwords are scrypt hashes; those of before come the latest first. */
  login?: { createDate: string; hash: string; resetRequired: boolean; changed?: string; previous?: string[] };
  passwordLastUsed?: string;
}

export const IAMUser: Kind<AwsObject<IamUserSpec>> = defineAwsKind<IamUserSpec>({
  service: 'iam',
  kind: 'IAMUser',
  plural: 'iamusers',
  columns: [['ARN', 'The ARN of the user.', ({ arn }) => arn]],
});
