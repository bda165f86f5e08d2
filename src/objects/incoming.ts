import { isChecksumAlgorithm, type Checksum, type ChecksumAlgorithm } from './checksums.ts';
import type { Incoming } from './data-files.ts';
import { ObjectsError } from './errors.ts';

/** A body and what its sender says it is. */
export interface Body {
  readonly data: AsyncIterable<Uint8Array>;
  /** Content-MD5, base64. */
  readonly md5?: string | undefined;
  /** Checksum to compute and keep. */
  readonly algorithm?: ChecksumAlgorithm | undefined;
  /** The value that the sender gave for it, base64; called once the body has ended, because trailers come last. */
  expected?(): string | undefined;
}

/** Throws InvalidDigest when Content-MD5 is none. */
export function checkMd5Form(md5: string | undefined): void {
  if (md5 !== undefined && Buffer.from(md5, 'base64').length !== 16) throw new ObjectsError('InvalidDigest', 'The Content-MD5 you specified was invalid.');
}

/** Holds what came against what its sender said. Throws BadDigest. */
export function checkIncoming(incoming: Incoming, body: Body): void {
  if (body.md5 !== undefined && Buffer.from(body.md5, 'base64').toString('hex') !== incoming.md5) {
    throw new ObjectsError('BadDigest', 'The Content-MD5 you specified did not match what we received.', {
      ExpectedDigest: Buffer.from(body.md5, 'base64').toString('hex'),
      CalculatedDigest: incoming.md5,
    });
  }
  const { algorithm } = body;
  const expected = body.expected?.();
  if (algorithm !== undefined && expected !== undefined && expected !== incoming.checksums.get(algorithm)) {
    throw new ObjectsError('BadDigest', `The ${algorithm} you specified did not match the calculated checksum.`);
  }
}
export function checksumOf(incoming: Incoming, algorithm: ChecksumAlgorithm | undefined): Checksum | undefined {
  const value = algorithm === undefined ? undefined : incoming.checksums.get(algorithm);
  return algorithm === undefined || value === undefined ? undefined : { algorithm, type: 'FULL_OBJECT', value };
}

/** The algorithm that a request names. Throws InvalidRequest. */
export function readAlgorithm(text: string | undefined): ChecksumAlgorithm | undefined {
  if (text === undefined) return undefined;
  const upper = text.toUpperCase();
  if (isChecksumAlgorithm(upper)) return upper;
  throw new ObjectsError(
    'InvalidRequest',
    'Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]',
  );
}
