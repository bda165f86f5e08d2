import type { Clock, Logger, Random } from '#base';
import { demand } from '../../gateway/authorize.ts';
import type { BareCall, Caller } from '../../gateway/call.ts';
import { AwsError } from '../../gateway/errors.ts';
import type { Permission } from '../../gateway/service.ts';
import type { Identities } from '../../iam/identities.ts';
import type { Place } from '../../state/table.ts';
import { imagesOf, partitionOf, repositoryArn, type Ecr } from './ecr.ts';
import { mountsBlobs } from './actions/account-setting.ts';
import { noRepository } from './errors.ts';
import { closest, isUnder } from './prefixes.ts';
import { Refusal } from './refusal.ts';
import { templateFor } from './repositories.ts';
import { openToken, type LayerToken, type LoginToken } from './tokens.ts';

/** One request of the distribution protocol to a registry of ECR. */
export interface DoorRequest {
  readonly place: Place;
  /** Undefined: the registry itself. */
  readonly repository: string | undefined;
  readonly operation: string;
  readonly authorization: string | undefined;
  /** The `token` parameter of a download URL. */
  readonly layerToken: string | undefined;
  /** Of a mount: the repository that the layer goes to. */
  readonly into?: string | undefined;
  /** Digest or tag of the path. */
  readonly reference: string;
  readonly ip: string;
  readonly host: string;
  readonly userAgent: string;
}

/** The permission that an operation needs. Pulls and pushes are these actions, whichever way they come. */
const actions: Readonly<Record<string, string>> = {
  catalog: 'ecr:DescribeRepositories',
  tags: 'ecr:ListImages',
  referrers: 'ecr:BatchGetImage',
  'blob-check': 'ecr:BatchCheckLayerAvailability',
  'blob-read': 'ecr:GetDownloadUrlForLayer',
  'blob-mount': 'ecr:GetDownloadUrlForLayer',
  'manifest-read': 'ecr:BatchGetImage',
  'manifest-write': 'ecr:PutImage',
  'manifest-delete': 'ecr:BatchDeleteImage',
  'upload-begin': 'ecr:InitiateLayerUpload',
  'upload-write': 'ecr:UploadLayerPart',
  'upload-finish': 'ecr:CompleteLayerUpload',
};
const writes = new Set(['manifest-write', 'upload-begin', 'upload-write', 'upload-finish']);

export interface AccessOptions {
  readonly ecr: Ecr;
  readonly identities: Identities;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** Refuses a request that its login does not allow: signature of the login, its credentials, then all policies, on every request. Throws Refusal. */
export function authorizeRequest(options: AccessOptions, request: DoorRequest): void {
  const { ecr } = options;
  const { place, repository, operation } = request;
  if (operation === 'blob-read' && isGranted(ecr, request)) return;
  const caller = callerOf(options, request);
  if (operation === 'base') return;
  const action = actions[operation];
  if (!action) throw new Refusal('UNSUPPORTED', 'The operation is unsupported.');
  const call = callFor(options, request, caller);
  const arn = repositoryArn(place, repository ?? '*');
  const resourcePolicy = repository === undefined ? undefined : ecr.policyOf(place, repository);
  const conditions = repository === undefined ? {} : ecr.tagKeys(place, repository);
  if (operation === 'blob-mount') mustMount(ecr, request);
  ask(options, call, { action, resource: arn, resourcePolicy, conditions });
  if (repository === undefined || ecr.repositories.get(place, repository)) return;
  for (const permission of toCreate(ecr, request, repository)) ask(options, call, { action: permission, resource: arn, resourcePolicy });
}

function ask({ identities }: AccessOptions, call: BareCall, permission: Permission): void {
  try {
    demand(call, permission, identities);
  } catch (error) {
    throw error instanceof AwsError ? new Refusal('DENIED', error.message) : error;
  }
}

/** What else is needed where the repository is made by the request; a repository that nothing makes is unknown. */
function toCreate(ecr: Ecr, { place, operation }: DoorRequest, name: string): readonly string[] {
  if (writes.has(operation)) {
    if (templateFor(ecr, place, name, 'CREATE_ON_PUSH')) return ['ecr:CreateRepository'];
  } else if (closest(ecr.rules.list(place), name)) return ['ecr:CreateRepository', 'ecr:BatchImportUpstreamImage'];
  throw new Refusal('NAME_UNKNOWN', noRepository(name, place.account).message);
}

/** Layers are shared where the registry's setting says so, between repositories with the same encryption, and not with those that a cache fills (user guide, blob mounting). */
function mustMount(ecr: Ecr, { place, repository = '', into = '' }: DoorRequest): void {
  const [from, to] = [ecr.repositories.get(place, repository), ecr.repositories.get(place, into)];
  const cached = ecr.rules.list(place).some(({ prefix }) => isUnder(prefix, repository) || isUnder(prefix, into));
  const same = from?.encryption.encryptionType === to?.encryption.encryptionType && from?.encryption.kmsKey === to?.encryption.kmsKey;
  if (!from || !to || !same || cached || !mountsBlobs(ecr.registry(place))) throw new Refusal('DENIED', 'Layers are not mounted between these repositories');
}

/** False where the registry's exclusions name the caller. Never throws: the request was authorized. */
export function recordsPull(options: AccessOptions, request: DoorRequest): boolean {
  const { pullTimeExclusions = {} } = options.ecr.registry(request.place);
  if (Object.keys(pullTimeExclusions).length === 0) return true;
  const token = loginOf(options.ecr, request.authorization);
  const found = token && options.identities.credentials(token.accessKeyId, token.sessionToken, sourceOf(request), options.ecr.now);
  return !found || !Object.hasOwn(pullTimeExclusions, found.caller.roleArn ?? found.caller.arn);
}

/** A download URL of the API is for one layer. */
function isGranted(ecr: Ecr, { place, repository = '', layerToken, reference }: DoorRequest): boolean {
  const token = layerToken === undefined ? undefined : openToken<LayerToken>(ecr.deps.sealer, layerToken, 'layer');
  if (!token || token.expires < ecr.now) return false;
  return token.registry === imagesOf(place, repository).registry && token.repository === repository && token.digest === reference;
}

function callerOf({ ecr, identities }: AccessOptions, request: DoorRequest): Caller {
  const { place, authorization } = request;
  const token = loginOf(ecr, authorization);
  const host = `${place.account}.dkr.ecr.${place.region}.amazonaws.com`;
  const challenge = { 'www-authenticate': `Basic realm="https://${host}/",service="ecr.amazonaws.com"` };
  if (!token) throw new Refusal('UNAUTHORIZED', authorization === undefined ? 'Not Authorized' : 'The login is not one of this registry', challenge);
  const stale = new Refusal('DENIED', 'Your authorization token has expired. Reauthenticate and try again.');
  if (token.expires < ecr.now) throw stale;
  if (token.region !== place.region) throw new Refusal('DENIED', `Your authorization token is for ${token.region}: get one for ${place.region}`);
  const found = identities.credentials(token.accessKeyId, token.sessionToken, sourceOf(request), ecr.now);
  if (!found || found.expired) throw stale;
  return found.caller;
}
const sourceOf = ({ ip, host, userAgent }: DoorRequest): BareCall['source'] => ({ ip, host, userAgent, secure: false });

/** The token of a Basic login whose user is `AWS`. */
export function loginOf(ecr: Pick<Ecr, 'deps'>, authorization: string | undefined): LoginToken | undefined {
  const match = /^basic\s+([A-Za-z0-9+/=]+)$/i.exec(authorization ?? '');
  const text = match ? Buffer.from(match[1] as string, 'base64').toString('utf8') : '';
  return text.startsWith('AWS:') ? openToken<LoginToken>(ecr.deps.sealer, text.slice(4), 'login') : undefined;
}

function callFor({ ecr, clock, random, log }: AccessOptions, request: DoorRequest, caller: Caller): BareCall {
  const source = sourceOf(request);
  return {
    service: 'ecr',
    action: request.operation,
    account: caller.account,
    region: request.place.region,
    partition: partitionOf(request.place.region),
    caller,
    requestId: random.uuid(),
    source,
    state: ecr.deps.state,
    clock,
    random,
    log,
    request: { method: 'GET', path: '/v2/', query: '', header: () => undefined },
    endpoint: `http://${source.host}`,
  };
}
