import type {
  CreateRepositoryCreationTemplateRequest,
  CreateRepositoryCreationTemplateResponse,
  DeleteRepositoryCreationTemplateRequest,
  DeleteRepositoryCreationTemplateResponse,
  DescribeRepositoryCreationTemplatesRequest,
  DescribeRepositoryCreationTemplatesResponse,
  RepositoryCreationTemplate,
  UpdateRepositoryCreationTemplateRequest,
  UpdateRepositoryCreationTemplateResponse,
} from '@aws-sdk/client-ecr';
import type { EcrCreationTemplate, EcrExclusionFilter } from '#kinds';
import { AwsError } from '../../../gateway/errors.ts';
import type { Place } from '../../../state/table.ts';
import { registryAction, type Ecr, type Given } from '../ecr.ts';
import { readLifecyclePolicy } from '../lifecycle/run.ts';
import { checkExclusions } from '../mutability.ts';
import { page } from '../pages.ts';
import { checkPolicy } from '../policy-text.ts';
import { encryptionOf } from '../repositories.ts';
import { checkTags } from '../tags.ts';

const view = (one: EcrCreationTemplate): RepositoryCreationTemplate => ({
  prefix: one.prefix,
  ...(one.description === undefined ? {} : { description: one.description }),
  encryptionConfiguration: one.encryption,
  resourceTags: [...one.tags],
  imageTagMutability: one.mutability,
  ...(one.exclusionFilters ? { imageTagMutabilityExclusionFilters: [...one.exclusionFilters] } : {}),
  ...(one.repositoryPolicy === undefined ? {} : { repositoryPolicy: one.repositoryPolicy }),
  ...(one.lifecyclePolicy === undefined ? {} : { lifecyclePolicy: one.lifecyclePolicy }),
  appliedFor: one.appliedFor as ('CREATE_ON_PUSH' | 'PULL_THROUGH_CACHE' | 'REPLICATION')[],
  ...(one.customRoleArn === undefined ? {} : { customRoleArn: one.customRoleArn }),
  createdAt: new Date(one.createdAt),
  updatedAt: new Date(one.updatedAt),
});
const none = (prefix: string): AwsError =>
  new AwsError('TemplateNotFoundException', `The Repository Creation Template with prefix '${prefix}' does not exist.`);

/** A template with what a request says; what it leaves out stays as it is in `base`. */
function changed(base: EcrCreationTemplate, input: Given<UpdateRepositoryCreationTemplateRequest>, place: Place, now: number): EcrCreationTemplate {
  const mutability = input.imageTagMutability ?? base.mutability;
  const filters =
    input.imageTagMutability === undefined ? base.exclusionFilters : (input.imageTagMutabilityExclusionFilters as EcrExclusionFilter[] | undefined);
  checkExclusions(mutability, filters);
  if (input.lifecyclePolicy) readLifecyclePolicy(input.lifecyclePolicy);
  const { exclusionFilters: _filters, ...rest } = base;
  return {
    ...rest,
    mutability,
    ...(filters?.length ? { exclusionFilters: filters } : {}),
    ...(input.description === undefined ? {} : { description: input.description }),
    ...(input.encryptionConfiguration === undefined ? {} : { encryption: encryptionOf(input.encryptionConfiguration, place) }),
    ...(input.resourceTags === undefined ? {} : { tags: checkTags(input.resourceTags) }),
    ...(input.repositoryPolicy === undefined ? {} : { repositoryPolicy: checkPolicy(input.repositoryPolicy, 'repositoryPolicy') }),
    ...(input.lifecyclePolicy === undefined ? {} : { lifecyclePolicy: input.lifecyclePolicy }),
    ...(input.appliedFor === undefined ? {} : { appliedFor: input.appliedFor }),
    ...(input.customRoleArn === undefined ? {} : { customRoleArn: input.customRoleArn }),
    updatedAt: now,
  };
}

export const createRepositoryCreationTemplate = (ecr: Ecr) =>
  registryAction<CreateRepositoryCreationTemplateRequest, CreateRepositoryCreationTemplateResponse>(async (input, place) => {
    const base: EcrCreationTemplate = {
      ...place,
      prefix: input.prefix,
      encryption: { encryptionType: 'AES256' },
      tags: [],
      mutability: 'MUTABLE',
      appliedFor: input.appliedFor,
      createdAt: ecr.now,
      updatedAt: ecr.now,
    };
    const one = changed(base, input, place, ecr.now);
    if (!(await ecr.templates.create(place, input.prefix, one))) {
      throw new AwsError('TemplateAlreadyExistsException', `The Repository Creation Template with prefix '${input.prefix}' already exists.`);
    }
    return { registryId: place.account, repositoryCreationTemplate: view(one) };
  });

export const updateRepositoryCreationTemplate = (ecr: Ecr) =>
  registryAction<UpdateRepositoryCreationTemplateRequest, UpdateRepositoryCreationTemplateResponse>(async (input, place) => {
    const one = await ecr.templates.update(place, input.prefix, (current) => changed(current, input, place, ecr.now));
    if (!one) throw none(input.prefix);
    return { registryId: place.account, repositoryCreationTemplate: view(one) };
  });

export const describeRepositoryCreationTemplates = (ecr: Ecr) =>
  registryAction<DescribeRepositoryCreationTemplatesRequest, DescribeRepositoryCreationTemplatesResponse>((input, place) => {
    const found = input.prefixes?.map((prefix) => {
      const one = ecr.templates.get(place, prefix);
      if (!one) throw none(prefix);
      return one;
    });
    const { items, nextToken } = page(found ?? ecr.templates.list(place), (one) => one.prefix, input);
    return { registryId: place.account, repositoryCreationTemplates: items.map(view), nextToken };
  });

export const deleteRepositoryCreationTemplate = (ecr: Ecr) =>
  registryAction<DeleteRepositoryCreationTemplateRequest, DeleteRepositoryCreationTemplateResponse>(async (input, place) => {
    const deleted = await ecr.templates.delete(place, input.prefix);
    if (!deleted) throw none(input.prefix);
    return { registryId: place.account, repositoryCreationTemplate: view(deleted) };
  });
