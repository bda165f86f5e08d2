import type { Readable } from 'node:stream';
import type { ByteRange, Clock } from '#base';
import type { Bucket } from './buckets.ts';
import { checkCopySource, checkRead, checkWrite, type ReadConditions, type WriteConditions } from './conditions.ts';
import type { DataFiles, Incoming } from './data-files.ts';
import type { Database } from './database.ts';
import { noSuchKey, ObjectsError } from './errors.ts';
import { checkIncoming, checkMd5Form, checksumOf, type Body } from './incoming.ts';
import { checkKey, checkTags, type Tag } from './names.ts';
import type { ChecksumAlgorithm } from './checksums.ts';
import { checkLock, checkRetention, type Lock, type Retention } from './lock.ts';
import type { Grant, NewVersion, ObjectMeta, StoredSegment, Version, Versions } from './versions.ts';

/** What an object becomes, besides its bytes. */
export interface Attributes {
  readonly headers: Readonly<Record<string, string>>;
  readonly user: Readonly<Record<string, string>>;
  readonly encryption?: string | undefined;
  readonly storageClass: string;
  readonly tags: readonly Tag[];
  readonly lock?: Lock | undefined;
  readonly acl?: readonly Grant[] | undefined;
  readonly owner?: string | undefined;
}
/** What of the attributes is kept as one document. */
export const metaOf = ({ headers, user, encryption, lock, acl, owner }: Attributes): ObjectMeta => ({ headers, user, encryption, lock, acl, owner });

/** User metadata takes 2 KB at most. */
const MAX_METADATA = 2048;
/** One request brings 5 GiB at most. */
export const MAX_PUT_BYTES = 5 * 1024 ** 3;
/** All of these can be read at once. */
const storageClasses = ['STANDARD', 'REDUCED_REDUNDANCY', 'STANDARD_IA', 'ONEZONE_IA', 'INTELLIGENT_TIERING', 'GLACIER_IR'];

/** Throws when attributes are refused: metadata, tags, or a storage class that this machine has no way to keep the promise of. */
export function checkAttributes(attributes: Attributes): void {
  const size = Object.entries(attributes.user).reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + Buffer.byteLength(value), 0);
  if (size > MAX_METADATA) {
    throw new ObjectsError('MetadataTooLarge', 'Your metadata headers exceed the maximum allowed metadata size', {
      Size: String(size),
      MaxSizeAllowed: String(MAX_METADATA),
    });
  }
  checkTags(attributes.tags, 10);
  checkStorageClass(attributes.storageClass);
}
export function checkStorageClass(name: string): void {
  if (storageClasses.includes(name)) return;
  if (name === 'GLACIER' || name === 'DEEP_ARCHIVE')
    throw new ObjectsError('NotImplemented', `The storage class ${name} is not implemented: there is no archive to restore from`);
  throw new ObjectsError('InvalidStorageClass', 'The storage class you specified is not valid');
}

export interface Deleted {
  /** The version that is gone, or the delete marker that was made. Undefined where versioning was never on. */
  readonly version: string | undefined;
  readonly marker: boolean;
}

/** The newest or a named version, and the files of its bytes. */
export interface Found {
  readonly version: Version;
  readonly segments: readonly StoredSegment[];
}

/** Objects of buckets. Every method throws ObjectsErrors, and has done nothing then. */
export class Objects {
  readonly #db: Database;
  readonly #versions: Versions;
  readonly #files: DataFiles;
  readonly #clock: Clock;

  constructor(db: Database, versions: Versions, files: DataFiles, clock: Clock) {
    this.#db = db;
    this.#versions = versions;
    this.#files = files;
    this.#clock = clock;
  }

  /** `again` looks the bucket up once more when the bytes are here: it may have changed or gone meanwhile. */
  async put(again: () => Bucket, key: string, body: Body, attributes: Attributes, conditions: WriteConditions = {}): Promise<Version> {
    checkKey(key);
    checkAttributes(attributes);
    checkMd5Form(body.md5);
    checkWrite(conditions, this.#versions.latest(again(), key), key);
    const incoming = await this.#files.receive(limited(body.data), body.algorithm ? [body.algorithm] : []);
    return this.#keep(incoming, body, (segment) => {
      const checksum = checksumOf(incoming, body.algorithm);
      const added: NewVersion = {
        key,
        marker: false,
        size: incoming.size,
        etag: incoming.md5,
        modified: this.#clock.now(),
        storageClass: attributes.storageClass,
        meta: { ...metaOf(attributes), checksum },
        tags: attributes.tags,
        segments: [segment],
      };
      return this.add(again, added, conditions);
    });
  }
  async #keep<T>(incoming: Incoming, body: Body, commit: (segment: StoredSegment) => T): Promise<T> {
    let segment: StoredSegment | undefined;
    try {
      checkIncoming(incoming, body);
      segment = await this.#files.adopt(incoming);
      return commit(segment);
    } catch (error) {
      if (segment) this.#files.remove([segment.file]);
      else await this.#files.discard(incoming);
      throw error;
    }
  }
  /** Takes a version into the catalog, durably, when the conditions hold at that moment; `also` runs in the same transaction and gives files to look at. */
  add(again: () => Bucket, added: NewVersion, conditions: WriteConditions = {}, also: () => string[] = () => []): Version {
    const { bucket, version, freed } = this.#db.transaction(() => {
      const bucket = again();
      checkWrite(conditions, this.#versions.latest(bucket, added.key), added.key);
      const { version, freed } = this.#versions.add(bucket, added);
      const others = also();
      return { bucket, version, freed: [...freed, ...this.#versions.unused(others)] };
    });
    this.#files.remove(freed);
    return this.#versions.find(bucket, added.key, version) as Version;
  }

  /** Throws NoSuchKey, NoSuchVersion, or MethodNotAllowed for a delete marker that is asked for by its id. */
  find(bucket: Bucket, key: string, versionId?: string): Found {
    if (versionId === undefined) {
      const version = this.#versions.latest(bucket, key);
      if (!version) throw noSuchKey(key);
      if (version.marker) throw new ObjectsError('NoSuchKey', 'The specified key does not exist.', { Key: key }, markerHeaders(version));
      return { version, segments: this.#versions.segments(version.seq) };
    }
    const version = this.#versions.find(bucket, key, versionId);
    if (!version) {
      throw new ObjectsError('NoSuchVersion', 'The specified version does not exist.', { Key: key, VersionId: versionId });
    }
    if (version.marker) {
      const headers = { ...markerHeaders(version), allow: 'DELETE', 'last-modified': new Date(version.modified).toUTCString() };
      throw new ObjectsError('MethodNotAllowed', 'The specified method is not allowed against this resource.', { ResourceType: 'DeleteMarker' }, headers);
    }
    return { version, segments: this.#versions.segments(version.seq) };
  }
  /** As `find`, and checks conditions. */
  findIf(bucket: Bucket, key: string, versionId: string | undefined, conditions: ReadConditions): Found {
    const found = this.find(bucket, key, versionId);
    checkRead(conditions, found.version);
    return found;
  }
  read(found: Found, range: ByteRange | undefined): Readable {
    return this.#files.read(found.segments, range?.start ?? 0, range?.end ?? found.version.size - 1);
  }

  /**
   * A copy shares the files of its source. Its ETag is the MD5 of its bytes, so a source made of parts is read once;
   * so is one that gets another checksum.
   */
  async copy(
    source: Found,
    again: () => Bucket,
    key: string,
    attributes: Attributes,
    options: { algorithm?: ChecksumAlgorithm | undefined; source?: ReadConditions; target?: WriteConditions } = {},
  ): Promise<Version> {
    checkKey(key);
    checkAttributes(attributes);
    checkCopySource(options.source ?? {}, source.version);
    const { meta } = source.version;
    const algorithm = options.algorithm ?? meta.checksum?.algorithm;
    const whole = meta.parts === undefined && algorithm === meta.checksum?.algorithm;
    const base = { key, marker: false, size: source.version.size, storageClass: attributes.storageClass, tags: attributes.tags };
    const kept = metaOf(attributes);
    if (whole) {
      const segments = this.#versions.unused(source.segments.map((s) => s.file)).length === 0 ? source.segments : undefined;
      if (!segments) throw noSuchKey(source.version.key);
      const added = { ...base, etag: source.version.etag, modified: this.#clock.now(), meta: { ...kept, checksum: meta.checksum }, segments };
      return this.add(again, added, options.target);
    }
    const body: Body = { data: this.read(source, undefined) as AsyncIterable<Uint8Array>, algorithm };
    const incoming = await this.#files.receive(body.data, algorithm ? [algorithm] : []);
    return this.#keep(incoming, body, (segment) => {
      const checksum = checksumOf(incoming, algorithm);
      const added = { ...base, etag: incoming.md5, modified: this.#clock.now(), meta: { ...kept, checksum }, segments: [segment] };
      return this.add(again, added, options.target);
    });
  }

  /** `bypass`: also what is retained in governance mode. Without a version id: makes a delete marker where versioning was turned on, removes the object where not. Deleting what is not there is no error. */
  delete(bucket: Bucket, key: string, versionId?: string, conditions: WriteConditions & { readonly bypass?: boolean } = {}): Deleted {
    const { deleted, freed } = this.#db.transaction(() => {
      if (conditions.ifMatch !== undefined) checkWrite({ ifMatch: conditions.ifMatch }, this.#versions.latest(bucket, key), key);
      return versionId === undefined ? this.#deleteNewest(bucket, key) : this.#deleteVersion(bucket, key, versionId, conditions.bypass ?? false);
    });
    this.#files.remove(freed);
    return deleted;
  }
  #deleteNewest(bucket: Bucket, key: string): { deleted: Deleted; freed: string[] } {
    if (bucket.versioning === undefined) {
      return { deleted: { version: undefined, marker: false }, freed: this.#versions.remove(bucket, key, 'null') };
    }
    checkKey(key);
    const meta: ObjectMeta = { headers: {}, user: {} };
    const marker: NewVersion = { key, marker: true, size: 0, etag: '', modified: this.#clock.now(), storageClass: 'STANDARD', meta, tags: [], segments: [] };
    const { version, freed } = this.#versions.add(bucket, marker);
    return { deleted: { version, marker: true }, freed };
  }
  #deleteVersion(bucket: Bucket, key: string, versionId: string, bypass: boolean): { deleted: Deleted; freed: string[] } {
    const there = this.#versions.find(bucket, key, versionId);
    if (there) checkLock(there.meta.lock, this.#clock.now(), bypass);
    const freed = there ? this.#versions.remove(bucket, key, versionId) : [];
    return { deleted: { version: versionId, marker: there?.marker ?? false }, freed };
  }

  /** Puts an object under a retention, or takes it away. `bypass`: also from what is retained in governance mode. */
  setRetention(found: Found, retention: Retention | undefined, bypass: boolean): void {
    this.#change(found, (meta) => {
      checkRetention(meta.lock?.retention, retention, this.#clock.now(), bypass);
      return { ...meta, lock: { ...meta.lock, retention } };
    });
  }
  setHold(found: Found, hold: boolean): void {
    this.#change(found, (meta) => ({ ...meta, lock: { ...meta.lock, hold } }));
  }
  setAcl(found: Found, acl: readonly Grant[], owner: string | undefined): void {
    this.#change(found, (meta) => ({ ...meta, acl, owner }));
  }
  /** What is kept of a version is read again, since requests may have changed it meanwhile. */
  #change({ version: { seq } }: Found, change: (meta: ObjectMeta) => ObjectMeta): void {
    this.#db.transaction(() => {
      const meta = this.#versions.meta(seq);
      if (meta) this.#versions.setMeta(seq, change(meta));
    });
  }

  setTags(found: Found, tags: readonly Tag[]): void {
    checkTags(tags, 10);
    this.#versions.setTags(found.version.seq, tags);
  }
}

const markerHeaders = (version: Version): Record<string, string> => ({ 'x-amz-delete-marker': 'true', 'x-amz-version-id': version.version });

/** Ends with EntityTooLarge past what one request may bring. */
async function* limited(data: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let size = 0;
  for await (const chunk of data) {
    size += chunk.length;
    if (size > MAX_PUT_BYTES) {
      throw new ObjectsError('EntityTooLarge', 'Your proposed upload exceeds the maximum allowed size', {
        ProposedSize: String(size),
        MaxSizeAllowed: String(MAX_PUT_BYTES),
      });
    }
    yield chunk;
  }
}
