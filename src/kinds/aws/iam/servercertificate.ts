import type { Kind } from '#machinery';
import { defineAwsKind, type AwsObject } from '../define.ts';
import type { AwsTag } from './types.ts';

export interface IamServerCertificateSpec {
  name: string;
  id: string;
  arn: string;
  path: string;
  uploadDate: string;
  expiration: string;
  /** PEM. */
  body: string;
  chain?: string;
  /** PEM, sealed with the key of the instance. */
  sealedPrivateKey: string;
  tags: AwsTag[];
}

export const IAMServerCertificate: Kind<AwsObject<IamServerCertificateSpec>> = defineAwsKind<IamServerCertificateSpec>({
  service: 'iam',
  kind: 'IAMServerCertificate',
  plural: 'iamservercertificates',
  columns: [
    ['ARN', 'The ARN of the certificate.', ({ arn }) => arn],
    ['Expires', 'When it ends.', ({ expiration }) => expiration],
  ],
});
