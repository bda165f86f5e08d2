import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { ImageRecord, ManifestRecord } from './types.ts';

/** 'btrg' in the header: tells a catalog from other SQLite databases. */
const APPLICATION_ID = 0x62747267;
const FORMAT = 2;

/** Since format 2. Not part of `manifests`: a pull must not rewrite the bytes of one. */
const PULLS = `CREATE TABLE pulls (repository INTEGER NOT NULL, digest TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (repository, digest),
    FOREIGN KEY (repository, digest) REFERENCES manifests ON DELETE CASCADE) STRICT, WITHOUT ROWID;`;
/** What leads from a format to the next one. */
const upgrades: Readonly<Record<number, string>> = { 1: `${PULLS} PRAGMA user_version = 2;` };

/**
 * What the registry knows besides bytes. A link says that a repository may serve a blob; `refs` is what a manifest
 * names, so that links which no manifest needs can be found. Manifests are small and stand here whole: a push of
 * one, its tag and its references is one transaction.
 */
const SCHEMA = `
  CREATE TABLE repositories (id INTEGER PRIMARY KEY, registry TEXT NOT NULL, name TEXT NOT NULL, created INTEGER NOT NULL, UNIQUE (registry, name)) STRICT;
  CREATE TABLE blobs (digest TEXT PRIMARY KEY, size INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE links (repository INTEGER NOT NULL REFERENCES repositories ON DELETE CASCADE, digest TEXT NOT NULL, linked INTEGER NOT NULL,
    PRIMARY KEY (repository, digest)) STRICT, WITHOUT ROWID;
  CREATE INDEX links_by_digest ON links (digest);
  CREATE TABLE manifests (repository INTEGER NOT NULL REFERENCES repositories ON DELETE CASCADE, digest TEXT NOT NULL, media_type TEXT NOT NULL,
    pushed INTEGER NOT NULL, subject TEXT, artifact_type TEXT, content BLOB NOT NULL, PRIMARY KEY (repository, digest)) STRICT, WITHOUT ROWID;
  CREATE INDEX manifests_by_subject ON manifests (repository, subject) WHERE subject IS NOT NULL;
  CREATE TABLE refs (repository INTEGER NOT NULL, manifest TEXT NOT NULL, digest TEXT NOT NULL, PRIMARY KEY (repository, manifest, digest),
    FOREIGN KEY (repository, manifest) REFERENCES manifests ON DELETE CASCADE) STRICT, WITHOUT ROWID;
  CREATE INDEX refs_by_digest ON refs (repository, digest);
  CREATE TABLE tags (repository INTEGER NOT NULL, tag TEXT NOT NULL, digest TEXT NOT NULL, updated INTEGER NOT NULL, PRIMARY KEY (repository, tag),
    FOREIGN KEY (repository, digest) REFERENCES manifests ON DELETE CASCADE) STRICT, WITHOUT ROWID;
  CREATE INDEX tags_by_digest ON tags (repository, digest);
  ${PULLS}
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${FORMAT};`;

export interface NewManifest {
  readonly digest: string;
  readonly mediaType: string;
  readonly content: Buffer;
  readonly subject: string | undefined;
  readonly artifactType: string | undefined;
  /** Digests that it names: config, layers, manifests. */
  readonly references: readonly string[];
}

type Row = Record<string, string | number | null | Uint8Array>;

/** The catalog in one SQLite file. Every write is durable when its method returns. */
export class Catalog {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(file: string) {
    this.#db = new DatabaseSync(file, { timeout: 5000 });
    try {
      this.#db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;');
      this.#upgrade(file);
    } catch (error) {
      this.#db.close();
      throw error;
    }
  }
  #upgrade(file: string): void {
    const application = Number(this.#one('PRAGMA application_id')?.['application_id']);
    let format = Number(this.#one('PRAGMA user_version')?.['user_version']);
    if (application === APPLICATION_ID) {
      for (let step = upgrades[format]; step !== undefined; step = upgrades[++format]) this.#db.exec(`BEGIN IMMEDIATE; ${step} COMMIT;`);
    }
    if (application === 0 && format === 0 && !this.#one('SELECT 1 FROM sqlite_schema')) this.#db.exec(`BEGIN IMMEDIATE; ${SCHEMA} COMMIT;`);
    else if (application !== APPLICATION_ID) throw new Error(`${file} is no catalog of a registry: move it away`);
    else if (format !== FORMAT) throw new Error(`${file} has format ${format}, this version reads ${FORMAT}: use the version that wrote it`);
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) this.#statements.set(sql, (statement = this.#db.prepare(sql)));
    return statement;
  }
  #one(sql: string, ...values: (string | number)[]): Row | undefined {
    return this.#prepare(sql).get(...values) as Row | undefined;
  }
  #all(sql: string, ...values: (string | number)[]): Row[] {
    return this.#prepare(sql).all(...values) as Row[];
  }
  #run(sql: string, ...values: (string | number | null | Uint8Array)[]): number {
    return Number(this.#prepare(sql).run(...values).changes);
  }
  #transaction<T>(work: () => T): T {
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.#db.exec('COMMIT');
      return result;
    } catch (error) {
      this.#db.exec('ROLLBACK');
      throw error;
    }
  }

  // repositories
  repository(registry: string, name: string): number | undefined {
    return this.#one('SELECT id FROM repositories WHERE registry = ? AND name = ?', registry, name)?.['id'] as number | undefined;
  }
  createRepository(registry: string, name: string, now: number): number {
    this.#run('INSERT INTO repositories (registry, name, created) VALUES (?, ?, ?) ON CONFLICT DO NOTHING', registry, name, now);
    return this.repository(registry, name) as number;
  }
  /** Names after `last`, in order of bytes. */
  repositories(registry: string, last: string, limit: number): string[] {
    return this.#all('SELECT name FROM repositories WHERE registry = ? AND name > ? ORDER BY name LIMIT ?', registry, last, limit).map(
      (row) => row['name'] as string,
    );
  }
  /** Deletes it with all that is in it; its blobs stay until a collection. */
  deleteRepository(registry: string, name: string): boolean {
    return this.#run('DELETE FROM repositories WHERE registry = ? AND name = ?', registry, name) > 0;
  }
  /** Names of the registries that have repositories. */
  registries(): string[] {
    return this.#all('SELECT DISTINCT registry FROM repositories ORDER BY registry').map((row) => row['registry'] as string);
  }

  // blobs
  /** Size of a blob that the repository may serve. */
  blob(repository: number, digest: string): number | undefined {
    return this.#one('SELECT size FROM blobs JOIN links USING (digest) WHERE repository = ? AND digest = ?', repository, digest)?.['size'] as
      | number
      | undefined;
  }
  linkBlob(repository: number, digest: string, size: number, now: number): void {
    this.#transaction(() => {
      this.#run('INSERT INTO blobs VALUES (?, ?) ON CONFLICT DO NOTHING', digest, size);
      this.#run('INSERT INTO links VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET linked = excluded.linked', repository, digest, now);
    });
  }
  /** Keeps an old link for another while: somebody was told that the blob is here. */
  touchLink(repository: number, digest: string, now: number, ifOlderThan: number): void {
    this.#run('UPDATE links SET linked = ? WHERE repository = ? AND digest = ? AND linked < ?', now, repository, digest, ifOlderThan);
  }
  unlinkBlob(repository: number, digest: string): boolean {
    return this.#run('DELETE FROM links WHERE repository = ? AND digest = ?', repository, digest) > 0;
  }
  /** Whether a manifest of the repository names the digest. */
  isReferenced(repository: number, digest: string): boolean {
    return this.#one('SELECT 1 FROM refs WHERE repository = ? AND digest = ?', repository, digest) !== undefined;
  }
  /** Takes links away that no manifest needs and that are older than `before`. Gives their number. */
  dropUnusedLinks(before: number): number {
    return this.#run(
      'DELETE FROM links WHERE linked < ? AND NOT EXISTS (SELECT 1 FROM refs WHERE refs.repository = links.repository AND refs.digest = links.digest)',
      before,
    );
  }
  /** Digests of blobs that no repository links. */
  unlinkedBlobs(limit: number): string[] {
    return this.#all('SELECT digest FROM blobs WHERE NOT EXISTS (SELECT 1 FROM links WHERE links.digest = blobs.digest) LIMIT ?', limit).map(
      (row) => row['digest'] as string,
    );
  }
  /** Forgets a blob when nothing links it still; `remove` takes its bytes away within the transaction. */
  forgetBlob(digest: string, remove: () => void): boolean {
    return this.#transaction(() => {
      const gone = this.#run('DELETE FROM blobs WHERE digest = ? AND NOT EXISTS (SELECT 1 FROM links WHERE links.digest = blobs.digest)', digest) > 0;
      if (gone) remove();
      return gone;
    });
  }
  /** Names of repositories that may serve a blob, in order of bytes. */
  repositoriesWith(registry: string, digest: string, limit: number): string[] {
    const sql = 'SELECT name FROM links JOIN repositories ON id = repository WHERE digest = ? AND registry = ? ORDER BY name LIMIT ?';
    return this.#all(sql, digest, registry, limit).map((row) => row['name'] as string);
  }
  knowsBlob(digest: string): boolean {
    return this.#one('SELECT 1 FROM blobs WHERE digest = ?', digest) !== undefined;
  }

  // manifests
  manifest(repository: number, digest: string): ManifestRecord | undefined {
    const row = this.#one(`SELECT ${columns} FROM manifests WHERE repository = ? AND digest = ?`, repository, digest);
    return row && toRecord(row);
  }
  manifestContent(repository: number, digest: string): Buffer | undefined {
    const content = this.#one('SELECT content FROM manifests WHERE repository = ? AND digest = ?', repository, digest)?.['content'];
    return content instanceof Uint8Array ? Buffer.from(content.buffer, content.byteOffset, content.byteLength) : undefined;
  }
  putManifest(repository: number, manifest: NewManifest, tag: string | undefined, now: number): void {
    this.#transaction(() => {
      this.#run(
        'INSERT INTO manifests VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
        repository,
        manifest.digest,
        manifest.mediaType,
        now,
        manifest.subject ?? null,
        manifest.artifactType ?? null,
        manifest.content,
      );
      for (const digest of manifest.references) this.#run('INSERT INTO refs VALUES (?, ?, ?) ON CONFLICT DO NOTHING', repository, manifest.digest, digest);
      if (tag !== undefined) this.#setTag(repository, tag, manifest.digest, now);
    });
  }
  /** Deletes it with the tags that name it. */
  deleteManifest(repository: number, digest: string): boolean {
    return this.#run('DELETE FROM manifests WHERE repository = ? AND digest = ?', repository, digest) > 0;
  }
  referrers(repository: number, subject: string): (ManifestRecord & { content: Buffer })[] {
    return this.#all(`SELECT ${columns}, content FROM manifests WHERE repository = ? AND subject = ? ORDER BY digest`, repository, subject).map((row) => ({
      ...toRecord(row),
      content: Buffer.from(row['content'] as Uint8Array),
    }));
  }
  /** Every manifest of a repository, the newest first. */
  images(repository: number): ImageRecord[] {
    const tags = Map.groupBy(this.#all('SELECT tag, digest FROM tags WHERE repository = ? ORDER BY tag', repository), (row) => row['digest']);
    return this.#all(
      `SELECT ${columns}, content, (SELECT at FROM pulls WHERE pulls.repository = manifests.repository AND pulls.digest = manifests.digest) AS pulled
       FROM manifests WHERE repository = ? ORDER BY pushed DESC, digest`,
      repository,
    ).map((row) => ({
      ...toRecord(row),
      content: Buffer.from(row['content'] as Uint8Array),
      tags: (tags.get(row['digest'] as string) ?? []).map((t) => t['tag'] as string),
      pulled: (row['pulled'] as number | null) ?? undefined,
    }));
  }
  /** Notes that a manifest was asked for, unless that was noted after `unlessAfter`. */
  notePull(repository: number, digest: string, now: number, unlessAfter: number): void {
    this.#run('INSERT INTO pulls VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET at = excluded.at WHERE at < ?', repository, digest, now, unlessAfter);
  }

  // tags
  tag(repository: number, tag: string): string | undefined {
    return this.#one('SELECT digest FROM tags WHERE repository = ? AND tag = ?', repository, tag)?.['digest'] as string | undefined;
  }
  /** Tags that name a manifest, in order of bytes. */
  tagsOf(repository: number, digest: string): string[] {
    return this.#all('SELECT tag FROM tags WHERE repository = ? AND digest = ? ORDER BY tag', repository, digest).map((row) => row['tag'] as string);
  }
  #setTag(repository: number, tag: string, digest: string, now: number): void {
    this.#run(
      'INSERT INTO tags VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET digest = excluded.digest, updated = excluded.updated',
      repository,
      tag,
      digest,
      now,
    );
  }
  deleteTag(repository: number, tag: string): boolean {
    return this.#run('DELETE FROM tags WHERE repository = ? AND tag = ?', repository, tag) > 0;
  }
  /** Tags after `last`, in order of bytes. */
  tags(repository: number, last: string, limit: number): string[] {
    return this.#all('SELECT tag FROM tags WHERE repository = ? AND tag > ? ORDER BY tag LIMIT ?', repository, last, limit).map((row) => row['tag'] as string);
  }
  close(): void {
    this.#db.close();
  }
}

const columns = 'digest, media_type, length(content) AS size, pushed, subject, artifact_type';
const toRecord = (row: Row): ManifestRecord => ({
  digest: row['digest'] as string,
  mediaType: row['media_type'] as string,
  size: row['size'] as number,
  pushed: row['pushed'] as number,
  subject: (row['subject'] as string | null) ?? undefined,
  artifactType: (row['artifact_type'] as string | null) ?? undefined,
});
