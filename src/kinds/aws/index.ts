import type { Kind, KubeObject, TypeDescriptions } from '#machinery';
import { awsTypes } from './define.ts';
import { ECRCreationTemplate, ECRPullThroughCacheRule, ECRRegistry, ECRRepository } from './ecr.ts';
import { IAMUser } from './iam/user.ts';

export { awsName, type AwsObject } from './define.ts';
export type { AwsTag, IamPrincipal } from './iam/types.ts';
export type {
  EcrCreationTemplate,
  EcrEncryption,
  EcrExclusionFilter,
  EcrMutability,
  EcrPullThroughCacheRule,
  EcrRegistry,
  EcrReplicationRule,
  EcrRepository,
  EcrScanningRule,
  EcrTag,
} from './ecr.ts';
export { ECRCreationTemplate, ECRPullThroughCacheRule, ECRRegistry, ECRRepository };
export { IAMUser };
export type { IamUserSpec } from './iam/user.ts';

/** Every kind of AWS objects. */
export const awsKinds: readonly Kind[] = [IAMUser, ECRRepository, ECRRegistry, ECRPullThroughCacheRule, ECRCreationTemplate].map(
  (kind) => kind as unknown as Kind<KubeObject>,
);

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
