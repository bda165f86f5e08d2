import type {
  DeleteRegistryPolicyRequest,
  DeleteRegistryPolicyResponse,
  GetRegistryPolicyResponse,
  PutRegistryPolicyRequest,
  PutRegistryPolicyResponse,
} from '@aws-sdk/client-ecr';
import { AwsError } from '../../../gateway/errors.ts';
import { registryAction, type Ecr } from '../ecr.ts';
import { checkPolicy } from '../policy-text.ts';

const none = (registryId: string): AwsError =>
  new AwsError('RegistryPolicyNotFoundException', `Registry policy does not exist in the registry with id '${registryId}'`);

export const putRegistryPolicy = (ecr: Ecr) =>
  registryAction<PutRegistryPolicyRequest, PutRegistryPolicyResponse>(async (input, place) => {
    const policyText = checkPolicy(input.policyText, 'PolicyText');
    await ecr.changeRegistry(place, (current) => ({ ...current, policyText }));
    return { registryId: place.account, policyText };
  });
export const getRegistryPolicy = (ecr: Ecr) =>
  registryAction<object, GetRegistryPolicyResponse>((_input, place) => {
    const { policyText } = ecr.registry(place);
    if (policyText === undefined) throw none(place.account);
    return { registryId: place.account, policyText };
  });
export const deleteRegistryPolicy = (ecr: Ecr) =>
  registryAction<DeleteRegistryPolicyRequest, DeleteRegistryPolicyResponse>(async (_input, place) => {
    const { policyText } = ecr.registry(place);
    if (policyText === undefined) throw none(place.account);
    await ecr.changeRegistry(place, ({ policyText: _gone, ...rest }) => rest);
    return { registryId: place.account, policyText };
  });
