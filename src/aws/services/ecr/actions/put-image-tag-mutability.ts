import type { PutImageTagMutabilityRequest, PutImageTagMutabilityResponse } from '@aws-sdk/client-ecr';
import type { EcrExclusionFilter } from '#kinds';
import { repositoryAction, type Ecr } from '../ecr.ts';
import { checkExclusions } from '../mutability.ts';

export const putImageTagMutability = (ecr: Ecr) =>
  repositoryAction<PutImageTagMutabilityRequest, PutImageTagMutabilityResponse>(ecr, async (input, place) => {
    const filters = input.imageTagMutabilityExclusionFilters as EcrExclusionFilter[] | undefined;
    checkExclusions(input.imageTagMutability, filters);
    await ecr.change(place, input.repositoryName, ({ exclusionFilters: _old, ...current }) => ({
      ...current,
      mutability: input.imageTagMutability,
      ...(filters?.length ? { exclusionFilters: filters } : {}),
    }));
    return {
      registryId: place.account,
      repositoryName: input.repositoryName,
      imageTagMutability: input.imageTagMutability,
      ...(filters?.length ? { imageTagMutabilityExclusionFilters: filters } : {}),
    };
  });
