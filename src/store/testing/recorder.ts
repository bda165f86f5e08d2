import { StoreError, type Revision, type Store, type StoreEvent, type Watch } from '../store.ts';

/** A watch that writes down what it hears, and checks on the way that the stream keeps its promises. */
export interface Recorder {
  readonly events: StoreEvent[];
  /** Broken promises, in words; empty for a correct store. */
  readonly faults: string[];
  readonly ended: StoreError | undefined;
  readonly progress: Revision;
  /** Resolves once the stream said that nothing at or below the revision is still to come. */
  reached(revision: Revision): Promise<void>;
  /** Resolves with the reason once the watch is over. */
  end(): Promise<StoreError>;
  close(): void;
}

export function record(store: Store, prefix: string, from: Revision, onEvents: (events: readonly StoreEvent[]) => void = () => {}): Recorder {
  const events: StoreEvent[] = [];
  const faults: string[] = [];
  let seen = from;
  let progress = 0;
  let ended: StoreError | undefined;
  let waiting: (() => void)[] = [];
  const wake = (): void => waiting.splice(0).forEach((resolve) => resolve());
  const watch: Watch = store.watch(prefix, from, {
    events(group) {
      const revision = group[0]?.revision ?? NaN;
      if (ended) faults.push(`revision ${revision} came after the end`);
      if (!(revision > seen)) faults.push(`revision ${revision} came after ${seen}`);
      if (revision <= progress) faults.push(`revision ${revision} came after progress ${progress}`);
      if (group.some((event) => event.revision !== revision)) faults.push(`revision ${revision} came mixed with others`);
      if (group.some((event) => !event.key.startsWith(prefix))) faults.push(`revision ${revision} has a key outside ${prefix}`);
      seen = revision;
      events.push(...group);
      onEvents(group);
    },
    progress(revision) {
      if (revision < progress) faults.push(`progress went back from ${progress} to ${revision}`);
      progress = revision;
      wake();
    },
    end(error) {
      if (ended) faults.push('the watch ended twice');
      ended = error;
      wake();
    },
  });
  const until = async (met: () => boolean): Promise<void> => {
    while (!met()) await new Promise<void>((resolve) => waiting.push(resolve));
  };
  return {
    events,
    faults,
    get ended() {
      return ended;
    },
    get progress() {
      return progress;
    },
    reached: (revision) => until(() => progress >= revision || ended !== undefined),
    async end() {
      await until(() => ended !== undefined);
      return ended as StoreError;
    },
    close() {
      watch.close();
      waiting = [];
    },
  };
}

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
export const text = (value: Uint8Array | undefined): string | undefined => value && new TextDecoder().decode(value);
/** An event in one word: what happened to which key, with the value. */
export const brief = ({ key, revision, entry }: StoreEvent): string => `${revision} ${entry ? `${key}=${text(entry.value)}` : `-${key}`}`;
