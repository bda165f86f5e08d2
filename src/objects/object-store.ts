import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock, Logger, Random, Timer } from '#base';
import { Buckets, type Bucket } from './buckets.ts';
import { DataFiles } from './data-files.ts';
import { openDatabase, type Database } from './database.ts';
import { abortsUpload, lifecycleActions, type LifecycleAction, type LifecycleRule } from './lifecycle.ts';
import { activeLock } from './lock.ts';
import { Multipart, type Upload } from './multipart.ts';
import { successor } from './names.ts';
import { Objects, type Deleted } from './objects.ts';
import { listPage, startAfter, type Page } from './listing.ts';
import { seqOf, Versions, type Version } from './versions.ts';

export interface ObjectStoreOptions {
  /** Directory that holds everything: the catalog and the bytes. */
  readonly dir: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** How often lifecycle rules are looked at and space is given back, ms; an hour by default. */
  readonly careMs?: number;
  /** Told of what lifecycle rules did to a version; `deleted` unless it moved to another class. */
  onLifecycle?(bucket: Bucket, action: LifecycleAction, deleted: Deleted | undefined): void;
}

export interface ListOptions {
  readonly prefix?: string | undefined;
  readonly delimiter?: string | undefined;
  readonly limit: number;
}

export interface Care {
  /** Versions that lifecycle rules expired, removed or moved. */
  versions: number;
  /** Uploads that lifecycle rules ended. */
  uploads: number;
  /** Files that nothing named. */
  files: number;
}

/** Files that nothing names are orphans of a crash once they are this old: younger ones may be on their way into the catalog. */
const ORPHAN_MS = 60 * 60 * 1000;
/** Keys that lifecycle rules look at before requests get a turn. */
const BATCH = 500;

/** Buckets and their objects over one directory. */
export class ObjectStore {
  readonly buckets: Buckets;
  readonly objects: Objects;
  readonly multipart: Multipart;
  readonly #db: Database;
  readonly #files: DataFiles;
  readonly #versions: Versions;
  readonly #options: ObjectStoreOptions;
  #timer: Timer | undefined;
  #closed = false;

  constructor(options: ObjectStoreOptions) {
    this.#options = options;
    mkdirSync(options.dir, { recursive: true, mode: 0o700 });
    const { clock, random } = options;
    const db = (this.#db = openDatabase(join(options.dir, 'catalog.db')));
    const files = (this.#files = new DataFiles(options.dir, clock, random));
    const versions = (this.#versions = new Versions(db, random));
    this.buckets = new Buckets(db, clock);
    const objects = (this.objects = new Objects(db, versions, files, clock));
    this.multipart = new Multipart({ db, versions, files, objects, clock, random });
    this.#schedule();
  }
  #schedule(): void {
    if (this.#closed) return;
    this.#timer = this.#options.clock.after(this.#options.careMs ?? 60 * 60 * 1000, () => {
      this.care().then(
        () => this.#schedule(),
        (error: unknown) => {
          if (!this.#closed) this.#options.log.error('lifecycle rules could not be carried out; they are tried again', { error });
          this.#schedule();
        },
      );
    });
  }
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer?.cancel();
    this.#db.close();
    void this.#files.close();
  }

  /** Everything goes: buckets, versions, uploads. */
  clear(): void {
    const files = this.#db.transaction(() => {
      const names = this.#db.all('SELECT file FROM segments UNION SELECT file FROM parts').map((row) => row['file'] as string);
      for (const table of ['parts', 'uploads', 'segments', 'versions', 'settings', 'buckets']) this.#db.run(`DELETE FROM ${table}`);
      return names;
    });
    this.#files.remove(files);
  }

  /** Objects after a key or common prefix, newest versions only. */
  list(bucket: Bucket, options: ListOptions & { after?: string | undefined }): Page<Version> {
    const { prefix = '', delimiter = '', limit, after } = options;
    const end = successor(prefix);
    const page = { prefix, delimiter, limit };
    return listPage<Version, string>(page, after === undefined ? prefix : startAfter(after, page), (from, n) => this.#versions.objects(bucket, from, end, n), {
      item: (version) => `${version.key}\0`,
      key: (key) => key,
    });
  }
  /** All versions after a key, or after one version of it. */
  listVersions(bucket: Bucket, options: ListOptions & { after?: string | undefined; version?: string | undefined }): Page<Version> {
    const { prefix = '', delimiter = '', limit, after, version } = options;
    const page = { prefix, delimiter, limit };
    const start = this.#startOfVersions(bucket, after, version, page);
    const end = successor(prefix);
    return listPage<Version, { key: string; below: number }>(page, start, (from, n) => this.#versions.history(bucket, from, end, n), {
      item: ({ key, seq }) => ({ key, below: seq }),
      key: (key) => ({ key, below: Number.MAX_SAFE_INTEGER }),
    });
  }
  /** Multipart uploads under way after a key, or after one upload of it. */
  listUploads(bucket: Bucket, options: ListOptions & { after?: string | undefined; upload?: string | undefined }): Page<Upload> {
    const { prefix = '', delimiter = '', limit, after, upload } = options;
    const page = { prefix, delimiter, limit };
    const sameKey = after !== undefined && after !== '' && upload !== undefined && upload !== '';
    const start = sameKey ? { key: after, after: upload } : { key: after === undefined || after === '' ? prefix : startAfter(after, page), after: undefined };
    const end = successor(prefix);
    return listPage<Upload, { key: string; after: string | undefined }>(page, start, (from, n) => this.multipart.list(bucket, from, end).slice(0, n), {
      item: ({ key, id }) => ({ key, after: id }),
      key: (key) => ({ key, after: undefined }),
    });
  }
  #startOfVersions(
    bucket: Bucket,
    after: string | undefined,
    version: string | undefined,
    page: { prefix: string; delimiter: string },
  ): { key: string; below: number } {
    if (after !== undefined && version !== undefined) {
      const seq = this.#versions.find(bucket, after, version)?.seq ?? seqOf(version);
      if (seq !== undefined) return { key: after, below: seq };
    }
    return { key: after === undefined ? page.prefix : startAfter(after, page), below: Number.MAX_SAFE_INTEGER };
  }

  /** Carries lifecycle rules out and gives the space of orphans back, while requests are served. */
  async care(): Promise<Care> {
    const done: Care = { versions: 0, uploads: 0, files: 0 };
    for (const { name } of this.buckets.all()) await this.#lifecycle(name, done);
    for (const file of this.#files.older(this.#options.clock.now() - ORPHAN_MS)) {
      if (this.#closed) break;
      if (this.#versions.unused([file]).length === 0) continue;
      this.#files.remove([file]);
      done.files++;
    }
    return done;
  }
  async #lifecycle(name: string, done: Care): Promise<void> {
    let after: string | undefined;
    do {
      const bucket = this.#closed ? undefined : this.buckets.find(name);
      const rules = bucket && (this.buckets.setting(bucket, 'lifecycle') as { Rules?: LifecycleRule[] } | undefined)?.Rules;
      if (!bucket || !rules) return;
      if (after === undefined) done.uploads += this.#abortOld(bucket, rules);
      const { versions, last } = this.#someKeys(bucket, after);
      for (const ofKey of versions) for (const action of lifecycleActions(rules, ofKey, this.#options.clock.now())) done.versions += this.#act(bucket, action);
      after = last;
      await new Promise((resolve) => setImmediate(resolve));
    } while (after !== undefined);
  }
  #abortOld(bucket: Bucket, rules: readonly LifecycleRule[]): number {
    const old = this.multipart
      .list(bucket, { key: '', after: undefined }, undefined)
      .filter((upload) => abortsUpload(rules, upload, this.#options.clock.now()));
    for (const { key, id } of old) this.multipart.abort(bucket, key, id);
    return old.length;
  }
  /** Whole keys after one: all versions of each, newest first. */
  #someKeys(bucket: Bucket, after: string | undefined): { versions: Version[][]; last: string | undefined } {
    const from = { key: after === undefined ? '' : `${after}\0`, below: Number.MAX_SAFE_INTEGER };
    let limit = BATCH;
    for (;;) {
      const found = this.#versions.history(bucket, from, undefined, limit);
      const keys = [...Map.groupBy(found, (version) => version.key).values()];
      if (found.length < limit) return { versions: keys, last: undefined };
      // The last key may go on beyond the batch.
      if (keys.length > 1) return { versions: keys.slice(0, -1), last: keys.at(-2)?.[0]?.key };
      limit *= 4;
    }
  }
  #act(bucket: Bucket, action: LifecycleAction): number {
    const { key, version, seq, meta } = action.version;
    // What is locked stays until it is not: the rule comes by again.
    if (action.do === 'remove' && activeLock(meta.lock, this.#options.clock.now()) !== undefined) return 0;
    if (action.do === 'transition') this.#versions.setStorageClass(seq, action.storageClass);
    const deleted = action.do === 'transition' ? undefined : this.objects.delete(bucket, key, action.do === 'remove' ? version : undefined);
    this.#options.onLifecycle?.(bucket, action, deleted);
    return 1;
  }
}
