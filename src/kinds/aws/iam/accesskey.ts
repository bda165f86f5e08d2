import type { Kind } from '#machinery';
import { defineAwsKind, type AwsObject } from '../define.ts';

export interface IamAccessKeySpec {
  accessKeyId: string;
  userName: string;
  /** The secret, sealed with the key of the instance. */
  sealedSecret: string;
  status: 'Active' | 'Inactive';
  createDate: string;
}

export const IAMAccessKey: Kind<AwsObject<IamAccessKeySpec>> = defineAwsKind<IamAccessKeySpec>({
  service: 'iam',
  kind: 'IAMAccessKey',
  plural: 'iamaccesskeys',
  columns: [
    ['User', 'Whose key it is.', ({ userName }) => userName],
    ['Status', 'Active or Inactive.', ({ status }) => status],
  ],
});
