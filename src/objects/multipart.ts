import { createHash } from 'node:crypto';
import type { Clock, Random } from '#base';
import type { Bucket } from './buckets.ts';
import { checksumTypeOf, combineChecksums, type ChecksumAlgorithm, type ChecksumType } from './checksums.ts';
import { bare, type WriteConditions } from './conditions.ts';
import type { DataFiles, Incoming } from './data-files.ts';
import type { Database, Row } from './database.ts';
import { noSuchUpload, ObjectsError } from './errors.ts';
import { checkIncoming, checkMd5Form, type Body } from './incoming.ts';
import type { Lock } from './lock.ts';
import { checkKey } from './names.ts';
import { checkAttributes, MAX_PUT_BYTES, metaOf, type Attributes, type Objects } from './objects.ts';
import type { Version, Versions } from './versions.ts';

export interface UploadAttributes extends Attributes {
  readonly algorithm?: ChecksumAlgorithm | undefined;
  readonly checksumType?: ChecksumType | undefined;
}
export interface Upload {
  readonly id: string;
  readonly bucket: number;
  readonly key: string;
  /** ms since the epoch. */
  readonly initiated: number;
  readonly attributes: UploadAttributes;
}
export interface Part {
  readonly number: number;
  readonly file: string;
  readonly size: number;
  readonly etag: string;
  readonly modified: number;
  readonly checksum: string | undefined;
}
/** A part as the client that completes an upload names it. */
export interface PartClaim {
  readonly number: number;
  readonly etag: string;
  /** Of the algorithm of the upload, base64. */
  readonly checksum?: string | undefined;
}

/** All parts but the last have 5 MiB at least; there are 10,000 at most. */
export const MIN_PART_BYTES = 5 * 1024 ** 2;
const MAX_PARTS = 10_000;

/** Multipart uploads. An object that is completed keeps the files of its parts: nothing is copied. */
export class Multipart {
  readonly #db: Database;
  readonly #versions: Versions;
  readonly #files: DataFiles;
  readonly #objects: Objects;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor(deps: { db: Database; versions: Versions; files: DataFiles; objects: Objects; clock: Clock; random: Random }) {
    this.#db = deps.db;
    this.#versions = deps.versions;
    this.#files = deps.files;
    this.#objects = deps.objects;
    this.#clock = deps.clock;
    this.#random = deps.random;
  }

  create(bucket: Bucket, key: string, attributes: UploadAttributes): Upload {
    checkKey(key);
    checkAttributes(attributes);
    const { algorithm } = attributes;
    const checksumType = algorithm && checksumTypeOf(algorithm, attributes.checksumType);
    const id = `${this.#random.uuid()}${this.#random.uuid()}`.replaceAll('-', '');
    this.#db.run('INSERT INTO uploads VALUES (?, ?, ?, ?, ?)', id, bucket.id, key, this.#clock.now(), JSON.stringify({ ...attributes, checksumType }));
    return this.get(bucket, key, id);
  }
  /** Throws NoSuchUpload. */
  get(bucket: Bucket, key: string, id: string): Upload {
    const row = this.#db.one('SELECT * FROM uploads WHERE id = ? AND bucket = ? AND key = ?', id, bucket.id, key);
    if (!row) throw noSuchUpload(id);
    return toUpload(row);
  }

  async put(again: () => Bucket, key: string, id: string, number: number, body: Body): Promise<Part> {
    checkPartNumber(number);
    checkMd5Form(body.md5);
    const upload = this.get(again(), key, id);
    const wanted = upload.attributes.algorithm;
    if (body.algorithm !== undefined && wanted !== undefined && body.algorithm !== wanted) {
      throw new ObjectsError(
        'InvalidRequest',
        `Checksum Type mismatch occurred, expected checksum Type: ${wanted.toLowerCase()}, actual checksum Type: ${body.algorithm.toLowerCase()}`,
      );
    }
    const algorithms = new Set([body.algorithm, wanted].filter((a) => a !== undefined));
    const incoming = await this.#files.receive(body.data, algorithms);
    return this.#keep(again, upload, number, body, incoming);
  }
  async #keep(again: () => Bucket, upload: Upload, number: number, body: Body, incoming: Incoming): Promise<Part> {
    let file: string | undefined;
    try {
      checkIncoming(incoming, body);
      if (incoming.size > MAX_PUT_BYTES) throw new ObjectsError('EntityTooLarge', 'Your proposed upload exceeds the maximum allowed size');
      ({ file } = await this.#files.adopt(incoming));
      const algorithm = upload.attributes.algorithm ?? body.algorithm;
      const checksum = algorithm === undefined ? undefined : incoming.checksums.get(algorithm);
      const part: Part = { number, file, size: incoming.size, etag: incoming.md5, modified: this.#clock.now(), checksum };
      this.#files.remove(this.#replace(again, upload, part));
      return part;
    } catch (error) {
      if (file !== undefined) this.#files.remove([file]);
      else await this.#files.discard(incoming);
      throw error;
    }
  }
  /** Puts a part into the catalog; an earlier one of that number goes. Gives its file. */
  #replace(again: () => Bucket, upload: Upload, part: Part): string[] {
    return this.#db.transaction(() => {
      this.get(again(), upload.key, upload.id);
      const before = this.#db.one('SELECT file FROM parts WHERE upload = ? AND n = ?', upload.id, part.number)?.['file'] as string | undefined;
      this.#db.run(
        `INSERT INTO parts VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET file = excluded.file, size = excluded.size, etag = excluded.etag,
         modified = excluded.modified, checksum = excluded.checksum`,
        upload.id,
        part.number,
        part.file,
        part.size,
        part.etag,
        part.modified,
        part.checksum ?? null,
      );
      return before === undefined ? [] : this.#versions.unused([before]);
    });
  }

  /** Parts after a number, in order. */
  parts(upload: Upload, after = 0, limit = MAX_PARTS): Part[] {
    return this.#db.all('SELECT * FROM parts WHERE upload = ? AND n > ? ORDER BY n LIMIT ?', upload.id, after, limit).map(toPart);
  }

  /** Makes the object. `whole`: the checksum that the client expects of it; `lock`: for an upload that asked for none. */
  complete(
    again: () => Bucket,
    key: string,
    id: string,
    claims: readonly PartClaim[],
    options: { conditions?: WriteConditions; whole?: string | undefined; size?: number | undefined; lock?: Lock | undefined } = {},
  ): Version {
    const upload = this.get(again(), key, id);
    const { attributes } = upload;
    const parts = choose(this.parts(upload), claims);
    const size = parts.reduce((sum, part) => sum + part.size, 0);
    if (options.size !== undefined && options.size !== size) {
      throw new ObjectsError('InvalidRequest', 'The provided x-amz-mp-object-size header does not match the size of the object');
    }
    const checksum = wholeChecksum(attributes, parts);
    if (options.whole !== undefined && checksum !== undefined && options.whole !== checksum.value && options.whole !== checksum.value.replace(/-\d+$/, '')) {
      throw new ObjectsError('BadDigest', `The ${checksum.algorithm} you specified did not match the calculated checksum.`);
    }
    const md5 = createHash('md5');
    for (const part of parts) md5.update(part.etag, 'hex');
    const added = {
      key,
      marker: false,
      size,
      etag: `${md5.digest('hex')}-${parts.length}`,
      modified: this.#clock.now(),
      storageClass: attributes.storageClass,
      meta: { ...metaOf(attributes), lock: attributes.lock ?? options.lock, checksum, parts: parts.length },
      tags: attributes.tags,
      segments: parts.map(({ file, size, checksum }) => ({ file, size, checksum })),
    };
    return this.#objects.add(again, added, options.conditions, () => this.#drop(upload));
  }
  abort(bucket: Bucket, key: string, id: string): void {
    const upload = this.get(bucket, key, id);
    this.#files.remove(this.#db.transaction(() => this.#versions.unused(this.#drop(upload))));
  }
  #drop(upload: Upload): string[] {
    const files = this.parts(upload).map((part) => part.file);
    this.#db.run('DELETE FROM uploads WHERE id = ?', upload.id);
    return files;
  }

  /** Uploads after a key and id, below `end`, in order of key and beginning. */
  list(bucket: Bucket, from: { key: string; after: string | undefined }, end: string | undefined): Upload[] {
    return this.#db
      .all(
        'SELECT * FROM uploads WHERE bucket = ? AND key >= ? AND (? IS NULL OR key < ?) ORDER BY key, initiated, id',
        bucket.id,
        from.key,
        end ?? null,
        end ?? null,
      )
      .map(toUpload)
      .filter((upload, _i, all) => upload.key !== from.key || from.after === undefined || isAfter(upload, from.after, all));
  }
}
function isAfter(upload: Upload, marker: string, all: readonly Upload[]): boolean {
  const mark = all.find((u) => u.id === marker);
  return mark !== undefined && (upload.initiated > mark.initiated || (upload.initiated === mark.initiated && upload.id > mark.id));
}

export function checkPartNumber(number: number): void {
  if (Number.isInteger(number) && number >= 1 && number <= MAX_PARTS) return;
  throw new ObjectsError('InvalidArgument', 'Part number must be an integer between 1 and 10000, inclusive', {
    ArgumentName: 'partNumber',
    ArgumentValue: String(number),
  });
}

/** The parts that are named, which must be there, in order, unchanged, and large enough. */
function choose(parts: readonly Part[], claims: readonly PartClaim[]): Part[] {
  if (claims.length === 0) {
    throw new ObjectsError('MalformedXML', 'The XML you provided was not well-formed or did not validate against our published schema');
  }
  const byNumber = new Map(parts.map((part) => [part.number, part]));
  const chosen = claims.map((claim, i) => {
    if (i > 0 && claim.number <= (claims[i - 1] as PartClaim).number) {
      throw new ObjectsError('InvalidPartOrder', 'The list of parts was not in ascending order. Parts must be ordered by part number.');
    }
    const part = byNumber.get(claim.number);
    if (!part || part.etag !== bare(claim.etag) || (claim.checksum !== undefined && part.checksum !== undefined && claim.checksum !== part.checksum)) {
      throw new ObjectsError(
        'InvalidPart',
        "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
        { PartNumber: String(claim.number), ETag: bare(claim.etag) },
      );
    }
    return part;
  });
  for (const part of chosen.slice(0, -1)) {
    if (part.size >= MIN_PART_BYTES) continue;
    throw new ObjectsError('EntityTooSmall', 'Your proposed upload is smaller than the minimum allowed size', {
      ETag: part.etag,
      MinSizeAllowed: String(MIN_PART_BYTES),
      PartNumber: String(part.number),
      ProposedSize: String(part.size),
    });
  }
  return chosen;
}

function wholeChecksum({ algorithm, checksumType }: UploadAttributes, parts: readonly Part[]): ReturnType<typeof combineChecksums> | undefined {
  if (algorithm === undefined || checksumType === undefined) return undefined;
  return combineChecksums(
    algorithm,
    checksumType,
    parts.map(({ size, checksum }) => ({ size, value: checksum as string })),
  );
}

const toUpload = (row: Row): Upload => ({
  id: row['id'] as string,
  bucket: row['bucket'] as number,
  key: row['key'] as string,
  initiated: row['initiated'] as number,
  attributes: JSON.parse(row['attributes'] as string) as UploadAttributes,
});
const toPart = (row: Row): Part => ({
  number: row['n'] as number,
  file: row['file'] as string,
  size: row['size'] as number,
  etag: row['etag'] as string,
  modified: row['modified'] as number,
  checksum: (row['checksum'] as string | null) ?? undefined,
});
