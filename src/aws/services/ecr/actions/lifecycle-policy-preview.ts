import type {
  GetLifecyclePolicyPreviewRequest,
  GetLifecyclePolicyPreviewResponse,
  StartLifecyclePolicyPreviewRequest,
  StartLifecyclePolicyPreviewResponse,
} from '@aws-sdk/client-ecr';
import { AwsError } from '../../../gateway/errors.ts';
import { repositoryAction, type Ecr } from '../ecr.ts';
import { noLifecyclePolicy } from '../errors.ts';
import { planFor, readLifecyclePolicy } from '../lifecycle/run.ts';
import { page } from '../pages.ts';

export const startLifecyclePolicyPreview = (ecr: Ecr) =>
  repositoryAction<StartLifecyclePolicyPreviewRequest, StartLifecyclePolicyPreviewResponse>(ecr, async (input, place) => {
    const text = input.lifecyclePolicyText ?? ecr.repository(place, input.repositoryName).lifecyclePolicyText;
    if (text === undefined) throw noLifecyclePolicy(input.repositoryName, place.account);
    readLifecyclePolicy(text);
    await ecr.change(place, input.repositoryName, (current) => ({ ...current, preview: { policyText: text, at: ecr.now } }));
    return { registryId: place.account, repositoryName: input.repositoryName, lifecyclePolicyText: text, status: 'IN_PROGRESS' };
  });

/** The plan is made when it is asked for: images that came meanwhile are in it. */
export const getLifecyclePolicyPreview = (ecr: Ecr) =>
  repositoryAction<GetLifecyclePolicyPreviewRequest, GetLifecyclePolicyPreviewResponse>(ecr, (input, place) => {
    const repository = ecr.repository(place, input.repositoryName);
    const { preview } = repository;
    if (!preview) {
      throw new AwsError(
        'LifecyclePolicyPreviewNotFoundException',
        `Lifecycle policy preview does not exist for the repository with name '${input.repositoryName}' in the registry with id '${place.account}'`,
      );
    }
    const plan = planFor(ecr, repository, preview.policyText);
    const wanted = plan.steps
      .filter(
        ({ image }) =>
          !input.imageIds ||
          input.imageIds.some((id) => (id.imageDigest ?? image.digest) === image.digest && (id.imageTag === undefined || image.tags.includes(id.imageTag))),
      )
      .filter(({ image }) => (input.filter?.tagStatus ?? 'ANY') === 'ANY' || (input.filter?.tagStatus === 'TAGGED') === image.tags.length > 0);
    const { items, nextToken } = page(wanted, (step) => step.image.digest, input);
    const moving = plan.steps.filter((step) => step.action === 'transition').length;
    return {
      registryId: place.account,
      repositoryName: input.repositoryName,
      lifecyclePolicyText: preview.policyText,
      status: 'COMPLETE',
      previewResults: items.map(({ image, action, rule }) => ({
        imageTags: [...image.tags],
        imageDigest: image.digest,
        imagePushedAt: new Date(image.pushedAt),
        action: action === 'expire' ? { type: 'EXPIRE' as const } : { type: 'TRANSITION' as const, targetStorageClass: 'ARCHIVE' as const },
        appliedRulePriority: rule,
        storageClass: image.archivedAt === undefined ? ('STANDARD' as const) : ('ARCHIVE' as const),
      })),
      summary: {
        expiringImageTotalCount: plan.steps.length - moving,
        ...(moving > 0 ? { transitioningImageTotalCounts: [{ targetStorageClass: 'ARCHIVE' as const, imageTotalCount: moving }] } : {}),
      },
      nextToken,
    };
  });
