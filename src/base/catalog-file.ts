import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite';

/** What a SQLite file must be. */
export interface CatalogFormat {
  /** What it is called in messages: `catalog of objects`. */
  readonly name: string;
  /** Number in the header (PRAGMA application_id): tells it from other SQLite databases. */
  readonly application: number;
  /** The format that this version reads and writes (PRAGMA user_version). */
  readonly version: number;
  /** Makes an empty file one of this version. */
  readonly schema: string;
  /** What leads from a version to the next one. */
  readonly upgrades?: Readonly<Record<number, string>>;
}

export type Row = Record<string, SQLOutputValue>;

/** A SQLite file: statements kept prepared, transactions that nest in none. Every write is durable when its call returns. */
export class CatalogFile {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  /** Throws when the file is something else, or of a version that this one cannot read. */
  constructor(file: string, format: CatalogFormat) {
    // Not imported: most who import this room open no such file, and loading SQLite takes time.
    const { DatabaseSync } = process.getBuiltinModule('node:sqlite');
    this.#db = new DatabaseSync(file, { timeout: 5000 });
    try {
      this.#db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;');
      this.#open(file, format);
    } catch (error) {
      this.#db.close();
      throw error;
    }
  }
  #open(file: string, { name, application, version, schema, upgrades = {} }: CatalogFormat): void {
    const found = Number(this.one('PRAGMA application_id')?.['application_id']);
    let at = Number(this.one('PRAGMA user_version')?.['user_version']);
    if (found === application) {
      for (let step = upgrades[at]; step !== undefined; step = upgrades[at]) this.#reach(++at, application, step);
    }
    if (found === 0 && at === 0 && !this.one('SELECT 1 FROM sqlite_schema')) this.#reach(version, application, schema);
    else if (found !== application) throw new Error(`${file} is no ${name}: move it away`);
    else if (at !== version) throw new Error(`${file} has format ${at}, this version reads ${version}: use the version that wrote it`);
  }
  /** One step, whole or not at all. */
  #reach(version: number, application: number, step: string): void {
    this.transaction(() => this.#db.exec(`${step} PRAGMA application_id = ${application}; PRAGMA user_version = ${version};`));
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
