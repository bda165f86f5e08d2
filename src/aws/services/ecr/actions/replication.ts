import type {
  DescribeImageReplicationStatusRequest,
  DescribeImageReplicationStatusResponse,
  DescribeRegistryResponse,
  PutReplicationConfigurationRequest,
  PutReplicationConfigurationResponse,
  ReplicationRule,
} from '@aws-sdk/client-ecr';
import type { EcrReplicationRule } from '#kinds';
import { AwsError } from '../../../gateway/errors.ts';
import { registryAction, repositoryAction, type Ecr } from '../ecr.ts';
import { find } from '../find-images.ts';
import { destinationsOf } from '../replication.ts';

const view = (rules: readonly EcrReplicationRule[]): ReplicationRule[] =>
  rules.map((rule) => ({ destinations: [...rule.destinations], ...(rule.repositoryFilters ? { repositoryFilters: [...rule.repositoryFilters] } : {}) }));

export const putReplicationConfiguration = (ecr: Ecr) =>
  registryAction<PutReplicationConfigurationRequest, PutReplicationConfigurationResponse>(async (input, place) => {
    const rules = input.replicationConfiguration.rules as unknown as EcrReplicationRule[];
    const destinations = rules.flatMap((rule) => rule.destinations);
    const invalid = (message: string): AwsError => new AwsError('ValidationException', message);
    if (rules.length > 10) throw invalid('A replication configuration has at most 10 rules');
    if (new Set(destinations.map((to) => `${to.registryId}/${to.region}`)).size > 25) throw invalid('A replication configuration has at most 25 destinations');
    if (destinations.some((to) => to.registryId === place.account && to.region === place.region)) {
      throw new AwsError(
        'InvalidParameterException',
        "Invalid parameter at 'replicationConfiguration' failed to satisfy constraint: 'Replication destination cannot be the same as the source registry'",
      );
    }
    await ecr.changeRegistry(place, (current) => ({ ...current, replicationRules: rules }));
    return { replicationConfiguration: { rules: view(rules) } };
  });

export const describeRegistry = (ecr: Ecr) =>
  registryAction<object, DescribeRegistryResponse>((_input, place) => ({
    registryId: place.account,
    replicationConfiguration: { rules: view(ecr.registry(place).replicationRules ?? []) },
  }));

/** Derived from what the destinations have: nothing can be told wrong. */
export const describeImageReplicationStatus = (ecr: Ecr) =>
  repositoryAction<DescribeImageReplicationStatusRequest, DescribeImageReplicationStatusResponse>(ecr, (input, place) => {
    const { repositoryName: name, imageId } = input;
    const { digest } = find(ecr, place, name, imageId);
    const to = destinationsOf(ecr.registry(place).replicationRules ?? [], name, { region: place.region, registryId: place.account });
    return {
      repositoryName: name,
      imageId,
      replicationStatuses: to.map(({ region, registryId }) => {
        const there = ecr.images({ account: registryId, region }, name).some((image) => image.digest === digest);
        return { region, registryId, status: there ? ('COMPLETE' as const) : ('IN_PROGRESS' as const) };
      }),
    };
  });
