import { CatalogFile, type Row } from '#base';
import type { ImageRecord, ManifestRecord } from './types.ts';

/** Since format 2. Not part of `manifests`: a pull must not rewrite the bytes of one. */
const PULLS = `CREATE TABLE pulls (repository INTEGER NOT NULL, digest TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (repository, digest),
    FOREIGN KEY (repository, digest) REFERENCES manifests ON DELETE CASCADE) STRICT, WITHOUT ROWID;`;

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
  ${PULLS}`;

/** 'btrg' in the header. */
const format = { name: 'catalog of a registry', application: 0x62747267, version: 2, schema: SCHEMA, upgrades: { 1: PULLS } };

export interface NewManifest {
  readonly digest: string;
  readonly mediaType: string;
  readonly content: Buffer;
  readonly subject: string | undefined;
  readonly artifactType: string | undefined;
  /** Digests that it names: config, layers, manifests. */
  readonly references: readonly string[];
}

/** The catalog in one SQLite file. Every write is durable when its method returns. */
export class Catalog {
  readonly #db: CatalogFile;

  constructor(file: string) {
    this.#db = new CatalogFile(file, format);
  }

  // repositories
  repository(registry: string, name: string): number | undefined {
    return this.#db.one('SELECT id FROM repositories WHERE registry = ? AND name = ?', registry, name)?.['id'] as number | undefined;
  }
  createRepository(registry: string, name: string, now: number): number {
    this.#db.run('INSERT INTO repositories (registry, name, created) VALUES (?, ?, ?) ON CONFLICT DO NOTHING', registry, name, now);
    return this.repository(registry, name) as number;
  }
  /** Names after `last`, in order of bytes. */
  repositories(registry: string, last: string, limit: number): string[] {
    return this.#db
      .all('SELECT name FROM repositories WHERE registry = ? AND name > ? ORDER BY name LIMIT ?', registry, last, limit)
      .map((row) => row['name'] as string);
  }
  /** Deletes it with all that is in it; its blobs stay until a collection. */
  deleteRepository(registry: string, name: string): boolean {
    return this.#db.run('DELETE FROM repositories WHERE registry = ? AND name = ?', registry, name) > 0;
  }
  /** Names of the registries that have repositories. */
  registries(): string[] {
    return this.#db.all('SELECT DISTINCT registry FROM repositories ORDER BY registry').map((row) => row['registry'] as string);
  }

  // blobs
  /** Size of a blob that the repository may serve. */
  blob(repository: number, digest: string): number | undefined {
    return this.#db.one('SELECT size FROM blobs JOIN links USING (digest) WHERE repository = ? AND digest = ?', repository, digest)?.['size'] as
      | number
      | undefined;
  }
  linkBlob(repository: number, digest: string, size: number, now: number): void {
    this.#db.transaction(() => {
      this.#db.run('INSERT INTO blobs VALUES (?, ?) ON CONFLICT DO NOTHING', digest, size);
      this.#db.run('INSERT INTO links VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET linked = excluded.linked', repository, digest, now);
    });
  }
  /** Keeps an old link for another while: somebody was told that the blob is here. */
  touchLink(repository: number, digest: string, now: number, ifOlderThan: number): void {
    this.#db.run('UPDATE links SET linked = ? WHERE repository = ? AND digest = ? AND linked < ?', now, repository, digest, ifOlderThan);
  }
  unlinkBlob(repository: number, digest: string): boolean {
    return this.#db.run('DELETE FROM links WHERE repository = ? AND digest = ?', repository, digest) > 0;
  }
  /** Whether a manifest of the repository names the digest. */
  isReferenced(repository: number, digest: string): boolean {
    return this.#db.one('SELECT 1 FROM refs WHERE repository = ? AND digest = ?', repository, digest) !== undefined;
  }
  /** Takes links away that no manifest needs and that are older than `before`. Gives their number. */
  dropUnusedLinks(before: number): number {
    return this.#db.run(
      'DELETE FROM links WHERE linked < ? AND NOT EXISTS (SELECT 1 FROM refs WHERE refs.repository = links.repository AND refs.digest = links.digest)',
      before,
    );
  }
  /** Digests of blobs that no repository links. */
  unlinkedBlobs(limit: number): string[] {
    return this.#db
      .all('SELECT digest FROM blobs WHERE NOT EXISTS (SELECT 1 FROM links WHERE links.digest = blobs.digest) LIMIT ?', limit)
      .map((row) => row['digest'] as string);
  }
  /** Forgets a blob when nothing links it still; `remove` takes its bytes away within the transaction. */
  forgetBlob(digest: string, remove: () => void): boolean {
    return this.#db.transaction(() => {
      const gone = this.#db.run('DELETE FROM blobs WHERE digest = ? AND NOT EXISTS (SELECT 1 FROM links WHERE links.digest = blobs.digest)', digest) > 0;
      if (gone) remove();
      return gone;
    });
  }
  /** Names of repositories that may serve a blob, in order of bytes. */
  repositoriesWith(registry: string, digest: string, limit: number): string[] {
    const sql = 'SELECT name FROM links JOIN repositories ON id = repository WHERE digest = ? AND registry = ? ORDER BY name LIMIT ?';
    return this.#db.all(sql, digest, registry, limit).map((row) => row['name'] as string);
  }
  knowsBlob(digest: string): boolean {
    return this.#db.one('SELECT 1 FROM blobs WHERE digest = ?', digest) !== undefined;
  }

  // manifests
  manifest(repository: number, digest: string): ManifestRecord | undefined {
    const row = this.#db.one(`SELECT ${columns} FROM manifests WHERE repository = ? AND digest = ?`, repository, digest);
    return row && toRecord(row);
  }
  manifestContent(repository: number, digest: string): Buffer | undefined {
    const content = this.#db.one('SELECT content FROM manifests WHERE repository = ? AND digest = ?', repository, digest)?.['content'];
    return content instanceof Uint8Array ? Buffer.from(content.buffer, content.byteOffset, content.byteLength) : undefined;
  }
  putManifest(repository: number, manifest: NewManifest, tag: string | undefined, now: number): void {
    this.#db.transaction(() => {
      this.#db.run(
        'INSERT INTO manifests VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
        repository,
        manifest.digest,
        manifest.mediaType,
        now,
        manifest.subject ?? null,
        manifest.artifactType ?? null,
        manifest.content,
      );
      for (const digest of manifest.references) this.#db.run('INSERT INTO refs VALUES (?, ?, ?) ON CONFLICT DO NOTHING', repository, manifest.digest, digest);
      if (tag !== undefined) this.#setTag(repository, tag, manifest.digest, now);
    });
  }
  /** Deletes it with the tags that name it. */
  deleteManifest(repository: number, digest: string): boolean {
    return this.#db.run('DELETE FROM manifests WHERE repository = ? AND digest = ?', repository, digest) > 0;
  }
  referrers(repository: number, subject: string): (ManifestRecord & { content: Buffer })[] {
    return this.#db.all(`SELECT ${columns}, content FROM manifests WHERE repository = ? AND subject = ? ORDER BY digest`, repository, subject).map((row) => ({
      ...toRecord(row),
      content: Buffer.from(row['content'] as Uint8Array),
    }));
  }
  /** Every manifest of a repository, the newest first. */
  images(repository: number): ImageRecord[] {
    const tags = Map.groupBy(this.#db.all('SELECT tag, digest FROM tags WHERE repository = ? ORDER BY tag', repository), (row) => row['digest']);
    return this.#db
      .all(
        `SELECT ${columns}, content, (SELECT at FROM pulls WHERE pulls.repository = manifests.repository AND pulls.digest = manifests.digest) AS pulled
       FROM manifests WHERE repository = ? ORDER BY pushed DESC, digest`,
        repository,
      )
      .map((row) => ({
        ...toRecord(row),
        content: Buffer.from(row['content'] as Uint8Array),
        tags: (tags.get(row['digest'] as string) ?? []).map((t) => t['tag'] as string),
        pulled: (row['pulled'] as number | null) ?? undefined,
      }));
  }
  /** Notes that a manifest was asked for, unless that was noted after `unlessAfter`. */
  notePull(repository: number, digest: string, now: number, unlessAfter: number): void {
    this.#db.run('INSERT INTO pulls VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET at = excluded.at WHERE at < ?', repository, digest, now, unlessAfter);
  }

  // tags
  tag(repository: number, tag: string): string | undefined {
    return this.#db.one('SELECT digest FROM tags WHERE repository = ? AND tag = ?', repository, tag)?.['digest'] as string | undefined;
  }
  /** Tags that name a manifest, in order of bytes. */
  tagsOf(repository: number, digest: string): string[] {
    return this.#db.all('SELECT tag FROM tags WHERE repository = ? AND digest = ? ORDER BY tag', repository, digest).map((row) => row['tag'] as string);
  }
  #setTag(repository: number, tag: string, digest: string, now: number): void {
    this.#db.run(
      'INSERT INTO tags VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET digest = excluded.digest, updated = excluded.updated',
      repository,
      tag,
      digest,
      now,
    );
  }
  deleteTag(repository: number, tag: string): boolean {
    return this.#db.run('DELETE FROM tags WHERE repository = ? AND tag = ?', repository, tag) > 0;
  }
  /** Tags after `last`, in order of bytes. */
  tags(repository: number, last: string, limit: number): string[] {
    return this.#db
      .all('SELECT tag FROM tags WHERE repository = ? AND tag > ? ORDER BY tag LIMIT ?', repository, last, limit)
      .map((row) => row['tag'] as string);
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
