import type { Kind } from '#machinery';
import { defineAwsKind, type AwsObject } from './define.ts';

/** Times are ms since the epoch. Values of enumerations are those of the ECR API. */
export interface EcrTag {
  readonly Key: string;
  readonly Value: string;
}
export interface EcrExclusionFilter {
  readonly filterType: 'WILDCARD';
  readonly filter: string;
}
export type EcrMutability = 'MUTABLE' | 'IMMUTABLE' | 'MUTABLE_WITH_EXCLUSION' | 'IMMUTABLE_WITH_EXCLUSION';
export interface EcrEncryption {
  readonly encryptionType: 'AES256' | 'KMS' | 'KMS_DSSE';
  readonly kmsKey?: string;
}

export interface EcrRepository {
  /** Registry: the account that owns it. */
  readonly account: string;
  readonly region: string;
  readonly name: string;
  readonly createdAt: number;
  readonly tags: readonly EcrTag[];
  readonly mutability: EcrMutability;
  readonly exclusionFilters?: readonly EcrExclusionFilter[];
  readonly scanOnPush: boolean;
  readonly encryption: EcrEncryption;
  readonly policyText?: string;
  readonly lifecyclePolicyText?: string;
  readonly lifecycleEvaluatedAt?: number;
  /** The last preview. */
  readonly preview?: { readonly policyText: string; readonly at: number };
  /** Images in the archive, by digest, with the time when they went there. */
  readonly archived?: Readonly<Record<string, number>>;
  /** Images that came back from it, with the time. */
  readonly activated?: Readonly<Record<string, number>>;
  /** When a pull-through cache last asked its upstream for a tag. */
  readonly upstreamCheckedAt?: Readonly<Record<string, number>>;
}

export interface EcrReplicationRule {
  readonly destinations: readonly { readonly region: string; readonly registryId: string }[];
  readonly repositoryFilters?: readonly { readonly filter: string; readonly filterType: 'PREFIX_MATCH' }[];
}
export interface EcrScanningRule {
  readonly scanFrequency: 'SCAN_ON_PUSH' | 'CONTINUOUS_SCAN' | 'MANUAL';
  readonly repositoryFilters: readonly { readonly filter: string; readonly filterType: 'WILDCARD' }[];
}
export interface EcrSigningRule {
  readonly signingProfileArn: string;
  readonly repositoryFilters?: readonly { readonly filter: string; readonly filterType: 'WILDCARD_MATCH' }[];
  /** Since when it holds: images that were pushed before are none of its. */
  readonly since: number;
}
/** Settings of a registry: of an account in a region. */
export interface EcrRegistry {
  readonly account: string;
  readonly region: string;
  readonly policyText?: string;
  readonly replicationRules?: readonly EcrReplicationRule[];
  readonly scanning?: { readonly scanType: 'BASIC' | 'ENHANCED'; readonly rules: readonly EcrScanningRule[] };
  readonly accountSettings?: Readonly<Record<string, string>>;
  readonly signingRules?: readonly EcrSigningRule[];
  /** ARNs of principals whose pulls are not recorded, with the time when they were put down. */
  readonly pullTimeExclusions?: Readonly<Record<string, number>>;
}

export interface EcrPullThroughCacheRule {
  readonly account: string;
  readonly region: string;
  readonly prefix: string;
  readonly upstreamRegistryUrl: string;
  readonly upstreamRegistry?: string;
  readonly upstreamRepositoryPrefix: string;
  /** Secret with the upstream's user name and token. */
  readonly credentialArn?: string;
  readonly createdAt: number;
  readonly updatedAt: number;
}

export interface EcrCreationTemplate {
  readonly account: string;
  readonly region: string;
  readonly prefix: string;
  readonly description?: string;
  readonly encryption: EcrEncryption;
  readonly tags: readonly EcrTag[];
  readonly mutability: EcrMutability;
  readonly exclusionFilters?: readonly EcrExclusionFilter[];
  readonly repositoryPolicy?: string;
  readonly lifecyclePolicy?: string;
  readonly appliedFor: readonly string[];
  readonly customRoleArn?: string;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** An image that is to be copied to a registry, or could not be; gone when it is there. */
export interface EcrReplication {
  readonly account: string;
  readonly region: string;
  readonly name: string;
  readonly digest: string;
  /** None: the image alone. */
  readonly tags: readonly string[];
  readonly to: { readonly account: string; readonly region: string };
  readonly status: 'IN_PROGRESS' | 'FAILED';
  /** Tries that failed. */
  readonly tries: number;
  readonly since: number;
  readonly failureCode?: string;
  readonly failureReason?: string;
}
export interface EcrBackfillResult {
  readonly name: string;
  readonly digest: string;
  readonly tag?: string;
  /** Undefined: it was copied. */
  readonly failureCode?: string;
}
/** A run that copies to a registry what was pushed before. */
export interface EcrBackfill {
  readonly account: string;
  readonly region: string;
  readonly id: string;
  readonly to: { readonly account: string; readonly region: string };
  readonly status: 'PREPARING' | 'IN_PROGRESS' | 'COMPLETE' | 'FAILED' | 'STOPPING' | 'STOPPED';
  readonly startedAt: number;
  readonly endedAt?: number;
  readonly failureCode?: string;
  /** Undefined until it is known what is to be copied. */
  readonly total?: number;
  readonly done?: number;
  /** When it is over. */
  readonly results?: readonly EcrBackfillResult[];
}

export const ECRRepository: Kind<AwsObject<EcrRepository>> = defineAwsKind<EcrRepository>({
  service: 'ecr',
  kind: 'ECRRepository',
  plural: 'ecrrepositories',
  columns: [
    ['Account', 'Registry that the repository is in', (spec) => spec.account],
    ['Region', 'Region of the registry', (spec) => spec.region],
    ['Repository', 'Name of the repository', (spec) => spec.name],
    ['Tags', 'Whether tags can be moved', (spec) => spec.mutability],
  ],
});
export const ECRRegistry: Kind<AwsObject<EcrRegistry>> = defineAwsKind<EcrRegistry>({ service: 'ecr', kind: 'ECRRegistry', plural: 'ecrregistries' });
export const ECRPullThroughCacheRule: Kind<AwsObject<EcrPullThroughCacheRule>> = defineAwsKind<EcrPullThroughCacheRule>({
  service: 'ecr',
  kind: 'ECRPullThroughCacheRule',
  plural: 'ecrpullthroughcacherules',
  columns: [
    ['Prefix', 'Prefix of the repositories', (spec) => spec.prefix],
    ['Upstream', 'Registry that images come from', (spec) => spec.upstreamRegistryUrl],
  ],
});
export const ECRCreationTemplate: Kind<AwsObject<EcrCreationTemplate>> = defineAwsKind<EcrCreationTemplate>({
  service: 'ecr',
  kind: 'ECRCreationTemplate',
  plural: 'ecrcreationtemplates',
  columns: [['Prefix', 'Prefix of the repositories', (spec) => spec.prefix]],
});
export const ECRReplication: Kind<AwsObject<EcrReplication>> = defineAwsKind<EcrReplication>({
  service: 'ecr',
  kind: 'ECRReplication',
  plural: 'ecrreplications',
  columns: [
    ['Repository', 'Name of the repository', (spec) => spec.name],
    ['To', 'Account and region that the image goes to', (spec) => `${spec.to?.account}/${spec.to?.region}`],
    ['Status', 'Whether it is still tried', (spec) => spec.status],
    ['Reason', 'Why it failed', (spec) => spec.failureReason],
  ],
});
export const ECRReplicationBackfill: Kind<AwsObject<EcrBackfill>> = defineAwsKind<EcrBackfill>({
  service: 'ecr',
  kind: 'ECRReplicationBackfill',
  plural: 'ecrreplicationbackfills',
  columns: [
    ['To', 'Account and region that images go to', (spec) => `${spec.to?.account}/${spec.to?.region}`],
    ['Status', 'How far it is', (spec) => spec.status],
  ],
});
