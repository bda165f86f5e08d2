import type { CreateRepositoryRequest, CreateRepositoryResponse } from '@aws-sdk/client-ecr';
import type { EcrExclusionFilter } from '#kinds';
import { repositoryAction, type Ecr } from '../ecr.ts';
import { invalidParameter } from '../errors.ts';
import { checkExclusions } from '../mutability.ts';
import { addRepository, encryptionOf, repositoryView } from '../repositories.ts';
import { checkTags, tagConditions } from '../tags.ts';

export const createRepository = (ecr: Ecr) =>
  repositoryAction<CreateRepositoryRequest, CreateRepositoryResponse>(
    ecr,
    async (input, place, call) => {
      if (input.registryId !== undefined && input.registryId !== call.account)
        throw invalidParameter('registryId', 'repositories are created in the own registry only');
      const mutability = input.imageTagMutability ?? 'MUTABLE';
      const exclusionFilters = input.imageTagMutabilityExclusionFilters as EcrExclusionFilter[] | undefined;
      checkExclusions(mutability, exclusionFilters);
      const one = await addRepository(ecr, place, {
        ...place,
        name: input.repositoryName,
        createdAt: ecr.now,
        tags: checkTags(input.tags ?? []),
        mutability,
        scanOnPush: input.imageScanningConfiguration?.scanOnPush ?? false,
        encryption: encryptionOf(input.encryptionConfiguration, place),
        ...(exclusionFilters ? { exclusionFilters } : {}),
      });
      return { repository: repositoryView(ecr, one) };
    },
    { conditions: (input) => tagConditions(input.tags) },
  );
