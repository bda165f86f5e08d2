import type {
  DeregisterPullTimeUpdateExclusionRequest,
  DeregisterPullTimeUpdateExclusionResponse,
  ListPullTimeUpdateExclusionsRequest,
  ListPullTimeUpdateExclusionsResponse,
  RegisterPullTimeUpdateExclusionRequest,
  RegisterPullTimeUpdateExclusionResponse,
} from '@aws-sdk/client-ecr';
import { AwsError } from '../../../gateway/errors.ts';
import { registryAction, type Ecr } from '../ecr.ts';
import { invalidParameter, limitExceeded } from '../errors.ts';
import { page } from '../pages.ts';

/** Most exclusions of a registry. */
const most = 100;
/** Users and roles of IAM. */
const principal = /^arn:aws[a-z-]*:iam::\d{12}:(?:user|role)\/[\w+=,.@/-]{1,512}$/;

export const registerPullTimeUpdateExclusion = (ecr: Ecr) =>
  registryAction<RegisterPullTimeUpdateExclusionRequest, RegisterPullTimeUpdateExclusionResponse>(async (input, place) => {
    const { principalArn } = input;
    if (!principal.test(principalArn)) throw invalidParameter('principalArn', 'must be the ARN of an IAM user or role');
    const createdAt = ecr.now;
    await ecr.changeRegistry(place, (current) => {
      const { pullTimeExclusions = {} } = current;
      if (Object.hasOwn(pullTimeExclusions, principalArn)) {
        const message = `The pull time update exclusion for principal '${principalArn}' already exists in the registry with id '${place.account}'`;
        throw new AwsError('ExclusionAlreadyExistsException', message);
      }
      if (Object.keys(pullTimeExclusions).length >= most) throw limitExceeded('pull time update exclusions', most, place.account);
      return { ...current, pullTimeExclusions: { ...pullTimeExclusions, [principalArn]: createdAt } };
    });
    return { principalArn, createdAt: new Date(createdAt) };
  });
export const deregisterPullTimeUpdateExclusion = (ecr: Ecr) =>
  registryAction<DeregisterPullTimeUpdateExclusionRequest, DeregisterPullTimeUpdateExclusionResponse>(async (input, place) => {
    const { principalArn } = input;
    await ecr.changeRegistry(place, (current) => {
      const { pullTimeExclusions = {} } = current;
      if (!Object.hasOwn(pullTimeExclusions, principalArn)) {
        const message = `The pull time update exclusion for principal '${principalArn}' does not exist in the registry with id '${place.account}'`;
        throw new AwsError('ExclusionNotFoundException', message);
      }
      const { [principalArn]: _gone, ...rest } = pullTimeExclusions;
      return { ...current, pullTimeExclusions: rest };
    });
    return { principalArn };
  });
export const listPullTimeUpdateExclusions = (ecr: Ecr) =>
  registryAction<ListPullTimeUpdateExclusionsRequest, ListPullTimeUpdateExclusionsResponse>((input, place) => {
    const { items, nextToken } = page(Object.keys(ecr.registry(place).pullTimeExclusions ?? {}).toSorted(), (arn) => arn, input);
    return { pullTimeUpdateExclusions: items, nextToken };
  });
