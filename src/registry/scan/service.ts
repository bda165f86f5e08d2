import type { Clock } from '#base';
import { AdvisoryDatabase } from './advisories/database.ts';
import { ensureAdvisories } from './advisories/update.ts';
import { languages, releasesOf } from './distributions.ts';
import { scanFiles } from './files.ts';
import { RegistryImages } from './image/from-registry.ts';
import { takeInventory, type ImageSource } from './image/inventory.ts';
import { findVulnerabilities } from './match.ts';
import { ScanResults, type StoredScan } from './results.ts';
import { toCycloneDx } from './sbom.ts';
import { ScanError, type Finding, type FindingsPage, type ImageName, type Inventory, type ScanEvent, type ScanMode, type ScanRecord } from './types.ts';
import { versionOf } from './version-of.ts';

export interface ScanServiceOptions {
  /** The registry's directory. */
  readonly dir: string;
  readonly clock: Clock;
  /** For SBOMs. */
  readonly version: string;
  onEvent?(event: ScanEvent): void;
}

/** What the scanner does, in whichever thread or process it runs. Scans follow one another; everything else is answered at once. */
export class ScanService {
  readonly #options: ScanServiceOptions;
  readonly #results: ScanResults;
  readonly #images: RegistryImages;
  readonly #waiting = new Map<string, Promise<ScanRecord>>();
  #advisories: AdvisoryDatabase | undefined;
  #queue: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(options: ScanServiceOptions) {
    this.#options = options;
    this.#images = new RegistryImages(options.dir);
    this.#results = new ScanResults(scanFiles(options.dir).results);
  }
  resolve(registry: string, repository: string, reference: string): string {
    return this.#images.resolve(registry, repository, reference);
  }
  record(image: ImageName): ScanRecord | undefined {
    return this.#results.scan(image);
  }
  findings(image: ImageName, { limit = 100, after = '0' }: { limit?: number; after?: string } = {}): FindingsPage | undefined {
    const record = this.#results.scan(image);
    if (!record) return undefined;
    const all = this.#results.findings(image);
    const start = Number(after);
    const end = start + limit;
    return { record, findings: all.slice(start, end), next: end < all.length ? String(end) : undefined };
  }
  sbom(image: ImageName): object | undefined {
    const found = this.#results.scan(image) && this.#results.inventory(image.digest);
    return found && toCycloneDx(found.inventory, { name: image.repository, version: this.#options.version, created: found.created });
  }
  forget(image: ImageName): void {
    this.#results.forget(image);
  }

  /** Notes that a scan is wanted and lets it follow those that wait. The same scan twice is one. */
  request(image: ImageName, mode: ScanMode): Promise<{ record: ScanRecord; done: Promise<ScanRecord> }> {
    return this.#enqueue(image, mode, reading);
  }
  async #enqueue(image: ImageName, mode: ScanMode, doing: string): Promise<{ record: ScanRecord; done: Promise<ScanRecord> }> {
    const key = `${image.registry}\0${image.repository}\0${image.digest}\0${mode}`;
    const waiting = this.#waiting.get(key);
    const present = this.#results.scan(image);
    if (waiting && present) return { record: present, done: waiting };
    const source = await this.#images.image(image);
    const { registry, repository, digest } = image;
    const record: StoredScan = {
      registry, repository, digest, mode, status: 'PENDING', description: 'The scan waits for its turn.', requested: this.#now, completed: present?.completed,
      advisories: undefined, advisoriesUpdated: present?.advisoriesUpdated, counts: present?.counts ?? {},
    }; // prettier-ignore
    this.#results.putScan(record);
    const done = this.#then(() => this.#scan(record, source, doing)).finally(() => this.#waiting.delete(key));
    this.#waiting.set(key, done);
    done.catch(() => {});
    return { record, done };
  }
  async scan(image: ImageName, mode: ScanMode): Promise<ScanRecord> {
    return (await this.request(image, mode)).done;
  }
  /** Goes on with what a crash ended, and compares again what was compared with other advisories. */
  async refresh(): Promise<void> {
    const stale = await this.#then(async () => this.#results.stale(this.#openAdvisories().version));
    for (const scan of stale) {
      if (this.#closed) return;
      if (scan.status === 'IN_PROGRESS' && scan.description === readingAgain) this.#giveUp(scan);
      else if (scan.status === 'PENDING' || scan.status === 'IN_PROGRESS') await this.#resume(scan);
      else if (this.#results.inventory(scan.digest)) await this.#then(async () => this.#compareAgain(scan));
      else await this.#resume(scan);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  /** Ends after what is in work and what waits. */
  async close(): Promise<void> {
    for (let last; last !== this.#queue;) await (last = this.#queue);
    this.#closed = true;
    this.#advisories?.close();
    this.#results.close();
    this.#images.close();
  }

  get #now(): number {
    return this.#options.clock.now();
  }
  #then<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#queue.then(() => {
      if (this.#closed) throw new Error('the scanner is stopping');
      return work();
    });
    this.#queue = next.catch(() => {});
    return next;
  }
  /** An image that ends the thread must not do so at every start. */
  #giveUp(scan: StoredScan): void {
    this.#end({ ...scan, status: 'FAILED', description: 'The scan was ended twice while it ran.', completed: this.#now, counts: {} }, [], 'scan-failed');
  }
  async #resume(scan: StoredScan): Promise<void> {
    try {
      await (
        await this.#enqueue(scan, scan.mode, scan.status === 'IN_PROGRESS' ? readingAgain : reading)
      ).done;
    } catch (error) {
      if (!(error instanceof ScanError)) throw error;
      if (error.reason === 'unknown-image') this.#results.forget(scan);
      else this.#end({ ...scan, status: 'FAILED', description: error.message, completed: this.#now, counts: {} }, [], 'scan-failed');
    }
  }
  async #scan(record: StoredScan, source: ImageSource, doing: string): Promise<ScanRecord> {
    // Deleted while it waited.
    if (!this.#results.scan(record)) throw new ScanError('unknown-image', `${record.repository}@${record.digest} is gone`);
    this.#results.putScan({ ...record, status: 'IN_PROGRESS', description: doing });
    try {
      let inventory = this.#results.inventory(record.digest)?.inventory;
      if (!inventory) {
        inventory = await takeInventory(source);
        this.#results.putInventory(inventory, this.#now);
      }
      const ended = this.#compare(record, inventory);
      return this.#end(ended.scan, ended.findings, 'scan-completed');
    } catch (error) {
      const known = error instanceof ScanError;
      const failed: StoredScan = {
        ...record,
        status: 'FAILED',
        description: known ? error.message : `The scan failed: ${(error as Error).message}`,
        completed: this.#now,
        counts: {},
      };
      return this.#end(failed, [], 'scan-failed');
    }
  }
  #compareAgain(scan: StoredScan): void {
    const inventory = this.#results.inventory(scan.digest)?.inventory;
    // Forgotten meanwhile.
    if (!inventory || !this.#results.scan(scan)) return;
    const before = fingerprint(this.#results.findings(scan));
    const { scan: next, findings } = this.#compare(scan, inventory);
    if (fingerprint(findings) === before) this.#results.putScan({ ...next, completed: scan.completed }, findings);
    else this.#end(next, findings, 'findings-changed');
  }
  #compare(scan: StoredScan, inventory: Inventory): { scan: StoredScan; findings: Finding[] } {
    const advisories = this.#openAdvisories();
    const unsupported = whyUnsupported(inventory, scan.mode);
    const findings = unsupported === undefined ? findVulnerabilities(inventory, advisories, scan.mode) : [];
    const counts: Record<string, number> = {};
    for (const { severity } of findings) counts[severity] = (counts[severity] ?? 0) + 1;
    return {
      findings,
      scan: {
        ...scan,
        status: unsupported === undefined ? 'COMPLETE' : 'UNSUPPORTED_IMAGE',
        description: unsupported ?? ['The scan was completed successfully.', ...inventory.warnings].join('\n'),
        completed: this.#now,
        advisories: advisories.version,
        advisoriesUpdated: advisories.updated,
        counts,
      },
    };
  }
  #end(scan: StoredScan, findings: readonly Finding[], type: ScanEvent['type']): ScanRecord {
    if (this.#results.scan(scan)) {
      this.#results.putScan(scan, findings);
      this.#options.onEvent?.({ type, record: scan, tags: this.#images.tagsOf(scan) });
    }
    return scan;
  }
  /** The present state of the advisories. */
  #openAdvisories(): AdvisoryDatabase {
    const { advisories: file } = scanFiles(this.#options.dir);
    ensureAdvisories(file);
    if (this.#advisories?.version !== versionOf(file)) {
      this.#advisories?.close();
      this.#advisories = new AdvisoryDatabase(file);
    }
    return this.#advisories as AdvisoryDatabase;
  }
}

const reading = 'The layers are being read.';
const readingAgain = 'The layers are being read again: the first time was interrupted.';

const fingerprint = (findings: readonly Finding[]): string =>
  findings
    .map(({ name, severity, fixedIn, package: one }) => `${name} ${severity} ${fixedIn ?? ''} ${one.type} ${one.name} ${one.version} ${one.path}`)
    .join('\n');

/** Why nothing can be found in an image; undefined: something can. */
export function whyUnsupported({ distribution, packages, warnings }: Inventory, mode: ScanMode): string | undefined {
  const supported = releasesOf(distribution);
  const told = warnings.length > 0 ? ` (${warnings[0]})` : '';
  if (supported && (packages.some((one) => one.type === supported.type) || mode === 'enhanced'))
    return packages.length > 0 ? undefined : `The image has ${distribution?.name} and no packages that can be read${told}.`;
  if (mode === 'enhanced' && packages.some((one) => languages[one.type] !== undefined)) return undefined;
  const what = distribution ? `The operating system ${distribution.name} is not supported` : 'The image has no operating system that is known';
  return `${what}${told}.`;
}
