import type {
  DeleteLifecyclePolicyRequest,
  DeleteLifecyclePolicyResponse,
  GetLifecyclePolicyRequest,
  GetLifecyclePolicyResponse,
  PutLifecyclePolicyRequest,
  PutLifecyclePolicyResponse,
} from '@aws-sdk/client-ecr';
import { repositoryAction, type Ecr } from '../ecr.ts';
import { noLifecyclePolicy } from '../errors.ts';
import { readLifecyclePolicy, runLifecycles } from '../lifecycle/run.ts';

const lastEvaluatedAt = (at: number | undefined): Date => new Date(at ?? 0);

export const putLifecyclePolicy = (ecr: Ecr) =>
  repositoryAction<PutLifecyclePolicyRequest, PutLifecyclePolicyResponse>(ecr, async (input, place) => {
    const { lifecyclePolicyText } = input;
    readLifecyclePolicy(lifecyclePolicyText);
    await ecr.change(place, input.repositoryName, ({ lifecycleEvaluatedAt: _old, ...current }) => ({ ...current, lifecyclePolicyText }));
    // Within 24 hours, says ECR; here at once.
    void runLifecycles(ecr, { ...place, name: input.repositoryName });
    return { registryId: place.account, repositoryName: input.repositoryName, lifecyclePolicyText };
  });
export const getLifecyclePolicy = (ecr: Ecr) =>
  repositoryAction<GetLifecyclePolicyRequest, GetLifecyclePolicyResponse>(ecr, (input, place) => {
    const { lifecyclePolicyText, lifecycleEvaluatedAt } = ecr.repository(place, input.repositoryName);
    if (lifecyclePolicyText === undefined) throw noLifecyclePolicy(input.repositoryName, place.account);
    return { registryId: place.account, repositoryName: input.repositoryName, lifecyclePolicyText, lastEvaluatedAt: lastEvaluatedAt(lifecycleEvaluatedAt) };
  });
export const deleteLifecyclePolicy = (ecr: Ecr) =>
  repositoryAction<DeleteLifecyclePolicyRequest, DeleteLifecyclePolicyResponse>(ecr, async (input, place) => {
    const { lifecyclePolicyText, lifecycleEvaluatedAt } = ecr.repository(place, input.repositoryName);
    if (lifecyclePolicyText === undefined) throw noLifecyclePolicy(input.repositoryName, place.account);
    await ecr.change(place, input.repositoryName, ({ lifecyclePolicyText: _text, lifecycleEvaluatedAt: _at, ...rest }) => rest);
    return { registryId: place.account, repositoryName: input.repositoryName, lifecyclePolicyText, lastEvaluatedAt: lastEvaluatedAt(lifecycleEvaluatedAt) };
  });
