import type {
  DeleteRepositoryPolicyRequest,
  DeleteRepositoryPolicyResponse,
  GetRepositoryPolicyRequest,
  GetRepositoryPolicyResponse,
  SetRepositoryPolicyRequest,
  SetRepositoryPolicyResponse,
} from '@aws-sdk/client-ecr';
import { checkPolicy } from '../policy-text.ts';
import { repositoryAction, type Ecr } from '../ecr.ts';
import { noRepositoryPolicy } from '../errors.ts';

export const setRepositoryPolicy = (ecr: Ecr) =>
  repositoryAction<SetRepositoryPolicyRequest, SetRepositoryPolicyResponse>(ecr, async (input, place) => {
    const policyText = checkPolicy(input.policyText, 'PolicyText');
    await ecr.change(place, input.repositoryName, (current) => ({ ...current, policyText }));
    return { registryId: place.account, repositoryName: input.repositoryName, policyText };
  });
export const getRepositoryPolicy = (ecr: Ecr) =>
  repositoryAction<GetRepositoryPolicyRequest, GetRepositoryPolicyResponse>(ecr, (input, place) => {
    const { policyText } = ecr.repository(place, input.repositoryName);
    if (policyText === undefined) throw noRepositoryPolicy(input.repositoryName, place.account);
    return { registryId: place.account, repositoryName: input.repositoryName, policyText };
  });
export const deleteRepositoryPolicy = (ecr: Ecr) =>
  repositoryAction<DeleteRepositoryPolicyRequest, DeleteRepositoryPolicyResponse>(ecr, async (input, place) => {
    const { policyText } = ecr.repository(place, input.repositoryName);
    if (policyText === undefined) throw noRepositoryPolicy(input.repositoryName, place.account);
    await ecr.change(place, input.repositoryName, ({ policyText: _gone, ...rest }) => rest);
    return { registryId: place.account, repositoryName: input.repositoryName, policyText };
  });
