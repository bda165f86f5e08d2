import type { UpdateImageStorageClassRequest, UpdateImageStorageClassResponse } from '@aws-sdk/client-ecr';
import { repositoryAction, type Ecr } from '../ecr.ts';
import { find } from '../find-images.ts';

/** An image in the archive is listed and cannot be pulled. */
export const updateImageStorageClass = (ecr: Ecr) =>
  repositoryAction<UpdateImageStorageClassRequest, UpdateImageStorageClassResponse>(ecr, async (input, place) => {
    const { digest } = find(ecr, place, input.repositoryName, input.imageId);
    const archive = input.targetStorageClass === 'ARCHIVE';
    await ecr.change(place, input.repositoryName, (current) => {
      const { [digest]: before, ...rest } = current.archived ?? {};
      return { ...current, archived: archive ? { ...rest, [digest]: before ?? ecr.now } : rest };
    });
    return {
      registryId: place.account,
      repositoryName: input.repositoryName,
      imageId: { ...input.imageId, imageDigest: digest },
      imageStatus: archive ? 'ARCHIVED' : 'ACTIVE',
    };
  });
