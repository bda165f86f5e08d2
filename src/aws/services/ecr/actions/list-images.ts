import type { ListImagesRequest, ListImagesResponse } from '@aws-sdk/client-ecr';
import { repositoryAction, type Ecr } from '../ecr.ts';
import { filtered } from '../find-images.ts';
import { page } from '../pages.ts';

/** One id for each tag, and one for each image without tags. */
export const listImages = (ecr: Ecr) =>
  repositoryAction<ListImagesRequest, ListImagesResponse>(ecr, (input, place) => {
    const ids: { imageDigest: string; imageTag?: string }[] = filtered(ecr, place, input.repositoryName, input.filter).flatMap(({ digest, tags }) =>
      tags.length === 0 ? [{ imageDigest: digest }] : tags.map((imageTag) => ({ imageDigest: digest, imageTag })),
    );
    const { items, nextToken } = page(ids, (id) => `${id.imageDigest} ${id.imageTag ?? ''}`, input);
    return { imageIds: items, nextToken };
  });
