import type { Clock, Timer } from '#base';
import { isApiError, type Kind } from '#machinery';
import type { RequestContext, Writer } from '../../types.ts';
import type { ResourceQuota, Tally } from './tally.ts';

interface Writing {
  running: Promise<void> | undefined;
  next: Promise<void> | undefined;
}
const context: RequestContext = {
  user: { username: 'system:apiserver', groups: ['system:masters', 'system:authenticated'] },
  dryRun: false,
  fieldManager: 'kube-apiserver',
  track: false,
  warnings: [],
};
const retryMs = 1000;
/** How long a status that someone else wrote stands (kube-controller-manager puts it right at its next full count). */
const foreignMs = 60_000;

/** Writes status.hard and status.used of quotas: one write at a time for each, which carries all changes up to its start. */
export class StatusWriter {
  readonly #writer: Writer;
  readonly #kind: () => Kind | undefined;
  readonly #clock: Clock;
  readonly #current: (tally: Tally) => Tally | undefined;
  readonly #writing = new WeakMap<Tally, Writing>();
  readonly #healing = new WeakMap<Tally, Timer>();

  /** `current` gives the tally that has taken the place of one, if any. */
  constructor(writer: Writer, current: (tally: Tally) => Tally | undefined) {
    this.#writer = writer;
    this.#clock = writer.clock;
    this.#kind = () => writer.kindOf('', 'resourcequotas');
    this.#current = current;
  }
  /** Resolves when what is counted now is in the object. Rejects when the store does not take it. */
  write(tally: Tally): Promise<void> {
    let writing = this.#writing.get(tally);
    if (!writing) this.#writing.set(tally, (writing = { running: undefined, next: undefined }));
    if (writing.running) return (writing.next ??= this.#after(writing.running, tally, writing));
    return this.#begin(tally, writing);
  }
  /** The same for a change that nobody waits for: tried again until it succeeds. */
  writeLater(tally: Tally): void {
    this.write(tally).catch(() => void this.#clock.after(retryMs, () => this.writeLater(tally)));
  }
  /** Puts a status right that is not the one that was written here, after a while. */
  heal(tally: Tally): void {
    if (this.#writing.get(tally)?.running || tally.withStatus(tally.quota) === tally.quota) return;
    this.#healing.get(tally)?.cancel();
    this.#healing.set(
      tally,
      this.#clock.after(foreignMs, () => this.writeLater(tally)),
    );
  }
  #after(running: Promise<void>, tally: Tally, writing: Writing): Promise<void> {
    const begin = (): Promise<void> => {
      writing.next = undefined;
      return this.#begin(tally, writing);
    };
    return running.then(begin, begin);
  }
  #begin(tally: Tally, writing: Writing): Promise<void> {
    const running = this.#write(tally).finally(() => {
      if (writing.running === running) writing.running = undefined;
    });
    writing.running = running;
    return running;
  }
  async #write(tally: Tally): Promise<void> {
    const kind = this.#kind();
    const { namespace, name = '', uid } = tally.quota.metadata ?? {};
    if (!kind) return;
    try {
      await this.#writer.modifyRaw(kind, { namespace, name }, context, (object) => {
        const quota: ResourceQuota = object;
        const current = this.#current(tally);
        // Deleted, or made anew since: there is nothing to tell.
        return !current || quota.metadata?.uid !== uid ? object : current.withStatus(quota);
      });
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
    }
  }
}
