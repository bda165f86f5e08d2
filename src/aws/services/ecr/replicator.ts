import { createHash } from 'node:crypto';
import type { EcrReplication } from '#kinds';
import type { Place } from '../../state/table.ts';
import type { Ecr } from './ecr.ts';
import { replicationAction } from './events.ts';
import { ReplicationError, type ImageCopier } from './replicate.ts';
import { destinationsOf } from './destinations.ts';

/** Waits between tries, ms; after the last the replication has failed. */
const waits = [1000, 5000, 30_000, 120_000, 600_000];

/** More tags came for an image while it was copied. */
class MoreToDo extends Error {}

/**
 * Copies pushed images to where the registry's rules say. What is to be copied is an object first and copied then, so
 * that it outlives the process: it is gone when the image is there, and FAILED when it was given up.
 */
export class Replicator {
  readonly #ecr: Ecr;
  readonly #copier: ImageCopier;

  constructor(ecr: Ecr, copier: ImageCopier) {
    this.#ecr = ecr;
    this.#copier = copier;
  }
  /** Resolves after the first try. */
  async pushed(place: Place, name: string, digest: string, tag: string | undefined): Promise<void> {
    const rules = this.#ecr.registry(place).replicationRules ?? [];
    const destinations = destinationsOf(rules, name, { region: place.region, registryId: place.account });
    await Promise.all(
      destinations.map(async ({ region, registryId }) => {
        const to = { account: registryId, region };
        const id = idOf(name, digest, to);
        await this.#ecr.replications.put(place, id, (current) => ({
          ...place,
          name,
          digest,
          to,
          // What was given up is not tried again with what comes.
          tags: [...new Set([...(current?.status === 'IN_PROGRESS' ? current.tags : []), ...(tag === undefined ? [] : [tag])])],
          status: 'IN_PROGRESS',
          tries: 0,
          since: this.#ecr.now,
        }));
        await this.#work(place, id);
      }),
    );
  }
  /** Nothing is left to be copied of an image that was deleted. */
  async deleted(place: Place, name: string, digest: string): Promise<void> {
    if (this.#ecr.images(place, name).some((image) => image.digest === digest)) return;
    const found = this.#ecr.replications.list(place).filter((one) => one.name === name && one.digest === digest);
    for (const one of found) await this.#ecr.replications.delete(place, idOf(name, digest, one.to));
  }
  /** Goes on with what an earlier process left. */
  resume(): void {
    for (const one of this.#ecr.replications.all()) {
      if (one.status === 'IN_PROGRESS') this.#later(one, idOf(one.name, one.digest, one.to), 0);
    }
  }

  #later(place: Place, id: string, wait: number): void {
    const { clock, log } = this.#ecr.deps;
    clock.after(wait, () => void this.#work(place, id).catch((error: unknown) => log.error('a replication could not be gone on with', { id, error })));
  }
  #work(place: Place, id: string): Promise<void> {
    return this.#ecr.deps.state.exclusive(`ecr replication ${place.account}/${place.region}/${id}`, async () => {
      for (let again = true; again;) {
        const one = this.#ecr.replications.get(place, id);
        again = one?.status === 'IN_PROGRESS' && (await this.#try(one, id));
      }
    });
  }
  /** Whether there is more to do at once. */
  async #try(one: EcrReplication, id: string): Promise<boolean> {
    const { account, region, name, digest, to } = one;
    const from = { account, region };
    const { replications, deps } = this.#ecr;
    const left: (string | undefined)[] = [];
    let problem: unknown;
    for (const tag of one.tags.length > 0 ? one.tags : [undefined]) {
      try {
        await this.#copier.copy(from, to, name, digest, tag);
        deps.events.put(replicationAction({ place: to, name, digest, tag }, from, 'SUCCESS'));
      } catch (error) {
        left.push(tag);
        problem = error;
      }
    }
    if (left.length > 0) {
      const done = one.tags.filter((tag) => !left.includes(tag));
      const rest = await replications.update(from, id, (current) => ({ ...current, tags: current.tags.filter((tag) => !done.includes(tag)) }));
      if (rest) await this.#failed(rest, id, problem as Error);
      return false;
    }
    try {
      await replications.delete(from, id, (current) => {
        if (current.tags.some((tag) => !one.tags.includes(tag))) throw new MoreToDo();
      });
      return false;
    } catch (error) {
      if (error instanceof MoreToDo) return true;
      throw error;
    }
  }
  async #failed(one: EcrReplication, id: string, error: Error): Promise<void> {
    const { account, region, name, digest, to, tries } = one;
    const from = { account, region };
    const { replications, deps } = this.#ecr;
    if (error instanceof ReplicationError && error.code === 'ImageNotFound') return void (await replications.delete(from, id));
    const wait = error instanceof ReplicationError ? undefined : waits[tries];
    const failureCode = error instanceof ReplicationError ? error.code : 'InternalError';
    if (wait !== undefined) {
      deps.log.warn('an image was not replicated yet', { repository: name, digest, to, tries: tries + 1, error });
      await replications.update(from, id, (current) => ({ ...current, tries: current.tries + 1 }));
      return this.#later(from, id, wait);
    }
    deps.log.error('an image was not replicated', { repository: name, digest, to, error });
    await replications.update(from, id, (current) => ({ ...current, status: 'FAILED', failureCode, failureReason: error.message }));
    for (const tag of one.tags.length > 0 ? one.tags : [undefined]) deps.events.put(replicationAction({ place: to, name, digest, tag }, from, 'FAILED'));
  }
}
/** One object for an image and where it goes to. */
const idOf = (name: string, digest: string, to: Place): string =>
  createHash('sha256')
    .update(JSON.stringify([name, digest, to.account, to.region]))
    .digest('hex')
    .slice(0, 32);
