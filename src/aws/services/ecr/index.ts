import { ECRCreationTemplate, ECRPullThroughCacheRule, ECRRegistry, ECRReplication, ECRReplicationBackfill, ECRRepository } from '#kinds';
import { defineService, type AnyAction, type Service } from '../../gateway/service.ts';
import { getAccountSetting, putAccountSetting } from './actions/account-setting.ts';
import { batchDeleteImage } from './actions/batch-delete-image.ts';
import { batchGetImage } from './actions/batch-get-image.ts';
import { createRepository } from './actions/create-repository.ts';
import {
  createRepositoryCreationTemplate,
  deleteRepositoryCreationTemplate,
  describeRepositoryCreationTemplates,
  updateRepositoryCreationTemplate,
} from './actions/creation-templates.ts';
import { deleteRepository } from './actions/delete-repository.ts';
import { describeImages } from './actions/describe-images.ts';
import { describeRepositories } from './actions/describe-repositories.ts';
import { getAuthorizationToken } from './actions/get-authorization-token.ts';
import { describeImageScanFindings, startImageScan } from './actions/image-scans.ts';
import { batchCheckLayerAvailability, completeLayerUpload, getDownloadUrlForLayer, initiateLayerUpload, uploadLayerPart } from './actions/layers.ts';
import { getLifecyclePolicyPreview, startLifecyclePolicyPreview } from './actions/lifecycle-policy-preview.ts';
import { deleteLifecyclePolicy, getLifecyclePolicy, putLifecyclePolicy } from './actions/lifecycle-policy.ts';
import { listImageReferrers } from './actions/list-image-referrers.ts';
import { listImages } from './actions/list-images.ts';
import {
  createPullThroughCacheRule,
  deletePullThroughCacheRule,
  describePullThroughCacheRules,
  updatePullThroughCacheRule,
  validatePullThroughCacheRule,
} from './actions/pull-through-cache-rules.ts';
import { deregisterPullTimeUpdateExclusion, listPullTimeUpdateExclusions, registerPullTimeUpdateExclusion } from './actions/pull-time-exclusions.ts';
import { putImageScanningConfiguration } from './actions/put-image-scanning-configuration.ts';
import { putImageTagMutability } from './actions/put-image-tag-mutability.ts';
import { putImage } from './actions/put-image.ts';
import { deleteRegistryPolicy, getRegistryPolicy, putRegistryPolicy } from './actions/registry-policy.ts';
import { batchGetRepositoryScanningConfiguration, getRegistryScanningConfiguration, putRegistryScanningConfiguration } from './actions/registry-scanning.ts';
import {
  describeReplicationBackfillResults,
  listReplicationBackfills,
  startReplicationBackfill,
  stopReplicationBackfill,
} from './actions/replication-backfills.ts';
import { describeImageReplicationStatus, describeRegistry, putReplicationConfiguration } from './actions/replication.ts';
import { deleteRepositoryPolicy, getRepositoryPolicy, setRepositoryPolicy } from './actions/repository-policy.ts';
import { listTagsForResource, tagResource, untagResource } from './actions/resource-tags.ts';
import { deleteSigningConfiguration, describeImageSigningStatus, getSigningConfiguration, putSigningConfiguration } from './actions/signing-configuration.ts';
import { updateImageStorageClass } from './actions/update-image-storage-class.ts';
import type { Ecr } from './ecr.ts';
import type { Replication } from './replication.ts';
import { refuseInEcr } from './validation.ts';

export { Ecr, imagesOf, type EcrDeps } from './ecr.ts';
export { createReplication } from './replication.ts';
export { openDoor, type EcrDoor } from './open.ts';

const actions: Readonly<Record<string, (ecr: Ecr, replication: Replication) => AnyAction>> = {
  BatchCheckLayerAvailability: batchCheckLayerAvailability,
  BatchDeleteImage: batchDeleteImage,
  BatchGetImage: batchGetImage,
  BatchGetRepositoryScanningConfiguration: batchGetRepositoryScanningConfiguration,
  CompleteLayerUpload: completeLayerUpload,
  CreatePullThroughCacheRule: createPullThroughCacheRule,
  CreateRepository: createRepository,
  CreateRepositoryCreationTemplate: createRepositoryCreationTemplate,
  DeleteLifecyclePolicy: deleteLifecyclePolicy,
  DeletePullThroughCacheRule: deletePullThroughCacheRule,
  DeleteRegistryPolicy: deleteRegistryPolicy,
  DeleteRepository: deleteRepository,
  DeleteRepositoryCreationTemplate: deleteRepositoryCreationTemplate,
  DeleteRepositoryPolicy: deleteRepositoryPolicy,
  DeleteSigningConfiguration: deleteSigningConfiguration,
  DeregisterPullTimeUpdateExclusion: deregisterPullTimeUpdateExclusion,
  DescribeImageReplicationStatus: describeImageReplicationStatus,
  DescribeImageScanFindings: describeImageScanFindings,
  DescribeImageSigningStatus: describeImageSigningStatus,
  DescribeImages: describeImages,
  DescribePullThroughCacheRules: describePullThroughCacheRules,
  DescribeRegistry: describeRegistry,
  DescribeReplicationBackfillResults: describeReplicationBackfillResults,
  DescribeRepositories: describeRepositories,
  DescribeRepositoryCreationTemplates: describeRepositoryCreationTemplates,
  GetAccountSetting: getAccountSetting,
  GetAuthorizationToken: getAuthorizationToken,
  GetDownloadUrlForLayer: getDownloadUrlForLayer,
  GetLifecyclePolicy: getLifecyclePolicy,
  GetLifecyclePolicyPreview: getLifecyclePolicyPreview,
  GetRegistryPolicy: getRegistryPolicy,
  GetRegistryScanningConfiguration: getRegistryScanningConfiguration,
  GetRepositoryPolicy: getRepositoryPolicy,
  GetSigningConfiguration: getSigningConfiguration,
  InitiateLayerUpload: initiateLayerUpload,
  ListImageReferrers: listImageReferrers,
  ListImages: listImages,
  ListPullTimeUpdateExclusions: listPullTimeUpdateExclusions,
  ListReplicationBackfills: listReplicationBackfills,
  ListTagsForResource: listTagsForResource,
  PutAccountSetting: putAccountSetting,
  PutImage: putImage,
  PutImageScanningConfiguration: putImageScanningConfiguration,
  PutImageTagMutability: putImageTagMutability,
  PutLifecyclePolicy: putLifecyclePolicy,
  PutRegistryPolicy: putRegistryPolicy,
  PutRegistryScanningConfiguration: putRegistryScanningConfiguration,
  PutReplicationConfiguration: putReplicationConfiguration,
  PutSigningConfiguration: putSigningConfiguration,
  RegisterPullTimeUpdateExclusion: registerPullTimeUpdateExclusion,
  SetRepositoryPolicy: setRepositoryPolicy,
  StartImageScan: startImageScan,
  StartLifecyclePolicyPreview: startLifecyclePolicyPreview,
  StartReplicationBackfill: startReplicationBackfill,
  StopReplicationBackfill: stopReplicationBackfill,
  TagResource: tagResource,
  UntagResource: untagResource,
  UpdateImageStorageClass: updateImageStorageClass,
  UpdatePullThroughCacheRule: updatePullThroughCacheRule,
  UpdateRepositoryCreationTemplate: updateRepositoryCreationTemplate,
  UploadLayerPart: uploadLayerPart,
  ValidatePullThroughCacheRule: validatePullThroughCacheRule,
};

export const ecrKinds = [ECRRepository, ECRRegistry, ECRPullThroughCacheRule, ECRCreationTemplate, ECRReplication, ECRReplicationBackfill];

export function ecrService(ecr: Ecr, replication: Replication): Service {
  return defineService({
    contract: 'ecr',
    kinds: ecrKinds as never,
    refuse: refuseInEcr,
    actions: Object.fromEntries(Object.entries(actions).map(([name, make]) => [name, make(ecr, replication)])),
  });
}
