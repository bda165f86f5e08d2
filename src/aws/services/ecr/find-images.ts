import type { Place } from '../../state/table.ts';
import type { Ecr } from './ecr.ts';
import { noImage, type ImageId } from './errors.ts';
import { documentOf, type ImageRecord } from './images.ts';

export interface ImageFilter {
  readonly tagStatus?: string | undefined;
  readonly imageStatus?: string | undefined;
}
/** Images of a repository that a filter lets through. Without a status, only those that are not in the archive. */
export function filtered(ecr: Ecr, place: Place, name: string, filter: ImageFilter | undefined): readonly ImageRecord[] {
  const { archived = {} } = ecr.repository(place, name);
  const { tagStatus = 'ANY', imageStatus = 'ACTIVE' } = filter ?? {};
  return ecr.images(place, name).filter((image) => {
    if (tagStatus !== 'ANY' && (tagStatus === 'TAGGED') !== image.tags.length > 0) return false;
    return imageStatus === 'ANY' || (image.digest in archived ? imageStatus === 'ARCHIVED' : imageStatus === 'ACTIVE');
  });
}

export const matches = (image: ImageRecord, { imageDigest, imageTag }: ImageId): boolean =>
  (imageDigest === undefined || image.digest === imageDigest) && (imageTag === undefined || image.tags.includes(imageTag));

/** The image of an id, or ImageNotFoundException. */
export function find(ecr: Ecr, place: Place, name: string, id: ImageId): ImageRecord {
  ecr.repository(place, name);
  const found = id.imageDigest === undefined && id.imageTag === undefined ? undefined : ecr.images(place, name).find((image) => matches(image, id));
  if (!found) throw noImage(id, name, place.account);
  return found;
}

export interface ImageFailure {
  readonly imageId: ImageId;
  readonly failureCode: 'ImageNotFound' | 'ImageReferencedByManifestList' | 'ImageTagDoesNotMatchDigest' | 'InvalidImageDigest' | 'MissingDigestAndTag';
  readonly failureReason: string;
}
/** Why an id of a batch names nothing; undefined: it names an image. */
export function failureOf(images: readonly ImageRecord[], imageId: ImageId): ImageFailure | undefined {
  const { imageDigest, imageTag } = imageId;
  const fail = (failureCode: ImageFailure['failureCode'], failureReason: string): ImageFailure => ({ imageId, failureCode, failureReason });
  if (imageDigest === undefined && imageTag === undefined) return fail('MissingDigestAndTag', 'Invalid request parameters: both tag and digest cannot be null');
  if (imageDigest !== undefined && !/^[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+$/.test(imageDigest)) {
    return fail('InvalidImageDigest', "Invalid request parameters: image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'");
  }
  if (images.some((image) => matches(image, imageId))) return undefined;
  const both = imageDigest !== undefined && imageTag !== undefined;
  if (both && images.some((image) => image.digest === imageDigest) && images.some((image) => image.tags.includes(imageTag))) {
    return fail('ImageTagDoesNotMatchDigest', 'Requested image tag does not match the digest');
  }
  return fail('ImageNotFound', 'Requested image not found');
}

/** The indexes that name a manifest. */
export const referencedBy = (images: readonly ImageRecord[], digest: string): string[] =>
  images.filter((image) => documentOf(image).manifests?.some((child) => child.digest === digest)).map((image) => image.digest);
