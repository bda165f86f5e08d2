import { AwsError } from '../../gateway/errors.ts';

/** An image as a request names it. */
export interface ImageId {
  readonly imageDigest?: string | undefined;
  readonly imageTag?: string | undefined;
}
const within = (name: string, registryId: string): string => `the repository with name '${name}' in the registry with id '${registryId}'`;
const described = ({ imageDigest, imageTag }: ImageId): string => `{imageDigest:'${imageDigest ?? 'null'}', imageTag:'${imageTag ?? 'null'}'}`;

export const invalidParameter = (at: string, constraint: string): AwsError =>
  new AwsError('InvalidParameterException', `Invalid parameter at '${at}' failed to satisfy constraint: '${constraint}'`);
export const noRepository = (name: string, registryId: string): AwsError =>
  new AwsError('RepositoryNotFoundException', `The repository with name '${name}' does not exist in the registry with id '${registryId}'`);
export const repositoryExists = (name: string, registryId: string): AwsError =>
  new AwsError('RepositoryAlreadyExistsException', `The repository with name '${name}' already exists in the registry with id '${registryId}'`);
export const repositoryNotEmpty = (name: string, registryId: string): AwsError =>
  new AwsError(
    'RepositoryNotEmptyException',
    `The repository with name '${name}' in registry with id '${registryId}' cannot be deleted because it still contains images`,
  );
export const noImage = (id: ImageId, name: string, registryId: string): AwsError =>
  new AwsError(
    'ImageNotFoundException',
    `The image with imageId ${described(id)} does not exist within the repository with name '${name}' in the registry with id '${registryId}'`,
  );
export const noScan = (id: ImageId, name: string, registryId: string): AwsError =>
  new AwsError('ScanNotFoundException', `Image scan does not exist for the image with '${described(id)}' in ${within(name, registryId)}`);
export const noRepositoryPolicy = (name: string, registryId: string): AwsError =>
  new AwsError('RepositoryPolicyNotFoundException', `Repository policy does not exist for ${within(name, registryId)}`);
export const noLifecyclePolicy = (name: string, registryId: string): AwsError =>
  new AwsError('LifecyclePolicyNotFoundException', `Lifecycle policy does not exist for ${within(name, registryId)}`);
export const noLayers = (digests: readonly string[], name: string, registryId: string): AwsError =>
  new AwsError('LayersNotFoundException', `The layers with digests '[${digests.join(', ')}]' could not be found in ${within(name, registryId)}`);
export const noUpload = (id: string, name: string, registryId: string): AwsError =>
  new AwsError('UploadNotFoundException', `The upload with id '${id}' could not be found in ${within(name, registryId)}`);
/** What a registry may have at most; `what` in the plural. */
export const limitExceeded = (what: string, most: number, registryId: string): AwsError =>
  new AwsError('LimitExceededException', `The registry with id '${registryId}' already has the maximum allowed number of ${what} which is '${most}'`);
/** `Layers` or `Images` that a manifest names and that its repository lacks. */
export const notPushed = (what: 'Layers' | 'Images', digests: readonly string[], name: string, registryId: string): AwsError =>
  new AwsError(
    what === 'Layers' ? 'LayersNotFoundException' : 'ReferencedImagesNotFoundException',
    `${what} with digests '[${digests.join(', ')}]' required for pushing image into repository with name '${name}' in the registry with id '${registryId}' do not exist`,
  );
export const immutableTag = (tag: string, name: string): string =>
  `The image tag '${tag}' already exists in the '${name}' repository and cannot be overwritten because the tag is immutable.`;

/** The code of an error of the registry that holds the bytes; undefined for any other error. */
export const registryCode = (error: unknown): string | undefined => {
  const code: unknown = error instanceof Error ? (error as { code?: unknown }).code : undefined;
  return typeof code === 'string' ? code : undefined;
};
