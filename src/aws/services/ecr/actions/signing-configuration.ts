import type {
  DeleteSigningConfigurationResponse,
  DescribeImageSigningStatusRequest,
  DescribeImageSigningStatusResponse,
  GetSigningConfigurationResponse,
  PutSigningConfigurationRequest,
  PutSigningConfigurationResponse,
  SigningConfiguration,
} from '@aws-sdk/client-ecr';
import type { EcrSigningRule } from '#kinds';
import { AwsError } from '../../../gateway/errors.ts';
import { registryAction, repositoryAction, type Ecr } from '../ecr.ts';
import { invalidParameter } from '../errors.ts';
import { find } from '../find-images.ts';
import { matchesTag } from '../lifecycle/plan.ts';

/** Most rules of a configuration, and filters of a rule (user guide, managed signing). */
const mostRules = 10;
const mostFilters = 100;
const profile = /^arn:aws[a-z-]*:signer:[a-z0-9-]+:\d{12}:\/signing-profiles\/[a-zA-Z0-9_]{2,64}(?:\/[a-zA-Z0-9]{10})?$/;

const view = (rules: readonly EcrSigningRule[]): SigningConfiguration => ({
  rules: rules.map(({ signingProfileArn, repositoryFilters }) => ({
    signingProfileArn,
    ...(repositoryFilters ? { repositoryFilters: [...repositoryFilters] } : {}),
  })),
});
function rulesOf(ecr: Ecr, place: Parameters<Ecr['registry']>[0]): readonly EcrSigningRule[] {
  const { signingRules } = ecr.registry(place);
  if (!signingRules)
    throw new AwsError('SigningConfigurationNotFoundException', `The signing configuration for registry with id '${place.account}' was not found`);
  return signingRules;
}
const sameRule = (a: EcrSigningRule, b: Omit<EcrSigningRule, 'since'>): boolean =>
  a.signingProfileArn === b.signingProfileArn && JSON.stringify(a.repositoryFilters ?? []) === JSON.stringify(b.repositoryFilters ?? []);

export const putSigningConfiguration = (ecr: Ecr) =>
  registryAction<PutSigningConfigurationRequest, PutSigningConfigurationResponse>(async (input, place) => {
    const given = input.signingConfiguration.rules as unknown as Omit<EcrSigningRule, 'since'>[];
    const at = 'signingConfiguration';
    if (given.length > mostRules) throw invalidParameter(at, `a signing configuration has at most ${mostRules} rules`);
    for (const rule of given) {
      if (!profile.test(rule.signingProfileArn)) throw invalidParameter(at, `'${rule.signingProfileArn}' is not the ARN of a signing profile`);
      if ((rule.repositoryFilters?.length ?? 0) > mostFilters) throw invalidParameter(at, `a signing rule has at most ${mostFilters} repository filters`);
    }
    // A rule that stays as it was goes on with the images that it has.
    await ecr.changeRegistry(place, (current) => ({
      ...current,
      signingRules: given.map((rule) => ({ ...rule, since: current.signingRules?.find((old) => sameRule(old, rule))?.since ?? ecr.now })),
    }));
    return { signingConfiguration: view(rulesOf(ecr, place)) };
  });
export const getSigningConfiguration = (ecr: Ecr) =>
  registryAction<object, GetSigningConfigurationResponse>((_input, place) => ({
    registryId: place.account,
    signingConfiguration: view(rulesOf(ecr, place)),
  }));
export const deleteSigningConfiguration = (ecr: Ecr) =>
  registryAction<object, DeleteSigningConfigurationResponse>(async (_input, place) => {
    const rules = rulesOf(ecr, place);
    await ecr.changeRegistry(place, ({ signingRules: _gone, ...rest }) => rest);
    return { registryId: place.account, signingConfiguration: view(rules) };
  });

/** One status for each profile whose rules an image met when it was pushed. There is no Signer here, so none can be better than FAILED. */
export const describeImageSigningStatus = (ecr: Ecr) =>
  repositoryAction<DescribeImageSigningStatusRequest, DescribeImageSigningStatusResponse>(ecr, (input, place) => {
    const { repositoryName: name, imageId } = input;
    const image = find(ecr, place, name, imageId);
    const rules = (ecr.registry(place).signingRules ?? []).filter(
      ({ repositoryFilters = [], since }) =>
        since <= image.pushed && (repositoryFilters.length === 0 || repositoryFilters.some(({ filter }) => matchesTag(filter, name))),
    );
    return {
      repositoryName: name,
      imageId: { ...imageId, imageDigest: image.digest },
      registryId: place.account,
      signingStatuses: [...new Set(rules.map((rule) => rule.signingProfileArn))].map((signingProfileArn) => ({
        signingProfileArn,
        status: 'FAILED',
        failureCode: 'SignerNotAvailable',
        failureReason: 'This instance has no AWS Signer: images are not signed by it. Sign them with a client, as an artifact whose subject is the image.',
      })),
    };
  });
