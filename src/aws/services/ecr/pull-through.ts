import type { EcrPullThroughCacheRule } from '#kinds';
import { AwsError } from '../../gateway/errors.ts';
import { imagesOf, type Ecr } from './ecr.ts';
import { pullThroughAction } from './events.ts';
import { registryCode } from './errors.ts';
import { documentOf, type Document } from './images.ts';
import { closest, upstreamName } from './prefixes.ts';
import { Refusal } from './refusal.ts';
import { ensureRepository, templateFor } from './repositories.ts';
import { Upstream, UpstreamError } from './upstream.ts';
import type { Place } from '../../state/table.ts';

/** A tag is compared with its upstream once a day (user guide, pull through cache). */
const FRESH_MS = 24 * 60 * 60 * 1000;

/** Fetches what clients ask for below the prefix of a rule, whole, before it is served. */
export class PullThroughCache {
  readonly #ecr: Ecr;
  readonly #fetching = new Map<string, Promise<void>>();

  constructor(ecr: Ecr) {
    this.#ecr = ecr;
  }

  /** Undefined: nothing to do. Rejects with Refusal when the upstream cannot give it and it is not here. */
  wanted(place: Place, name: string, reference: string): Promise<void> | undefined {
    const rule = closest(this.#ecr.rules.list(place), name);
    if (!rule || this.#isFresh(place, name, reference)) return undefined;
    const key = `${place.account}/${place.region}/${name}:${reference}`;
    let work = this.#fetching.get(key);
    if (!work) {
      const upstream = new Upstream(this.#ecr.deps, rule, upstreamName(rule, name));
      work = this.#told(rule, place, name, reference, this.#fetch(place, name, reference, upstream)).finally(() => this.#fetching.delete(key));
      this.#fetching.set(key, work);
    }
    return work;
  }

  #find(place: Place, name: string, reference: string): boolean {
    return this.#ecr.images(place, name).some((image) => image.digest === reference || image.tags.includes(reference));
  }
  #isFresh(place: Place, name: string, reference: string): boolean {
    if (!this.#find(place, name, reference)) return false;
    if (reference.includes(':')) return true;
    const checked = this.#ecr.repositories.get(place, name)?.upstreamCheckedAt?.[reference];
    return checked !== undefined && this.#ecr.now - checked < FRESH_MS;
  }

  /** Tells of what was fetched, or could not be. */
  async #told(rule: EcrPullThroughCacheRule, place: Place, name: string, reference: string, work: Promise<boolean>): Promise<void> {
    const { events } = this.#ecr.deps;
    const isDigest = reference.includes(':');
    const what = { place, name, tag: isDigest ? undefined : reference, digest: isDigest ? reference : undefined };
    try {
      if (!(await work)) return;
      const digest = this.#ecr.images(place, name).find((image) => image.digest === reference || image.tags.includes(reference))?.digest;
      events.put(pullThroughAction({ ...what, digest }, rule));
    } catch (error) {
      events.put(pullThroughAction(what, rule, { code: 'UpstreamUnavailable', reason: (error as Error).message }));
      throw error;
    }
  }

  /** False: the upstream has none such, or what is here is served while it is away. */
  async #fetch(place: Place, name: string, reference: string, upstream: Upstream): Promise<boolean> {
    try {
      const found = await upstream.manifest(reference);
      if (!found) return false;
      await ensureRepository(this.#ecr, place, name, templateFor(this.#ecr, place, name, 'PULL_THROUGH_CACHE'));
      await this.#store(place, name, reference, found, upstream);
      if (!reference.includes(':')) {
        await this.#ecr.change(place, name, (current) => ({ ...current, upstreamCheckedAt: { ...current.upstreamCheckedAt, [reference]: this.#ecr.now } }));
      }
      return true;
    } catch (error) {
      if (!(error instanceof UpstreamError) && !(error instanceof AwsError)) throw error;
      // What is here is served as it is while the upstream is away.
      if (this.#find(place, name, reference)) return false;
      throw new Refusal('UNAVAILABLE', error.message);
    }
  }

  async #store(
    place: Place,
    name: string,
    reference: string,
    { content, mediaType }: { content: Buffer; mediaType: string },
    upstream: Upstream,
  ): Promise<void> {
    const document = read(content);
    for (const child of document.manifests ?? []) {
      if (this.#find(place, name, child.digest)) continue;
      const found = await upstream.manifest(child.digest);
      if (!found) throw new UpstreamError(`the upstream registry lacks ${child.digest}, which its index names`);
      await this.#store(place, name, child.digest, found, upstream);
    }
    for (const { digest } of [...(document.layers ?? []), ...(document.config ? [document.config] : [])]) await this.#layer(place, name, digest, upstream);
    await this.#ecr.deps.images.putManifest(imagesOf(place, name), reference, content, mediaType);
  }
  async #layer(place: Place, name: string, digest: string, upstream: Upstream): Promise<void> {
    const { images } = this.#ecr.deps;
    const repository = imagesOf(place, name);
    try {
      images.statBlob(repository, digest);
      return;
    } catch (error) {
      if (registryCode(error) !== 'BLOB_UNKNOWN') throw error;
    }
    await images.finishUpload(repository, await images.beginUpload(repository), digest, await upstream.blob(digest));
  }
}

function read(content: Buffer): Document {
  try {
    return documentOf({ content });
  } catch {
    throw new UpstreamError('the upstream registry gave a manifest that is not JSON');
  }
}
