import { DatabaseSync, type SQLInputValue, type SQLOutputValue, type StatementSync } from 'node:sqlite';

/** 'btob' in the header: tells a catalog of objects from other SQLite databases. */
const APPLICATION_ID = 0x62746f62;
const FORMAT = 1;

/**
 * A version is one row, a delete marker too; `seq` is the order in which versions came. `latest` marks the newest one
 * of a key. Segments are the files of its bytes, one per part of a multipart upload. Texts compare as UTF-8 bytes, in
 * the order in which S3 lists.
 */
const SCHEMA = `
  CREATE TABLE buckets (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, account TEXT NOT NULL, region TEXT NOT NULL, created INTEGER NOT NULL,
    versioning TEXT) STRICT;
  CREATE TABLE settings (bucket INTEGER NOT NULL REFERENCES buckets ON DELETE CASCADE, name TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (bucket, name)) STRICT, WITHOUT ROWID;
  CREATE TABLE versions (seq INTEGER PRIMARY KEY AUTOINCREMENT, bucket INTEGER NOT NULL REFERENCES buckets, key TEXT NOT NULL, version TEXT NOT NULL,
    latest INTEGER NOT NULL, marker INTEGER NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL, modified INTEGER NOT NULL, storage_class TEXT NOT NULL,
    meta TEXT NOT NULL, tags TEXT NOT NULL, UNIQUE (bucket, key, version)) STRICT;
  CREATE UNIQUE INDEX latest_versions ON versions (bucket, key) WHERE latest = 1;
  CREATE INDEX versions_in_order ON versions (bucket, key, seq DESC);
  CREATE TABLE segments (seq INTEGER NOT NULL REFERENCES versions ON DELETE CASCADE, n INTEGER NOT NULL, file TEXT NOT NULL, size INTEGER NOT NULL,
    checksum TEXT, PRIMARY KEY (seq, n)) STRICT, WITHOUT ROWID;
  CREATE INDEX segments_by_file ON segments (file);
  CREATE TABLE uploads (id TEXT PRIMARY KEY, bucket INTEGER NOT NULL REFERENCES buckets, key TEXT NOT NULL, initiated INTEGER NOT NULL,
    attributes TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE INDEX uploads_by_key ON uploads (bucket, key, initiated, id);
  CREATE TABLE parts (upload TEXT NOT NULL REFERENCES uploads ON DELETE CASCADE, n INTEGER NOT NULL, file TEXT NOT NULL, size INTEGER NOT NULL,
    etag TEXT NOT NULL, modified INTEGER NOT NULL, checksum TEXT, PRIMARY KEY (upload, n)) STRICT, WITHOUT ROWID;
  CREATE INDEX parts_by_file ON parts (file);
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${FORMAT};`;

export type Row = Record<string, SQLOutputValue>;

/** The SQLite file: statements kept prepared, transactions that nest in none. Every write is durable when its call returns. */
export class Database {
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
    const application = Number(this.one('PRAGMA application_id')?.['application_id']);
    const format = Number(this.one('PRAGMA user_version')?.['user_version']);
    if (application === 0 && format === 0 && !this.one('SELECT 1 FROM sqlite_schema')) this.#db.exec(`BEGIN IMMEDIATE; ${SCHEMA} COMMIT;`);
    else if (application !== APPLICATION_ID) throw new Error(`${file} is no catalog of objects: move it away`);
    else if (format !== FORMAT) throw new Error(`${file} has format ${format}, this version reads ${FORMAT}: use the version that wrote it`);
  }
  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) this.#statements.set(sql, (statement = this.#db.prepare(sql)));
    return statement;
  }
  one(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#prepare(sql).get(...values);
  }
  all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#prepare(sql).all(...values);
  }
  /** Gives how many rows changed. */
  run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#prepare(sql).run(...values).changes);
  }
  transaction<T>(work: () => T): T {
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
  close(): void {
    this.#db.close();
  }
}
