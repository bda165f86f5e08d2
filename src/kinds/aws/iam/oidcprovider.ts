import type { Kind } from '#machinery';
import { defineAwsKind, type AwsObject } from '../define.ts';
import type { AwsTag } from './types.ts';

export interface IamOidcProviderSpec {
  arn: string;
  /** Without its scheme. */
  url: string;
  clientIds: string[];
  thumbprints: string[];
  createDate: string;
  tags: AwsTag[];
}

export const IAMOIDCProvider: Kind<AwsObject<IamOidcProviderSpec>> = defineAwsKind<IamOidcProviderSpec>({
  service: 'iam',
  kind: 'IAMOIDCProvider',
  plural: 'iamoidcproviders',
  columns: [['URL', 'The issuer of its tokens.', ({ url }) => url]],
});
