import type { Clock } from '#base';
import type { Database, Row } from './database.ts';
import { noSuchBucket, ObjectsError } from './errors.ts';
import { checkBucketName } from './names.ts';

/** Undefined: versioning was never turned on. */
export type Versioning = 'Enabled' | 'Suspended' | undefined;

export interface Bucket {
  readonly id: number;
  readonly name: string;
  readonly account: string;
  readonly region: string;
  /** ms since the epoch. */
  readonly created: number;
  readonly versioning: Versioning;
}

/** What may be set on a bucket, by the name it is kept under. */
export type SettingName =
  | 'abac'
  | 'accelerate'
  | 'acl'
  | 'analytics'
  | 'cors'
  | 'encryption'
  | 'intelligentTiering'
  | 'inventory'
  | 'lifecycle'
  | 'logging'
  | 'metrics'
  | 'notification'
  | 'objectLock'
  | 'ownership'
  | 'policy'
  | 'publicAccessBlock'
  | 'replication'
  | 'requestPayment'
  | 'tagging'
  | 'website';

/** An account has 10,000 buckets at most (Amazon S3 User Guide, bucket quotas). */
const MOST = 10_000;

export class Buckets {
  readonly #db: Database;
  readonly #clock: Clock;

  constructor(db: Database, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  /** Making one's own bucket again is an error but in us-east-1, where it changes nothing. A new one gets these settings. */
  create(name: string, account: string, region: string, settings: Partial<Record<SettingName, unknown>> = {}, versioning?: 'Enabled'): Bucket {
    checkBucketName(name);
    const there = this.find(name);
    if (there?.account === account && there.region === 'us-east-1' && region === 'us-east-1') return there;
    if (there?.account === account) {
      throw new ObjectsError('BucketAlreadyOwnedByYou', 'Your previous request to create the named bucket succeeded and you already own it.', {
        BucketName: name,
      });
    }
    if (there) {
      throw new ObjectsError(
        'BucketAlreadyExists',
        'The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.',
        { BucketName: name },
      );
    }
    if (Number(this.#db.one('SELECT count(*) AS n FROM buckets WHERE account = ?', account)?.['n']) >= MOST)
      throw new ObjectsError('TooManyBuckets', 'You have attempted to create more buckets than allowed');
    return this.#db.transaction(() => {
      const values = [name, account, region, this.#clock.now(), versioning ?? null] as const;
      this.#db.run('INSERT INTO buckets (name, account, region, created, versioning) VALUES (?, ?, ?, ?, ?)', ...values);
      const bucket = this.get(name);
      for (const [setting, value] of Object.entries(settings)) if (value !== undefined) this.set(bucket, setting as SettingName, value);
      return bucket;
    });
  }
  find(name: string): Bucket | undefined {
    const row = this.#db.one('SELECT * FROM buckets WHERE name = ?', name);
    return row && toBucket(row);
  }
  get(name: string): Bucket {
    const bucket = this.find(name);
    if (!bucket) throw noSuchBucket(name);
    return bucket;
  }
  /** Buckets of an account after a name, in order. */
  list(account: string, options: { after?: string; prefix?: string; region?: string | undefined; limit?: number } = {}): Bucket[] {
    const { after = '', prefix = '', region, limit = MOST } = options;
    return this.#db
      .all('SELECT * FROM buckets WHERE account = ? AND name > ? AND substr(name, 1, ?) = ? ORDER BY name', account, after, prefix.length, prefix)
      .map(toBucket)
      .filter((bucket) => region === undefined || bucket.region === region)
      .slice(0, limit);
  }
  all(): Bucket[] {
    return this.#db.all('SELECT * FROM buckets ORDER BY name').map(toBucket);
  }
  delete(name: string): void {
    this.#db.transaction(() => {
      const { id } = this.get(name);
      if (this.#db.one('SELECT 1 FROM versions WHERE bucket = ? LIMIT 1', id)) {
        throw new ObjectsError('BucketNotEmpty', 'The bucket you tried to delete is not empty', { BucketName: name });
      }
      // Uploads under way do not keep a bucket; their parts are orphans that a collection finds.
      this.#db.run('DELETE FROM uploads WHERE bucket = ?', id);
      this.#db.run('DELETE FROM buckets WHERE id = ?', id);
    });
  }
  setVersioning(name: string, status: 'Enabled' | 'Suspended'): void {
    this.#db.run('UPDATE buckets SET versioning = ? WHERE id = ?', status, this.get(name).id);
  }

  setting(bucket: Bucket, name: SettingName): unknown {
    const value = this.#db.one('SELECT value FROM settings WHERE bucket = ? AND name = ?', bucket.id, name)?.['value'];
    return typeof value === 'string' ? (JSON.parse(value) as unknown) : undefined;
  }
  set(bucket: Bucket, name: SettingName, value: unknown): void {
    this.#db.run('INSERT INTO settings VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value', bucket.id, name, JSON.stringify(value));
  }
  unset(bucket: Bucket, name: SettingName): void {
    this.#db.run('DELETE FROM settings WHERE bucket = ? AND name = ?', bucket.id, name);
  }
}

const toBucket = (row: Row): Bucket => ({
  id: row['id'] as number,
  name: row['name'] as string,
  account: row['account'] as string,
  region: row['region'] as string,
  created: row['created'] as number,
  versioning: (row['versioning'] as Versioning | null) ?? undefined,
});
