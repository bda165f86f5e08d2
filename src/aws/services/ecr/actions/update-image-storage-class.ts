import type { UpdateImageStorageClassRequest, UpdateImageStorageClassResponse } from '@aws-sdk/client-ecr';
import { repositoryAction, type Ecr } from '../ecr.ts';
import { AwsError } from '../../../gateway/errors.ts';
import { storageClassAction } from '../events.ts';
import { find, referencedBy } from '../find-images.ts';

/** An image in the archive is listed and cannot be pulled. */
export const updateImageStorageClass = (ecr: Ecr) =>
  repositoryAction<UpdateImageStorageClassRequest, UpdateImageStorageClassResponse>(ecr, async (input, place) => {
    const image = find(ecr, place, input.repositoryName, input.imageId);
    const { digest } = image;
    const archive = input.targetStorageClass === 'ARCHIVE';
    const { archived = {} } = ecr.repository(place, input.repositoryName);
    const indexes = referencedBy(ecr.images(place, input.repositoryName), digest).filter((index) => !(index in archived));
    if (archive && indexes.length > 0)
      throw new AwsError('ImageStorageClassUpdateNotSupportedException', `The image is referenced by manifest list: [${indexes.join(', ')}]`);
    await ecr.change(place, input.repositoryName, (current) => {
      const { [digest]: before, ...rest } = current.archived ?? {};
      if (archive) return { ...current, archived: { ...rest, [digest]: before ?? ecr.now } };
      return before === undefined ? current : { ...current, archived: rest, activated: { ...current.activated, [digest]: ecr.now } };
    });
    const where = { place, name: input.repositoryName, digest };
    ecr.deps.events.put(storageClassAction(where, input.targetStorageClass, image, archive ? undefined : ecr.now));
    return {
      registryId: place.account,
      repositoryName: input.repositoryName,
      imageId: { ...input.imageId, imageDigest: digest },
      imageStatus: archive ? 'ARCHIVED' : 'ACTIVE',
    };
  });
