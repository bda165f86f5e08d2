import type { BatchDeleteImageRequest, BatchDeleteImageResponse, ImageIdentifier } from '@aws-sdk/client-ecr';
import { imagesOf, repositoryAction, type Ecr } from '../ecr.ts';
import { failureOf, matches, referencedBy, type ImageFailure } from '../find-images.ts';

/** By tag: the tag, and the image with its last one. By digest: the image with its tags. */
export const batchDeleteImage = (ecr: Ecr) =>
  repositoryAction<BatchDeleteImageRequest, BatchDeleteImageResponse>(ecr, async (input, place) => {
    const name = input.repositoryName;
    ecr.repository(place, name);
    const repository = imagesOf(place, name);
    const imageIds: ImageIdentifier[] = [];
    const failures: ImageFailure[] = [];
    for (const id of input.imageIds) {
      const all = ecr.images(place, name);
      const failure = failureOf(all, id);
      const image = failure ? undefined : all.find((one) => matches(one, id));
      if (!image) {
        if (failure) failures.push(failure);
        continue;
      }
      const { digest, tags } = image;
      if (id.imageTag !== undefined && tags.length > 1) {
        ecr.deps.images.deleteManifest(repository, id.imageTag);
        imageIds.push({ imageDigest: digest, imageTag: id.imageTag });
        continue;
      }
      const indexes = referencedBy(all, digest);
      if (indexes.length > 0) {
        failures.push({
          imageId: id,
          failureCode: 'ImageReferencedByManifestList',
          failureReason: `Requested image referenced by manifest list: [${indexes.join(', ')}]`,
        });
        continue;
      }
      ecr.deps.images.deleteManifest(repository, digest);
      await ecr.deps.scans?.forget({ registry: repository.registry, repository: name, digest });
      imageIds.push(...(tags.length > 0 ? tags.map((imageTag) => ({ imageDigest: digest, imageTag })) : [{ imageDigest: digest }]));
    }
    return { imageIds, failures };
  });
