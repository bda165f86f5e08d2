import type { Kind } from '#machinery';
import { defineAwsKind, type AwsObject } from '../define.ts';

type Status = 'Active' | 'Inactive';

export interface IamSshPublicKeySpec {
  /** `APKA…`. */
  id: string;
  userName: string;
  status: Status;
  uploadDate: string;
  /** In the form of OpenSSH, without a comment. */
  body: string;
}
export const IAMSSHPublicKey: Kind<AwsObject<IamSshPublicKeySpec>> = defineAwsKind<IamSshPublicKeySpec>({
  service: 'iam',
  kind: 'IAMSSHPublicKey',
  plural: 'iamsshpublickeys',
  columns: [
    ['User', 'Whose key it is.', ({ userName }) => userName],
    ['Status', 'Active or Inactive.', ({ status }) => status],
  ],
});

export interface IamSigningCertificateSpec {
  id: string;
  userName: string;
  status: Status;
  uploadDate: string;
  /** PEM. */
  body: string;
  /** SHA-256 of the certificate: one is uploaded only once. */
  fingerprint: string;
}
export const IAMSigningCertificate: Kind<AwsObject<IamSigningCertificateSpec>> = defineAwsKind<IamSigningCertificateSpec>({
  service: 'iam',
  kind: 'IAMSigningCertificate',
  plural: 'iamsigningcertificates',
  columns: [
    ['User', 'Whose certificate it is.', ({ userName }) => userName],
    ['Status', 'Active or Inactive.', ({ status }) => status],
  ],
});

export interface IamServiceCredentialSpec {
  /** `ACCA…`. */
  id: string;
  userName: string;
  serviceName: string;
  /** What the service knows the user by: a user name, or the alias of an API key. */
  serviceUserName: string;
  /** The password or API key, sealed with the key of the instance. */
  sealedPassword: string;
  status: Status;
  createDate: string;
  /** Of API keys that end. */
  expirationDate?: string;
}
export const IAMServiceCredential: Kind<AwsObject<IamServiceCredentialSpec>> = defineAwsKind<IamServiceCredentialSpec>({
  service: 'iam',
  kind: 'IAMServiceCredential',
  plural: 'iamservicecredentials',
  columns: [
    ['User', 'Whose credential it is.', ({ userName }) => userName],
    ['Service', 'What it is good for.', ({ serviceName }) => serviceName],
    ['Status', 'Active or Inactive.', ({ status }) => status],
  ],
});
