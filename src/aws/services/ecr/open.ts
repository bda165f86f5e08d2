import { authorizeRequest, loginOf, recordsPull, type AccessOptions, type DoorRequest } from './access.ts';
import { modeOf } from './actions/image-scans.ts';
import { imagesOf, placeOf, type Ecr } from './ecr.ts';
import { immutableTag, noRepository } from './errors.ts';
import { imageAction } from './events.ts';
import { tellScan } from './scan-events.ts';
import type { ScanEnd } from './scans.ts';
import { runLifecycles } from './lifecycle/run.ts';
import { isImmutable } from './mutability.ts';
import { PullThroughCache } from './pull-through.ts';
import { Refusal } from './refusal.ts';
import type { Replication } from './replication.ts';
import { ensureRepository, templateFor } from './repositories.ts';
import type { Place } from '../../state/table.ts';
import { openToken, type LayerToken } from './tokens.ts';
import { scanFrequency } from './scanning.ts';

/** ECR as the registry that holds the bytes sees it. `registry` is ACCOUNT/REGION. */
export interface EcrDoor {
  authorize(request: DoorRequest): void;
  /** Whether a pull that was authorized counts as the image's last. */
  recordsPull(request: DoorRequest): boolean;
  /** The registry that a login or a download URL is for, or the one that has the repository when a node asks. */
  registryOf(authorization: string | undefined, layerToken: string | undefined, repository: string | undefined): string | undefined;
  create(registry: string, repository: string): Promise<void>;
  tag(registry: string, repository: string, tag: string, digest: string, current: string | undefined): void;
  missing(registry: string, repository: string, reference: string): Promise<void> | undefined;
  /** Tells of a manifest or a tag that was deleted. */
  deleted(registry: string, repository: string, digest: string, tags: readonly string[]): Promise<void>;
  /** Tells of a scan's end. */
  scanned(end: ScanEnd): Promise<void>;
  pushed(registry: string, repository: string, digest: string, tag: string | undefined): Promise<void>;
  runLifecycles(): Promise<void>;
}

/** Goes on with replications that an earlier process left. */
export function openDoor(options: AccessOptions & { readonly replication: Replication }): EcrDoor {
  const { ecr } = options;
  const { copier, replicator, backfills } = options.replication;
  replicator.resume();
  backfills.resume();
  const cache = new PullThroughCache(ecr);
  return {
    authorize: (request) => authorizeRequest(options, request),
    recordsPull: (request) => recordsPull(options, request),
    registryOf(authorization, layerToken, repository) {
      const layer = layerToken === undefined ? undefined : openToken<LayerToken>(ecr.deps.sealer, layerToken, 'layer');
      if (layer) return layer.registry;
      const login = loginOf(ecr, authorization);
      if (login) return imagesOf(login, '').registry;
      const found = ecr.repositories.all().find((one) => one.name === repository);
      return found && imagesOf(found, '').registry;
    },
    async create(registry, name) {
      const place = placeOf(registry);
      if (!place || ecr.repositories.get(place, name)) return;
      const template = templateFor(ecr, place, name, 'CREATE_ON_PUSH');
      if (!template) throw new Refusal('NAME_UNKNOWN', noRepository(name, place.account).message);
      await ensureRepository(ecr, place, name, template);
    },
    tag(registry, name, tag, digest, current) {
      const place = placeOf(registry);
      const repository = place && ecr.repositories.get(place, name);
      if (repository && current !== undefined && current !== digest && isImmutable(repository, tag)) throw new Refusal('TAG_INVALID', immutableTag(tag, name));
    },
    missing(registry, name, reference) {
      const place = placeOf(registry);
      if (!place) return undefined;
      refuseArchived(ecr, registry, name, reference);
      return cache.wanted(place, name, reference);
    },
    async pushed(registry, name, digest, tag) {
      const place = placeOf(registry);
      if (!place) return;
      const isCopy = copier.arrived(place, name, digest);
      if (!isCopy) ecr.deps.events.put(imageAction({ place, name, digest, tag }, 'PUSH'));
      await activate(ecr, place, name, digest);
      await scanPushed(ecr, registry, name, digest);
      if (!isCopy) await replicator.pushed(place, name, digest, tag);
    },
    async deleted(registry, name, digest, tags) {
      const place = placeOf(registry);
      if (!place) return;
      for (const tag of tags.length > 0 ? tags : [undefined]) ecr.deps.events.put(imageAction({ place, name, digest, tag }, 'DELETE'));
      await replicator.deleted(place, name, digest);
    },
    scanned: (end) => tellScan(ecr, end),
    runLifecycles: () => runLifecycles(ecr),
  };
}

/** A push takes an image out of the archive: also one that was deleted there and comes anew. */
async function activate(ecr: Ecr, place: Place, name: string, digest: string): Promise<void> {
  if (ecr.repositories.get(place, name)?.archived?.[digest] === undefined) return;
  await ecr.change(place, name, (current) => {
    const { [digest]: _gone, ...archived } = current.archived ?? {};
    return { ...current, archived };
  });
}

function refuseArchived(ecr: Ecr, registry: string, name: string, reference: string): void {
  const place = placeOf(registry);
  const { archived } = (place && ecr.repositories.get(place, name)) ?? {};
  if (!place || !archived || Object.keys(archived).length === 0) return;
  const image = ecr.images(place, name).find((one) => one.digest === reference || one.tags.includes(reference));
  if (image && image.digest in archived) throw new Refusal('DENIED', `The image ${reference} is archived: restore it before you pull it`);
}

async function scanPushed(ecr: Ecr, registry: string, name: string, digest: string): Promise<void> {
  const place = placeOf(registry);
  const repository = place && ecr.repositories.get(place, name);
  if (!ecr.deps.scans || !repository || scanFrequency(repository, ecr.registry(place)).frequency === 'MANUAL') return;
  await ecr.deps.scans
    .request({ registry, repository: name, digest }, modeOf(ecr.registry(place)))
    .catch((error: unknown) => ecr.deps.log.warn('a pushed image was not scanned', { repository: name, digest, error }));
}
