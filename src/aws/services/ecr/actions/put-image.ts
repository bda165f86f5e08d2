import type { PutImageRequest, PutImageResponse } from '@aws-sdk/client-ecr';
import { AwsError } from '../../../gateway/errors.ts';
import { imagesOf, repositoryAction, type Ecr } from '../ecr.ts';
import { immutableTag, invalidParameter, notPushed, registryCode } from '../errors.ts';
import { documentOf, type ImageRecord } from '../images.ts';
import { isImmutable } from '../mutability.ts';

export const putImage = (ecr: Ecr) =>
  repositoryAction<PutImageRequest, PutImageResponse>(ecr, async (input, place) => {
    const { repositoryName: name, imageTag, imageDigest, imageManifest } = input;
    const repository = ecr.repository(place, name);
    const before = ecr.images(place, name);
    const { createHash } = await import('node:crypto');
    const digest = `sha256:${createHash('sha256').update(imageManifest).digest('hex')}`;
    if (imageDigest !== undefined && imageDigest !== digest) {
      throw new AwsError(
        'ImageDigestDoesNotMatchException',
        `The image digest '${imageDigest}' does not match the digest '${digest}' calculated from the image manifest`,
      );
    }
    const same = before.find((image) => image.digest === digest);
    if (same && (imageTag === undefined || same.tags.includes(imageTag))) {
      const tagged = imageTag === undefined ? '' : ` and tag '${imageTag}'`;
      throw new AwsError(
        'ImageAlreadyExistsException',
        `Image with digest '${digest}'${tagged} already exists in the repository with name '${name}' in registry with id '${place.account}'`,
      );
    }
    if (imageTag !== undefined && before.some((image) => image.tags.includes(imageTag)) && isImmutable(repository, imageTag)) {
      throw new AwsError('ImageTagAlreadyExistsException', immutableTag(imageTag, name));
    }
    try {
      await ecr.deps.images.putManifest(
        imagesOf(place, name),
        imageTag ?? digest,
        Buffer.from(imageManifest),
        input.imageManifestMediaType ?? ownType(imageManifest),
      );
    } catch (error) {
      throw refused(error, () => lacking(imageManifest, before), name, place.account);
    }
    return {
      image: {
        registryId: place.account,
        repositoryName: name,
        imageId: { imageDigest: digest, ...(imageTag === undefined ? {} : { imageTag }) },
        imageManifest,
        ...(input.imageManifestMediaType === undefined ? {} : { imageManifestMediaType: input.imageManifestMediaType }),
      },
    };
  });

/** OCI manifests need not name their type; then it is the OCI image's or index's. */
function ownType(manifest: string): string | undefined {
  try {
    const document = JSON.parse(manifest) as { mediaType?: unknown; manifests?: unknown };
    if (typeof document.mediaType === 'string') return document.mediaType;
    return `application/vnd.oci.image.${document.manifests === undefined ? 'manifest' : 'index'}.v1+json`;
  } catch {
    throw invalidParameter('ImageManifest', 'Invalid JSON syntax');
  }
}
/** The manifests that an index names and that the repository lacks; none for an image. */
function lacking(manifest: string, images: readonly ImageRecord[]): string[] {
  const { manifests = [] } = documentOf({ content: Buffer.from(manifest) });
  return manifests.map(({ digest }) => digest).filter((digest) => !images.some((image) => image.digest === digest));
}
function refused(error: unknown, lackingImages: () => string[], name: string, registryId: string): unknown {
  const code = registryCode(error);
  if (code === 'MANIFEST_BLOB_UNKNOWN') {
    const { digest } = (error as { detail: { digest: string } }).detail;
    const images = lackingImages();
    return images.length > 0 ? notPushed('Images', images, name, registryId) : notPushed('Layers', [digest], name, registryId);
  }
  if (code === 'MANIFEST_INVALID' || code === 'SIZE_INVALID') return invalidParameter('ImageManifest', (error as Error).message);
  if (code === 'TAG_INVALID' || code === 'DIGEST_INVALID') return invalidParameter('ImageTag', (error as Error).message);
  if (code === 'DENIED') return new AwsError('ImageTagAlreadyExistsException', (error as Error).message);
  return error;
}
