import { createHash } from 'node:crypto';
import { createCrc, type CrcName } from '#base';
import { combineCrc, crcFromBase64, crcToBase64 } from './crc.ts';
import { ObjectsError } from './errors.ts';

/** The additional checksums of S3. */
export const checksumAlgorithms = ['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const;
export type ChecksumAlgorithm = (typeof checksumAlgorithms)[number];
export type ChecksumType = 'FULL_OBJECT' | 'COMPOSITE';

export const isChecksumAlgorithm = (text: string): text is ChecksumAlgorithm => (checksumAlgorithms as readonly string[]).includes(text);

/** A checksum in base64, with `-N` behind it when it is one of N parts' checksums. */
export interface Checksum {
  readonly algorithm: ChecksumAlgorithm;
  readonly type: ChecksumType;
  readonly value: string;
}

export interface RunningChecksum {
  update(chunk: Uint8Array): void;
  /** Base64. */
  value(): string;
}

export function startChecksum(algorithm: ChecksumAlgorithm): RunningChecksum {
  if (algorithm === 'SHA1' || algorithm === 'SHA256') {
    const hash = createHash(algorithm.toLowerCase());
    return { update: (chunk) => void hash.update(chunk), value: () => hash.digest('base64') };
  }
  const crc = createCrc(algorithm);
  return { update: (chunk) => crc.update(chunk), value: () => crcToBase64(algorithm, crc.value()) };
}

const lengths: Record<ChecksumAlgorithm, number> = { CRC32: 4, CRC32C: 4, CRC64NVME: 8, SHA1: 20, SHA256: 32 };

/** Throws InvalidRequest when a text cannot be a checksum of that sort. */
export function checkChecksumForm(algorithm: ChecksumAlgorithm, value: string): void {
  if (Buffer.from(value, 'base64').length === lengths[algorithm] && /^[A-Za-z0-9+/]+={0,2}$/.test(value)) return;
  throw new ObjectsError('InvalidRequest', `Value for x-amz-checksum-${algorithm.toLowerCase()} header is invalid.`);
}

export interface PartChecksum {
  readonly size: number;
  readonly value: string;
}

/** The checksum of a whole object from its parts': joined for FULL_OBJECT, the checksum of their checksums for COMPOSITE. */
export function combineChecksums(algorithm: ChecksumAlgorithm, type: ChecksumType, parts: readonly PartChecksum[]): Checksum {
  if (type === 'FULL_OBJECT') return { algorithm, type, value: joinCrcs(algorithm as CrcName, parts) };
  const whole = startChecksum(algorithm);
  for (const part of parts) whole.update(Buffer.from(part.value, 'base64'));
  return { algorithm, type, value: `${whole.value()}-${parts.length}` };
}
function joinCrcs(algorithm: CrcName, parts: readonly PartChecksum[]): string {
  const value = parts.reduce((crc, part) => combineCrc(algorithm, crc, crcFromBase64(part.value), part.size), 0n);
  return crcToBase64(algorithm, value);
}

/** Which sort a multipart upload has: SHA only composite, CRC64NVME only of the full object, the others as asked. */
export function checksumTypeOf(algorithm: ChecksumAlgorithm, asked: string | undefined): ChecksumType {
  const usual: ChecksumType = algorithm === 'CRC64NVME' ? 'FULL_OBJECT' : 'COMPOSITE';
  if (asked === undefined) return usual;
  if (asked !== 'FULL_OBJECT' && asked !== 'COMPOSITE') throw new ObjectsError('InvalidRequest', 'Value for x-amz-checksum-type header is invalid.');
  const bad = (algorithm.startsWith('SHA') && asked === 'FULL_OBJECT') || (algorithm === 'CRC64NVME' && asked === 'COMPOSITE');
  if (bad) throw new ObjectsError('InvalidRequest', `The ${asked} checksum type cannot be used with the ${algorithm.toLowerCase()} checksum algorithm.`);
  return asked;
}
