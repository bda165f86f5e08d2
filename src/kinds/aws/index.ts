import type { Kind, KubeObject, TypeDescriptions } from '#machinery';
import { awsTypes } from './define.ts';
import { ECRCreationTemplate, ECRPullThroughCacheRule, ECRRegistry, ECRReplication, ECRReplicationBackfill, ECRRepository } from './ecr.ts';
import { IAMAccessKey } from './iam/accesskey.ts';
import { IAMAccount } from './iam/account.ts';
import { IAMGroup } from './iam/group.ts';
import { IAMInstanceProfile } from './iam/instanceprofile.ts';
import { IAMMFADevice } from './iam/mfadevice.ts';
import { IAMOIDCProvider } from './iam/oidcprovider.ts';
import { IAMPolicy } from './iam/policy.ts';
import { IAMReport } from './iam/report.ts';
import { IAMRole } from './iam/role.ts';
import { IAMSAMLProvider } from './iam/samlprovider.ts';
import { IAMServerCertificate } from './iam/servercertificate.ts';
import { IAMUse } from './iam/use.ts';
import { IAMUser } from './iam/user.ts';
import { IAMServiceCredential, IAMSigningCertificate, IAMSSHPublicKey } from './iam/usercredentials.ts';

export { awsName, type AwsObject } from './define.ts';
export type { AwsTag, IamPrincipal } from './iam/types.ts';
export type {
  EcrBackfill,
  EcrBackfillResult,
  EcrCreationTemplate,
  EcrEncryption,
  EcrExclusionFilter,
  EcrMutability,
  EcrPullThroughCacheRule,
  EcrRegistry,
  EcrReplication,
  EcrReplicationRule,
  EcrRepository,
  EcrScanningRule,
  EcrSigningRule,
  EcrTag,
} from './ecr.ts';
export { ECRCreationTemplate, ECRPullThroughCacheRule, ECRRegistry, ECRReplication, ECRReplicationBackfill, ECRRepository };
export {
  IAMAccessKey,
  IAMAccount,
  IAMGroup,
  IAMInstanceProfile,
  IAMMFADevice,
  IAMOIDCProvider,
  IAMPolicy,
  IAMReport,
  IAMRole,
  IAMSAMLProvider,
  IAMServerCertificate,
  IAMServiceCredential,
  IAMSigningCertificate,
  IAMSSHPublicKey,
  IAMUse,
  IAMUser,
};
export type { IamAccessKeySpec } from './iam/accesskey.ts';
export type { IamAccountSpec, IamOutboundKey, IamOutboundSpec, IamPasswordPolicy } from './iam/account.ts';
export type { IamGroupSpec } from './iam/group.ts';
export type { IamInstanceProfileSpec } from './iam/instanceprofile.ts';
export type { IamMfaDeviceSpec } from './iam/mfadevice.ts';
export type { IamOidcProviderSpec } from './iam/oidcprovider.ts';
export type { IamPolicySpec, IamPolicyVersion } from './iam/policy.ts';
export type { IamReportSpec } from './iam/report.ts';
export type { IamRoleSpec } from './iam/role.ts';
export type { IamSamlProviderSpec } from './iam/samlprovider.ts';
export type { IamServerCertificateSpec } from './iam/servercertificate.ts';
export type { IamLastUse, IamUseSpec } from './iam/use.ts';
export type { IamUserSpec } from './iam/user.ts';
export type { IamServiceCredentialSpec, IamSigningCertificateSpec, IamSshPublicKeySpec } from './iam/usercredentials.ts';

/** Every kind of AWS objects. */
export const awsKinds: readonly Kind[] = [
  IAMAccessKey,
  IAMAccount,
  IAMGroup,
  IAMInstanceProfile,
  IAMMFADevice,
  IAMOIDCProvider,
  IAMPolicy,
  IAMReport,
  IAMRole,
  IAMSAMLProvider,
  IAMServerCertificate,
  IAMServiceCredential,
  IAMSigningCertificate,
  IAMSSHPublicKey,
  IAMUse,
  IAMUser,
  ECRReplication,
  ECRReplicationBackfill,
  ECRRepository,
  ECRRegistry,
  ECRPullThroughCacheRule,
  ECRCreationTemplate,
].map((kind) => kind as unknown as Kind<KubeObject>);

export const awsSchemas = awsTypes(awsKinds);
/** What `kubectl explain` says of them. */
export const awsDescriptions: TypeDescriptions = Object.fromEntries(
  awsKinds.map(({ kind, group, schema }) => [
    schema,
    {
      name: `${group.split('.').toReversed().join('.')}.v1alpha1.${kind}`,
      description: `${kind} is what the AWS API keeps of one of its things. Change it through that API: what stands here is not checked.`,
      fields: {
        apiVersion: 'APIVersion defines the versioned schema of this representation of an object.',
        kind: 'Kind is a string value representing the REST resource this object represents.',
        metadata: 'Standard object metadata. The name is ACCOUNT.REGION.ID.',
        spec: 'What the service keeps.',
      },
    },
  ]),
);
