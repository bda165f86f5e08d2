import type { Kind } from '#machinery';
import { defineAwsKind, type AwsObject } from '../define.ts';

export interface IamPasswordPolicy {
  minimumPasswordLength: number;
  requireSymbols: boolean;
  requireNumbers: boolean;
  requireUppercaseCharacters: boolean;
  requireLowercaseCharacters: boolean;
  allowUsersToChangePassword: boolean;
  maxPasswordAge?: number;
  passwordReusePrevention?: number;
  hardExpiry?: boolean;
}
export interface IamOutboundKey {
  alg: 'RS256' | 'ES384';
  kid: string;
  /** PEM, sealed with the key of the instance. */
  sealedPrivateKey: string;
  /** JWK. */
  publicKey: { [name: string]: string };
}
/** The account as an issuer of tokens. */
export interface IamOutboundSpec {
  id: string;
  /** URL. */
  issuer: string;
  enabled: boolean;
  keys: IamOutboundKey[];
}
export interface IamAccountSpec {
  alias?: string;
  passwordPolicy?: IamPasswordPolicy;
  /** Of session tokens that the global endpoint gives: 1 or 2. */
  tokenVersion?: number;
  outbound?: IamOutboundSpec;
}

export const IAMAccount: Kind<AwsObject<IamAccountSpec>> = defineAwsKind<IamAccountSpec>({
  service: 'iam',
  kind: 'IAMAccount',
  plural: 'iamaccounts',
  columns: [['Alias', 'The alias of the account.', ({ alias }) => alias]],
});
