import type { DescribeImagesRequest, DescribeImagesResponse, ImageDetail } from '@aws-sdk/client-ecr';
import type { EcrRepository } from '#kinds';
import { imagesOf, repositoryAction, type Ecr } from '../ecr.ts';
import { filtered, find } from '../find-images.ts';
import { documentOf, sizeOf, type ImageRecord } from '../images.ts';
import { page } from '../pages.ts';

export const describeImages = (ecr: Ecr) =>
  repositoryAction<DescribeImagesRequest, DescribeImagesResponse>(ecr, async (input, place) => {
    const name = input.repositoryName;
    const found = input.imageIds
      ? [...new Map(input.imageIds.map((id) => find(ecr, place, name, id)).map((image) => [image.digest, image])).values()]
      : filtered(ecr, place, name, input.filter);
    const { items, nextToken } = page(found, (image) => image.digest, input);
    const repository = ecr.repository(place, name);
    const all = ecr.images(place, name);
    return { imageDetails: await Promise.all(items.map((image) => detail(ecr, repository, image, all))), nextToken };
  });

async function detail(ecr: Ecr, repository: EcrRepository, image: ImageRecord, all: readonly ImageRecord[]): Promise<ImageDetail> {
  const document = documentOf(image);
  const activatedAt = repository.activated?.[image.digest];
  const archivedAt = repository.archived?.[image.digest];
  const artifactMediaType = image.artifactType ?? document.config?.mediaType;
  return {
    registryId: repository.account,
    repositoryName: repository.name,
    imageDigest: image.digest,
    ...(image.tags.length > 0 ? { imageTags: [...image.tags] } : {}),
    imageSizeInBytes: sizeOf(document, all),
    imagePushedAt: new Date(image.pushed),
    imageManifestMediaType: image.mediaType,
    ...(artifactMediaType === undefined ? {} : { artifactMediaType }),
    ...(image.pulled === undefined ? {} : { lastRecordedPullTime: new Date(image.pulled) }),
    ...(image.subject === undefined ? {} : { subjectManifestDigest: image.subject }),
    imageStatus: archivedAt === undefined ? 'ACTIVE' : 'ARCHIVED',
    ...(archivedAt === undefined ? {} : { lastArchivedAt: new Date(archivedAt) }),
    ...(activatedAt === undefined ? {} : { lastActivatedAt: new Date(activatedAt) }),
    ...(await scanOf(ecr, repository, image)),
  };
}

async function scanOf(
  ecr: Ecr,
  repository: EcrRepository,
  { digest }: ImageRecord,
): Promise<Pick<ImageDetail, 'imageScanStatus' | 'imageScanFindingsSummary'>> {
  const record = await ecr.deps.scans?.record({ registry: imagesOf(repository, repository.name).registry, repository: repository.name, digest });
  if (!record) return {};
  const { completed, advisoriesUpdated, counts } = record;
  return {
    imageScanStatus: { status: record.status, description: record.description },
    ...(completed === undefined
      ? {}
      : {
          imageScanFindingsSummary: {
            imageScanCompletedAt: new Date(completed),
            ...(advisoriesUpdated === undefined ? {} : { vulnerabilitySourceUpdatedAt: new Date(advisoriesUpdated) }),
            findingSeverityCounts: counts as Record<string, number>,
          },
        }),
  };
}
