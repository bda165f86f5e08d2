import type {
  CreatePullThroughCacheRuleRequest,
  CreatePullThroughCacheRuleResponse,
  DeletePullThroughCacheRuleRequest,
  DeletePullThroughCacheRuleResponse,
  DescribePullThroughCacheRulesRequest,
  DescribePullThroughCacheRulesResponse,
  UpdatePullThroughCacheRuleRequest,
  UpdatePullThroughCacheRuleResponse,
  ValidatePullThroughCacheRuleRequest,
  ValidatePullThroughCacheRuleResponse,
} from '@aws-sdk/client-ecr';
import type { EcrPullThroughCacheRule } from '#kinds';
import { AwsError } from '../../../gateway/errors.ts';
import { registryAction, type Ecr } from '../ecr.ts';
import { invalidParameter, limitExceeded } from '../errors.ts';
import { page } from '../pages.ts';
import { readCredentials } from '../upstream-credentials.ts';
import { upstreamAnswers } from '../upstream.ts';

const view = (rule: EcrPullThroughCacheRule) => ({
  ecrRepositoryPrefix: rule.prefix,
  upstreamRegistryUrl: rule.upstreamRegistryUrl,
  createdAt: new Date(rule.createdAt),
  registryId: rule.account,
  upstreamRepositoryPrefix: rule.upstreamRepositoryPrefix,
  ...(rule.credentialArn === undefined ? {} : { credentialArn: rule.credentialArn }),
});
/** Most rules of a registry (service quotas). */
const mostRules = 50;
function refuseRole(customRoleArn: string | undefined): void {
  if (customRoleArn !== undefined)
    throw new AwsError('UnsupportedUpstreamRegistryException', 'Roles for upstreams that are ECR are not implemented here: use the credentials of a secret');
}
const none = (prefix: string, registryId: string): AwsError =>
  new AwsError(
    'PullThroughCacheRuleNotFoundException',
    `The pull through cache rule with ecrRepositoryPrefix '${prefix}' does not exist in the registry with id '${registryId}'`,
  );

export const createPullThroughCacheRule = (ecr: Ecr) =>
  registryAction<CreatePullThroughCacheRuleRequest, CreatePullThroughCacheRuleResponse>(async (input, place) => {
    const { ecrRepositoryPrefix: prefix, upstreamRegistry, credentialArn, customRoleArn } = input;
    refuseRole(customRoleArn);
    if (credentialArn !== undefined) await readCredentials(ecr.deps, credentialArn);
    if (ecr.rules.list(place).length >= mostRules) throw limitExceeded('pull through cache rules', mostRules, place.account);
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
      ...(credentialArn === undefined ? {} : { credentialArn }),
    };
    if (!(await ecr.rules.create(place, prefix, rule))) {
      throw new AwsError(
        'PullThroughCacheRuleAlreadyExistsException',
        `A pull through cache rule with ecrRepositoryPrefix '${prefix}' already exists in the registry with id '${place.account}'`,
      );
    }
    return { ...view(rule), ...(upstreamRegistry === undefined ? {} : { upstreamRegistry }) };
  });

export const updatePullThroughCacheRule = (ecr: Ecr) =>
  registryAction<UpdatePullThroughCacheRuleRequest, UpdatePullThroughCacheRuleResponse>(async (input, place) => {
    const { ecrRepositoryPrefix: prefix, credentialArn, customRoleArn } = input;
    if (!ecr.rules.get(place, prefix)) throw none(prefix, place.account);
    if (credentialArn === undefined && customRoleArn === undefined)
      throw invalidParameter('credentialArn', 'either credentialArn or customRoleArn must be given');
    if (customRoleArn !== undefined) throw invalidParameter('customRoleArn', 'roles for upstreams that are ECR are not implemented here');
    if (credentialArn !== undefined) await readCredentials(ecr.deps, credentialArn);
    const rule = await ecr.rules.update(place, prefix, (current) => ({
      ...current,
      ...(credentialArn === undefined ? {} : { credentialArn }),
      updatedAt: ecr.now,
    }));
    if (!rule) throw none(prefix, place.account);
    const { upstreamRepositoryPrefix, updatedAt } = rule;
    return {
      ecrRepositoryPrefix: prefix,
      registryId: place.account,
      updatedAt: new Date(updatedAt),
      upstreamRepositoryPrefix,
      ...(credentialArn ? { credentialArn } : {}),
    };
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
    const failure = await upstreamAnswers(ecr.deps, rule);
    const { createdAt: _at, ...facts } = view(rule);
    return { ...facts, isValid: failure === undefined, ...(failure === undefined ? {} : { failure }) };
  });
