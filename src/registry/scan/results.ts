import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { Finding, ImageName, Inventory, ScanMode, ScanRecord, ScanStatus } from './types.ts';

/** 'btsc' in the header. */
const APPLICATION_ID = 0x62747363;
const FORMAT = 1;
const SCHEMA = `
  CREATE TABLE scans (registry TEXT NOT NULL, repository TEXT NOT NULL, digest TEXT NOT NULL, status TEXT NOT NULL, description TEXT NOT NULL,
    mode TEXT NOT NULL, requested INTEGER NOT NULL, completed INTEGER, advisories TEXT, advisories_updated INTEGER, counts TEXT NOT NULL,
    findings TEXT NOT NULL, PRIMARY KEY (registry, repository, digest)) STRICT, WITHOUT ROWID;
  CREATE INDEX scans_by_digest ON scans (digest);
  CREATE TABLE inventories (digest TEXT PRIMARY KEY, created INTEGER NOT NULL, content TEXT NOT NULL) STRICT;
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${FORMAT};`;

/** Raised when the reader finds more in the same bytes: what older ones noted is read anew. */
const READER = 1;

const columns = 'registry, repository, digest, status, description, mode, requested, completed, advisories, advisories_updated, counts';
type Row = Record<string, string | number | null>;

export interface StoredScan extends ScanRecord {
  /** Which state of the advisories it was compared with. */
  readonly advisories: string | undefined;
}

/** What scans found, in one SQLite file. Every write is durable when its method returns. */
export class ScanResults {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(file: string) {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    this.#db = new DatabaseSync(file, { timeout: 10_000 });
    try {
      this.#db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
      const [application, format] = ['application_id', 'user_version'].map((name) => Number(this.#db.prepare(`PRAGMA ${name}`).get()?.[name]));
      if (application === 0 && format === 0) this.#create();
      else if (application !== APPLICATION_ID || format !== FORMAT)
        throw new Error(`${file} holds no scans that this version reads: delete it, and scan again`);
    } catch (error) {
      this.#db.close();
      throw error;
    }
  }
  /** Two processes may come first. */
  #create(): void {
    this.#db.exec('BEGIN IMMEDIATE');
    const made = this.#db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'scans'").get();
    this.#db.exec(made ? 'COMMIT' : `${SCHEMA} COMMIT`);
  }
  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) this.#statements.set(sql, (statement = this.#db.prepare(sql)));
    return statement;
  }

  inventory(digest: string): { inventory: Inventory; created: number } | undefined {
    const row = this.#prepare('SELECT created, content FROM inventories WHERE digest = ?').get(digest) as Row | undefined;
    const noted = row && (JSON.parse(row['content'] as string) as Inventory & { reader: number });
    return noted?.reader === READER ? { inventory: noted, created: row?.['created'] as number } : undefined;
  }
  putInventory(inventory: Inventory, now: number): void {
    this.#prepare('INSERT OR REPLACE INTO inventories VALUES (?, ?, ?)').run(inventory.digest, now, JSON.stringify({ ...inventory, reader: READER }));
  }
  scan({ registry, repository, digest }: ImageName): StoredScan | undefined {
    const row = this.#prepare(`SELECT ${columns} FROM scans WHERE registry = ? AND repository = ? AND digest = ?`).get(registry, repository, digest) as
      | Row
      | undefined;
    return row && toScan(row);
  }
  findings({ registry, repository, digest }: ImageName): Finding[] {
    const row = this.#prepare('SELECT findings FROM scans WHERE registry = ? AND repository = ? AND digest = ?').get(registry, repository, digest) as
      | Row
      | undefined;
    return row ? (JSON.parse(row['findings'] as string) as Finding[]) : [];
  }
  /** Scans that have not ended (a crash may have left them), or that were compared with another state of the advisories. */
  stale(advisories: string): StoredScan[] {
    const rows = this.#prepare(
      `SELECT ${columns} FROM scans WHERE status IN ('PENDING', 'IN_PROGRESS') OR (status <> 'FAILED' AND advisories IS NOT ?) ORDER BY requested`,
    ).all(advisories);
    return (rows as Row[]).map(toScan);
  }
  /** Findings stay as they are when none are given: those of the last scan, until the next has ended. */
  putScan(scan: StoredScan, findings?: readonly Finding[]): void {
    const { registry, repository, digest, status, description, mode, requested, completed, advisories, advisoriesUpdated, counts } = scan;
    this.#prepare(
      `INSERT INTO scans VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET status = excluded.status, description = excluded.description,
       mode = excluded.mode, requested = excluded.requested, completed = excluded.completed, advisories = excluded.advisories,
       advisories_updated = excluded.advisories_updated, counts = excluded.counts${findings ? ', findings = excluded.findings' : ''}`,
    ).run(
      registry, repository, digest, status, description, mode, requested, completed ?? null, advisories ?? null, advisoriesUpdated ?? null,
      JSON.stringify(counts), JSON.stringify(findings ?? []),
    ); // prettier-ignore
  }
  /** With the inventory, when no other repository has the image. */
  forget({ registry, repository, digest }: ImageName): void {
    this.#prepare('DELETE FROM scans WHERE registry = ? AND repository = ? AND digest = ?').run(registry, repository, digest);
    this.#prepare('DELETE FROM inventories WHERE digest = ?1 AND NOT EXISTS (SELECT 1 FROM scans WHERE scans.digest = ?1)').run(digest);
  }
  close(): void {
    this.#db.close();
  }
}

const toScan = (row: Row): StoredScan => ({
  registry: row['registry'] as string,
  repository: row['repository'] as string,
  digest: row['digest'] as string,
  status: row['status'] as ScanStatus,
  description: row['description'] as string,
  mode: row['mode'] as ScanMode,
  requested: row['requested'] as number,
  completed: (row['completed'] as number | null) ?? undefined,
  advisories: (row['advisories'] as string | null) ?? undefined,
  advisoriesUpdated: (row['advisories_updated'] as number | null) ?? undefined,
  counts: JSON.parse(row['counts'] as string) as ScanRecord['counts'],
});
