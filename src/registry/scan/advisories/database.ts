import { closeSync, copyFileSync, existsSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { versionOf } from '../version-of.ts';
import { baseOf, type Advisory, type Affected } from './osv.ts';

/** 'btad' in the header. */
const APPLICATION_ID = 0x62746164;
const FORMAT = 1;
const SCHEMA = `
  CREATE TABLE advisories (id TEXT PRIMARY KEY, source TEXT NOT NULL, modified INTEGER NOT NULL, withdrawn INTEGER NOT NULL, data TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE affected (base TEXT NOT NULL, package TEXT NOT NULL, advisory TEXT NOT NULL, n INTEGER NOT NULL, data TEXT NOT NULL,
    PRIMARY KEY (base, package, advisory, n)) STRICT, WITHOUT ROWID;
  CREATE INDEX affected_by_advisory ON affected (advisory);
  CREATE TABLE sources (name TEXT PRIMARY KEY, updated INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${FORMAT};`;

export interface SourceInfo {
  readonly name: string;
  /** ms since the epoch. */
  readonly updated: number;
  readonly advisories: number;
}
export type Known = Omit<Advisory, 'affected'>;

/** The advisories of an instance, one SQLite file that is only ever replaced as a whole. */
export class AdvisoryDatabase {
  readonly #db: DatabaseSync;
  readonly #lookup: StatementSync;
  /** Tells one state of the file from another. */
  readonly version: string;

  constructor(file: string) {
    this.version = versionOf(file) ?? '';
    this.#db = new DatabaseSync(file, { readOnly: true });
    check(this.#db, file);
    this.#lookup = this.#db.prepare(
      'SELECT affected.data AS affected, advisories.data AS advisory FROM affected JOIN advisories ON advisories.id = advisory WHERE base = ? AND package = ? AND NOT withdrawn',
    );
  }
  /** What is known of a package, in all releases of an ecosystem. */
  lookup(base: string, name: string): { advisory: Known; affected: Affected }[] {
    return this.#lookup
      .all(base, name)
      .map((row) => ({ advisory: JSON.parse(row['advisory'] as string) as Known, affected: JSON.parse(row['affected'] as string) as Affected }));
  }
  advisory(id: string): Advisory | undefined {
    const row = this.#db.prepare('SELECT data FROM advisories WHERE id = ?').get(id);
    if (!row) return undefined;
    const affected = this.#db.prepare('SELECT data FROM affected WHERE advisory = ? ORDER BY n').all(id);
    return { ...(JSON.parse(row['data'] as string) as Known), affected: affected.map((one) => JSON.parse(one['data'] as string) as Affected) };
  }
  /** Ids of advisories that are this, or of this CVE or package. */
  find(text: string): string[] {
    const rows = this.#db
      .prepare(
        `SELECT id FROM advisories WHERE id = ?1 UNION SELECT advisory FROM affected WHERE package = ?1
         UNION SELECT id FROM advisories WHERE id LIKE '%-' || ?1 OR EXISTS (SELECT 1 FROM json_each(data, '$.aliases') WHERE value = ?1) ORDER BY 1`,
      )
      .all(text);
    return rows.map((row) => row['id'] as string);
  }
  sources(): SourceInfo[] {
    return this.#db
      .prepare('SELECT name, updated, (SELECT count(*) FROM advisories WHERE source = name) AS advisories FROM sources ORDER BY name')
      .all()
      .map((row) => ({ name: row['name'] as string, updated: row['updated'] as number, advisories: row['advisories'] as number }));
  }
  /** Advisories by ecosystem, without releases. */
  ecosystems(): { name: string; advisories: number }[] {
    return this.#db
      .prepare('SELECT base, count(DISTINCT advisory) AS advisories FROM affected GROUP BY base ORDER BY base')
      .all()
      .map((row) => ({ name: row['base'] as string, advisories: row['advisories'] as number }));
  }
  /** ms since the epoch. */
  get updated(): number | undefined {
    return (this.#db.prepare('SELECT max(updated) AS updated FROM sources').get()?.['updated'] as number | null) ?? undefined;
  }
  close(): void {
    this.#db.close();
  }
}

function check(db: DatabaseSync, file: string): void {
  const [application, format] = ['application_id', 'user_version'].map((name) => Number(db.prepare(`PRAGMA ${name}`).get()?.[name]));
  if (application === APPLICATION_ID && format === FORMAT) return;
  db.close();
  throw new Error(
    application === APPLICATION_ID
      ? `${file} has format ${format}, this version reads ${FORMAT}: delete it and update again`
      : `${file} holds no advisories: move it away`,
  );
}

export interface Imported {
  added: number;
  changed: number;
  unchanged: number;
}

/**
 * Writes the next state of the advisories beside the present one. `commit` puts it in its place, whole and durable;
 * without that, nothing has happened. One at a time: who comes second is told so.
 */
export class AdvisoryWriter {
  readonly #file: string;
  readonly #next: string;
  readonly #db: DatabaseSync;
  readonly #one: Record<'stored' | 'put' | 'clear' | 'affect' | 'remove' | 'source', StatementSync>;
  readonly imported: Imported = { added: 0, changed: 0, unchanged: 0 };
  #open = true;

  constructor(file: string) {
    this.#file = file;
    this.#next = `${file}.next`;
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    if (existsSync(this.#next) && isInUse(this.#next)) throw new Error('the advisories are being updated already: wait for that');
    // Left by one that was ended.
    rmSync(this.#next, { force: true });
    const fresh = !existsSync(file);
    if (!fresh) copyFileSync(file, this.#next);
    this.#db = new DatabaseSync(this.#next);
    // Held to the end; a crash throws the file away, so nothing of it must be durable before.
    this.#db.exec('PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE;');
    if (fresh) this.#db.exec(SCHEMA);
    else check(this.#db, file);
    this.#one = {
      stored: this.#db.prepare('SELECT source, modified, data FROM advisories WHERE id = ?'),
      put: this.#db.prepare('INSERT OR REPLACE INTO advisories VALUES (?, ?, ?, ?, ?)'),
      clear: this.#db.prepare('DELETE FROM affected WHERE advisory = ?'),
      affect: this.#db.prepare('INSERT INTO affected VALUES (?, ?, ?, ?, ?)'),
      remove: this.#db.prepare('DELETE FROM advisories WHERE id = ?'),
      source: this.#db.prepare('INSERT OR REPLACE INTO sources VALUES (?, ?)'),
    };
  }
  /** An older state of an advisory never takes the place of a newer one. */
  put(advisory: Advisory, source: string): void {
    const { affected, ...rest } = advisory;
    const stored = this.#one.stored.get(advisory.id);
    if (
      stored &&
      ((stored['modified'] as number) > advisory.modified || ((stored['modified'] as number) === advisory.modified && stored['source'] !== 'built-in'))
    ) {
      this.imported.unchanged++;
      return;
    }
    this.imported[stored ? 'changed' : 'added']++;
    this.#one.put.run(advisory.id, source, advisory.modified, Number(advisory.withdrawn), JSON.stringify(rest));
    this.#one.clear.run(advisory.id);
    for (const [n, one] of affected.entries()) this.#one.affect.run(baseOf(one.ecosystem), one.package, advisory.id, n, JSON.stringify(one));
  }
  /** Takes what a source does not have any more away; for sources that always tell all. */
  keepOnly(source: string, ids: ReadonlySet<string>): number {
    const gone = this.#db
      .prepare('SELECT id FROM advisories WHERE source = ?')
      .all(source)
      .map((row) => row['id'] as string)
      .filter((id) => !ids.has(id));
    for (const id of gone) {
      this.#one.remove.run(id);
      this.#one.clear.run(id);
    }
    return gone.length;
  }
  /** `sources`: when each was as new as it is now, ms since the epoch. */
  commit(sources: ReadonlyMap<string, number>): void {
    for (const [source, updated] of sources) this.#one.source.run(source, updated);
    this.#db.exec('COMMIT; PRAGMA optimize;');
    this.#db.close();
    this.#open = false;
    sync(this.#next);
    renameSync(this.#next, this.#file);
    sync(dirname(this.#file));
  }
  /** Ends it without a trace, unless it was committed. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#db.close();
    rmSync(this.#next, { force: true });
  }
}

/** Whether somebody holds the lock of a database. */
function isInUse(file: string): boolean {
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(file, { timeout: 0 });
    db.exec('BEGIN EXCLUSIVE; ROLLBACK;');
    return false;
  } catch (error) {
    return /locked|busy/.test((error as Error).message);
  } finally {
    db?.close();
  }
}
function sync(path: string): void {
  const handle = openSync(path, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
