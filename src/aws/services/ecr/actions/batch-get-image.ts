import type { BatchGetImageRequest, BatchGetImageResponse, Image } from '@aws-sdk/client-ecr';
import { repositoryAction, type Ecr } from '../ecr.ts';
import { failureOf, matches } from '../find-images.ts';

export const batchGetImage = (ecr: Ecr) =>
  repositoryAction<BatchGetImageRequest, BatchGetImageResponse>(ecr, (input, place) => {
    const { archived = {} } = ecr.repository(place, input.repositoryName);
    const all = ecr.images(place, input.repositoryName).filter((image) => !(image.digest in archived));
    const images: Image[] = [];
    for (const id of input.imageIds) {
      const found = failureOf(all, id) ? undefined : all.find((image) => matches(image, id));
      if (!found) continue;
      images.push({
        registryId: place.account,
        repositoryName: input.repositoryName,
        imageId: { imageDigest: found.digest, ...(id.imageTag === undefined ? {} : { imageTag: id.imageTag }) },
        imageManifest: found.content.toString('utf8'),
        imageManifestMediaType: found.mediaType,
      });
    }
    return { images, failures: input.imageIds.flatMap((id) => failureOf(all, id) ?? []) };
  });
