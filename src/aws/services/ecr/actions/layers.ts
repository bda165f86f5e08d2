import { Readable } from 'node:stream';
import type {
  BatchCheckLayerAvailabilityRequest,
  BatchCheckLayerAvailabilityResponse,
  CompleteLayerUploadRequest,
  CompleteLayerUploadResponse,
  GetDownloadUrlForLayerRequest,
  GetDownloadUrlForLayerResponse,
  InitiateLayerUploadRequest,
  InitiateLayerUploadResponse,
  UploadLayerPartRequest,
  UploadLayerPartResponse,
} from '@aws-sdk/client-ecr';
import { AwsError } from '../../../gateway/errors.ts';
import type { Place } from '../../../state/table.ts';
import { imagesOf, repositoryAction, type Ecr } from '../ecr.ts';
import { noLayers, noUpload, registryCode } from '../errors.ts';
import type { LayerToken } from '../tokens.ts';

const PART = 20 * 1024 * 1024;
/** Every part of a layer but the last has at least this many bytes. */
const LEAST_PART = 5 * 1024 * 1024;
const URL_LIFE_MS = 60 * 60 * 1000;

/** Size of a layer that a repository has. */
function sizeOfLayer(ecr: Ecr, place: Place, name: string, digest: string): number | undefined {
  try {
    return ecr.deps.images.statBlob(imagesOf(place, name), digest);
  } catch (error) {
    if (registryCode(error) === 'BLOB_UNKNOWN' || registryCode(error) === 'NAME_UNKNOWN') return undefined;
    throw error;
  }
}
const isDigest = (text: string): boolean => /^sha256:[0-9a-f]{64}$/.test(text);

export const batchCheckLayerAvailability = (ecr: Ecr) =>
  repositoryAction<BatchCheckLayerAvailabilityRequest, BatchCheckLayerAvailabilityResponse>(ecr, (input, place) => {
    ecr.repository(place, input.repositoryName);
    const good = input.layerDigests.filter(isDigest);
    return {
      layers: good.map((layerDigest) => {
        const layerSize = sizeOfLayer(ecr, place, input.repositoryName, layerDigest);
        return layerSize === undefined
          ? { layerDigest, layerAvailability: 'UNAVAILABLE' as const }
          : { layerDigest, layerAvailability: 'AVAILABLE' as const, layerSize, mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip' };
      }),
      failures: input.layerDigests
        .filter((digest) => !isDigest(digest))
        .map((layerDigest) => ({ layerDigest, failureCode: 'InvalidLayerDigest' as const, failureReason: 'Invalid layer digest' })),
    };
  });

export const getDownloadUrlForLayer = (ecr: Ecr) =>
  repositoryAction<GetDownloadUrlForLayerRequest, GetDownloadUrlForLayerResponse>(ecr, (input, place) => {
    const { repositoryName: name, layerDigest } = input;
    ecr.repository(place, name);
    if (!isDigest(layerDigest) || sizeOfLayer(ecr, place, name, layerDigest) === undefined) throw noLayers([layerDigest], name, place.account);
    const { registry } = imagesOf(place, name);
    const token: LayerToken = { use: 'layer', registry, repository: name, digest: layerDigest, expires: ecr.now + URL_LIFE_MS };
    return { downloadUrl: `http://${ecr.deps.hostOf(place)}/v2/${name}/blobs/${layerDigest}?token=${ecr.deps.sealer.seal(token)}`, layerDigest };
  });

export const initiateLayerUpload = (ecr: Ecr) =>
  repositoryAction<InitiateLayerUploadRequest, InitiateLayerUploadResponse>(ecr, async (input, place) => {
    ecr.repository(place, input.repositoryName);
    return { uploadId: await ecr.deps.images.beginUpload(imagesOf(place, input.repositoryName)), partSize: PART };
  });

/** Uploads that have a part below the least size; true: parts came after it. What a restart forgets is let through. */
const smallParts = new WeakMap<Ecr, Map<string, boolean>>();
function smallPartsOf(ecr: Ecr): Map<string, boolean> {
  let found = smallParts.get(ecr);
  if (!found) smallParts.set(ecr, (found = new Map()));
  if (found.size > 10_000) found.clear();
  return found;
}

export const uploadLayerPart = (ecr: Ecr) =>
  repositoryAction<UploadLayerPartRequest, UploadLayerPartResponse>(ecr, async (input, place) => {
    const { repositoryName: name, uploadId, partFirstByte, partLastByte, layerPartBlob } = input;
    ecr.repository(place, name);
    const facts = { registryId: place.account, repositoryName: name, uploadId };
    const invalid = (message: string, last: number): AwsError =>
      new AwsError('InvalidLayerPartException', message, { fields: { ...facts, lastValidByteReceived: last } });
    try {
      const repository = imagesOf(place, name);
      const offset = await ecr.deps.images.uploadOffset(repository, uploadId);
      if (partLastByte - partFirstByte + 1 !== layerPartBlob.length)
        throw invalid('The layer part has another size than its first and last byte say', offset - 1);
      if (partFirstByte !== offset) throw invalid(`The layer part must begin at byte ${offset}`, offset - 1);
      const done = await ecr.deps.images.writeUpload(repository, uploadId, Readable.from([Buffer.from(layerPartBlob)]), partFirstByte);
      const small = smallPartsOf(ecr);
      if (small.has(uploadId)) small.set(uploadId, true);
      else if (layerPartBlob.length < LEAST_PART) small.set(uploadId, false);
      return { ...facts, lastByteReceived: done.offset - 1 };
    } catch (error) {
      throw registryCode(error) === 'BLOB_UPLOAD_UNKNOWN' ? noUpload(uploadId, name, place.account) : error;
    }
  });

export const completeLayerUpload = (ecr: Ecr) =>
  repositoryAction<CompleteLayerUploadRequest, CompleteLayerUploadResponse>(ecr, async (input, place) => {
    const { repositoryName: name, uploadId } = input;
    const layerDigest = input.layerDigests[0] ?? '';
    ecr.repository(place, name);
    const repository = imagesOf(place, name);
    try {
      const size = await ecr.deps.images.uploadOffset(repository, uploadId);
      if (size === 0) throw new AwsError('EmptyUploadException', `The layer upload with id '${uploadId}' has no layer parts`);
      if (smallPartsOf(ecr).get(uploadId)) throw new AwsError('LayerPartTooSmallException', 'Layer parts must be at least 5 MiB in size');
      if (!isDigest(layerDigest)) throw new AwsError('InvalidLayerException', `The layer digest '${layerDigest}' is not a sha256 digest`);
      if (sizeOfLayer(ecr, place, name, layerDigest) !== undefined) {
        throw new AwsError(
          'LayerAlreadyExistsException',
          `Layer with digest '${layerDigest}' already exists in the repository with name '${name}' in registry with id '${place.account}'`,
        );
      }
      await ecr.deps.images.finishUpload(repository, uploadId, layerDigest, Readable.from([]));
      smallPartsOf(ecr).delete(uploadId);
      return { registryId: place.account, repositoryName: name, uploadId, layerDigest };
    } catch (error) {
      const code = registryCode(error);
      if (code === 'BLOB_UPLOAD_UNKNOWN') throw noUpload(uploadId, name, place.account);
      if (code === 'DIGEST_INVALID') throw new AwsError('InvalidLayerException', `The layer digest '${layerDigest}' does not match the uploaded content`);
      throw error;
    }
  });
