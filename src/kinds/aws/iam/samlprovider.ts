import type { Kind } from '#machinery';
import { defineAwsKind, type AwsObject } from '../define.ts';
import type { AwsTag } from './types.ts';

export interface IamSamlProviderSpec {
  name: string;
  arn: string;
  metadata: string;
  createDate: string;
  tags: AwsTag[];
}

export const IAMSAMLProvider: Kind<AwsObject<IamSamlProviderSpec>> = defineAwsKind<IamSamlProviderSpec>({
  service: 'iam',
  kind: 'IAMSAMLProvider',
  plural: 'iamsamlproviders',
});
