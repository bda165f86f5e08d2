import type {
  DescribeImageReplicationStatusRequest,
  DescribeImageReplicationStatusResponse,
  DescribeRegistryResponse,
  ImageReplicationStatus,
  PutReplicationConfigurationRequest,
  PutReplicationConfigurationResponse,
  ReplicationRule,
} from '@aws-sdk/client-ecr';
import type { EcrReplicationRule } from '#kinds';
import { AwsError } from '../../../gateway/errors.ts';
import { registryAction, repositoryAction, type Ecr } from '../ecr.ts';
import { find } from '../find-images.ts';
import { destinationsOf } from '../destinations.ts';

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

/** What is being copied or was given up, and otherwise what the destinations have. An image that was pushed before its rule is told of nowhere. */
export const describeImageReplicationStatus = (ecr: Ecr) =>
  repositoryAction<DescribeImageReplicationStatusRequest, DescribeImageReplicationStatusResponse>(ecr, (input, place) => {
    const { repositoryName: name, imageId } = input;
    const { digest } = find(ecr, place, name, imageId);
    const replications = ecr.replications.list(place).filter((one) => one.name === name && one.digest === digest);
    const to = destinationsOf(ecr.registry(place).replicationRules ?? [], name, { region: place.region, registryId: place.account });
    return {
      repositoryName: name,
      imageId: { ...imageId, imageDigest: digest },
      replicationStatuses: to.flatMap(({ region, registryId }): ImageReplicationStatus[] => {
        const one = replications.find((replication) => replication.to.region === region && replication.to.account === registryId);
        if (one) return [{ region, registryId, status: one.status, ...(one.failureCode === undefined ? {} : { failureCode: one.failureCode }) }];
        const there = ecr.images({ account: registryId, region }, name).some((image) => image.digest === digest);
        return there ? [{ region, registryId, status: 'COMPLETE' }] : [];
      }),
    };
  });
