import type { Logger } from '#base';
import type { Disk } from '../core/disk.ts';
import { Embedded, type EmbeddedStore } from '../core/embedded.ts';
import { Mvcc } from '../core/mvcc.ts';
import { reportThrow } from '../core/report.ts';

const noDisk: Disk = {
  run: (_job, done) => queueMicrotask(() => done(undefined, false)),
  // Microtasks only, so that a test on fake time settles a whole chain of commits at once.
  defer: (fn) => queueMicrotask(fn),
  close: () => Promise.resolve(),
};

/** A store that lives as long as the process: for tests and for clusters that need not survive. */
export function createMemoryStore(options: { log?: Logger } = {}): EmbeddedStore {
  return new Embedded(new Mvcc({ rows: [], compacted: 0 }, reportThrow(options.log)), noDisk);
}
