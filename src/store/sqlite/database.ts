import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { HEAD, type Failure, type FailureReason, type PackedRows } from './protocol.ts';

/** 'btta' in the header: tells our files from other SQLite databases. */
export const APPLICATION_ID = 0x62747461;
export const FORMAT = 1;
const PAGE_SIZE = 8192;
/** Pages in the log before they are moved into the file: small enough that moving them takes a few milliseconds. */
const CHECKPOINT_PAGES = 512;
/** Free pages given back per slice. */
const VACUUM_SLICE = 128;
/** Free pages that stay in the file for the next writes. */
const KEEP_FREE = 256;
/** Bytes of values handed over together while loading. */
const LOAD_BYTES = 64 * 1024;

/**
 * One append-only table: a row per change, in the order of commit. Memory knows which rows are dead, so
 * no index is needed. `created` 0 marks a delete (its value is empty).
 */
const SCHEMA = `
  CREATE TABLE log (id INTEGER PRIMARY KEY, revision INTEGER NOT NULL, created INTEGER NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL) STRICT;
  CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  INSERT INTO meta VALUES ('compacted', 0);
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${FORMAT};`;

/** Writes an empty store to a file that does not exist yet, and closes it. Not durable until the caller has flushed the file. */
export function createDatabase(file: string): void {
  const db = new DatabaseSync(file);
  try {
    db.exec(`PRAGMA page_size = ${PAGE_SIZE}; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY;`);
    db.exec(`BEGIN IMMEDIATE; ${SCHEMA} COMMIT; PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;`);
  } finally {
    db.close();
  }
}

/** The database as the writer thread sees it. Every method either does all it says, durably, or throws and has done nothing. */
export class Database {
  readonly #db: DatabaseSync;
  readonly #insert: StatementSync;
  readonly #remove: StatementSync;
  readonly #mark: StatementSync;

  /** Takes the lock; throws SQLite's error when the file is locked, damaged or none of ours. */
  constructor(file: string, lockWaitMs: number, quotaBytes: number | undefined) {
    this.#db = new DatabaseSync(file, { timeout: lockWaitMs });
    try {
      this.#open(quotaBytes);
      this.#insert = this.#db.prepare('INSERT INTO log VALUES (?, ?, ?, ?, ?)');
      this.#remove = this.#db.prepare('DELETE FROM log WHERE id = ?');
      this.#mark = this.#db.prepare("UPDATE meta SET value = ? WHERE name = 'compacted'");
    } catch (error) {
      this.#db.close();
      throw error;
    }
  }

  #open(quotaBytes: number | undefined): void {
    // Exclusive before the first access: SQLite then holds the lock until the process ends, however it ends.
    this.#db.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = FULL; PRAGMA cache_size = -16384;');
    if (this.#number('PRAGMA application_id') !== APPLICATION_ID) throw new NotOurs('it is not a store of this program');
    const format = this.#number('PRAGMA user_version');
    if (format !== FORMAT) throw new NewerFormat(`it has format ${format}, this version reads format ${FORMAT}`);
    this.#db.exec(`PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}; PRAGMA journal_size_limit = 0;`);
    if (quotaBytes !== undefined) this.#db.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(quotaBytes / PAGE_SIZE))}`);
    this.#db.exec('BEGIN IMMEDIATE; COMMIT;');
  }

  compacted(): number {
    return this.#number("SELECT value FROM meta WHERE name = 'compacted'");
  }

  /** All rows in the order of id, a packed chunk at a time. */
  load(chunk: (rows: PackedRows) => void): void {
    const select = this.#db.prepare('SELECT id, revision, created, key, value FROM log ORDER BY id');
    select.setReturnArrays(true);
    let rows: Row[] = [];
    let bytes = 0;
    const flush = (): void => {
      if (rows.length > 0) chunk(pack(rows, bytes));
      rows = [];
      bytes = 0;
    };
    for (const row of select.iterate() as unknown as Iterable<Row>) {
      rows.push(row);
      bytes += row[4].byteLength;
      if (bytes > LOAD_BYTES) flush();
    }
    flush();
  }

  write({ count, head, keys, values }: PackedRows): void {
    this.#transaction(() => {
      let key = 0;
      let value = 0;
      for (let i = 0; i < count; i++) {
        const at = i * HEAD;
        const keyEnd = key + (head[at + 3] as number);
        const valueEnd = value + (head[at + 4] as number);
        this.#insert.run(head[at] as number, head[at + 1] as number, head[at + 2] as number, keys.slice(key, keyEnd), values.subarray(value, valueEnd));
        key = keyEnd;
        value = valueEnd;
      }
    });
  }

  markCompacted(revision: number): void {
    this.#transaction(() => this.#mark.run(revision));
  }

  forget(ids: readonly number[]): void {
    this.#transaction(() => {
      for (const id of ids) this.#remove.run(id);
    });
  }

  /** Gives a slice of the free pages back to the disk; true when there are more. */
  tidy(): boolean {
    const free = this.#number('PRAGMA freelist_count');
    if (free > KEEP_FREE) this.#db.exec(`PRAGMA incremental_vacuum(${Math.min(VACUUM_SLICE, free - KEEP_FREE)})`);
    const more = free - VACUUM_SLICE > KEEP_FREE;
    if (!more) this.#db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    return more;
  }

  close(): void {
    this.#db.close();
  }

  #transaction(body: () => void): void {
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      body();
      this.#db.exec('COMMIT');
    } catch (error) {
      // SQLite has rolled back by itself after a full disk or an I/O error.
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      throw error;
    }
  }

  #number(sql: string): number {
    const row = this.#db.prepare(sql).get();
    return Number(row ? Object.values(row)[0] : 0);
  }
}

type Row = [id: number, revision: number, created: number, key: string, value: Uint8Array];

function pack(rows: readonly Row[], bytes: number): PackedRows {
  const head = new Float64Array(rows.length * HEAD);
  const values = new Uint8Array(bytes);
  let at = 0;
  let offset = 0;
  let keys = '';
  for (const [id, revision, created, key, value] of rows) {
    head.set([id, revision, created, key.length, value.byteLength], at);
    at += HEAD;
    values.set(value, offset);
    offset += value.byteLength;
    keys += key;
  }
  return { count: rows.length, head, keys, values };
}

export class NotOurs extends Error {}
export class NewerFormat extends Error {}
export class Empty extends Error {}
export class NotMade extends Error {}

/** SQLite's primary result codes: https://sqlite.org/rescode.html */
const reasons: Record<number, FailureReason> = { 5: 'busy', 6: 'busy', 8: 'io', 10: 'io', 11: 'corrupt', 13: 'space', 14: 'io', 26: 'corrupt' };

export function failureOf(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof NotOurs) return { reason: 'corrupt', message };
  if (error instanceof Empty) return { reason: 'empty', message };
  if (error instanceof NotMade) return { reason: 'unmade', message };
  if (error instanceof NewerFormat) return { reason: 'newer', message };
  const code = (error as { errcode?: unknown }).errcode;
  return { reason: (typeof code === 'number' && reasons[code & 0xff]) || 'other', message };
}
