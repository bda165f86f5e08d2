import type {
  CreatePullThroughCacheRuleRequest,
  CreatePullThroughCacheRuleResponse,
  DeletePullThroughCacheRuleRequest,
  DeletePullThroughCacheRuleResponse,
  DescribePullThroughCacheRulesRequest,
  DescribePullThroughCacheRulesResponse,
  ValidatePullThroughCacheRuleRequest,
  ValidatePullThroughCacheRuleResponse,
} from '@aws-sdk/client-ecr';
import type { EcrPullThroughCacheRule } from '#kinds';
import { AwsError } from '../../../gateway/errors.ts';
import { registryAction, type Ecr } from '../ecr.ts';
import { page } from '../pages.ts';
import { upstreamAnswers } from '../upstream.ts';

const view = (rule: EcrPullThroughCacheRule) => ({
  ecrRepositoryPrefix: rule.prefix,
  upstreamRegistryUrl: rule.upstreamRegistryUrl,
  createdAt: new Date(rule.createdAt),
  registryId: rule.account,
  upstreamRepositoryPrefix: rule.upstreamRepositoryPrefix,
});
const none = (prefix: string, registryId: string): AwsError =>
  new AwsError(
    'PullThroughCacheRuleNotFoundException',
    `The pull through cache rule with ecrRepositoryPrefix '${prefix}' does not exist in the registry with id '${registryId}'`,
  );

export const createPullThroughCacheRule = (ecr: Ecr) =>
  registryAction<CreatePullThroughCacheRuleRequest, CreatePullThroughCacheRuleResponse>(async (input, place) => {
    const { ecrRepositoryPrefix: prefix, upstreamRegistry, credentialArn, customRoleArn } = input;
    if (credentialArn !== undefined || customRoleArn !== undefined) {
      throw new AwsError(
        'UnsupportedUpstreamRegistryException',
        'Upstreams with credentials are not implemented here: only registries that allow anonymous pulls can be cached',
      );
    }
    const upstreamRegistryUrl = input.upstreamRegistryUrl.replace(/^https?:\/\//, '').replace(/\/$/, '');
    if (!/^[a-zA-Z0-9.-]+(?::\d{1,5})?$/.test(upstreamRegistryUrl))
      throw new AwsError('UnsupportedUpstreamRegistryException', `The upstream registry URL '${upstreamRegistryUrl}' is not supported`);
    const rule: EcrPullThroughCacheRule = {
      ...place,
      prefix,
      upstreamRegistryUrl,
      upstreamRepositoryPrefix: input.upstreamRepositoryPrefix ?? 'ROOT',
      createdAt: ecr.now,
      updatedAt: ecr.now,
      ...(upstreamRegistry === undefined ? {} : { upstreamRegistry }),
    };
    if (!(await ecr.rules.create(place, prefix, rule))) {
      throw new AwsError(
        'PullThroughCacheRuleAlreadyExistsException',
        `A pull through cache rule with ecrRepositoryPrefix '${prefix}' already exists in the registry with id '${place.account}'`,
      );
    }
    return { ...view(rule), ...(upstreamRegistry === undefined ? {} : { upstreamRegistry }) };
  });

export const describePullThroughCacheRules = (ecr: Ecr) =>
  registryAction<DescribePullThroughCacheRulesRequest, DescribePullThroughCacheRulesResponse>((input, place) => {
    const found = input.ecrRepositoryPrefixes?.map((prefix) => {
      const rule = ecr.rules.get(place, prefix);
      if (!rule) throw none(prefix, place.account);
      return rule;
    });
    const { items, nextToken } = page(found ?? ecr.rules.list(place), (rule) => rule.prefix, input);
    return {
      pullThroughCacheRules: items.map((rule) => ({
        ...view(rule),
        updatedAt: new Date(rule.updatedAt),
        ...(rule.upstreamRegistry === undefined ? {} : { upstreamRegistry: rule.upstreamRegistry as 'ecr-public' }),
      })),
      nextToken,
    };
  });

export const deletePullThroughCacheRule = (ecr: Ecr) =>
  registryAction<DeletePullThroughCacheRuleRequest, DeletePullThroughCacheRuleResponse>(async (input, place) => {
    const deleted = await ecr.rules.delete(place, input.ecrRepositoryPrefix);
    if (!deleted) throw none(input.ecrRepositoryPrefix, place.account);
    return view(deleted);
  });

export const validatePullThroughCacheRule = (ecr: Ecr) =>
  registryAction<ValidatePullThroughCacheRuleRequest, ValidatePullThroughCacheRuleResponse>(async (input, place) => {
    const rule = ecr.rules.get(place, input.ecrRepositoryPrefix);
    if (!rule) throw none(input.ecrRepositoryPrefix, place.account);
    const failure = await upstreamAnswers(ecr.deps, rule.upstreamRegistryUrl);
    const { createdAt: _at, ...facts } = view(rule);
    return { ...facts, isValid: failure === undefined, ...(failure === undefined ? {} : { failure }) };
  });
