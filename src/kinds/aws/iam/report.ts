import type { Kind } from '#machinery';
import { defineAwsKind, type AwsObject } from '../define.ts';

/** What was found out at a time, for as long as it is good. */
export interface IamReportSpec {
  id: string;
  sort: 'credentials' | 'services';
  created: string;
  /** CSV of credentials, JSON of services. */
  content: string;
}

export const IAMReport: Kind<AwsObject<IamReportSpec>> = defineAwsKind<IamReportSpec>({
  service: 'iam',
  kind: 'IAMReport',
  plural: 'iamreports',
  columns: [['Sort', 'What it is about.', ({ sort }) => sort]],
});
