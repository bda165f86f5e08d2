import type { ListImageReferrersRequest, ListImageReferrersResponse } from '@aws-sdk/client-ecr';
import { repositoryAction, type Ecr } from '../ecr.ts';
import { documentOf } from '../images.ts';
import { page } from '../pages.ts';

/** Needs the permission to get images (API reference, ListImageReferrers). */
export const listImageReferrers = (ecr: Ecr) =>
  repositoryAction<ListImageReferrersRequest, ListImageReferrersResponse>(
    ecr,
    (input, place) => {
      const { archived = {} } = ecr.repository(place, input.repositoryName);
      const { artifactTypes, artifactStatus = 'ACTIVE' } = input.filter ?? {};
      const found = ecr
        .images(place, input.repositoryName)
        .filter((image) => image.subject === input.subjectId.imageDigest)
        .filter((image) => !artifactTypes?.length || artifactTypes.includes(image.artifactType ?? ''))
        .filter((image) => artifactStatus === 'ANY' || (image.digest in archived ? artifactStatus === 'ARCHIVED' : artifactStatus === 'ACTIVE'));
      const { items, nextToken } = page(found, (image) => image.digest, input);
      return {
        referrers: items.map((image) => {
          const { annotations } = documentOf(image);
          return {
            digest: image.digest,
            mediaType: image.mediaType,
            size: image.size,
            ...(image.artifactType === undefined ? {} : { artifactType: image.artifactType }),
            ...(annotations ? { annotations } : {}),
            artifactStatus: image.digest in archived ? ('ARCHIVED' as const) : ('ACTIVE' as const),
          };
        }),
        nextToken,
      };
    },
    { permission: 'ecr:BatchGetImage' },
  );
