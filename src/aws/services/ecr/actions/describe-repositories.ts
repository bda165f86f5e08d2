import type { DescribeRepositoriesRequest, DescribeRepositoriesResponse } from '@aws-sdk/client-ecr';
import { defineAction } from '../../../gateway/service.ts';
import { placeFor, repositoryArn, type Ecr, type Given } from '../ecr.ts';
import { page } from '../pages.ts';
import { repositoryView } from '../repositories.ts';

export const describeRepositories = (ecr: Ecr) =>
  defineAction<Given<DescribeRepositoriesRequest>, DescribeRepositoriesResponse>({
    resources: (input, call) => {
      const place = placeFor(input, call);
      return input.repositoryNames?.length ? input.repositoryNames.map((name) => repositoryArn(place, name)) : [repositoryArn(place, '*')];
    },
    resourcePolicy: (input, call) =>
      input.repositoryNames?.length === 1 ? ecr.policyOf(placeFor(input, call), input.repositoryNames[0] as string) : undefined,
    handle(input, call) {
      const place = placeFor(input, call);
      if (input.repositoryNames) return { repositories: input.repositoryNames.map((name) => repositoryView(ecr, ecr.repository(place, name))) };
      const { items, nextToken } = page(ecr.repositories.list(place), (one) => one.name, input);
      return { repositories: items.map((one) => repositoryView(ecr, one)), nextToken };
    },
  });
