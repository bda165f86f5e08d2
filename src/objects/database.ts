import { CatalogFile } from '#base';

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
  CREATE INDEX parts_by_file ON parts (file);`;

/** 'btob' in the header. */
const format = { name: 'catalog of objects', application: 0x62746f62, version: 1, schema: SCHEMA };

export type { CatalogFile as Database, Row } from '#base';
export const openDatabase = (file: string): CatalogFile => new CatalogFile(file, format);
