import type { EcrBackfill, EcrBackfillResult } from '#kinds';
import { AwsError } from '../../gateway/errors.ts';
import type { Place } from '../../state/table.ts';
import type { Ecr } from './ecr.ts';
import { documentOf } from './images.ts';
import { ReplicationError, type ImageCopier } from './replicate.ts';
import { destinationsOf } from './destinations.ts';

/** Results are kept in one object: more than these are refused. */
const most = 5000;
/** How long one that has ended is shown, ms (API reference, ListReplicationBackfills). */
const KEPT_MS = 90 * 24 * 60 * 60 * 1000;
/** Progress is written after so many replications. */
const STEP = 50;

export const isOver = ({ status }: EcrBackfill): boolean => status === 'COMPLETE' || status === 'FAILED' || status === 'STOPPED';

/** Replicates what was pushed before there was a rule for it. Each runs once; what a crash ended begins again, and finds most of it done. */
export class Backfills {
  readonly #ecr: Ecr;
  readonly #copier: ImageCopier;

  constructor(ecr: Ecr, copier: ImageCopier) {
    this.#ecr = ecr;
    this.#copier = copier;
  }
  /** Those that are shown, the newest first. */
  list(place: Place): EcrBackfill[] {
    return this.#ecr.backfills
      .list(place)
      .filter((one) => one.endedAt === undefined || this.#ecr.now - one.endedAt < KEPT_MS)
      .toSorted((a, b) => b.startedAt - a.startedAt || (a.id < b.id ? -1 : 1));
  }
  find(place: Place, id: string): EcrBackfill {
    const found = this.list(place).find((one) => one.id === id);
    if (!found) {
      const message = `The replication backfill with id '${id}' does not exist in the registry with id '${place.account}'`;
      throw new AwsError('ReplicationBackfillNotFoundException', message);
    }
    return found;
  }
  /** The destination must be one of the registry's rules. */
  start(place: Place, to: Place, id: string): Promise<EcrBackfill> {
    return this.#ecr.deps.state.exclusive(`ecr backfills ${place.account}/${place.region}`, async () => {
      const running = this.#ecr.backfills.list(place).find((one) => !isOver(one) && one.to.region === to.region);
      if (running) {
        const message = `The replication backfill with id '${running.id}' is already in progress for the destination region '${to.region}'`;
        throw new AwsError('ReplicationBackfillInProgressException', message);
      }
      for (const old of this.#ecr.backfills.list(place)) {
        if (old.endedAt !== undefined && this.#ecr.now - old.endedAt >= KEPT_MS) await this.#ecr.backfills.delete(place, old.id);
      }
      const one: EcrBackfill = { ...place, id, to, status: 'PREPARING', startedAt: this.#ecr.now };
      await this.#ecr.backfills.create(place, id, one);
      this.#runLater(one);
      return one;
    });
  }
  async stop(place: Place, id: string): Promise<EcrBackfill> {
    this.find(place, id);
    const stopping = await this.#ecr.backfills.update(place, id, (current) => {
      if (isOver(current) || current.status === 'STOPPING') {
        const message = `The replication backfill with id '${id}' cannot be stopped: its status is '${current.status}'`;
        throw new AwsError('ReplicationBackfillInvalidStatusException', message);
      }
      return { ...current, status: 'STOPPING' };
    });
    return stopping ?? this.find(place, id);
  }
  /** Goes on with what an earlier process left. */
  resume(): void {
    for (const one of this.#ecr.backfills.all()) if (!isOver(one)) this.#runLater(one);
  }

  #runLater(one: EcrBackfill): void {
    const { clock, log } = this.#ecr.deps;
    clock.after(0, () => void this.#run(one).catch((error: unknown) => log.error('a replication backfill failed', { id: one.id, error })));
  }
  async #run(one: EcrBackfill): Promise<void> {
    const { account, region, id, to } = one;
    const from = { account, region };
    const change = (more: Partial<EcrBackfill>) => this.#ecr.backfills.update(from, id, (current) => ({ ...current, ...more }));
    const isStopping = (): boolean => this.#ecr.backfills.get(from, id)?.status !== 'IN_PROGRESS';
    const wanted = this.#wanted(from, to);
    if (wanted.length > most) return void (await change({ status: 'FAILED', failureCode: 'TooManyImages', endedAt: this.#ecr.now }));
    await this.#ecr.backfills.update(from, id, (current) =>
      current.status === 'STOPPING' ? current : { ...current, status: 'IN_PROGRESS', total: wanted.length, done: 0 },
    );
    const results: EcrBackfillResult[] = [];
    for (const next of wanted) {
      if (isStopping()) break;
      results.push({ ...next, ...(await this.#copy(from, to, next)) });
      if (results.length % STEP === 0) await change({ done: results.length });
    }
    const status = isStopping() ? 'STOPPED' : 'COMPLETE';
    await change({ status, done: results.length, results, endedAt: this.#ecr.now });
  }
  /** Every tag of every image, and images without tags that no index names. */
  #wanted(from: Place, to: Place): { name: string; digest: string; tag?: string }[] {
    const rules = this.#ecr.registry(from).replicationRules ?? [];
    const isMeant = (name: string): boolean =>
      destinationsOf(rules, name, { region: from.region, registryId: from.account }).some((one) => one.region === to.region && one.registryId === to.account);
    return this.#ecr.repositories
      .list(from)
      .filter(({ name }) => isMeant(name))
      .flatMap(({ name }) => {
        const images = this.#ecr.images(from, name);
        const children = new Set(images.flatMap((image) => (documentOf(image).manifests ?? []).map((child) => child.digest)));
        return images.flatMap(({ digest, tags }) =>
          tags.length > 0 ? tags.map((tag) => ({ name, digest, tag })) : children.has(digest) ? [] : [{ name, digest }],
        );
      });
  }
  async #copy(from: Place, to: Place, { name, digest, tag }: { name: string; digest: string; tag?: string }): Promise<{ failureCode?: string }> {
    try {
      await this.#copier.copy(from, to, name, digest, tag);
      return {};
    } catch (error) {
      this.#ecr.deps.log.warn('an image was not replicated by a backfill', { repository: name, digest, to, error });
      return { failureCode: error instanceof ReplicationError ? error.code : 'InternalError' };
    }
  }
}
