import type { Random } from '#base';
import type { Bucket } from './buckets.ts';
import type { Checksum } from './checksums.ts';
import type { Segment } from './data-files.ts';
import type { Database, Row } from './database.ts';
import type { Lock } from './lock.ts';
import type { Tag } from './names.ts';

/** One entry of an access control list, as the API has it. */
export interface Grant {
  readonly Grantee: { readonly Type: string; readonly ID?: string | undefined; readonly URI?: string | undefined };
  readonly Permission: string;
}

/** What a client says of an object and gets back with it. */
export interface ObjectMeta {
  /** Headers that are kept: content-type, cache-control, content-disposition, content-encoding, content-language, expires, x-amz-website-redirect-location. */
  readonly headers: Readonly<Record<string, string>>;
  /** x-amz-meta-…, names without that prefix and in lower case. */
  readonly user: Readonly<Record<string, string>>;
  /** AES256. */
  readonly encryption?: string | undefined;
  readonly checksum?: Checksum | undefined;
  /** Of how many parts it was made; undefined: it was put in one piece. */
  readonly parts?: number | undefined;
  readonly lock?: Lock | undefined;
  /** Who has which permission on it, where that is kept. */
  readonly acl?: readonly Grant[] | undefined;
  /** Account that owns it, where that is not the bucket's. */
  readonly owner?: string | undefined;
}

export interface StoredSegment extends Segment {
  /** Base64, of the algorithm of the object. */
  readonly checksum?: string | undefined;
}

/** A version of an object, or a delete marker. */
export interface Version {
  readonly seq: number;
  readonly key: string;
  /** `null` for what came while versioning was off. */
  readonly version: string;
  readonly latest: boolean;
  readonly marker: boolean;
  readonly size: number;
  /** Without quotes. */
  readonly etag: string;
  /** ms since the epoch. */
  readonly modified: number;
  readonly storageClass: string;
  readonly meta: ObjectMeta;
  readonly tags: readonly Tag[];
}

export interface NewVersion {
  readonly key: string;
  readonly marker: boolean;
  readonly size: number;
  readonly etag: string;
  readonly modified: number;
  readonly storageClass: string;
  readonly meta: ObjectMeta;
  readonly tags: readonly Tag[];
  readonly segments: readonly StoredSegment[];
}

/** Versions in the catalog. The caller holds a transaction around each writing call, and removes the files it is told of afterwards. */
export class Versions {
  readonly #db: Database;
  readonly #random: Random;

  constructor(db: Database, random: Random) {
    this.#db = db;
    this.#random = random;
  }

  latest(bucket: Bucket, key: string): Version | undefined {
    const row = this.#db.one('SELECT * FROM versions WHERE bucket = ? AND key = ? AND latest = 1', bucket.id, key);
    return row && toVersion(row);
  }
  find(bucket: Bucket, key: string, version: string): Version | undefined {
    const row = this.#db.one('SELECT * FROM versions WHERE bucket = ? AND key = ? AND version = ?', bucket.id, key, version);
    return row && toVersion(row);
  }
  segments(seq: number): StoredSegment[] {
    return this.#db.all('SELECT file, size, checksum FROM segments WHERE seq = ? ORDER BY n', seq).map((row) => ({
      file: row['file'] as string,
      size: row['size'] as number,
      checksum: (row['checksum'] as string | null) ?? undefined,
    }));
  }

  /** Makes it the newest version of its key; unless versioning is on, it takes the place of the null version. Gives its id and files that are free then. */
  add(bucket: Bucket, added: NewVersion): { version: string; freed: string[] } {
    const freed = bucket.versioning === 'Enabled' ? [] : this.#drop(bucket, added.key, 'null');
    this.#db.run('UPDATE versions SET latest = 0 WHERE bucket = ? AND key = ? AND latest = 1', bucket.id, added.key);
    const seq = Number(this.#db.one("SELECT seq FROM sqlite_sequence WHERE name = 'versions'")?.['seq'] ?? 0) + 1;
    const version = bucket.versioning === 'Enabled' ? this.#id(seq) : 'null';
    this.#db.run(
      'INSERT INTO versions VALUES (?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?)',
      seq,
      bucket.id,
      added.key,
      version,
      added.marker ? 1 : 0,
      added.size,
      added.etag,
      added.modified,
      added.storageClass,
      JSON.stringify(added.meta),
      JSON.stringify(added.tags),
    );
    added.segments.forEach((segment, n) => {
      this.#db.run('INSERT INTO segments VALUES (?, ?, ?, ?, ?)', seq, n, segment.file, segment.size, segment.checksum ?? null);
    });
    return { version, freed: this.unused(freed) };
  }
  /** Removes one version for good; the one before it is the newest then. Gives files that are free. */
  remove(bucket: Bucket, key: string, version: string): string[] {
    const files = this.#drop(bucket, key, version);
    this.#db.run(
      'UPDATE versions SET latest = 1 WHERE seq = (SELECT seq FROM versions WHERE bucket = ? AND key = ? ORDER BY seq DESC LIMIT 1) AND latest = 0',
      bucket.id,
      key,
    );
    return this.unused(files);
  }
  #drop(bucket: Bucket, key: string, version: string): string[] {
    const there = this.find(bucket, key, version);
    if (!there) return [];
    const files = this.segments(there.seq).map((segment) => segment.file);
    this.#db.run('DELETE FROM versions WHERE seq = ?', there.seq);
    return files;
  }
  setTags(seq: number, tags: readonly Tag[]): void {
    this.#db.run('UPDATE versions SET tags = ? WHERE seq = ?', JSON.stringify(tags), seq);
  }
  meta(seq: number): ObjectMeta | undefined {
    const text = this.#db.one('SELECT meta FROM versions WHERE seq = ?', seq)?.['meta'];
    return typeof text === 'string' ? (JSON.parse(text) as ObjectMeta) : undefined;
  }
  setMeta(seq: number, meta: ObjectMeta): void {
    this.#db.run('UPDATE versions SET meta = ? WHERE seq = ?', JSON.stringify(meta), seq);
  }
  setStorageClass(seq: number, storageClass: string): void {
    this.#db.run('UPDATE versions SET storage_class = ? WHERE seq = ?', storageClass, seq);
  }

  /** Those of some files that no version and no part names: copies share their bytes. */
  unused(files: Iterable<string>): string[] {
    return [...new Set(files)].filter(
      (file) => !this.#db.one('SELECT 1 FROM segments WHERE file = ? UNION ALL SELECT 1 FROM parts WHERE file = ? LIMIT 1', file, file),
    );
  }

  /** Newest versions that are no delete markers, from a key on (included), below `end`, in order of keys. */
  objects(bucket: Bucket, from: string, end: string | undefined, limit: number): Version[] {
    return this.#db
      .all(
        'SELECT * FROM versions WHERE bucket = ? AND latest = 1 AND key >= ? AND (? IS NULL OR key < ?) AND marker = 0 ORDER BY key LIMIT ?',
        bucket.id,
        from,
        end ?? null,
        end ?? null,
        limit,
      )
      .map(toVersion);
  }
  /** All versions after (key, seq), newest of a key first. */
  history(bucket: Bucket, from: { key: string; below: number }, end: string | undefined, limit: number): Version[] {
    return this.#db
      .all(
        `SELECT * FROM versions WHERE bucket = ? AND key >= ? AND NOT (key = ? AND seq >= ?) AND (? IS NULL OR key < ?)
         ORDER BY key, seq DESC LIMIT ?`,
        bucket.id,
        from.key,
        from.key,
        from.below,
        end ?? null,
        end ?? null,
        limit,
      )
      .map(toVersion);
  }

  /** Ids say when they came, so that a listing goes on where it stood also when that version is gone. */
  #id(seq: number): string {
    return seq.toString(36).padStart(11, '0') + this.#random.uuid().replaceAll('-', '').slice(0, 21);
  }
}
/** The place in order that a version id has; undefined: no id of ours. */
export const seqOf = (version: string): number | undefined =>
  /^[0-9a-z]{11}[0-9a-f]{21}$/.test(version) ? Number.parseInt(version.slice(0, 11), 36) : undefined;

function toVersion(row: Row): Version {
  return {
    seq: row['seq'] as number,
    key: row['key'] as string,
    version: row['version'] as string,
    latest: row['latest'] === 1,
    marker: row['marker'] === 1,
    size: row['size'] as number,
    etag: row['etag'] as string,
    modified: row['modified'] as number,
    storageClass: row['storage_class'] as string,
    meta: JSON.parse(row['meta'] as string) as ObjectMeta,
    tags: JSON.parse(row['tags'] as string) as Tag[],
  };
}
