import type { Kind } from '#machinery';
import { defineAwsKind, type AwsObject } from '../define.ts';

/** When something was used last: RFC 3339 and region. */
export interface IamLastUse {
  date: string;
  region: string;
}
/** What a user, a role or an access key was used for. Named by the unique id, so a new one of the same name starts anew. */
export interface IamUseSpec {
  /** Of a user or role. */
  arn?: string;
  /** By the prefix of the service's actions. */
  services: { [service: string]: IamLastUse & { actions: { [action: string]: IamLastUse } } };
}

export const IAMUse: Kind<AwsObject<IamUseSpec>> = defineAwsKind<IamUseSpec>({
  service: 'iam',
  kind: 'IAMUse',
  plural: 'iamuses',
  columns: [['ARN', 'Who used it.', ({ arn }) => arn]],
});
